//! The values in a request, each read once and by its grammar (spec/oci.md 1.1). This happens after authentication: a
//! stranger learns nothing from what is wrong with a value.

use super::error::ErrorCode;
use super::path::Shape;
use super::query::Query;
use crate::digest::{Algorithm, Digest};
use crate::names::{InvalidName, RepositoryName, Tag};
use std::fmt;

/// The most tags that one push may set by `tag` parameters.
pub const MAX_TAGS: usize = 100;

/// The largest page that a client may ask for.
pub const MAX_PAGE: u16 = 1000;

/// An operation of this protocol with all its values; the variants are those of [`Shape`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are by name and type; the others are documented")]
pub enum Request {
    /// Nothing but credentials is asked about.
    Ping,
    /// One page of the catalogue.
    ListRepositories { page: Page },
    /// Is this blob here?
    HeadBlob { repository: RepositoryName, digest: Digest },
    /// The bytes of a blob.
    GetBlob { repository: RepositoryName, digest: Digest },
    /// Gives up the repository's claim on a blob.
    DeleteBlob { repository: RepositoryName, digest: Digest },
    /// Opens an upload, or does in one step what an upload would do.
    StartUpload {
        repository: RepositoryName,
        /// The digest of the body, if it is the whole blob (6.3).
        digest: Option<Digest>,
        /// The hash to compute while bytes come in (6.2).
        algorithm: Option<Algorithm>,
        /// The blob to take over from elsewhere instead (6.7).
        mount: Option<Mount>,
    },
    /// The next bytes of an upload.
    AppendUpload { repository: RepositoryName, upload: UploadId },
    /// The last bytes of an upload, and its digest.
    FinishUpload { repository: RepositoryName, upload: UploadId, digest: Digest },
    /// How far has this upload come?
    DescribeUpload { repository: RepositoryName, upload: UploadId },
    /// Forgets an upload.
    CancelUpload { repository: RepositoryName, upload: UploadId },
    /// The head of a manifest.
    HeadManifest { repository: RepositoryName, reference: Reference },
    /// A manifest.
    GetManifest { repository: RepositoryName, reference: Reference },
    /// Pushes a manifest.
    PutManifest {
        repository: RepositoryName,
        reference: Reference,
        /// What else it shall be called: the `tag` parameters, each once, at most [`MAX_TAGS`].
        tags: Vec<Tag>,
    },
    /// Removes a tag, or an image with all its tags.
    DeleteManifest { repository: RepositoryName, reference: Reference },
    /// One page of a repository's tags.
    ListTags { repository: RepositoryName, page: Page },
    /// One page of what is attached to a digest.
    ListReferrers {
        repository: RepositoryName,
        digest: Digest,
        /// The artifact type to filter by.
        artifact_type: Option<String>,
        /// The `last` of our own Link; clients do not make it up.
        last: Option<String>,
    },
}

/// A tag or a digest. What has a colon is a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A blob to mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Which blob.
    pub digest: Digest,
    /// From where.
    pub from: MountSource,
}

/// Where a blob is to be mounted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// From any repository that the caller may read; no `from` was given.
    Anywhere,
    /// From this one.
    Repository(RepositoryName),
    /// From one whose name breaks the grammar: it does not exist, which is no error but a plain upload.
    Nowhere,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many entries, 0 to [`MAX_PAGE`], if `n` was given.
    pub limit: Option<u16>,
    /// Only what sorts behind this; it need not exist, nor be a name.
    pub last: Option<String>,
}

/// The id of an upload: a UUID, in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Box<str>);

