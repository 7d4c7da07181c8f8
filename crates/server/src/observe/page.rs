//! `GET /metrics`, on an address of its own: the doors' listener has nothing to tell about others' work to whoever comes.

use super::render;
use crate::body::Body;
use crate::doors::Doors;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use std::sync::Arc;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers one request to the metrics' address.
pub(crate) async fn page(doors: Arc<Doors>, method: Method, path: String) -> Response<Body> {
    if path != "/metrics" {
        return crate::doors::not_found();
    }
    if method != Method::GET && method != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n".into());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let rendered = tokio::task::spawn_blocking(move || render(&doors)).await;
    match rendered {
        Ok(Ok(metrics)) => {
            let mut response = text(StatusCode::OK, metrics);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
            response
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "no metrics");
            text(StatusCode::INTERNAL_SERVER_ERROR, "no metrics: see the log\n".into())
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "no metrics: see the log\n".into()),
    }
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
