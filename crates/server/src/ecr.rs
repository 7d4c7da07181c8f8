//! The door of the control plane, `POST /`: AWS JSON 1.1 for ECR and for our own operations (spec/ecr.md 1), and the one
//! question to STS that every client asks.

mod dispatch;
mod error;
mod layers;
mod sts;

use crate::body::{Body, BodyError, RequestBody};
use crate::doors::{Doors, Head};
use crate::identity::sigv4;
use acre_wire::ecr::{CONTENT_TYPE, ErrorCode, Operation, State};
use bytes::Bytes;
use error::Refused;
use http::header::{self, HeaderName};
use http::{HeaderValue, Response, StatusCode};

/// Bytes of a body that is not worth a change of threads.
const LARGE: usize = 1 << 20;
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The operation's name for logs and metrics, and the answer.
pub(crate) async fn serve(
    doors: &Doors,
    head: &Head,
    body: &mut RequestBody,
) -> (&'static str, Response<Body>) {
    let Some(target) = head.header(TARGET) else { return sts::serve(doors, head, body).await };
    let (name, answer) = if let Some(operation) = Operation::from_target(target) {
        (operation.name(), call(doors, head, body, operation).await)
    } else {
        let text = format!("acre has no operation with the target {}", shorten(target));
        ("-", Err(Refused::new(ErrorCode::UnknownOperation, text)))
    };
    let (status, bytes) = match answer {
        Ok(bytes) => (StatusCode::OK, bytes),
        Err(refused) => refused.into_answer(&head.request_id),
    };
    let mut response = Response::new(Body::Whole(Bytes::from(bytes)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    (name, response)
}

async fn call(
    doors: &Doors,
    head: &Head,
    body: &mut RequestBody,
    operation: Operation,
) -> Result<Vec<u8>, Refused> {
    if operation.state() == State::NotYet {
        // Never a 5xx or 501: the Terraform provider repeats those for most of an hour.
        let text = format!(
            "{} is not built yet in this version of acre: the table of operations in its README says what works",
            operation.name()
        );
        return Err(Refused::new(ErrorCode::UnknownOperation, text));
    }
    let service = "ecr";
    let claimed = sigv4::claim(&doors.registry, &head.parts, service)?;
    let body = doors.budget.read_whole(body, operation.body_cap()).await.map_err(|error| match error {
        BodyError::TooLarge { cap } => {
            let text =
                format!("the request's body is longer than the {cap} bytes that {} takes", operation.name());
            Refused::new(ErrorCode::InvalidParameter, text)
        }
        error => Refused::new(ErrorCode::Serialization, error.to_string()),
    })?;
    let caller = aside(body.bytes.len(), || claimed.verify(&body.bytes, &head.request_id))?;
    dispatch::dispatch(&doors.registry, &caller, operation, &body.bytes).await
}

/// Work on a whole body. A large one takes a tenth of a second: meanwhile other requests go on in other threads.
fn aside<T>(length: usize, work: impl FnOnce() -> T) -> T {
    if length > LARGE { tokio::task::block_in_place(work) } else { work() }
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
