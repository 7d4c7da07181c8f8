//! What a method and a path mean, before anyone asks who sent them (spec/oci.md 1.2, 2).

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// An operation of this protocol with the raw text of its values; see [`crate::oci::request::Request`] for their
/// meaning. Path segments are percent-decoded once; one that does not decode to UTF-8, or decodes to something with `/`
/// or NUL in it, is left encoded, so that no grammar takes it. Queries are raw.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the parts of the path and have their names from it")]
pub enum Shape {
    /// `GET` or `HEAD /v2/`: is this the protocol, and are these credentials good?
    Ping,
    /// `GET` or `HEAD /v2/_catalog`
    ListRepositories { query: String },
    /// `HEAD /v2/N/blobs/D`
    HeadBlob { repository: String, digest: String },
    /// `GET /v2/N/blobs/D`
    GetBlob { repository: String, digest: String },
    /// `DELETE /v2/N/blobs/D`
    DeleteBlob { repository: String, digest: String },
    /// `POST /v2/N/blobs/uploads/`: open an upload, push in one request, or mount.
    StartUpload { repository: String, query: String },
    /// `PATCH /v2/N/blobs/uploads/U`
    AppendUpload { repository: String, upload: String },
    /// `PUT /v2/N/blobs/uploads/U?digest=D`
    FinishUpload { repository: String, upload: String, query: String },
    /// `GET /v2/N/blobs/uploads/U`
    DescribeUpload { repository: String, upload: String },
    /// `DELETE /v2/N/blobs/uploads/U`
    CancelUpload { repository: String, upload: String },
    /// `HEAD /v2/N/manifests/R`
    HeadManifest { repository: String, reference: String },
    /// `GET /v2/N/manifests/R`
    GetManifest { repository: String, reference: String },
    /// `PUT /v2/N/manifests/R`
    PutManifest { repository: String, reference: String, query: String },
    /// `DELETE /v2/N/manifests/R`
    DeleteManifest { repository: String, reference: String },
    /// `GET` or `HEAD /v2/N/tags/list`
    ListTags { repository: String, query: String },
    /// `GET` or `HEAD /v2/N/referrers/D`
    ListReferrers { repository: String, digest: String, query: String },
}

/// There is no such operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShape {
    /// No operation has such a path: 404, even to strangers.
    #[error("page not found")]
    NotFound,
    /// The path is one of ours, the method is not.
    #[error("method not allowed, but {allow}")]
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: &'static str,
    },
}

impl Shape {
    /// Reads a method and the raw path and query of a request target. Only the fixed words of a path decide; they are
    /// looked for from its end, since a repository name may hold any of them.
    pub fn parse(method: &str, path: &str, query: Option<&str>) -> Result<Self, NoShape> {
        Place::find(path).ok_or(NoShape::NotFound)?.operation(method, query.unwrap_or_default())
    }

    /// The name of the operation in logs and metrics; stable.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ping => "Ping",
            Self::ListRepositories { .. } => "ListRepositories",
            Self::HeadBlob { .. } => "HeadBlob",
            Self::GetBlob { .. } => "GetBlob",
            Self::DeleteBlob { .. } => "DeleteBlob",
            Self::StartUpload { .. } => "StartUpload",
            Self::AppendUpload { .. } => "AppendUpload",
            Self::FinishUpload { .. } => "FinishUpload",
            Self::DescribeUpload { .. } => "DescribeUpload",
            Self::CancelUpload { .. } => "CancelUpload",
            Self::HeadManifest { .. } => "HeadManifest",
            Self::GetManifest { .. } => "GetManifest",
            Self::PutManifest { .. } => "PutManifest",
            Self::DeleteManifest { .. } => "DeleteManifest",
            Self::ListTags { .. } => "ListTags",
            Self::ListReferrers { .. } => "ListReferrers",
        }
    }
}

/// What a path names, whatever is to be done there.
enum Place {
    Root,
    Catalogue,
    Blob { repository: String, digest: String },
    Uploads { repository: String },
    Upload { repository: String, upload: String },
    Manifest { repository: String, reference: String },
    Tags { repository: String },
    Referrers { repository: String, digest: String },
}

