//! Policies of repositories and of registries (spec/ecr.md 2.9, 2.11, 2.14, 2.28, 2.30, 2.32, 2.43, 2.44, 2.49). Their
//! texts are judged elsewhere.

use super::{Input, Operation, Timestamp};
use crate::names::{AccountId, RepositoryName};
use serde::{Deserialize, Serialize};

/// An input that names one repository and nothing else.
macro_rules! of_one_repository {
    ($(#[$doc:meta])* $name:ident -> $answer:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// Default: the caller's account.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub registry_id: Option<AccountId>,
            /// Which.
            pub repository_name: RepositoryName,
        }

        impl Input for $name {
            const OPERATION: Operation = Operation::$name;
            type Answer = $answer;
        }
    };
}

of_one_repository!(
    /// Removes the lifecycle policy of a repository.
    DeleteLifecyclePolicy -> LifecyclePolicyAnswer
);
of_one_repository!(
    /// Shows the lifecycle policy of a repository.
    GetLifecyclePolicy -> LifecyclePolicyAnswer
);
of_one_repository!(
    /// Removes the policy of a repository.
    DeleteRepositoryPolicy -> RepositoryPolicyAnswer
);
of_one_repository!(
    /// Shows the policy of a repository.
    GetRepositoryPolicy -> RepositoryPolicyAnswer
);

/// Sets the lifecycle policy of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLifecyclePolicy {
    /// 100 to 30,720 characters of JSON.
    pub lifecycle_policy_text: String,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Which.
    pub repository_name: RepositoryName,
}

impl Input for PutLifecyclePolicy {
    const OPERATION: Operation = Operation::PutLifecyclePolicy;
    type Answer = PutLifecyclePolicyAnswer;
}

/// A lifecycle policy, as Get shows it and Delete showed it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecyclePolicyAnswer {
    /// When it last ran; 1970 until it has.
    pub last_evaluated_at: Timestamp,
    /// Its text.
    pub lifecycle_policy_text: String,
    /// The account.
    pub registry_id: AccountId,
    /// Which.
    pub repository_name: RepositoryName,
}

/// A lifecycle policy as it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLifecyclePolicyAnswer {
    /// Its text.
    pub lifecycle_policy_text: String,
    /// The account.
    pub registry_id: AccountId,
    /// Which.
    pub repository_name: RepositoryName,
}

/// Sets the policy of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRepositoryPolicy {
    /// Even if the caller could not set it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// At most 10,240 characters of JSON.
    pub policy_text: String,
    /// Default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<AccountId>,
    /// Which.
    pub repository_name: RepositoryName,
}

impl Input for SetRepositoryPolicy {
    const OPERATION: Operation = Operation::SetRepositoryPolicy;
    type Answer = RepositoryPolicyAnswer;
}

/// The policy of a repository, as it is or was last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPolicyAnswer {
    /// Its text.
    pub policy_text: String,
    /// The account.
    pub registry_id: AccountId,
    /// Which.
    pub repository_name: RepositoryName,
}

/// Sets the policy of the caller's registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistryPolicy {
    /// At most 10,240 characters of JSON.
    pub policy_text: String,
}

impl Input for PutRegistryPolicy {
    const OPERATION: Operation = Operation::PutRegistryPolicy;
    type Answer = RegistryPolicyAnswer;
}

/// Shows the policy of the caller's registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRegistryPolicy {}

impl Input for GetRegistryPolicy {
    const OPERATION: Operation = Operation::GetRegistryPolicy;
    type Answer = RegistryPolicyAnswer;
}

/// Removes the policy of the caller's registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRegistryPolicy {}

impl Input for DeleteRegistryPolicy {
    const OPERATION: Operation = Operation::DeleteRegistryPolicy;
    type Answer = RegistryPolicyAnswer;
}

/// The policy of a registry, as it is or was last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryPolicyAnswer {
    /// Its text.
    pub policy_text: String,
    /// The account.
    pub registry_id: AccountId,
}
