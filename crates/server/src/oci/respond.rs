//! Successful answers of the data plane. Never compressed, never chunked: every length is known.

use crate::body::Body;
use acre_wire::digest::Digest;
use acre_wire::oci::range::etag;
use acre_wire::oci::referrers;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, LINK, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// The header that names what was asked for, or pushed.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Which filters a list of referrers obeys.
const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// A value that we made ourselves: of characters that a header may hold.
pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Adds `Docker-Content-Digest`.
pub(super) fn set_digest(response: &mut Response<Body>, digest: &Digest) {
    response.headers_mut().insert(CONTENT_DIGEST, value(&digest.to_string()));
}

/// Adds `Docker-Content-Digest` and `ETag`.
pub(super) fn set_identity(response: &mut Response<Body>, digest: &Digest) {
    set_digest(response, digest);
    response.headers_mut().insert(ETAG, value(&etag(digest)));
}

/// 200 with JSON.
pub(super) fn json(bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::from(bytes)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200 with one page of a list.
pub(super) fn listing(page: &serde_json::Value, next: Option<String>) -> Response<Body> {
    let mut response = json(page.to_string().into_bytes());
    if let Some(next) = next {
        response.headers_mut().insert(LINK, value(&next));
    }
    response
}

/// 200 with one page of referrers. The media type has no parameters: clients compare it to the letter.
pub(super) fn referrers(page: Bytes, is_filtered: bool, next: Option<String>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(page));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(referrers::MEDIA_TYPE));
    if is_filtered {
        headers.insert(FILTERS, HeaderValue::from_static("artifactType"));
    }
    if let Some(next) = next {
        headers.insert(LINK, value(&next));
    }
    response
}

/// 401 with the challenge that every client understands (spec/oci.md 4).
pub(super) fn challenge(realm: &str) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::from_static(b"Not Authorized\n")));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers
        .insert(WWW_AUTHENTICATE, value(&format!("Basic realm=\"{realm}\",service=\"ecr.amazonaws.com\"")));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
