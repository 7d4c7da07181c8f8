//! From a connection to a door and back: every request gets an id, goes to the door that its path names, and leaves one
//! line in the log.

use crate::answers::Answers;
use crate::body::{Body, RequestBody};
use crate::budget::Budget;
use crate::listen::Peer;
use crate::observe::{Metrics, Record};
use crate::{ecr, oci};
use acre_registry::{Caller, Principal, Registry};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
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
    /// Memory for large answers.
    pub(crate) answers: Answers,
    /// Calls that may come again.
    pub(crate) repeats: ecr::Repeats,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
}

impl Doors {
    /// The doors of a server that has answered nobody yet.
    pub(crate) fn new(registry: Arc<Registry>, scheme: &'static str) -> Self {
        let (budget, answers, repeats, metrics) = Default::default();
        Self { registry, scheme, budget, answers, repeats, metrics }
    }
}

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) parts: Parts,
    pub(crate) request_id: String,
    principal: OnceLock<Arc<Principal>>,
}

impl Head {
    /// It is known who asks.
    pub(crate) fn identify(&self, caller: &Caller) {
        // A request has one caller.
        let _ = self.principal.set(Arc::clone(&caller.principal));
    }

    /// The ARN of whoever asks, once that is known.
    pub(crate) fn principal(&self) -> Option<&str> {
        self.principal.get().map(|principal| principal.arn.as_str())
    }

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    let (parts, mut body) = request.into_parts();
    let (request_id, principal) = (Uuid::new_v4().to_string(), OnceLock::new());
    let head = Arc::new(Head { parts, request_id, principal });
    let record = Record::begin(Arc::clone(&doors.metrics), Arc::clone(&head), peer.address);
    let door = Door::of(&head.parts.method, head.parts.uri.path());
    let attended = survive(attend(&doors, door, &head, &mut body)).await;
    let (operation, mut response) = attended.unwrap_or_else(|Panicked| ("-", door.failed(&head)));
    if door == Door::DataPlane {
        response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    }
    if let Ok(id) = HeaderValue::from_str(&head.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    record.answered(operation, body.received(), response)
}

async fn attend(
    doors: &Doors,
    door: Door,
    head: &Head,
    body: &mut RequestBody,
) -> (&'static str, Response<Body>) {
    if head.parts.headers.get_all(HOST).iter().nth(1).is_some() {
        // The host may name the registry, and somebody in front may have read the other one (RFC 9112, 3.2).
        return ("-", text(StatusCode::BAD_REQUEST, "more than one Host header\n"));
    }
    match door {
        Door::DataPlane => oci::serve(doors, head, body).await,
        Door::Layer => oci::serve_layer(doors, head).await,
        Door::ControlPlane => ecr::serve(doors, head, body).await,
        Door::Health => ("-", text(StatusCode::OK, "ok\n")),
        Door::Readiness => ("-", readiness(doors)),
        Door::None => ("-", not_found()),
    }
}

impl Door {
    /// The answer to a request that broke: a defect, whose panic the log holds.
    fn failed(self, head: &Head) -> Response<Body> {
        tracing::error!(request_id = head.request_id, "a request broke: its answer is 500");
        match self {
            Self::DataPlane | Self::Layer => oci::failed(head),
            Self::ControlPlane => ecr::failed(head),
            Self::Health | Self::Readiness | Self::None => failed(),
        }
    }
}

/// A panic, told to the log where it happened.
#[derive(Debug)]
struct Panicked;

/// The outcome of a future that may panic. What it had begun is dropped as if its client had gone.
async fn survive<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    // It is not polled again after a panic, so nobody sees what it left half done.
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
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

/// What is answered when nothing better can be.
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
