//! The registry itself (spec/ecr.md 2.0, 2.22).

use super::{Input, Operation};
use crate::names::{AccountId, Region};
use serde::{Deserialize, Serialize};

/// Asks about the caller's registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeRegistry {}

impl Input for DescribeRegistry {
    const OPERATION: Operation = Operation::DescribeRegistry;
    type Answer = DescribeRegistryAnswer;
}

/// The caller's registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRegistryAnswer {
    /// The account.
    pub registry_id: AccountId,
    /// Told even when nothing is configured.
    pub replication_configuration: ReplicationConfiguration,
}

/// Where images are copied to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationConfiguration {
    /// In the order they were put.
    pub rules: Vec<ReplicationRule>,
}

/// Which images are copied where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationRule {
    /// Only if it was put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_replication: Option<DeleteReplication>,
    /// In the order they were put.
    pub destinations: Vec<ReplicationDestination>,
    /// None: all repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_filters: Option<Vec<RepositoryFilter>>,
}

/// Whether deletions are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteReplication {
    /// They are.
    pub enabled: bool,
}

/// Another registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationDestination {
    /// Its Region.
    pub region: Region,
    /// Its account.
    pub registry_id: AccountId,
}

/// Repositories by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryFilter {
    /// The beginning of a name.
    pub filter: String,
    /// How it is read.
    pub filter_type: RepositoryFilterType,
}

/// How a repository filter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RepositoryFilterType {
    /// As the beginning of a name.
    PrefixMatch,
}
