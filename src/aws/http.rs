use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

use super::bounded;
use super::trust::Trust;
use crate::cloud::{Class, Fault};

/// Time for one message to a webhook, connection included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The HTTPS client of all services. The SDK's own one knows neither HTTPS_PROXY and NO_PROXY nor AWS_CA_BUNDLE,
/// which every other AWS tool honours.
pub fn client(trust: &Trust) -> Result<SharedHttpClient, Fault> {
    let tls = trust.context()?;
    Ok(bounded::within(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = proxied();
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        if let Some(sleep) = components.and_then(|components| components.sleep_impl()) {
            connector = connector.sleep_impl(sleep);
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls.clone()).build()
    })))
}

fn proxied() -> ConnectorBuilder {
    Connector::builder().proxy_config(ProxyConfig::from_env())
}

/// Whether it begins as a whole address does, with a host behind http:// or https://.
pub(super) fn names_host(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
}

/// The host of a whole address, with its port if there is one: what stands between the user's name and the path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// An address that takes JSON by POST, through the same proxies and certificates as AWS itself. The address is a secret: of it
/// nothing but the host stands in an error.
pub struct Post {
    url: String,
    host: String,
    connector: SharedHttpConnector,
}

impl Post {
    /// # Errors
    /// The address is none, AWS_CA_BUNDLE cannot be read, or there is no certificate to know an HTTPS server by.
    pub fn new(url: &str) -> Result<Self, Fault> {
        if !names_host(url) || HttpRequest::new(SdkBody::empty()).set_uri(url).is_err() {
            let what = "it is not an address that begins with https:// or http://";
            return Err(Fault::new(Class::Refused, "reading the address of a webhook", "BadAddress", what)
                .help("write the whole address, as the chat or pager shows it"));
        }
        let trust = Trust::read()?;
        if !url.starts_with("http://") {
            trust.knows_somebody("connecting to a webhook")?;
        }
        let connector =
            proxied().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(trust.context()?).build();
        let host = host(url).to_owned();
        Ok(Self { url: url.to_owned(), host, connector: SharedHttpConnector::new(connector) })
    }

    /// The host and port, which are no secret.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a body. Any answer of 200 to 299 will do.
    ///
    /// # Errors
    /// No answer within ten seconds, or another one.
    pub async fn send(&self, body: &[u8]) -> Result<(), Fault> {
        let doing = format!("telling the webhook at {}", self.host);
        let fault = |class, code: &str, what: String| Fault::new(class, doing.as_str(), code, what);
        let mut request = HttpRequest::new(SdkBody::from(body));
        let made = request.set_method("POST").is_ok() && request.set_uri(self.url.as_str()).is_ok();
        if !made {
            return Err(fault(Class::Refused, "BadAddress", "the address cannot be used".into()));
        }
        request.headers_mut().insert("content-type", "application/json");
        request.headers_mut().insert("content-length", body.len().to_string());
        request.headers_mut().insert("user-agent", concat!("tidegate/", env!("CARGO_PKG_VERSION")));
        let answer = tokio::time::timeout(PATIENCE, self.connector.call(request)).await;
        // The connector's own words hold the address.
        let answer = answer.map_err(|_| fault(Class::Unreachable, "TimedOut", "it does not answer".into()))?;
        let answer = answer.map_err(|_| fault(Class::Unreachable, "NoConnection", "it cannot be reached".into()))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            status => Err(fault(Class::Refused, "BadAnswer", format!("it answered {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_whole_and_is_never_told() {
        for bad in ["", "hooks.example.com/secret", "ftp://example.com/secret", "https://", "https:///secret"] {
            let fault = Post::new(bad).err().expect("no address");
            assert!(fault.code == "BadAddress" && !format!("{fault:?}").contains("secret"), "{bad}");
        }
        assert!(Post::new("https://hooks.example.com/secret?a=b").is_ok());
    }

    #[test]
    fn of_an_address_the_host_alone_is_told() {
        for (url, told) in [
            ("https://hooks.example.com/services/secret", "hooks.example.com"),
            ("https://hooks.example.com:8443?token=secret", "hooks.example.com:8443"),
            ("https://secret:secret@hooks.example.com/", "hooks.example.com"),
            ("http://secret@x:secret@[::1]:80/secret@y", "[::1]:80"),
            ("https://hooks.example.com#secret", "hooks.example.com"),
            ("https://hooks.example.com", "hooks.example.com"),
        ] {
            assert_eq!(host(url), told, "{url}");
        }
    }
}
