//! Tags of resources (spec/ecr.md 2.38, 2.52, 2.53); not to be confused with image tags.

use super::{Input, Nothing, Operation};
use serde::{Deserialize, Serialize};

/// A key and a value on a repository. Unchecked: bad ones have exceptions of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    /// At most 128 characters; `aws:` is reserved.
    pub key: String,
    /// At most 256 characters.
    pub value: String,
}

/// Adds tags, or overwrites those of the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResource {
    /// The repository.
    pub resource_arn: String,
    /// What to add.
    pub tags: Vec<ResourceTag>,
}

impl Input for TagResource {
    const OPERATION: Operation = Operation::TagResource;
    type Answer = Nothing;
}

/// Removes tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResource {
    /// The repository.
    pub resource_arn: String,
    /// The keys to remove.
    pub tag_keys: Vec<String>,
}

impl Input for UntagResource {
    const OPERATION: Operation = Operation::UntagResource;
    type Answer = Nothing;
}

/// Shows all tags of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResource {
    /// The repository.
    pub resource_arn: String,
}

impl Input for ListTagsForResource {
    const OPERATION: Operation = Operation::ListTagsForResource;
    type Answer = ListTagsForResourceAnswer;
}

/// All tags of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListTagsForResourceAnswer {
    /// Told even when there are none.
    pub tags: Vec<ResourceTag>,
}