impl Place {
    fn find(path: &str) -> Option<Self> {
        let segments: Vec<Cow<'_, str>> = path.strip_prefix('/')?.split('/').map(decode).collect();
        let words: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let ["v2", words @ ..] = words.as_slice() else { return None };
        let place = match *words {
            [] | [""] => Self::Root,
            ["_catalog"] => Self::Catalogue,
            // No room for a name, no reference, or an extension.
            [_] | [_, _] | ["blobs", "uploads", _] | [.., "blobs" | "manifests" | "referrers", ""] => {
                return None;
            }
            [first, ..] if first.starts_with('_') => return None,
            [ref name @ .., "tags", "list"] => Self::Tags { repository: name.join("/") },
            [ref name @ .., "blobs", "uploads"] | [ref name @ .., "blobs", "uploads", ""] => {
                Self::Uploads { repository: name.join("/") }
            }
            [ref name @ .., "blobs", "uploads", upload] => {
                Self::Upload { repository: name.join("/"), upload: upload.to_owned() }
            }
            [ref name @ .., "blobs", digest] => {
                Self::Blob { repository: name.join("/"), digest: digest.to_owned() }
            }
            [ref name @ .., "manifests", reference] => {
                Self::Manifest { repository: name.join("/"), reference: reference.to_owned() }
            }
            [ref name @ .., "referrers", digest] => {
                Self::Referrers { repository: name.join("/"), digest: digest.to_owned() }
            }
            _ => return None,
        };
        Some(place)
    }

    fn operation(self, method: &str, query: &str) -> Result<Shape, NoShape> {
        let query = query.to_owned();
        let shape = match (self, method) {
            (Self::Root, "GET" | "HEAD") => Shape::Ping,
            (Self::Catalogue, "GET" | "HEAD") => Shape::ListRepositories { query },
            (Self::Blob { repository, digest }, "HEAD") => Shape::HeadBlob { repository, digest },
            (Self::Blob { repository, digest }, "GET") => Shape::GetBlob { repository, digest },
            (Self::Blob { repository, digest }, "DELETE") => Shape::DeleteBlob { repository, digest },
            (Self::Uploads { repository }, "POST") => Shape::StartUpload { repository, query },
            (Self::Upload { repository, upload }, "PATCH") => Shape::AppendUpload { repository, upload },
            (Self::Upload { repository, upload }, "PUT") => Shape::FinishUpload { repository, upload, query },
            (Self::Upload { repository, upload }, "GET") => Shape::DescribeUpload { repository, upload },
            (Self::Upload { repository, upload }, "DELETE") => Shape::CancelUpload { repository, upload },
            (Self::Manifest { repository, reference }, "HEAD") => {
                Shape::HeadManifest { repository, reference }
            }
            (Self::Manifest { repository, reference }, "GET") => Shape::GetManifest { repository, reference },
            (Self::Manifest { repository, reference }, "PUT") => {
                Shape::PutManifest { repository, reference, query }
            }
            (Self::Manifest { repository, reference }, "DELETE") => {
                Shape::DeleteManifest { repository, reference }
            }
            (Self::Tags { repository }, "GET" | "HEAD") => Shape::ListTags { repository, query },
            (Self::Referrers { repository, digest }, "GET" | "HEAD") => {
                Shape::ListReferrers { repository, digest, query }
            }
            (place, _) => return Err(NoShape::MethodNotAllowed { allow: place.methods() }),
        };
        Ok(shape)
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Root | Self::Catalogue | Self::Tags { .. } | Self::Referrers { .. } => "GET, HEAD",
            Self::Blob { .. } => "GET, HEAD, DELETE",
            Self::Uploads { .. } => "POST",
            Self::Upload { .. } => "GET, PATCH, PUT, DELETE",
            Self::Manifest { .. } => "GET, HEAD, PUT, DELETE",
        }
    }
}

fn decode(segment: &str) -> Cow<'_, str> {
    match percent_decode_str(segment).decode_utf8() {
        Ok(text) if !text.contains(['/', '\0']) => text,
        _ => Cow::Borrowed(segment),
    }
}

#[cfg(test)]
mod tests;
