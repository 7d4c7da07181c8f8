//! Blobs: HEAD, GET with ranges and conditions, DELETE (spec/oci.md 5).

use super::error::Refused;
use super::parts::Parts;
use super::respond;
use crate::body::{Body, Frames, FramesError};
use acre_registry::{BlobView, Content, Error, Reader, Registry};
use acre_wire::digest::Digest;
use acre_wire::ecr::Operation;
use acre_wire::names::RepositoryName;
use acre_wire::oci::error::ErrorCode;
use acre_wire::oci::range::{Ranges, if_none_match, if_range};
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderValue, Response, StatusCode};
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub(super) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(super) fn head(
    context: &super::Context<'_>,
    repository: RepositoryName,
    digest: Digest,
    operation: Operation,
) -> Result<Response<Body>, Refused> {
    let view = context.doors.registry.blob(&context.caller, &context.arn(repository), &digest, operation)?;
    if is_known(context, &digest) {
        return Ok(not_modified(&digest));
    }
    let mut response = Response::new(Body::Head(view.size));
    describe(&mut response, &view);
    Ok(response)
}

pub(super) async fn get(
    context: &super::Context<'_>,
    repository: RepositoryName,
    digest: Digest,
) -> Result<Response<Body>, Refused> {
    let registry = &context.doors.registry;
    let arn = context.arn(repository);
    let view = registry.blob(&context.caller, &arn, &digest, Operation::GetDownloadUrlForLayer)?;
    let header = |name| context.head.header(name);
    if is_known(context, &digest) {
        return Ok(not_modified(&digest));
    }
    let applies = header(IF_RANGE).is_none_or(|condition| if_range(condition, &digest));
    let (status, range) = match Ranges::parse(header(RANGE).filter(|_| applies), view.size) {
        Ranges::Whole => (StatusCode::OK, 0..view.size),
        Ranges::Several(ranges) => {
            let parts = Parts::new(&ranges, view.size, &context.head.request_id);
            let mut response = Response::new(parts.body(registry, &view).await?);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            describe(&mut response, &view);
            response.headers_mut().insert(CONTENT_TYPE, parts.content_type());
            return Ok(response);
        }
        Ranges::Partial(range) => (StatusCode::PARTIAL_CONTENT, *range.start()..range.end() + 1),
        Ranges::NotSatisfiable => {
            let mut response = respond::empty(StatusCode::RANGE_NOT_SATISFIABLE);
            respond::set_identity(&mut response, &digest);
            let held = respond::value(&format!("bytes */{}", view.size));
            response.headers_mut().insert(CONTENT_RANGE, held);
            return Ok(response);
        }
        Ranges::TooMany => {
            let text = "too many ranges in one request: ask for them one by one";
            return Err(Refused::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, text));
        }
    };
    let position = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), view.size);
    let mut response = Response::new(read(registry, &view, range).await?);
    *response.status_mut() = status;
    describe(&mut response, &view);
    if status == StatusCode::PARTIAL_CONTENT {
        response.headers_mut().insert(CONTENT_RANGE, respond::value(&position));
    }
    Ok(response)
}

pub(super) async fn delete(
    context: &super::Context<'_>,
    repository: RepositoryName,
    digest: Digest,
) -> Result<Response<Body>, Refused> {
    context.doors.registry.delete_blob(&context.caller, &context.arn(repository), digest).await?;
    Ok(respond::empty(StatusCode::ACCEPTED))
}

/// A range of a blob or a manifest: what is small at once, the rest while the client takes it.
pub(super) async fn read(
    registry: &Arc<Registry>,
    view: &BlobView,
    range: Range<u64>,
) -> Result<Body, Error> {
    let length = range.end - range.start;
    Ok(match registry.read_blob(view, range).await? {
        Content::Whole(bytes) => Body::Whole(bytes),
        Content::Stream(reader) => Body::stream(length, BlobFrames::new(reader, registry, view)),
    })
}

/// A blob on its way out. Damage on the way ends the answer and is noted, so that the next push replaces the object.
pub(super) struct BlobFrames {
    reader: Reader,
    registry: Arc<Registry>,
    view: BlobView,
}

impl BlobFrames {
    pub(super) fn new(reader: Reader, registry: &Arc<Registry>, view: &BlobView) -> Self {
        Self { reader, registry: Arc::clone(registry), view: view.clone() }
    }

    /// Goes on with another range of the blob, once the one before has ended.
    pub(super) fn turn_to(&mut self, range: Range<u64>) {
        self.reader.turn_to(range);
    }
}

impl Frames for BlobFrames {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FramesError>>> {
        let next = ready!(self.reader.poll_next(cx));
        Poll::Ready(next.map(|frame| {
            frame.map_err(|error| {
                let text = error.to_string();
                let (registry, view) = (Arc::clone(&self.registry), self.view.clone());
                tokio::spawn(async move { registry.report_damage(&view, error).await });
                text.into()
            })
        }))
    }
}

fn is_known(context: &super::Context<'_>, digest: &Digest) -> bool {
    context.head.header(IF_NONE_MATCH).is_some_and(|condition| !if_none_match(condition, Some(digest)))
}

fn not_modified(digest: &Digest) -> Response<Body> {
    let mut response = respond::empty(StatusCode::NOT_MODIFIED);
    respond::set_identity(&mut response, digest);
    response
}

fn describe(response: &mut Response<Body>, view: &BlobView) {
    respond::set_identity(response, &view.digest);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, OCTETS);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}
