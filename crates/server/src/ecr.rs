//! The door of the control plane, `POST /`: AWS JSON 1.1 for ECR and for our own operations (spec/ecr.md 1), and the one
//! question to STS that every client asks.

mod dispatch;
mod error;
mod layers;
mod repeats;
mod sts;

pub(crate) use repeats::Repeats;

use crate::body::{Body, BodyError, RequestBody};
use crate::doors::{Doors, Head};
use crate::identity::sigv4;
use crate::observe::Outcome;
use acre_registry::Caller;
use acre_wire::ecr::{CONTENT_TYPE, ErrorCode, Operation, State};
use acre_wire::sigv4::body_hash;
use bytes::Bytes;
use dispatch::Answer;
use error::Refused;
use http::header::{self, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use repeats::{Attempt, Turn};

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
    (name, answer.map_or_else(|refused| refuse(refused, head), |bytes| respond(StatusCode::OK, bytes)))
}

/// The answer to a call whose task broke: a defect, with its panic in the log.
pub(crate) fn failed(head: &Head) -> Response<Body> {
    refuse(Refused::new(ErrorCode::Server, "the operation failed"), head)
}

fn refuse(refused: Refused, head: &Head) -> Response<Body> {
    let outcome = Outcome(refused.name());
    let (status, bytes) = refused.into_answer(&head.request_id);
    let mut response = respond(status, bytes.into());
    response.extensions_mut().insert(outcome);
    response
}

fn respond(status: StatusCode, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Whole(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

async fn call(
    doors: &Doors,
    head: &Head,
    body: &mut RequestBody,
    operation: Operation,
) -> Result<Bytes, Refused> {
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
        // SDKs repeat this one.
        BodyError::Idle | BodyError::Slow => Refused::new(ErrorCode::RequestTimeout, error.to_string()),
        BodyError::Broken => Refused::new(ErrorCode::Serialization, error.to_string()),
    })?;
    let (caller, hash) = aside(body.bytes.len(), || {
        let hash = body_hash(&body.bytes);
        claimed.verify(&hash, &head.request_id).map(|caller| (caller, hash))
    })?;
    head.identify(&caller);
    let attempt = Attempt::read(&head.parts.headers, &caller, operation, &hash);
    let Answer { json, room } = once(doors, head, &caller, operation, &body.bytes, attempt).await?;
    // Whatever the client does with its answer, its body is done with.
    drop(body);
    Ok(match room {
        Some(room) => room.hold(json),
        None => doors.answers.hold(json).await?,
    })
}

/// Carries the operation out, unless this is an attempt that comes again.
async fn once(
    doors: &Doors,
    head: &Head,
    caller: &Caller,
    operation: Operation,
    body: &[u8],
    attempt: Option<Attempt>,
) -> Result<Answer, Refused> {
    let Some(attempt) = attempt else {
        return dispatch::dispatch(doors, caller, operation, body).await;
    };
    match doors.repeats.turn(attempt, body.len() <= LARGE).await {
        Turn::Run(ticket) => {
            let answer = dispatch::dispatch(doors, caller, operation, body).await?;
            ticket.keep(&answer.json);
            Ok(answer)
        }
        Turn::Again(answer, total) => {
            tracing::info!(
                operation = operation.name(),
                request_id = head.request_id,
                total,
                "repeated call answered again"
            );
            Ok(Answer { json: answer, room: None })
        }
        // SDKs wait for a while after this one, and ask again.
        Turn::Running => Err(Refused::new(
            ErrorCode::Throttling,
            "the first sending of this call is still being carried out",
        )),
    }
}

/// Work on a whole body. A large one takes a tenth of a second: meanwhile other requests go on in other threads.
fn aside<T>(length: usize, work: impl FnOnce() -> T) -> T {
    if length > LARGE { tokio::task::block_in_place(work) } else { work() }
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
