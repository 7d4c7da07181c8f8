//! From a connection to a door and back: every request gets an id, goes to the door that its path names, and leaves one
//! line in the log.

use crate::body::{Body, RequestBody};
use crate::budget::Budget;
use crate::listen::Peer;
use crate::{ecr, oci};
use acre_registry::Registry;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) registry: Arc<Registry>,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Memory for bodies that are read whole.
    pub(crate) budget: Budget,
}

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) parts: Parts,
    pub(crate) request_id: String,
}

impl Head {
    /// The host that the client means to speak to, with its port.
    pub(crate) fn host(&self) -> Option<&str> {
        let host = self.parts.headers.get(HOST).and_then(|value| value.to_str().ok());
        host.or_else(|| self.parts.uri.authority().map(http::uri::Authority::as_str))
    }

    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Which door a path leads to.
enum Door {
    DataPlane,
    ControlPlane,
    Layer,
    Health,
    Readiness,
    None,
}

impl Door {
    fn of(method: &Method, path: &str) -> Self {
        match path {
            "/" if method == Method::POST || method == Method::GET => Self::ControlPlane,
            "/healthz" => Self::Health,
            "/readyz" => Self::Readiness,
            _ if path.starts_with(oci::LAYERS) => Self::Layer,
            _ if path == "/v2" || path.starts_with("/v2/") => Self::DataPlane,
            _ => Self::None,
        }
    }
}

/// Answers one request.
pub(crate) async fn answer(doors: Arc<Doors>, request: Request<RequestBody>, peer: Peer) -> Response<Body> {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    let head = Head { parts, request_id: Uuid::new_v4().to_string() };
    let (operation, mut response) = match Door::of(&head.parts.method, head.parts.uri.path()) {
        Door::DataPlane => {
            let (operation, mut response) = oci::serve(&doors, &head, &mut body).await;
            response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
            (operation, response)
        }
        Door::Layer => oci::serve_layer(&doors, &head).await,
        Door::ControlPlane => ecr::serve(&doors, &head, &mut body).await,
        Door::Health => ("-", text(StatusCode::OK, "ok\n")),
        Door::Readiness => ("-", readiness(&doors)),
        Door::None => ("-", not_found()),
    };
    if let Ok(id) = HeaderValue::from_str(&head.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    tracing::debug!(
        target: "acre::access",
        peer = %peer.address,
        method = %head.parts.method,
        path = head.parts.uri.path(),
        operation,
        status = response.status().as_u16(),
        attempt = head.header(HeaderName::from_static("amz-sdk-request")),
        micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        request_id = head.request_id,
    );
    response
}

/// Ready is who can take a push: a catalogue that refuses writes cannot.
fn readiness(doors: &Doors) -> Response<Body> {
    if doors.registry.is_read_only() {
        text(StatusCode::SERVICE_UNAVAILABLE, "the catalogue takes no writes\n")
    } else {
        text(StatusCode::OK, "ready\n")
    }
}

/// A path that leads nowhere.
pub(crate) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// A request whose task broke: a defect, with its panic in the log.
pub(crate) fn failed() -> Response<Body> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests;
