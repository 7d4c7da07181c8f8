//! What is refused at this door, with which exception (spec/ecr.md 1.4, 1.5, 2): one exhaustive match.

use crate::answers::Exhausted;
use acre_registry::{Error, StoreError, UploadError};
use acre_wire::ecr::{ErrorCode, InputError, body_with};
use acre_wire::sigv4::AuthError;
use http::StatusCode;
use serde_json::{Map, Value};

/// An answer that is an exception.
#[derive(Debug)]
pub(super) struct Refused {
    code: ErrorCode,
    text: String,
    members: Map<String, Value>,
}

impl Refused {
    pub(super) fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), members: Map::new() }
    }

    /// Adds a member that this exception has besides its text.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The exception's name.
    pub(super) fn name(&self) -> &'static str {
        self.code.as_str()
    }

    /// Status and body. A 5xx says which request it was, so that its log line can be found.
    pub(super) fn into_answer(self, request_id: &str) -> (StatusCode, Vec<u8>) {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = if status.is_server_error() {
            format!("{} (request {request_id})", self.text)
        } else {
            self.text
        };
        (status, body_with(self.code, &text, self.members))
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        Self::new(ErrorCode::from(&error), error.to_string())
    }
}

impl From<InputError> for Refused {
    fn from(error: InputError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<Exhausted> for Refused {
    fn from(error: Exhausted) -> Self {
        Self::new(ErrorCode::Throttling, error.to_string())
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::AccessDenied { .. } => ErrorCode::AccessDenied,
            Error::RepositoryNotFound(_) => ErrorCode::RepositoryNotFound,
            Error::RepositoryExists(_) => ErrorCode::RepositoryAlreadyExists,
            Error::RepositoryNotEmpty(_) => ErrorCode::RepositoryNotEmpty,
            Error::LifecyclePolicyNotFound(_) => ErrorCode::LifecyclePolicyNotFound,
            Error::RepositoryPolicyNotFound(_) => ErrorCode::RepositoryPolicyNotFound,
            Error::RegistryPolicyNotFound(_) => ErrorCode::RegistryPolicyNotFound,
            Error::CacheRuleExists(..) => ErrorCode::PullThroughCacheRuleAlreadyExists,
            Error::CacheRuleNotFound(..) => ErrorCode::PullThroughCacheRuleNotFound,
            Error::UpstreamUnknown(_) | Error::UpstreamNeedsCredentials => {
                ErrorCode::UnsupportedUpstreamRegistry
            }
            Error::TemplateExists(..) => ErrorCode::TemplateAlreadyExists,
            Error::TemplateNotFound(..) => ErrorCode::TemplateNotFound,
            Error::InvalidTag(_) => ErrorCode::InvalidTagParameter,
            Error::TooManyTags => ErrorCode::TooManyTags,
            Error::LimitExceeded(_) => ErrorCode::LimitExceeded,
            Error::Kms(_) => ErrorCode::Kms,
            Error::ImageNotFound | Error::ImageMissing { .. } => ErrorCode::ImageNotFound,
            Error::TagImmutable { .. } => ErrorCode::ImageTagAlreadyExists,
            Error::DigestMismatch { .. } => ErrorCode::ImageDigestDoesNotMatch,
            Error::LayersMissing { .. } | Error::BlobNotFound(_) | Error::LayerNotFound { .. } => {
                ErrorCode::LayersNotFound
            }
            Error::LayerInaccessible => ErrorCode::LayerInaccessible,
            Error::ImagesMissing { .. } => ErrorCode::ReferencedImagesNotFound,
            Error::AccountExists(_) => ErrorCode::AccountAlreadyExists,
            Error::InvalidParameter { .. }
            | Error::DenyNotEnforced
            | Error::InvalidManifest(_)
            | Error::ManifestTooLarge
            | Error::PreconditionFailed
            | Error::ReferencedByIndex
            | Error::BlobInUse(_) => ErrorCode::InvalidParameter,
            Error::NoDataFolder(_) | Error::OtherHome { .. } => ErrorCode::Server,
            Error::Upload(upload) => upload_code(upload),
            Error::Store(store) => return store_failed(store),
        };
        let refused = Self::new(code, error.to_string());
        match error {
            // KMS's own word: the ring has no such key, or its ARN is another Region's.
            Error::Kms(_) => refused.with("kmsError", "NotFoundException"),
            _ => refused,
        }
    }
}

pub(super) fn upload_code(error: &UploadError) -> ErrorCode {
    match error {
        UploadError::Unknown | UploadError::Done(_) => ErrorCode::UploadNotFound,
        UploadError::OutOfOrder { .. } | UploadError::Length | UploadError::Broken(_) => {
            ErrorCode::InvalidLayerPart
        }
        UploadError::Mismatch(_) => ErrorCode::InvalidLayer,
        UploadError::Empty => ErrorCode::EmptyUpload,
        UploadError::PartTooSmall => ErrorCode::LayerPartTooSmall,
        UploadError::TooLarge | UploadError::TooMany | UploadError::TooManyParts => ErrorCode::LimitExceeded,
        UploadError::Busy => ErrorCode::Throttling,
        UploadError::Store(_) => ErrorCode::Server,
    }
}

/// The store's own trouble: one of a few sentences, never the error's text; that is in the log.
fn store_failed(error: &StoreError) -> Refused {
    tracing::error!(%error, "an operation failed in the store");
    match error {
        StoreError::Full => Refused::new(ErrorCode::Server, "storage is full"),
        StoreError::Closed => Refused::new(ErrorCode::ServiceUnavailable, "shutting down"),
        _ => Refused::new(ErrorCode::Server, "storage failed"),
    }
}
