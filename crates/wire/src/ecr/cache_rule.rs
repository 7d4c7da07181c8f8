//! Pull-through cache rules (spec/ecr.md 2.6, 2.10, 2.21, 2.55, 7.2).

use super::{Input, Operation, Timestamp};
use crate::names::{AccountId, RepositoryPrefix};
use serde::{Deserialize, Serialize};

/// Makes a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatePullThroughCacheRule {
    /// The secret that the upstream asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_arn: Option<String>,
    /// The role that an ECR upstream asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// Which repositories cache the upstream's: 2 to 30 characters.
    pub ecr_repository_prefix: RepositoryPrefix,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Default: what the URL says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_registry: Option<UpstreamRegistry>,
    /// The upstream's host.
    pub upstream_registry_url: String,
    /// Which of an ECR upstream's repositories: 2 to 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_repository_prefix: Option<RepositoryPrefix>,
}

impl Input for CreatePullThroughCacheRule {
    const OPERATION: Operation = Operation::CreatePullThroughCacheRule;
    type Answer = PullThroughCacheRule;
}

/// A rule. Each answer tells less than all of it (spec/ecr.md 2.0, 2.6, 2.10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullThroughCacheRule {
    /// When it was made.
    pub created_at: Timestamp,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_arn: Option<String>,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// As it was sent.
    pub ecr_repository_prefix: RepositoryPrefix,
    /// The account.
    pub registry_id: AccountId,
    /// When it was changed last. Only Describe tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// What kind of upstream it has. Delete does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_registry: Option<UpstreamRegistry>,
    /// The upstream's host, as it was sent.
    pub upstream_registry_url: String,
    /// Only if it was sent: Terraform would replace the rule at every plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_repository_prefix: Option<RepositoryPrefix>,
}

words! {
    /// Kinds of upstreams. Each has one host, but for ECR and Azure.
    UpstreamRegistry {
        /// Another registry of this kind.
        Ecr "ecr"
        /// `public.ecr.aws`.
        EcrPublic "ecr-public"
        /// `quay.io`.
        Quay "quay"
        /// `registry.k8s.io`.
        K8s "k8s"
        /// `registry-1.docker.io`.
        DockerHub "docker-hub"
        /// `ghcr.io`.
        GithubContainerRegistry "github-container-registry"
        /// `<name>.azurecr.io`.
        AzureContainerRegistry "azure-container-registry"
        /// `registry.gitlab.com`.
        GitlabContainerRegistry "gitlab-container-registry"
        /// `cgr.dev`.
        Chainguard "chainguard"
    }
}

/// Shows the named rules, or all, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribePullThroughCacheRules {
    /// One to a hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecr_repository_prefixes: Option<Vec<RepositoryPrefix>>,
    /// Size of a page, 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
}

impl Input for DescribePullThroughCacheRules {
    const OPERATION: Operation = Operation::DescribePullThroughCacheRules;
    type Answer = DescribePullThroughCacheRulesAnswer;
}

/// A page of rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribePullThroughCacheRulesAnswer {
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Told even when there are none.
    pub pull_through_cache_rules: Vec<PullThroughCacheRule>,
}

/// Gives a rule other credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePullThroughCacheRule {
    /// What is not sent stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_arn: Option<String>,
    /// What is not sent stays; an empty one goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// Which.
    pub ecr_repository_prefix: RepositoryPrefix,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
}

impl Input for UpdatePullThroughCacheRule {
    const OPERATION: Operation = Operation::UpdatePullThroughCacheRule;
    type Answer = UpdatePullThroughCacheRuleAnswer;
}

/// A rule as it was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePullThroughCacheRuleAnswer {
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_arn: Option<String>,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// Which.
    pub ecr_repository_prefix: RepositoryPrefix,
    /// The account.
    pub registry_id: AccountId,
    /// When.
    pub updated_at: Timestamp,
    /// If there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_repository_prefix: Option<RepositoryPrefix>,
}

/// Removes a rule. What it has cached stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletePullThroughCacheRule {
    /// Which.
    pub ecr_repository_prefix: RepositoryPrefix,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
}

impl Input for DeletePullThroughCacheRule {
    const OPERATION: Operation = Operation::DeletePullThroughCacheRule;
    type Answer = PullThroughCacheRule;
}
