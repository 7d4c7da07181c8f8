//! What is refused at this door, with which status and code (spec/oci.md 3): one exhaustive match.

use crate::answers::Exhausted;
use crate::body::{Body, BodyError};
use crate::observe::Outcome;
use acre_registry::{Error, SourceError, StoreError, UploadError};
use acre_wire::oci::error::{ErrorCode, body};
use acre_wire::oci::request::InvalidValue;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

/// An answer that says no.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: ErrorCode,
    text: String,
    detail: Option<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: ErrorCode, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), detail: None, headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.push((name, super::respond::value(value)));
        self
    }

    fn detailed(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }

    /// A 5xx says which request it was, so that its log line can be found.
    pub(super) fn for_request(mut self, request_id: &str) -> Self {
        if self.status.is_server_error() {
            self.detail = Some(serde_json::json!({ "requestId": request_id }));
        }
        self
    }

    pub(super) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::Whole(Bytes::from(body(self.code, &self.text, self.detail))));
        *response.status_mut() = self.status;
        response.extensions_mut().insert(Outcome(self.code.as_str()));
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A known route with a bad value.
pub(super) fn invalid(value: &InvalidValue) -> Refused {
    let status = match value {
        InvalidValue::Name(_)
        | InvalidValue::Digest
        | InvalidValue::DigestMissing
        | InvalidValue::Algorithm
        | InvalidValue::Tag(_) => StatusCode::BAD_REQUEST,
        InvalidValue::ManifestUnknown | InvalidValue::UploadUnknown => StatusCode::NOT_FOUND,
        InvalidValue::PageSize(_) => StatusCode::METHOD_NOT_ALLOWED,
        InvalidValue::TooManyTags => StatusCode::URI_TOO_LONG,
    };
    Refused::new(status, value.code(), value.to_string())
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::AccessDenied { .. } | Error::LimitExceeded(_) | Error::Kms(_) => {
                (StatusCode::FORBIDDEN, ErrorCode::Denied)
            }
            Error::RepositoryNotFound(_) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
            Error::ImageNotFound | Error::ImageMissing { .. } => {
                (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown)
            }
            Error::BlobNotFound(_) | Error::LayerNotFound { .. } | Error::LayerInaccessible => {
                (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown)
            }
            Error::LayersMissing { digests, .. } | Error::ImagesMissing { digests, .. } => {
                let detail = serde_json::json!({ "digests": digests });
                let refused =
                    Self::new(StatusCode::NOT_FOUND, ErrorCode::ManifestBlobUnknown, error.to_string());
                return refused.detailed(detail);
            }
            Error::TagImmutable { .. } => (StatusCode::BAD_REQUEST, ErrorCode::TagInvalid),
            Error::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
            Error::ManifestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid),
            Error::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, ErrorCode::PreconditionFailed),
            Error::InvalidManifest(_) | Error::ReferencedByIndex | Error::BlobInUse(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported)
            }
            // What only the control plane asks for; ECR's translation of its parameter errors.
            Error::InvalidParameter { .. }
            | Error::RepositoryExists(_)
            | Error::RepositoryNotEmpty(_)
            | Error::LifecyclePolicyNotFound(_)
            | Error::RepositoryPolicyNotFound(_)
            | Error::RegistryPolicyNotFound(_)
            | Error::CacheRuleExists(..)
            | Error::CacheRuleNotFound(..)
            | Error::UpstreamUnknown(_)
            | Error::UpstreamNeedsCredentials
            | Error::TemplateExists(..)
            | Error::TemplateNotFound(..)
            | Error::DenyNotEnforced
            | Error::InvalidTag(_)
            | Error::TooManyTags
            | Error::AccountExists(_)
            | Error::NoDataFolder(_)
            | Error::OtherHome { .. } => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported),
            Error::Upload(upload) => return upload_refused(upload),
            Error::Store(store) => return store_failed(store),
        };
        Self::new(status, code, error.to_string())
    }
}

fn upload_refused(error: &UploadError) -> Refused {
    let text = error.to_string();
    match error {
        UploadError::Unknown | UploadError::Done(_) => {
            Refused::new(StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown, "upload not found")
        }
        UploadError::Busy => {
            Refused::new(StatusCode::CONFLICT, ErrorCode::BlobUploadInvalid, text).with(RETRY_AFTER, "1")
        }
        UploadError::OutOfOrder { said, held } => {
            let text = format!("First byte of the layer part is {said} instead of {held}");
            Refused::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid, text)
        }
        UploadError::Broken(SourceError::Idle) => BodyError::Idle.into(),
        UploadError::Length | UploadError::Broken(SourceError::Broken) => {
            Refused::new(StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, text)
        }
        UploadError::TooLarge => Refused::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid, text),
        UploadError::Mismatch(found) => {
            let text = format!("the uploaded content's digest is {found}, not the one that was named");
            Refused::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, text)
        }
        // Rules of the control plane, for what only it asks for.
        UploadError::Empty | UploadError::PartTooSmall | UploadError::TooManyParts => {
            Refused::new(StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid, text)
        }
        UploadError::TooMany => Refused::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, text)
            .with(RETRY_AFTER, "5"),
        UploadError::Store(store) => store_failed(store),
    }
}

/// The store's own trouble: one of a few sentences, never the error's text; that is in the log.
fn store_failed(error: &StoreError) -> Refused {
    let (status, text) = match error {
        StoreError::Full => (StatusCode::INSUFFICIENT_STORAGE, "storage is full"),
        StoreError::Closed => (StatusCode::SERVICE_UNAVAILABLE, "shutting down"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "storage failed"),
    };
    tracing::error!(%error, "an operation failed in the store");
    Refused::new(status, ErrorCode::Unknown, text)
}

impl From<Exhausted> for Refused {
    fn from(error: Exhausted) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, error.to_string())
            .with(RETRY_AFTER, "5")
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Idle | BodyError::Slow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        Self::new(status, ErrorCode::SizeInvalid, error.to_string())
    }
}
