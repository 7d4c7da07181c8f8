//! The door of the data plane, `/v2/` (spec/oci.md). Order of decisions: shape, caller, values, then the operation.

mod blobs;
mod error;
mod layers;
mod manifests;
mod parts;
mod respond;
mod uploads;
mod warning;

pub(crate) use layers::{LAYERS, serve_layer};

use crate::body::{Body, RequestBody};
use crate::doors::{Doors, Head};
use crate::identity::basic::{self, Refusal};
use acre_registry::Caller;
use acre_wire::digest::Digest;
use acre_wire::ecr::Operation;
use acre_wire::names::{RepositoryArn, RepositoryName};
use acre_wire::oci::error::ErrorCode;
use acre_wire::oci::link;
use acre_wire::oci::path::{NoShape, Shape};
use acre_wire::oci::referrers;
use acre_wire::oci::request::{Page, Request};
use error::Refused;
use http::{Response, StatusCode, header};

/// Names of a page when the client does not say.
const DEFAULT_PAGE: u16 = 100;

/// What a handler gets: the doors, who asks, and the head of the request.
pub(crate) struct Context<'a> {
    doors: &'a Doors,
    caller: Caller,
    head: &'a Head,
}

impl Context<'_> {
    fn arn(&self, name: RepositoryName) -> RepositoryArn {
        self.caller.registry.repository(name)
    }
}

/// The answer to a request whose task broke: a defect, with its panic in the log.
pub(crate) fn failed(head: &Head) -> Response<Body> {
    let refused = Refused::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, "the request failed");
    refused.for_request(&head.request_id).response()
}

/// The operation's name for logs and metrics, and the answer.
pub(crate) async fn serve(
    doors: &Doors,
    head: &Head,
    body: &mut RequestBody,
) -> (&'static str, Response<Body>) {
    let query = head.parts.uri.query();
    let shape = match Shape::parse(head.parts.method.as_str(), head.parts.uri.path(), query) {
        Ok(shape) => shape,
        Err(NoShape::NotFound) => return ("-", crate::doors::not_found()),
        Err(NoShape::MethodNotAllowed { allow }) => {
            let refused =
                Refused::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, "method not allowed");
            return ("-", refused.with(header::ALLOW, allow).response());
        }
    };
    let name = shape.name();
    let identified = basic::identify(&doors.registry, &head.parts.headers, head.host(), &head.request_id);
    let (caller, expires) = match identified {
        Ok(identified) => identified,
        Err(refusal) => return (name, refuse(doors, head, refusal)),
    };
    head.identify(&caller);
    let request = match Request::parse(&shape) {
        Ok(request) => request,
        Err(invalid) => return (name, error::invalid(&invalid).response()),
    };
    let context = Context { doors, caller, head };
    let answer = dispatch(&context, request, body).await;
    let mut response = answer.unwrap_or_else(|refused| refused.for_request(&head.request_id).response());
    if !matches!(shape, Shape::GetBlob { .. } | Shape::HeadBlob { .. }) {
        warning::warn_of_expiry(&mut response, expires.saturating_sub(doors.registry.now()));
    }
    (name, response)
}

async fn dispatch(
    context: &Context<'_>,
    request: Request,
    body: &mut RequestBody,
) -> Result<Response<Body>, Refused> {
    match request {
        Request::Ping => Ok(respond::json(b"{}".to_vec())),
        Request::ListRepositories { page } => list_repositories(context, &page),
        Request::ListTags { repository, page } => list_tags(context, repository, &page),
        Request::ListReferrers { repository, digest, artifact_type, last } => {
            list_referrers(context, repository, &digest, artifact_type.as_deref(), last.as_deref()).await
        }
        Request::HeadBlob { repository, digest } => {
            blobs::head(context, repository, digest, Operation::BatchCheckLayerAvailability)
        }
        Request::GetBlob { repository, digest } => blobs::get(context, repository, digest).await,
        Request::DeleteBlob { repository, digest } => blobs::delete(context, repository, digest).await,
        Request::StartUpload { repository, digest, algorithm, mount } => {
            let arn = context.arn(repository);
            if let Some(mount) = mount
                && context.doors.registry.mount_blob(&context.caller, &arn, &mount).await?
            {
                return Ok(uploads::created(&arn, &mount.digest));
            }
            uploads::start(context, &arn, digest, algorithm, body).await
        }
        Request::AppendUpload { repository, upload } => {
            uploads::append(context, repository, &upload, body).await
        }
        Request::FinishUpload { repository, upload, digest } => {
            uploads::finish(context, repository, &upload, digest, body).await
        }
        Request::DescribeUpload { repository, upload } => {
            uploads::describe(context, repository, &upload).await
        }
        Request::CancelUpload { repository, upload } => uploads::cancel(context, repository, &upload).await,
        Request::HeadManifest { repository, reference } => manifests::head(context, repository, &reference),
        Request::GetManifest { repository, reference } => {
            manifests::get(context, repository, &reference).await
        }
        Request::PutManifest { repository, reference, tags } => {
            manifests::put(context, repository, reference, tags, body).await
        }
        Request::DeleteManifest { repository, reference } => {
            manifests::delete(context, repository, reference).await
        }
    }
}

fn refuse(doors: &Doors, head: &Head, refusal: Refusal) -> Response<Body> {
    let denied = |text: &str| Refused::new(StatusCode::FORBIDDEN, ErrorCode::Denied, text).response();
    match refusal {
        Refusal::Unauthorized => {
            let realm = format!("{}://{}/", doors.scheme, head.host().unwrap_or("localhost"));
            respond::challenge(&realm)
        }
        Refusal::Expired => denied("Your authorization token has expired. Reauthenticate and try again."),
        Refusal::OtherRegistry => denied(
            "The authorization token was issued for another registry than the host names: log in to this host.",
        ),
    }
}

fn list_tags(
    context: &Context<'_>,
    repository: RepositoryName,
    page: &Page,
) -> Result<Response<Body>, Refused> {
    let limit = page.limit.unwrap_or(DEFAULT_PAGE);
    let last = page.last.as_deref().unwrap_or_default();
    let arn = context.arn(repository);
    let (tags, more) = context.doors.registry.tags(&context.caller, &arn, last, limit.into())?;
    let next = tags.last().filter(|_| more).map(|tag| link::tags(&arn.name, tag.as_str(), page.limit));
    Ok(respond::listing(&serde_json::json!({ "name": arn.name, "tags": tags }), next))
}

async fn list_referrers(
    context: &Context<'_>,
    repository: RepositoryName,
    subject: &Digest,
    artifact_type: Option<&str>,
    last: Option<&str>,
) -> Result<Response<Body>, Refused> {
    let arn = context.arn(repository);
    let registry = &context.doors.registry;
    let (entries, next) = registry.referrers(&context.caller, &arn, subject, artifact_type, last).await?;
    let next = next.map(|last| link::referrers(&arn.name, subject, artifact_type, &last));
    let page = context.doors.answers.hold(referrers::body(&entries).into());
    drop(entries);
    Ok(respond::referrers(page.await?, artifact_type.is_some(), next))
}

fn list_repositories(context: &Context<'_>, page: &Page) -> Result<Response<Body>, Refused> {
    let limit = page.limit.unwrap_or(DEFAULT_PAGE);
    let last = page.last.as_deref().unwrap_or_default();
    let (names, more) = context.doors.registry.repository_names(&context.caller, last, limit.into())?;
    let next = names.last().filter(|_| more).map(|name| link::catalogue(name.as_str(), page.limit));
    Ok(respond::listing(&serde_json::json!({ "repositories": names }), next))
}
