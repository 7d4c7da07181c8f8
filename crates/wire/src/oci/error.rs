//! Errors as this protocol writes them (spec/oci.md 3). Which status goes with a code depends on the condition, so the
//! server's door chooses it.

use serde::Serialize;
use serde_json::Value;

/// The codes that acre answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The blob is not in this repository.
    BlobUnknown,
    /// Bytes do not continue the upload, or it is being written by another request.
    BlobUploadInvalid,
    /// No such upload.
    BlobUploadUnknown,
    /// Not allowed; also for quotas and expired tokens.
    Denied,
    /// The digest is malformed, missing, or not that of the bytes.
    DigestInvalid,
    /// The manifest refers to something that is not in this repository.
    ManifestBlobUnknown,
    /// No such manifest.
    ManifestUnknown,
    /// The repository name breaks the grammar.
    NameInvalid,
    /// No such repository.
    NameUnknown,
    /// `If-Match` or `If-None-Match` is not met.
    PreconditionFailed,
    /// Too large, or a length that contradicts another.
    SizeInvalid,
    /// The tag breaks the grammar, or is immutable.
    TagInvalid,
    /// Later, please.
    TooManyRequests,
    /// The server's own trouble.
    Unknown,
    /// The operation, or this use of it, is not offered.
    Unsupported,
}

impl ErrorCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::Denied => "DENIED",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TagInvalid => "TAG_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

/// The body of an error answer: one error, in JSON, and a newline.
pub fn body(code: ErrorCode, message: &str, detail: Option<Value>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        errors: [One<'a>; 1],
    }

    #[derive(Serialize)]
    struct One<'a> {
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Value>,
    }

    let body = Body { errors: [One { code: code.as_str(), message, detail }] };
    // Text and a `Value` always serialise; if that ever fails, an empty body is what is left to say.
    let mut bytes = serde_json::to_vec(&body).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        insta::assert_snapshot!(
            text(body(ErrorCode::ManifestUnknown, "Requested image \"not\" found", None)),
            @r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image \"not\" found"}]}"#
        );
        let detail = serde_json::json!({"digests": ["sha256:00"]});
        insta::assert_snapshot!(
            text(body(ErrorCode::ManifestBlobUnknown, "missing", Some(detail))),
            @r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"missing","detail":{"digests":["sha256:00"]}}]}"#
        );
        assert!(body(ErrorCode::Unknown, "", None).ends_with(b"]}\n"));
    }
}
