//! Manifests: PUT, HEAD, GET, DELETE (spec/oci.md 7).

use super::error::Refused;
use super::{Context, blobs, respond};
use crate::body::{Body, BodyError, RequestBody};
use acre_registry::{ManifestPush, ManifestView};
use acre_wire::manifest::MAX_MANIFEST;
use acre_wire::names::{RepositoryName, Tag};
use acre_wire::oci::range::if_none_match;
use acre_wire::oci::request::Reference;
use http::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::{Response, StatusCode};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAGS: HeaderName = HeaderName::from_static("oci-tag");

pub(super) fn head(
    context: &Context<'_>,
    repository: RepositoryName,
    reference: &Reference,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    let view = context.doors.registry.manifest(&context.caller, &arn, reference, false)?;
    if is_known(context, &view) {
        return Ok(not_modified(&view));
    }
    let mut response = Response::new(Body::Head(view.size));
    describe(&mut response, &view);
    Ok(response)
}

pub(super) async fn get(
    context: &Context<'_>,
    repository: RepositoryName,
    reference: &Reference,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    let view = context.doors.registry.manifest(&context.caller, &arn, reference, true)?;
    if is_known(context, &view) {
        return Ok(not_modified(&view));
    }
    let body = blobs::read(&context.doors.registry, &view.bytes(), 0..view.size).await?;
    let mut response = Response::new(body);
    describe(&mut response, &view);
    Ok(response)
}

pub(super) async fn put(
    context: &Context<'_>,
    repository: RepositoryName,
    reference: Reference,
    also: Vec<Tag>,
    body: &mut RequestBody,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    context.doors.registry.expect_image(&context.caller, &arn)?;
    let bytes = match context.doors.budget.read_whole(body, MAX_MANIFEST).await {
        Err(BodyError::TooLarge { .. }) => return Err(acre_registry::Error::ManifestTooLarge.into()),
        read => read?.bytes,
    };
    let (digest, tags) = match reference {
        Reference::Digest(digest) => (Some(digest), also.clone()),
        Reference::Tag(tag) => (None, std::iter::once(tag).chain(also.iter().cloned()).collect()),
    };
    let condition = |name| context.head.header(name).map(str::to_owned);
    let push = ManifestPush {
        bytes,
        media_type: condition(CONTENT_TYPE),
        digest,
        tags,
        if_match: condition(IF_MATCH),
        if_none_match: condition(IF_NONE_MATCH),
    };
    let pushed = context.doors.registry.put_image(&context.caller, &arn, push).await?;
    let mut response = respond::empty(StatusCode::CREATED);
    respond::set_identity(&mut response, &pushed.digest);
    let location = respond::value(&format!("/v2/{}/manifests/{}", arn.name, pushed.digest));
    response.headers_mut().insert(LOCATION, location);
    if let Some(subject) = pushed.subject {
        response.headers_mut().insert(SUBJECT, respond::value(&subject.to_string()));
    }
    if !also.is_empty() {
        let names: Vec<_> = also.iter().map(Tag::as_str).collect();
        response.headers_mut().insert(TAGS, respond::value(&names.join(", ")));
    }
    Ok(response)
}

pub(super) async fn delete(
    context: &Context<'_>,
    repository: RepositoryName,
    reference: Reference,
) -> Result<Response<Body>, Refused> {
    context.doors.registry.delete_manifest(&context.caller, &context.arn(repository), reference).await?;
    Ok(respond::empty(StatusCode::ACCEPTED))
}

fn is_known(context: &Context<'_>, view: &ManifestView) -> bool {
    context.head.header(IF_NONE_MATCH).is_some_and(|condition| !if_none_match(condition, Some(&view.digest)))
}

fn not_modified(view: &ManifestView) -> Response<Body> {
    let mut response = respond::empty(StatusCode::NOT_MODIFIED);
    respond::set_identity(&mut response, &view.digest);
    response
}

fn describe(response: &mut Response<Body>, view: &ManifestView) {
    respond::set_identity(response, &view.digest);
    response.headers_mut().insert(CONTENT_TYPE, respond::value(&view.media_type));
}
