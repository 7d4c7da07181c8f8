//! Images (spec/ecr.md 2.2, 2.3, 2.20, 2.36, 2.40).

use super::model::{Constraint, Pattern};
use super::repository::check_paging;
use super::{Input, Operation, Timestamp, shapes};
use crate::names::{AccountId, RepositoryName};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Names an image. Texts, not names: operations on many images answer a bad one by an entry in their failures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIdentifier {
    /// By digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// By tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
}

/// An image with its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its digest, and the tag it was asked by.
    pub image_id: ImageIdentifier,
    /// The manifest to the letter.
    pub image_manifest: String,
    /// The media type it was pushed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_manifest_media_type: Option<String>,
    /// The account.
    pub registry_id: AccountId,
    /// Where it is.
    pub repository_name: RepositoryName,
}

/// Why one image of many was not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFailure {
    /// The kind.
    pub failure_code: ImageFailureCode,
    /// In words.
    pub failure_reason: String,
    /// As it was asked for.
    pub image_id: ImageIdentifier,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageFailureCode {
    /// Archived.
    ImageInaccessible,
    /// Nothing matches.
    ImageNotFound,
    /// Part of an index that still exists.
    ImageReferencedByManifestList,
    /// The tag is on another image.
    ImageTagDoesNotMatchDigest,
    /// Bad syntax.
    InvalidImageDigest,
    /// Bad syntax.
    InvalidImageTag,
    /// The key cannot be used.
    KmsError,
    /// `{}`.
    MissingDigestAndTag,
    /// Refused by the registry it comes from.
    UpstreamAccessDenied,
    /// Throttled by the registry it comes from.
    UpstreamTooManyRequests,
    /// The registry it comes from does not answer.
    UpstreamUnavailable,
}

/// All about an image but its manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetail {
    /// The `artifactType` of an artifact, else the media type of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
    /// Its digest.
    pub image_digest: String,
    /// The media type it was pushed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_manifest_media_type: Option<String>,
    /// When.
    pub image_pushed_at: Timestamp,
    /// Configuration and layers; of an index, its largest child.
    pub image_size_in_bytes: u64,
    /// Whether it can be pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_status: Option<ImageStatus>,
    /// Absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tags: Option<Vec<String>>,
    /// Absent until it was pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_recorded_pull_time: Option<Timestamp>,
    /// The account.
    pub registry_id: AccountId,
    /// Where it is.
    pub repository_name: RepositoryName,
    /// What it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_manifest_digest: Option<String>,
}

/// Whether an image can be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImageStatus {
    /// On its way back.
    Activating,
    /// It can.
    Active,
    /// It cannot until it is restored.
    Archived,
}

/// Which images to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFilter {
    /// Default: active ones only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_status: Option<ImageStatusFilter>,
    /// Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_status: Option<TagStatus>,
}

/// Images by their status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "as ImageStatus, or all")]
pub enum ImageStatusFilter {
    Activating,
    Active,
    Any,
    Archived,
}

/// Images by their tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum TagStatus {
    Any,
    Tagged,
    Untagged,
}

/// Shows digests and tags, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImages {
    /// Which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ImageFilter>,
    /// Size of a page in pairs of digest and tag, 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for ListImages {
    const OPERATION: Operation = Operation::ListImages;
    type Answer = ListImagesAnswer;
}

/// A page of digests and tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImagesAnswer {
    /// Told even when there are none.
    pub image_ids: Vec<ImageIdentifier>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Shows the named images, or all, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImages {
    /// Which, if none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ImageFilter>,
    /// One to a hundred; they exclude paging, and one bad or missing one fails the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_ids: Option<Vec<ImageIdentifier>>,
    /// Size of a page, 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for DescribeImages {
    const OPERATION: Operation = Operation::DescribeImages;
    type Answer = DescribeImagesAnswer;

    fn check(&self) -> Result<(), Constraint> {
        check_paging("imageIds", self.image_ids.is_some(), self.next_token.as_deref(), self.max_results)?;
        for id in self.image_ids.iter().flatten() {
            if id.image_digest.is_none() && id.image_tag.is_none() {
                return Err(Constraint::broken("imageIds", "both tag and digest cannot be null"));
            }
            check_identifier(id.image_digest.as_deref(), id.image_tag.as_deref())?;
        }
        Ok(())
    }
}

/// A page of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImagesAnswer {
    /// Told even when there are none.
    pub image_details: Vec<ImageDetail>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Shows manifests: a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchGetImage {
    /// One to a hundred media types that the caller can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_media_types: Option<Vec<String>>,
    /// One to a hundred.
    pub image_ids: Vec<ImageIdentifier>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for BatchGetImage {
    const OPERATION: Operation = Operation::BatchGetImage;
    type Answer = BatchGetImageAnswer;
}

/// What was found, and what was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchGetImageAnswer {
    /// Told even when there are none.
    pub failures: Vec<ImageFailure>,
    /// Told even when there are none.
    pub images: Vec<Image>,
}

/// Deletes tags and images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImage {
    /// One to a hundred.
    pub image_ids: Vec<ImageIdentifier>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for BatchDeleteImage {
    const OPERATION: Operation = Operation::BatchDeleteImage;
    type Answer = BatchDeleteImageAnswer;
}

/// What was deleted, and what was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImageAnswer {
    /// Told even when there are none.
    pub failures: Vec<ImageFailure>,
    /// Told even when there are none.
    pub image_ids: Vec<ImageIdentifier>,
}

/// Adds an image whose layers are there, or a tag to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImage {
    /// What the manifest must hash to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The manifest to the letter: its bytes are what is hashed.
    pub image_manifest: String,
    /// Needed if the manifest does not name its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_manifest_media_type: Option<String>,
    /// The tag to put on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for PutImage {
    const OPERATION: Operation = Operation::PutImage;
    type Answer = PutImageAnswer;

    fn check(&self) -> Result<(), Constraint> {
        if self.image_manifest_media_type.is_none() && !names_its_type(&self.image_manifest) {
            let text = "Member must not be null when the manifest names no mediaType";
            return Err(Constraint::broken("imageManifestMediaType", text));
        }
        check_identifier(self.image_digest.as_deref(), self.image_tag.as_deref())
    }
}

/// Whether a manifest says itself what it is. One that is not JSON is left to the push, which says so.
fn names_its_type(manifest: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<IgnoredAny>,
    }
    serde_json::from_str::<Typed>(manifest).map_or(true, |typed| typed.media_type.is_some())
}

/// The image as it was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutImageAnswer {
    /// With the digest, and the tag it was put with.
    pub image: Image,
}

/// Digest and tag where a bad one fails the call; the texts are ECR's.
fn check_identifier(digest: Option<&str>, tag: Option<&str>) -> Result<(), Constraint> {
    let check = |field, text: Option<&str>, pattern: Pattern| match text {
        Some(text) if !(pattern.matches)(text) => Err(Constraint::broken(field, pattern.sentence())),
        _ => Ok(()),
    };
    check("imageDigest", digest, shapes::DIGEST_PATTERN)?;
    check("imageTag", tag, shapes::TAG_PATTERN)
}
