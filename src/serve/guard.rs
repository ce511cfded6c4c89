//! What every request passes and every answer carries.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Token;

/// Paths that need no token: they tell nothing but that the loop lives, and whoever asks cannot keep secrets.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// For all but the page, whose own policy lets its script run.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Set on every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Lets a request through or answers it.
pub async fn guard(State(token): State<Option<Arc<Token>>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(token.as_deref(), &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING));
    response
}

fn refusal(token: Option<&Token>, request: &Request) -> Option<Response> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return Some((StatusCode::METHOD_NOT_ALLOWED, allow, "this port only reads: GET and HEAD\n").into_response());
    }
    if OPEN.contains(&request.uri().path()) {
        return None;
    }
    let Some(token) = token else {
        let what = "this name is not served without a token: use an IP address or localhost\n";
        return (!is_plain(request.headers())).then(|| (StatusCode::MISDIRECTED_REQUEST, what).into_response());
    };
    let offered = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if offered.is_some_and(|offered| token.is_in(offered)) {
        return None;
    }
    let ask =
        [(header::WWW_AUTHENTICATE, "Basic realm=\"tidegate: any user, the token as password\", charset=\"UTF-8\"")];
    Some((StatusCode::UNAUTHORIZED, ask, "a token is needed\n").into_response())
}

/// Whether the host was asked for by address. A page elsewhere whose name was turned to 127.0.0.1 in the meantime must not read
/// through the visitor's browser.
fn is_plain(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_not_served_without_a_token() {
        let plain = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            is_plain(&headers)
        };
        for good in ["localhost", "LocalHost:9464", "127.0.0.1:9464", "10.0.0.7", "[::1]:9464", "[::1]"] {
            assert!(plain(good), "{good}");
        }
        for bad in
            ["", "evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example:80", ":1"]
        {
            assert!(!plain(bad), "{bad}");
        }
        assert!(is_plain(&HeaderMap::new()));
    }
}
