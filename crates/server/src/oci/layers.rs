//! Layers by URL, without credentials (spec/ecr.md 2.27): `GET /layers/<digest>?token=<sealed>`, as `GetDownloadUrlForLayer`
//! gives it. The token stands in the query, which no log line holds. What it opens is what its principal may open.

use super::error::{Refused, invalid};
use super::{Context, blobs};
use crate::body::Body;
use crate::doors::{Doors, Head};
use acre_registry::TokenError;
use acre_wire::digest::Digest;
use acre_wire::ecr::Operation;
use acre_wire::oci::error::ErrorCode;
use acre_wire::oci::query::Query;
use acre_wire::oci::request::InvalidValue;
use http::{Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

/// Where such URLs begin.
pub(crate) const LAYERS: &str = "/layers/";

/// The operation's name for logs and metrics, and the answer.
pub(crate) async fn serve_layer(doors: &Doors, head: &Head) -> (&'static str, Response<Body>) {
    let answer = serve(doors, head).await;
    ("GetLayer", answer.unwrap_or_else(|refused| refused.for_request(&head.request_id).response()))
}

async fn serve(doors: &Doors, head: &Head) -> Result<Response<Body>, Refused> {
    let method = &head.parts.method;
    if method != Method::GET && method != Method::HEAD {
        let refused =
            Refused::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, "method not allowed");
        return Err(refused.with(header::ALLOW, "GET, HEAD"));
    }
    let digest = head.parts.uri.path().strip_prefix(LAYERS).unwrap_or_default();
    let digest = percent_decode_str(digest).decode_utf8_lossy();
    let digest = Digest::parse(&digest).map_err(|_| invalid(&InvalidValue::Digest))?;
    let query = Query::new(head.parts.uri.query().unwrap_or_default());
    let token = query.first("token").unwrap_or_default();
    let opened = doors.registry.open_layer_token(&digest, &token, &head.request_id);
    let (caller, repository) = opened.map_err(|error| {
        let text = match error {
            TokenError::Invalid => "this is no URL that GetDownloadUrlForLayer gave",
            TokenError::Expired => "the URL has expired: ask for a new one with GetDownloadUrlForLayer",
        };
        Refused::new(StatusCode::FORBIDDEN, ErrorCode::Denied, text)
    })?;
    head.identify(&caller);
    let context = Context { doors, caller, head };
    let operation = Operation::GetDownloadUrlForLayer;
    if method == Method::HEAD {
        blobs::head(&context, repository, digest, operation)
    } else {
        blobs::get(&context, repository, digest).await
    }
}
