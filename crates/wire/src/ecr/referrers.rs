//! What is attached to an image (spec/ecr.md 2.35).

use super::image::{ImageStatus, ImageStatusFilter};
use super::{Input, Operation};
use crate::names::{AccountId, RepositoryName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lists the images that have a digest as their subject, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImageReferrers {
    /// Default: active ones of every type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ReferrersFilter>,
    /// 1 to 50; default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// Where the page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Where.
    pub repository_name: RepositoryName,
    /// The digest, which need not be an image's.
    pub subject_id: SubjectIdentifier,
}

impl Input for ListImageReferrers {
    const OPERATION: Operation = Operation::ListImageReferrers;
    type Answer = ListImageReferrersAnswer;
}

/// Names a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectIdentifier {
    /// A digest by ECR's pattern, which is wider than ours.
    pub image_digest: String,
}

/// Which referrers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrersFilter {
    /// Default: active ones only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_status: Option<ImageStatusFilter>,
    /// Up to five types, of which each may have one; none: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_types: Option<Vec<String>>,
}

/// A page of referrers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImageReferrersAnswer {
    /// Where the next page starts, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Told even when there are none.
    pub referrers: Vec<ImageReferrer>,
}

/// One referrer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReferrer {
    /// All of its manifest's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Whether it can be pulled.
    pub artifact_status: ImageStatus,
    /// Its own, else the media type of its config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its digest.
    pub digest: String,
    /// As recorded at its push.
    pub media_type: String,
    /// How many bytes its manifest has.
    pub size: u64,
}
