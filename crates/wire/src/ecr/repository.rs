//! Repositories and their settings (spec/ecr.md 2.7, 2.12, 2.23, 2.41, 2.42).

use super::model::Constraint;
use super::tags::ResourceTag;
use super::{Input, Operation, Timestamp};
use crate::names::{AccountId, RepositoryName};
use serde::{Deserialize, Serialize};

/// A repository, as every answer shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// When it was made.
    pub created_at: Timestamp,
    /// Always told: clients see a change where it is absent.
    pub encryption_configuration: EncryptionConfiguration,
    /// Always told, as above.
    pub image_scanning_configuration: ImageScanningConfiguration,
    /// Always told, as above.
    pub image_tag_mutability: TagMutability,
    /// Only with the two modes that have filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// The account it belongs to.
    pub registry_id: AccountId,
    /// `arn:<partition>:ecr:<Region>:<account>:repository/<name>`.
    pub repository_arn: String,
    /// Its name in the registry.
    pub repository_name: RepositoryName,
    /// Host and name, without a scheme: what stands before `:tag`.
    pub repository_uri: String,
}

/// How a repository's objects are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionConfiguration {
    /// The kind of key.
    pub encryption_type: EncryptionType,
    /// Its name, with the two KMS kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

words! {
    /// Kinds of encryption.
    EncryptionType {
        /// Keys of the registry: the default.
        Aes256 "AES256"
        /// A named key.
        Kms "KMS"
        /// A named key, two layers.
        KmsDsse "KMS_DSSE"
    }
}

/// Whether images are scanned when they are pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageScanningConfiguration {
    /// An absent member is false: the Go SDK leaves false out (spec/terraform.md 1).
    #[serde(default)]
    pub scan_on_push: bool,
}

words! {
    /// Whether a tag may move to another image.
    #[derive(Default)]
    TagMutability {
        /// No tag moves.
        Immutable "IMMUTABLE"
        /// No tag moves but those that a filter matches.
        ImmutableWithExclusion "IMMUTABLE_WITH_EXCLUSION"
        /// Tags move: the default.
        #[default] Mutable "MUTABLE"
        /// Tags move but those that a filter matches.
        MutableWithExclusion "MUTABLE_WITH_EXCLUSION"
    }
}

impl TagMutability {
    /// Whether this mode has filters.
    pub fn has_filters(self) -> bool {
        matches!(self, Self::ImmutableWithExclusion | Self::MutableWithExclusion)
    }
}

/// Tags that are excluded from a mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExclusionFilter {
    /// The pattern; `*` stands for any run of characters.
    pub filter: String,
    /// How the pattern is read.
    pub filter_type: FilterType,
}

/// How a filter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FilterType {
    /// `*` stands for any run of characters.
    Wildcard,
}

/// Makes a repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepository {
    /// Default: AES256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_configuration: Option<EncryptionConfiguration>,
    /// Default: not scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_scanning_configuration: Option<ImageScanningConfiguration>,
    /// Default: mutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability: Option<TagMutability>,
    /// One to five, with the two modes that have filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Its name.
    pub repository_name: RepositoryName,
    /// Unchecked: too many and bad ones have exceptions of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<ResourceTag>>,
}

impl Input for CreateRepository {
    const OPERATION: Operation = Operation::CreateRepository;
    type Answer = RepositoryAnswer;

    fn check(&self) -> Result<(), Constraint> {
        let mutability = self.image_tag_mutability.unwrap_or_default();
        check_filters(mutability, self.image_tag_mutability_exclusion_filters.as_deref())
    }
}

/// The answer that shows one repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepositoryAnswer {
    /// As it is now, or was when it was deleted.
    pub repository: Repository,
}

/// Deletes a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepository {
    /// With all its images.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Which.
    pub repository_name: RepositoryName,
}

impl Input for DeleteRepository {
    const OPERATION: Operation = Operation::DeleteRepository;
    type Answer = RepositoryAnswer;
}

/// Shows the named repositories, or all, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositories {
    /// Size of a page, 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// One to a hundred; they exclude paging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_names: Option<Vec<RepositoryName>>,
}

impl Input for DescribeRepositories {
    const OPERATION: Operation = Operation::DescribeRepositories;
    type Answer = DescribeRepositoriesAnswer;

    fn check(&self) -> Result<(), Constraint> {
        let named = self.repository_names.is_some();
        check_paging("repositoryNames", named, self.next_token.as_deref(), self.max_results)
    }
}

/// A page of repositories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoriesAnswer {
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Told even when there are none.
    pub repositories: Vec<Repository>,
}

/// Sets whether tags may move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageTagMutability {
    /// The mode.
    pub image_tag_mutability: TagMutability,
    /// One to five, with the two modes that have filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Which.
    pub repository_name: RepositoryName,
}

impl Input for PutImageTagMutability {
    const OPERATION: Operation = Operation::PutImageTagMutability;
    type Answer = PutImageTagMutabilityAnswer;

    fn check(&self) -> Result<(), Constraint> {
        check_filters(self.image_tag_mutability, self.image_tag_mutability_exclusion_filters.as_deref())
    }
}

/// The mode as it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageTagMutabilityAnswer {
    /// The mode.
    pub image_tag_mutability: TagMutability,
    /// Only with the two modes that have filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// The account.
    pub registry_id: AccountId,
    /// Which.
    pub repository_name: RepositoryName,
}

/// Sets whether images are scanned when they are pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageScanningConfiguration {
    /// The setting; `{}` is false.
    pub image_scanning_configuration: ImageScanningConfiguration,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Which.
    pub repository_name: RepositoryName,
}

impl Input for PutImageScanningConfiguration {
    const OPERATION: Operation = Operation::PutImageScanningConfiguration;
    type Answer = PutImageScanningConfigurationAnswer;
}

/// The setting as it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageScanningConfigurationAnswer {
    /// The setting.
    pub image_scanning_configuration: ImageScanningConfiguration,
    /// The account.
    pub registry_id: AccountId,
    /// Which.
    pub repository_name: RepositoryName,
}

/// A mode has filters or it has none, and a filter has at most two `*` (spec/ecr.md 1.4, 1.7).
pub(super) fn check_filters(
    mutability: TagMutability,
    filters: Option<&[ExclusionFilter]>,
) -> Result<(), Constraint> {
    const FIELD: &str = "imageTagMutabilityExclusionFilters";
    let mode = mutability.as_str();
    match filters {
        None if mutability.has_filters() => Err(Constraint::broken(
            FIELD,
            format!(
                "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode}"
            ),
        )),
        Some(_) if !mutability.has_filters() => Err(Constraint::broken(
            FIELD,
            format!(
                "ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as {mode}"
            ),
        )),
        Some(filters) if filters.iter().any(|f| f.filter.bytes().filter(|c| *c == b'*').count() > 2) => {
            Err(Constraint::broken("filter", "Member must have at most 2 wildcards (*)"))
        }
        _ => Ok(()),
    }
}

/// What is asked for by name comes whole (spec/ecr.md 1.6).
pub(super) fn check_paging(
    names: &str,
    named: bool,
    next_token: Option<&str>,
    max_results: Option<u32>,
) -> Result<(), Constraint> {
    let refused = |field| Err(Constraint::broken(field, format!("Member must be null when {names} is set")));
    match (named, next_token, max_results) {
        (true, Some(_), _) => refused("nextToken"),
        (true, None, Some(_)) => refused("maxResults"),
        _ => Ok(()),
    }
}