impl UploadId {
    /// Reads `8-4-4-4-12` hex digits of either case.
    pub fn parse(text: &str) -> Option<Self> {
        let hyphens = [8, 13, 18, 23];
        let is_uuid = text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(at, c)| if hyphens.contains(&at) { c == b'-' } else { c.is_ascii_hexdigit() });
        is_uuid.then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value of a known operation breaks its grammar. The text is fit for the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// The repository name: 400.
    #[error(transparent)]
    Name(InvalidName),
    /// A digest, in path or query: 400.
    #[error("invalid digest: it must be sha256: and 64, or sha512: and 128, lower-case hex digits")]
    Digest,
    /// No `digest` parameter where there must be one: 400.
    #[error("the parameter digest is missing")]
    DigestMissing,
    /// `digest-algorithm` names none of ours: 400.
    #[error("digest-algorithm must be sha256 or sha512")]
    Algorithm,
    /// A tag to be set: 400.
    #[error(transparent)]
    Tag(InvalidName),
    /// A tag that is looked up; nothing can have it: 404.
    #[error("Requested image not found")]
    ManifestUnknown,
    /// An upload id; no upload can have it: 404.
    #[error("upload not found")]
    UploadUnknown,
    /// `n`: 405, as ECR has it.
    #[error("Invalid parameter at 'maxResults' failed to satisfy constraint: '{0}'")]
    PageSize(PageSizeFault),
    /// More than [`MAX_TAGS`] `tag` parameters: 414.
    #[error("at most {MAX_TAGS} tags may be set at once")]
    TooManyTags,
}

/// What is wrong with `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageSizeFault {
    /// Above [`MAX_PAGE`].
    #[error("Member must have value less than or equal to {MAX_PAGE}")]
    TooLarge,
    /// Below 0.
    #[error("Member must have value greater than or equal to 0")]
    Negative,
    /// No decimal number.
    #[error("Member must be an integer")]
    NotANumber,
}

impl InvalidValue {
    /// The code of the answer (spec/oci.md 3).
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Name(_) => ErrorCode::NameInvalid,
            Self::Digest | Self::DigestMissing | Self::Algorithm => ErrorCode::DigestInvalid,
            Self::Tag(_) | Self::TooManyTags => ErrorCode::TagInvalid,
            Self::ManifestUnknown => ErrorCode::ManifestUnknown,
            Self::UploadUnknown => ErrorCode::BlobUploadUnknown,
            Self::PageSize(_) => ErrorCode::Unsupported,
        }
    }
}

impl Request {
    /// Reads the values of a shape; the first wrong one is reported, the repository name before all others.
    pub fn parse(shape: &Shape) -> Result<Self, InvalidValue> {
        Ok(match shape {
            Shape::Ping => Self::Ping,
            Shape::ListRepositories { query } => Self::ListRepositories { page: page(query)? },
            Shape::HeadBlob { repository, digest } => {
                Self::HeadBlob { repository: name(repository)?, digest: digest_of(digest)? }
            }
            Shape::GetBlob { repository, digest } => {
                Self::GetBlob { repository: name(repository)?, digest: digest_of(digest)? }
            }
            Shape::DeleteBlob { repository, digest } => {
                Self::DeleteBlob { repository: name(repository)?, digest: digest_of(digest)? }
            }
            Shape::StartUpload { repository, query } => start_upload(name(repository)?, Query::new(query))?,
            Shape::AppendUpload { repository, upload } => {
                Self::AppendUpload { repository: name(repository)?, upload: upload_id(upload)? }
            }
            Shape::FinishUpload { repository, upload, query } => Self::FinishUpload {
                repository: name(repository)?,
                upload: upload_id(upload)?,
                digest: digest_of(&Query::new(query).first("digest").ok_or(InvalidValue::DigestMissing)?)?,
            },
            Shape::DescribeUpload { repository, upload } => {
                Self::DescribeUpload { repository: name(repository)?, upload: upload_id(upload)? }
            }
            Shape::CancelUpload { repository, upload } => {
                Self::CancelUpload { repository: name(repository)?, upload: upload_id(upload)? }
            }
            Shape::HeadManifest { repository, reference } => {
                Self::HeadManifest { repository: name(repository)?, reference: sought(reference)? }
            }
            Shape::GetManifest { repository, reference } => {
                Self::GetManifest { repository: name(repository)?, reference: sought(reference)? }
            }
            Shape::PutManifest { repository, reference, query } => Self::PutManifest {
                repository: name(repository)?,
                reference: reference_of(reference)?,
                tags: tags(Query::new(query))?,
            },
            Shape::DeleteManifest { repository, reference } => {
                Self::DeleteManifest { repository: name(repository)?, reference: sought(reference)? }
            }
            Shape::ListTags { repository, query } => {
                Self::ListTags { repository: name(repository)?, page: page(query)? }
            }
            Shape::ListReferrers { repository, digest, query } => {
                let query = Query::new(query);
                Self::ListReferrers {
                    repository: name(repository)?,
                    digest: digest_of(digest)?,
                    // No media type has a space, but many clients forget to encode the plus.
                    artifact_type: query.first("artifactType").map(|text| text.replace(' ', "+")),
                    last: query.first("last").map(Into::into),
                }
            }
        })
    }
}

