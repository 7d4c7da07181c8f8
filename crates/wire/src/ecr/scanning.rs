//! Which repositories of a registry are scanned, and when (spec/ecr.md 2.4, 2.31, 2.45, 5.2).

use super::model::Constraint;
use super::{Input, Operation};
use crate::names::{AccountId, RepositoryName};
use serde::{Deserialize, Serialize};

/// Shows the scanning configuration of the caller's registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRegistryScanningConfiguration {}

impl Input for GetRegistryScanningConfiguration {
    const OPERATION: Operation = Operation::GetRegistryScanningConfiguration;
    type Answer = GetRegistryScanningConfigurationAnswer;
}

/// The scanning configuration of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRegistryScanningConfigurationAnswer {
    /// The account.
    pub registry_id: AccountId,
    /// Told even when nothing is configured.
    pub scanning_configuration: RegistryScanningConfiguration,
}

/// Replaces the scanning configuration of the caller's registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistryScanningConfiguration {
    /// At most two; default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<ScanningRule>>,
    /// Default: basic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_type: Option<ScanType>,
}

impl Input for PutRegistryScanningConfiguration {
    const OPERATION: Operation = Operation::PutRegistryScanningConfiguration;
    type Answer = PutRegistryScanningConfigurationAnswer;

    /// One rule for each frequency, of those that the type has (spec/ecr.md 2.45).
    fn check(&self) -> Result<(), Constraint> {
        let scan_type = self.scan_type.unwrap_or_default();
        let mut seen = Vec::new();
        for rule in self.rules.iter().flatten() {
            let frequency = rule.scan_frequency;
            if matches!(
                (scan_type, frequency),
                (ScanType::Basic, ScanFrequency::Continuous) | (ScanType::Enhanced, ScanFrequency::Manual)
            ) {
                let (frequency, scan_type) = (frequency.as_str(), scan_type.as_str());
                let text = format!("ScanFrequency can't be {frequency} when scanType is set as {scan_type}");
                return Err(Constraint::broken("scanFrequency", text));
            }
            if seen.contains(&frequency) {
                let text =
                    format!("Member must have at most one rule with scanFrequency {}", frequency.as_str());
                return Err(Constraint::broken("rules", text));
            }
            seen.push(frequency);
        }
        Ok(())
    }
}

/// The scanning configuration as it was put. Here it has another name than in the answer of Get, and no account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistryScanningConfigurationAnswer {
    /// The configuration.
    pub registry_scanning_configuration: RegistryScanningConfiguration,
}

/// Which repositories are scanned, by what and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryScanningConfiguration {
    /// In the order they were put.
    pub rules: Vec<ScanningRule>,
    /// By what.
    pub scan_type: ScanType,
}

/// When the repositories that a filter matches are scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningRule {
    /// Which repositories.
    pub repository_filters: Vec<ScanningFilter>,
    /// When.
    pub scan_frequency: ScanFrequency,
}

/// Repositories by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningFilter {
    /// A whole name where it has a `*`, else a part of one.
    pub filter: String,
    /// How it is read.
    pub filter_type: ScanningFilterType,
}

/// How a scanning filter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScanningFilterType {
    /// `*` stands for any run of characters.
    Wildcard,
}

words! {
    /// By what a registry is scanned.
    #[derive(Default)]
    ScanType {
        /// Packages of the operating system: the default.
        #[default] Basic "BASIC"
        /// Packages of languages too, and again when something becomes known.
        Enhanced "ENHANCED"
    }
}
words! {
    /// When a repository is scanned.
    #[derive(Default)]
    ScanFrequency {
        /// Again when something becomes known.
        Continuous "CONTINUOUS_SCAN"
        /// When somebody asks: the default.
        #[default] Manual "MANUAL"
        /// When an image is pushed.
        OnPush "SCAN_ON_PUSH"
    }
}

/// Shows when each of these repositories is scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchGetRepositoryScanningConfiguration {
    /// One to 25 of the caller's registry.
    pub repository_names: Vec<RepositoryName>,
}

impl Input for BatchGetRepositoryScanningConfiguration {
    const OPERATION: Operation = Operation::BatchGetRepositoryScanningConfiguration;
    type Answer = BatchGetRepositoryScanningConfigurationAnswer;
}

/// When repositories are scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchGetRepositoryScanningConfigurationAnswer {
    /// Those that are not there, in the order they were asked for.
    pub failures: Vec<ScanningConfigurationFailure>,
    /// Those that are there, in the order they were asked for.
    pub scanning_configurations: Vec<RepositoryScanningConfiguration>,
}

/// When one repository is scanned, after the registry's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryScanningConfiguration {
    /// The filters that made it so.
    pub applied_scan_filters: Vec<ScanningFilter>,
    /// Its ARN.
    pub repository_arn: String,
    /// Its name.
    pub repository_name: RepositoryName,
    /// When it is scanned.
    pub scan_frequency: ScanFrequency,
    /// The repository's own flag.
    pub scan_on_push: bool,
}

/// A repository that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningConfigurationFailure {
    /// Why.
    pub failure_code: ScanningConfigurationFailureCode,
    /// Why, in ECR's words.
    pub failure_reason: String,
    /// Which.
    pub repository_name: RepositoryName,
}

/// Why a repository's scanning cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScanningConfigurationFailureCode {
    /// It does not exist.
    RepositoryNotFound,
}
