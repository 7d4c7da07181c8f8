//! Layers: whether they are there, where they can be had, and how they are uploaded part by part (spec/ecr.md 2.1, 2.5,
//! 2.27, 2.34, 2.57).

use super::{Input, Operation};
use crate::names::{AccountId, RepositoryName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How many bytes a part should have; any number up to twice that is taken.
pub const PART_SIZE: u64 = 10_485_760;

/// Asks whether layers are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailability {
    /// Texts: a bad one is an entry in the failures.
    pub layer_digests: Vec<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for BatchCheckLayerAvailability {
    const OPERATION: Operation = Operation::BatchCheckLayerAvailability;
    type Answer = BatchCheckLayerAvailabilityAnswer;
}

/// An entry for each digest that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailabilityAnswer {
    /// Told even when there are none.
    pub failures: Vec<LayerFailure>,
    /// Told even when there are none.
    pub layers: Vec<Layer>,
}

/// A digest that was well-formed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Whether the repository has it.
    pub layer_availability: LayerAvailability,
    /// As asked.
    pub layer_digest: String,
    /// How many bytes, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_size: Option<u64>,
    /// As the first image that needed it calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Whether a layer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LayerAvailability {
    Available,
    Unavailable,
}

/// A digest that was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerFailure {
    /// The kind.
    pub failure_code: LayerFailureCode,
    /// For people.
    pub failure_reason: String,
    /// As asked.
    pub layer_digest: String,
}

/// What is wrong with a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LayerFailureCode {
    InvalidLayerDigest,
    MissingLayerDigest,
}

/// Asks for a URL that a layer can be fetched from without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDownloadUrlForLayer {
    /// A digest by ECR's pattern, which is wider than ours.
    pub layer_digest: String,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for GetDownloadUrlForLayer {
    const OPERATION: Operation = Operation::GetDownloadUrlForLayer;
    type Answer = GetDownloadUrlForLayerAnswer;
}

/// Where a layer can be had, for an hour.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDownloadUrlForLayerAnswer {
    /// Whoever has it may fetch the layer.
    pub download_url: String,
    /// As asked.
    pub layer_digest: String,
}

impl fmt::Debug for GetDownloadUrlForLayerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GetDownloadUrlForLayerAnswer({})", self.layer_digest)
    }
}

/// Opens an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUpload {
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
}

impl Input for InitiateLayerUpload {
    const OPERATION: Operation = Operation::InitiateLayerUpload;
    type Answer = InitiateLayerUploadAnswer;
}

/// An upload that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUploadAnswer {
    /// [`PART_SIZE`].
    pub part_size: u64,
    /// Its id, also at the data plane.
    pub upload_id: String,
}

/// Appends a part to an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPart {
    /// Up to 20,971,520 bytes.
    pub layer_part_blob: Blob,
    /// Position of the first byte in the layer: that of the next one.
    pub part_first_byte: u64,
    /// Position of the last byte.
    pub part_last_byte: u64,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
    /// Which.
    pub upload_id: String,
}

impl Input for UploadLayerPart {
    const OPERATION: Operation = Operation::UploadLayerPart;
    type Answer = UploadLayerPartAnswer;
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPartAnswer {
    /// As asked.
    pub last_byte_received: u64,
    /// The account.
    pub registry_id: AccountId,
    /// Where.
    pub repository_name: RepositoryName,
    /// As asked.
    pub upload_id: String,
}

/// Ends an upload: its bytes become a layer of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUpload {
    /// Digests by ECR's pattern, of which one must be the layer's.
    pub layer_digests: Vec<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
    /// Which.
    pub upload_id: String,
}

impl Input for CompleteLayerUpload {
    const OPERATION: Operation = Operation::CompleteLayerUpload;
    type Answer = CompleteLayerUploadAnswer;
}

/// A layer that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUploadAnswer {
    /// What its bytes hash to.
    pub layer_digest: String,
    /// The account.
    pub registry_id: AccountId,
    /// Where.
    pub repository_name: RepositoryName,
    /// As asked.
    pub upload_id: String,
}

/// Bytes that stand in JSON as base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(|_| D::Error::custom("a blob must be base64 with its padding"))
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}
