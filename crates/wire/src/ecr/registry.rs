//! The registry itself, and where it is replicated to (spec/ecr.md 2.0, 2.22, 2.46).

use super::model::Constraint;
use super::{Input, Operation};
use crate::names::{AccountId, Region};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Registries that one may copy to (spec/ecr.md 3.11).
const MAX_DESTINATIONS: usize = 25;

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

/// Replaces the replication configuration of the caller's registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutReplicationConfiguration {
    /// All of it.
    pub replication_configuration: ReplicationConfiguration,
}

impl Input for PutReplicationConfiguration {
    const OPERATION: Operation = Operation::PutReplicationConfiguration;
    type Answer = PutReplicationConfigurationAnswer;

    fn check(&self) -> Result<(), Constraint> {
        let rules = self.replication_configuration.rules.iter();
        let destinations: HashSet<_> = rules.flat_map(|rule| &rule.destinations).collect();
        if destinations.len() > MAX_DESTINATIONS {
            let text =
                format!("Member must have at most {MAX_DESTINATIONS} unique destinations over all rules");
            return Err(Constraint::broken("destinations", text));
        }
        Ok(())
    }
}

/// The replication configuration as it was put, without the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutReplicationConfigurationAnswer {
    /// All of it.
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
