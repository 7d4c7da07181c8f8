//! Templates for repositories that the registry makes by itself (spec/ecr.md 2.8, 2.13, 2.24, 2.56, 7.3). Their policies
//! are judged elsewhere.

use super::model::Constraint;
use super::repository::{EncryptionConfiguration, ExclusionFilter, TagMutability, check_filters};
use super::tags::ResourceTag;
use super::{Input, Operation, Timestamp};
use crate::names::{AccountId, RepositoryPrefix};
use serde::{Deserialize, Serialize};

/// A template, as every answer shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCreationTemplate {
    /// In the order they were sent.
    pub applied_for: Vec<AppliedFor>,
    /// When it was made.
    pub created_at: Timestamp,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Always told.
    pub encryption_configuration: EncryptionConfiguration,
    /// Always told.
    pub image_tag_mutability: TagMutability,
    /// Only with the two modes that have filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_policy: Option<String>,
    /// As it was sent.
    pub prefix: RepositoryPrefix,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_policy: Option<String>,
    /// If there are any, in the order they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_tags: Option<Vec<ResourceTag>>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

words! {
    /// What a registry makes a repository for.
    AppliedFor {
        /// An image that was pushed.
        CreateOnPush "CREATE_ON_PUSH"
        /// An image that was pulled through a cache rule.
        PullThroughCache "PULL_THROUGH_CACHE"
        /// An image of another registry.
        Replication "REPLICATION"
    }
}

/// Makes a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepositoryCreationTemplate {
    /// At least one.
    pub applied_for: Vec<AppliedFor>,
    /// The role that tags and keys are set as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// At most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Default: AES256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_configuration: Option<EncryptionConfiguration>,
    /// Default: mutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability: Option<TagMutability>,
    /// One to five, with the two modes that have filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// At most 30,720 characters of JSON; an empty one is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_policy: Option<String>,
    /// The beginning of the names that it is for.
    pub prefix: RepositoryPrefix,
    /// At most 10,240 characters of JSON; an empty one is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_policy: Option<String>,
    /// At most fifty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_tags: Option<Vec<ResourceTag>>,
}

impl Input for CreateRepositoryCreationTemplate {
    const OPERATION: Operation = Operation::CreateRepositoryCreationTemplate;
    type Answer = RepositoryCreationTemplateAnswer;

    fn check(&self) -> Result<(), Constraint> {
        let mutability = self.image_tag_mutability.unwrap_or_default();
        check_filters(mutability, self.image_tag_mutability_exclusion_filters.as_deref())
    }
}

/// The answer that shows one template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCreationTemplateAnswer {
    /// The account.
    pub registry_id: AccountId,
    /// As it is now, or was when it was deleted.
    pub repository_creation_template: RepositoryCreationTemplate,
}

/// Changes a template. What is not sent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRepositoryCreationTemplate {
    /// At least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_for: Option<Vec<AppliedFor>>,
    /// An empty one goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// An empty one goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Both members together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_configuration: Option<EncryptionConfiguration>,
    /// With its filters, if it is one of the two modes that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability: Option<TagMutability>,
    /// One to five; without a mode they are for the one that the template has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    /// An empty one goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_policy: Option<String>,
    /// Which.
    pub prefix: RepositoryPrefix,
    /// An empty one goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_policy: Option<String>,
    /// All of them: what is not among them goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_tags: Option<Vec<ResourceTag>>,
}

impl Input for UpdateRepositoryCreationTemplate {
    const OPERATION: Operation = Operation::UpdateRepositoryCreationTemplate;
    type Answer = RepositoryCreationTemplateAnswer;

    fn check(&self) -> Result<(), Constraint> {
        let filters = self.image_tag_mutability_exclusion_filters.as_deref();
        match (self.image_tag_mutability, filters) {
            (Some(mutability), filters) => check_filters(mutability, filters),
            // Whether the template's mode has filters is not known here.
            (None, Some(filters)) => check_filters(TagMutability::MutableWithExclusion, Some(filters)),
            (None, None) => Ok(()),
        }
    }
}

/// Removes a template. Repositories that it made stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRepositoryCreationTemplate {
    /// Which.
    pub prefix: RepositoryPrefix,
}

impl Input for DeleteRepositoryCreationTemplate {
    const OPERATION: Operation = Operation::DeleteRepositoryCreationTemplate;
    type Answer = RepositoryCreationTemplateAnswer;
}

/// Shows the named templates, or all, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoryCreationTemplates {
    /// Size of a page, 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Those that are not there are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<RepositoryPrefix>>,
}

impl Input for DescribeRepositoryCreationTemplates {
    const OPERATION: Operation = Operation::DescribeRepositoryCreationTemplates;
    type Answer = DescribeRepositoryCreationTemplatesAnswer;
}

/// A page of templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoryCreationTemplatesAnswer {
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// The account.
    pub registry_id: AccountId,
    /// Told even when there are none.
    pub repository_creation_templates: Vec<RepositoryCreationTemplate>,
}
