//! Uploads: POST, PATCH, PUT, GET, DELETE (spec/oci.md 6).

use super::error::Refused;
use super::{Context, respond};
use crate::body::{Body, RequestBody};
use acre_registry::{Error, Expect, UploadError};
use acre_wire::digest::{Algorithm, Digest};
use acre_wire::names::{RepositoryArn, RepositoryName};
use acre_wire::oci::error::ErrorCode;
use acre_wire::oci::range::{ContentRange, InvalidContentRange};
use acre_wire::oci::request::UploadId;
use http::header::{CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http::{Response, StatusCode};
use uuid::Uuid;

const UPLOAD: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// How many bytes are held, for our own pusher: `Range: 0-0` also means one byte.
const OFFSET: HeaderName = HeaderName::from_static("acre-upload-offset");

pub(super) async fn start(
    context: &Context<'_>,
    arn: &RepositoryArn,
    digest: Option<Digest>,
    algorithm: Option<Algorithm>,
    body: &mut RequestBody,
) -> Result<Response<Body>, Refused> {
    let registry = &context.doors.registry;
    // With a digest and a body, or the digest of nothing, the whole upload is this request.
    let whole =
        digest.filter(|digest| body.length() != Some(0) || *digest == Digest::of(digest.algorithm(), b""));
    let algorithm = whole.map(|digest| digest.algorithm()).or(algorithm).unwrap_or(Algorithm::Sha256);
    let id = registry.start_upload(&context.caller, arn, algorithm)?;
    let Some(digest) = whole else { return Ok(progress(StatusCode::ACCEPTED, arn, id, 0)) };
    let expect = Expect { announced: body.length(), ..Expect::default() };
    let finished = registry.finish_upload(&context.caller, arn, id, expect, body, digest).await;
    if finished.is_err() {
        // Nobody was told its id, so nobody can go on with it; a finish that failed may have removed it already.
        let _ = registry.cancel_upload(&context.caller, arn, id).await;
    }
    finished?;
    Ok(created(arn, &digest))
}

pub(super) async fn append(
    context: &Context<'_>,
    repository: RepositoryName,
    upload: &UploadId,
    body: &mut RequestBody,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    let id = parse(upload)?;
    let expect = expect(context, body)?;
    let appended = context.doors.registry.append_upload(&context.caller, &arn, id, expect, body).await;
    let offset = appended.map_err(|error| refused(error, &arn, id))?;
    Ok(progress(StatusCode::ACCEPTED, &arn, id, offset))
}

pub(super) async fn finish(
    context: &Context<'_>,
    repository: RepositoryName,
    upload: &UploadId,
    digest: Digest,
    body: &mut RequestBody,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    let id = parse(upload)?;
    let expect = expect(context, body)?;
    let finished =
        context.doors.registry.finish_upload(&context.caller, &arn, id, expect, body, digest).await;
    finished.map_err(|error| refused(error, &arn, id))?;
    Ok(created(&arn, &digest))
}

pub(super) async fn describe(
    context: &Context<'_>,
    repository: RepositoryName,
    upload: &UploadId,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    let id = parse(upload)?;
    let offset = context.doors.registry.upload_status(&context.caller, &arn, id).await?;
    Ok(progress(StatusCode::NO_CONTENT, &arn, id, offset))
}

pub(super) async fn cancel(
    context: &Context<'_>,
    repository: RepositoryName,
    upload: &UploadId,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    context.doors.registry.cancel_upload(&context.caller, &arn, parse(upload)?).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

fn parse(upload: &UploadId) -> Result<Uuid, Refused> {
    upload.as_str().parse().map_err(|_| Error::Upload(UploadError::Unknown).into())
}

/// What the request says about its bytes. A length that the head already contradicts is refused before any byte.
fn expect(context: &Context<'_>, body: &RequestBody) -> Result<Expect, Refused> {
    let announced = Expect { announced: body.length(), ..Expect::default() };
    let Some(text) = context.head.header(CONTENT_RANGE) else { return Ok(announced) };
    let range = ContentRange::parse(text).map_err(|invalid| {
        let code = match invalid {
            InvalidContentRange::Unparseable => ErrorCode::BlobUploadInvalid,
            InvalidContentRange::Contradictory => ErrorCode::SizeInvalid,
        };
        Refused::new(StatusCode::BAD_REQUEST, code, "Content-Range must be <first byte>-<last byte>")
    })?;
    match body.length() {
        Some(length) if length != range.length() => Err(Error::Upload(UploadError::Length).into()),
        // Known beforehand and right: nothing to undo at the end.
        Some(_) => Ok(Expect { first: Some(range.first), ..announced }),
        None => Ok(Expect { first: Some(range.first), length: Some(range.length()), ..announced }),
    }
}

/// A chunk out of order is answered with where to go on.
fn refused(error: Error, arn: &RepositoryArn, id: Uuid) -> Refused {
    let held = match &error {
        Error::Upload(UploadError::OutOfOrder { held, .. }) => Some(*held),
        _ => None,
    };
    let refused = Refused::from(error);
    match held {
        Some(held) => refused
            .with(LOCATION, &location(arn, id))
            .with(RANGE, &range(held))
            .with(UPLOAD, &id.to_string())
            .with(OFFSET, &held.to_string()),
        None => refused,
    }
}

fn progress(status: StatusCode, arn: &RepositoryArn, id: Uuid, offset: u64) -> Response<Body> {
    let mut response = respond::empty(status);
    let headers = response.headers_mut();
    headers.insert(LOCATION, respond::value(&location(arn, id)));
    headers.insert(RANGE, respond::value(&range(offset)));
    headers.insert(UPLOAD, respond::value(&id.to_string()));
    headers.insert(OFFSET, offset.into());
    response
}

/// The blob is there: pushed, or mounted.
pub(super) fn created(arn: &RepositoryArn, digest: &Digest) -> Response<Body> {
    let mut response = respond::empty(StatusCode::CREATED);
    respond::set_digest(&mut response, digest);
    let location = respond::value(&format!("/v2/{}/blobs/{digest}", arn.name));
    response.headers_mut().insert(LOCATION, location);
    response
}

fn location(arn: &RepositoryArn, id: Uuid) -> String {
    format!("/v2/{}/blobs/uploads/{id}", arn.name)
}

/// `0-<last byte>`; with nothing held `0-0`, because clients cannot read less.
fn range(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}
