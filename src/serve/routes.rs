use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Token;
use super::guard::guard;
use super::view::View;
use crate::report::{board, metrics};

const JSON: &str = "application/json";

/// All that the port answers.
pub fn routes(view: Arc<View>, token: Option<Arc<Token>>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/report", get(report))
        .route("/api/streams", get(streams))
        .route("/api/streams/{pipeline}/{stream}", get(stream))
        .fallback(nothing)
        .with_state(view)
        .layer(axum::middleware::from_fn_with_state(token, guard))
}

async fn page() -> Response {
    let page = board::page();
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, &page.policy)];
    (headers, page.html.as_str()).into_response()
}

async fn healthz(State(view): State<Arc<View>>) -> Response {
    match view.pulse.check() {
        Ok(said) => (StatusCode::OK, said + "\n").into_response(),
        Err(said) => (StatusCode::SERVICE_UNAVAILABLE, said + "\n").into_response(),
    }
}

async fn readyz(State(view): State<Arc<View>>) -> Response {
    if view.stop.is_asked() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match view.pulse.ready() {
        Ok(said) => (StatusCode::OK, format!("{said}\n")).into_response(),
        Err(said) => (StatusCode::SERVICE_UNAVAILABLE, said + "\n").into_response(),
    }
}

async fn metrics(State(view): State<Arc<View>>) -> Response {
    rendered(metrics::CONTENT_TYPE, move || Some(view.metrics())).await
}

async fn report(State(view): State<Arc<View>>) -> Response {
    rendered(JSON, move || Some(view.report())).await
}

async fn streams(State(view): State<Arc<View>>) -> Response {
    rendered(JSON, move || Some(view.brief())).await
}

async fn stream(State(view): State<Arc<View>>, Path((pipeline, stream)): Path<(String, String)>) -> Response {
    rendered(JSON, move || view.stream(&pipeline, &stream)).await
}

async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "there are /, /metrics, /api/report, /api/streams, /healthz and /readyz\n").into_response()
}

/// Renders beside the runtime's own threads, which belong to the loop.
async fn rendered(kind: &'static str, render: impl FnOnce() -> Option<Bytes> + Send + 'static) -> Response {
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, kind)];
    match tokio::task::spawn_blocking(render).await {
        Ok(Some(bytes)) => (headers, bytes).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such stream is under control\n").into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "rendering failed\n").into_response(),
    }
}