fn start_upload(repository: RepositoryName, query: Query<'_>) -> Result<Request, InvalidValue> {
    let digest = |parameter| query.first(parameter).map(|text| digest_of(&text)).transpose();
    let algorithm = query.first("digest-algorithm");
    Ok(Request::StartUpload {
        repository,
        digest: digest("digest")?,
        algorithm: algorithm
            .map(|text| Algorithm::from_name(&text).ok_or(InvalidValue::Algorithm))
            .transpose()?,
        mount: digest("mount")?.map(|digest| Mount { digest, from: mount_source(query) }),
    })
}

fn mount_source(query: Query<'_>) -> MountSource {
    match query.first("from") {
        None => MountSource::Anywhere,
        Some(from) => RepositoryName::parse(&from).map_or(MountSource::Nowhere, MountSource::Repository),
    }
}

fn tags(query: Query<'_>) -> Result<Vec<Tag>, InvalidValue> {
    let mut tags = Vec::new();
    for (index, text) in query.all("tag").enumerate() {
        if index >= MAX_TAGS {
            return Err(InvalidValue::TooManyTags);
        }
        let tag = Tag::parse(&text).map_err(InvalidValue::Tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

fn page(query: &str) -> Result<Page, InvalidValue> {
    let query = Query::new(query);
    let limit = query.first("n").map(|text| page_size(&text).map_err(InvalidValue::PageSize)).transpose()?;
    Ok(Page { limit, last: query.first("last").map(Into::into) })
}

fn page_size(text: &str) -> Result<u16, PageSizeFault> {
    let (digits, negative) = text.strip_prefix('-').map_or((text, false), |digits| (digits, true));
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(PageSizeFault::NotANumber);
    }
    if negative {
        return Err(PageSizeFault::Negative);
    }
    digits.parse().ok().filter(|limit| *limit <= MAX_PAGE).ok_or(PageSizeFault::TooLarge)
}

/// A reference to something that is there, or not: a tag that cannot be is not.
fn sought(text: &str) -> Result<Reference, InvalidValue> {
    reference_of(text).map_err(|error| match error {
        InvalidValue::Tag(_) => InvalidValue::ManifestUnknown,
        other => other,
    })
}

fn reference_of(text: &str) -> Result<Reference, InvalidValue> {
    if text.contains(':') {
        digest_of(text).map(Reference::Digest)
    } else {
        Tag::parse(text).map(Reference::Tag).map_err(InvalidValue::Tag)
    }
}

fn name(text: &str) -> Result<RepositoryName, InvalidValue> {
    RepositoryName::parse(text).map_err(InvalidValue::Name)
}

fn digest_of(text: &str) -> Result<Digest, InvalidValue> {
    Digest::parse(text).map_err(|_| InvalidValue::Digest)
}

fn upload_id(text: &str) -> Result<UploadId, InvalidValue> {
    UploadId::parse(text).ok_or(InvalidValue::UploadUnknown)
}

#[cfg(test)]
mod tests;
