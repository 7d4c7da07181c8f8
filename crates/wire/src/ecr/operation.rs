//! Every operation of the control plane, in one table (spec/ecr.md 2 and 6.3; DESIGN.md 4). Dispatch, authorization,
//! audit, body caps, validation and the README's table all read it.

use super::model::Member;
use super::shapes;
use std::fmt::Write as _;

/// What IAM judges an operation on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The ARN of `repositoryName`.
    Repository,
    /// The ARN of each of `repositoryNames`; of `repository/*` if there are none.
    RepositoryList,
    /// `resourceArn`.
    ResourceArn,
    /// `*`.
    Registry,
}

/// Whether an operation can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what ECR does.
    Works,
    /// It is answered with `UnknownOperationException`; its input has no shape yet.
    NotYet,
}

struct Row {
    operation: Operation,
    name: &'static str,
    target: &'static str,
    action: &'static str,
    resource: Resource,
    state: State,
    changes: bool,
    body_cap: usize,
    input: &'static [Member],
}

macro_rules! prefix {
    (Ecr) => {
        "AmazonEC2ContainerRegistry_V20150921."
    };
    (Acre) => {
        "Acre_V1."
    };
}

macro_rules! action {
    ($service:ident $name:ident $other:literal) => {
        $other
    };
    (Ecr $name:ident) => {
        concat!("ecr:", stringify!($name))
    };
    (Acre $name:ident) => {
        concat!("acre:", stringify!($name))
    };
}

macro_rules! changes {
    (reads) => {
        false
    };
    (changes) => {
        true
    };
}

macro_rules! operations {
    ($($name:ident $service:ident $resource:ident $effect:ident $cap:ident $state:ident $input:ident $($action:literal)?)*) => {
        /// An operation, by its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "spec/ecr.md 2 describes each under its name")]
        pub enum Operation { $($name,)* }

        /// In the order of the enum, so that an operation is its own index.
        const TABLE: &[Row] = &[$(Row {
            operation: Operation::$name,
            name: stringify!($name),
            target: concat!(prefix!($service), stringify!($name)),
            action: action!($service $name $($action)?),
            resource: Resource::$resource,
            state: State::$state,
            changes: changes!($effect),
            body_cap: $cap,
            input: shapes::$input,
        },)*];
    };
}

const MIB: usize = 1 << 20;
/// Policies: 30,720 characters at most, and what JSON needs to quote them.
const POLICY: usize = 64 << 10;
/// A manifest of 4 MiB, quoted.
const MANIFEST: usize = 9 * MIB;
/// A part of 20 MiB, in base64.
const PART: usize = 29 * MIB;

operations! {
    BatchCheckLayerAvailability              Ecr  Repository     reads   MIB      Works  BATCH_CHECK_LAYER_AVAILABILITY
    BatchDeleteImage                         Ecr  Repository     changes MIB      Works  BATCH_DELETE_IMAGE
    BatchGetImage                            Ecr  Repository     reads   MIB      Works  BATCH_GET_IMAGE
    BatchGetRepositoryScanningConfiguration  Ecr  RepositoryList reads   MIB      Works  BATCH_GET_REPOSITORY_SCANNING_CONFIGURATION
    CompleteLayerUpload                      Ecr  Repository     changes MIB      Works  COMPLETE_LAYER_UPLOAD
    CreatePullThroughCacheRule               Ecr  Registry       changes MIB      Works  CREATE_PULL_THROUGH_CACHE_RULE
    CreateRepository                         Ecr  Repository     changes MIB      Works  CREATE_REPOSITORY
    CreateRepositoryCreationTemplate         Ecr  Registry       changes MIB      Works  CREATE_REPOSITORY_CREATION_TEMPLATE
    DeleteLifecyclePolicy                    Ecr  Repository     changes MIB      Works  ONE_REPOSITORY
    DeletePullThroughCacheRule               Ecr  Registry       changes MIB      Works  DELETE_PULL_THROUGH_CACHE_RULE
    DeleteRegistryPolicy                     Ecr  Registry       changes MIB      Works  NONE
    DeleteRepository                         Ecr  Repository     changes MIB      Works  DELETE_REPOSITORY
    DeleteRepositoryCreationTemplate         Ecr  Registry       changes MIB      Works  DELETE_REPOSITORY_CREATION_TEMPLATE
    DeleteRepositoryPolicy                   Ecr  Repository     changes MIB      Works  ONE_REPOSITORY
    DeleteSigningConfiguration               Ecr  Registry       changes MIB      NotYet NONE
    DeregisterPullTimeUpdateExclusion        Ecr  Registry       changes MIB      NotYet NONE
    DescribeImageReplicationStatus           Ecr  Repository     reads   MIB      NotYet NONE
    DescribeImageScanFindings                Ecr  Repository     reads   MIB      NotYet NONE
    DescribeImageSigningStatus               Ecr  Repository     reads   MIB      NotYet NONE
    DescribeImages                           Ecr  Repository     reads   MIB      Works  DESCRIBE_IMAGES
    DescribePullThroughCacheRules            Ecr  Registry       reads   MIB      Works  DESCRIBE_PULL_THROUGH_CACHE_RULES
    DescribeRegistry                         Ecr  Registry       reads   MIB      Works  NONE
    DescribeReplicationBackfillResults       Ecr  Registry       reads   MIB      NotYet NONE
    DescribeRepositories                     Ecr  RepositoryList reads   MIB      Works  DESCRIBE_REPOSITORIES
    DescribeRepositoryCreationTemplates      Ecr  Registry       reads   MIB      Works  DESCRIBE_REPOSITORY_CREATION_TEMPLATES
    GetAccountSetting                        Ecr  Registry       reads   MIB      Works  GET_ACCOUNT_SETTING
    GetAuthorizationToken                    Ecr  Registry       reads   MIB      Works  GET_AUTHORIZATION_TOKEN
    GetDownloadUrlForLayer                   Ecr  Repository     reads   MIB      Works  GET_DOWNLOAD_URL_FOR_LAYER
    GetLifecyclePolicy                       Ecr  Repository     reads   MIB      Works  ONE_REPOSITORY
    GetLifecyclePolicyPreview                Ecr  Repository     reads   MIB      NotYet NONE
    GetRegistryPolicy                        Ecr  Registry       reads   MIB      Works  NONE
    GetRegistryScanningConfiguration         Ecr  Registry       reads   MIB      Works  NONE
    GetRepositoryPolicy                      Ecr  Repository     reads   MIB      Works  ONE_REPOSITORY
    GetSigningConfiguration                  Ecr  Registry       reads   MIB      NotYet NONE
    InitiateLayerUpload                      Ecr  Repository     reads   MIB      Works  ONE_REPOSITORY
    ListImageReferrers                       Ecr  Repository     reads   MIB      Works  LIST_IMAGE_REFERRERS "ecr:BatchGetImage"
    ListImages                               Ecr  Repository     reads   MIB      Works  LIST_IMAGES
    ListPullTimeUpdateExclusions             Ecr  Registry       reads   MIB      NotYet NONE
    ListReplicationBackfills                 Ecr  Registry       reads   MIB      NotYet NONE
    ListTagsForResource                      Ecr  ResourceArn    reads   MIB      Works  LIST_TAGS_FOR_RESOURCE
    PutAccountSetting                        Ecr  Registry       changes MIB      Works  PUT_ACCOUNT_SETTING
    PutImage                                 Ecr  Repository     changes MANIFEST Works  PUT_IMAGE
    PutImageScanningConfiguration            Ecr  Repository     changes MIB      Works  PUT_IMAGE_SCANNING_CONFIGURATION
    PutImageTagMutability                    Ecr  Repository     changes MIB      Works  PUT_IMAGE_TAG_MUTABILITY
    PutLifecyclePolicy                       Ecr  Repository     changes POLICY   Works  PUT_LIFECYCLE_POLICY
    PutRegistryPolicy                        Ecr  Registry       changes POLICY   Works  PUT_REGISTRY_POLICY
    PutRegistryScanningConfiguration         Ecr  Registry       changes MIB      Works  PUT_REGISTRY_SCANNING_CONFIGURATION
    PutReplicationConfiguration              Ecr  Registry       changes MIB      Works  PUT_REPLICATION_CONFIGURATION
    PutSigningConfiguration                  Ecr  Registry       changes MIB      NotYet NONE
    RegisterPullTimeUpdateExclusion          Ecr  Registry       changes MIB      NotYet NONE
    SetRepositoryPolicy                      Ecr  Repository     changes POLICY   Works  SET_REPOSITORY_POLICY
    StartImageScan                           Ecr  Repository     changes MIB      NotYet NONE
    StartLifecyclePolicyPreview              Ecr  Repository     changes POLICY   NotYet NONE
    StartReplicationBackfill                 Ecr  Registry       changes MIB      NotYet NONE
    StopReplicationBackfill                  Ecr  Registry       changes MIB      NotYet NONE
    TagResource                              Ecr  ResourceArn    changes MIB      Works  TAG_RESOURCE
    UntagResource                            Ecr  ResourceArn    changes MIB      Works  UNTAG_RESOURCE
    UpdateImageStorageClass                  Ecr  Repository     changes MIB      NotYet NONE
    UpdatePullThroughCacheRule               Ecr  Registry       changes MIB      Works  UPDATE_PULL_THROUGH_CACHE_RULE
    UpdateRepositoryCreationTemplate         Ecr  Registry       changes MIB      Works  UPDATE_REPOSITORY_CREATION_TEMPLATE
    UploadLayerPart                          Ecr  Repository     reads   PART     Works  UPLOAD_LAYER_PART
    ValidatePullThroughCacheRule             Ecr  Registry       reads   MIB      NotYet NONE
    CreateAccount                            Acre Registry       changes MIB      Works  CREATE_ACCOUNT
    RotateKeys                               Acre Registry       changes MIB      Works  NONE
}

impl Operation {
    /// The operation that an `X-Amz-Target` names, to the letter.
    pub fn from_target(target: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.target == target).map(|row| row.operation)
    }

    /// ECR's operations in alphabetical order, then our own.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.operation)
    }

    /// `CreateRepository`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The `X-Amz-Target` that names it: `AmazonEC2ContainerRegistry_V20150921.CreateRepository`, or
    /// `Acre_V1.CreateAccount`.
    pub fn target(self) -> &'static str {
        self.row().target
    }

    /// The IAM action that is checked, such as `ecr:CreateRepository`. Actions that depend on the input come on top
    /// of it (spec/ecr.md 6.3).
    pub fn action(self) -> &'static str {
        self.row().action
    }

    /// What the action is judged on.
    pub fn resource(self) -> Resource {
        self.row().resource
    }

    /// Whether it can be called.
    pub fn state(self) -> State {
        self.row().state
    }

    /// Whether it changes anything, so that a call is written to the audit log.
    pub fn changes(self) -> bool {
        self.row().changes
    }

    /// Whether a call that was carried out must not be carried out again because its answer was lost: the second time it
    /// would be refused, or undo what others did in between. A part of a layer counts: it stands where it stood.
    pub fn runs_once(self) -> bool {
        self.changes() || self == Self::UploadLayerPart
    }

    /// The longest body, in bytes.
    pub fn body_cap(self) -> usize {
        self.row().body_cap
    }

    /// The members of its input.
    pub fn input(self) -> &'static [Member] {
        self.row().input
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// The README's table of operations, in Markdown: one line each, ending in a newline.
pub fn readme_table() -> String {
    let mut table = String::from("| Operation | IAM action | State |\n|---|---|---|\n");
    for row in TABLE {
        let state = match row.state {
            State::Works => "works",
            State::NotYet => "not yet",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {} | `{}` | {state} |", row.name, row.action);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_its_own_index() {
        for operation in Operation::all() {
            assert_eq!(operation.row().operation, operation);
            assert_eq!(Operation::from_target(operation.target()), Some(operation));
        }
    }

    #[test]
    fn ecr_has_sixty_two_operations_in_order() {
        let ecr: Vec<_> = Operation::all().filter(|o| o.target().starts_with("AmazonEC2")).collect();
        assert_eq!(ecr.len(), 62);
        assert!(ecr.is_sorted_by_key(|operation| operation.name()));
        assert_eq!(Operation::all().count(), 64);
    }

    #[test]
    fn targets_are_read_to_the_letter() {
        for bad in [
            "",
            "CreateRepository",
            "AmazonEC2ContainerRegistry_V20150921.",
            "AmazonEC2ContainerRegistry_V20150921.createRepository",
            "AmazonEC2ContainerRegistry_V20150921.CreateAccount",
            "Acre_V1.CreateRepository",
            "AmazonEC2ContainerRegistry_V20150921.CreateRepository ",
        ] {
            assert_eq!(Operation::from_target(bad), None, "{bad}");
        }
    }

    #[test]
    fn caps_and_actions() {
        assert_eq!(Operation::UploadLayerPart.body_cap(), 29 * 1024 * 1024);
        assert_eq!(Operation::PutImage.body_cap(), 9 * 1024 * 1024);
        assert_eq!(Operation::PutLifecyclePolicy.body_cap(), 64 * 1024);
        assert_eq!(Operation::TagResource.body_cap(), 1024 * 1024);
        // It holds two policies.
        assert_eq!(Operation::CreateRepositoryCreationTemplate.body_cap(), 1024 * 1024);
        assert_eq!(Operation::ListImageReferrers.action(), "ecr:BatchGetImage");
        assert_eq!(Operation::RotateKeys.action(), "acre:RotateKeys");
    }

    #[test]
    fn what_works_is_what_the_readme_says() {
        let works: Vec<_> =
            Operation::all().filter(|o| o.state() == State::Works).map(Operation::name).collect();
        insta::assert_snapshot!(works.join("\n"), @r"
        BatchCheckLayerAvailability
        BatchDeleteImage
        BatchGetImage
        BatchGetRepositoryScanningConfiguration
        CompleteLayerUpload
        CreatePullThroughCacheRule
        CreateRepository
        CreateRepositoryCreationTemplate
        DeleteLifecyclePolicy
        DeletePullThroughCacheRule
        DeleteRegistryPolicy
        DeleteRepository
        DeleteRepositoryCreationTemplate
        DeleteRepositoryPolicy
        DescribeImages
        DescribePullThroughCacheRules
        DescribeRegistry
        DescribeRepositories
        DescribeRepositoryCreationTemplates
        GetAccountSetting
        GetAuthorizationToken
        GetDownloadUrlForLayer
        GetLifecyclePolicy
        GetRegistryPolicy
        GetRegistryScanningConfiguration
        GetRepositoryPolicy
        InitiateLayerUpload
        ListImageReferrers
        ListImages
        ListTagsForResource
        PutAccountSetting
        PutImage
        PutImageScanningConfiguration
        PutImageTagMutability
        PutLifecyclePolicy
        PutRegistryPolicy
        PutRegistryScanningConfiguration
        PutReplicationConfiguration
        SetRepositoryPolicy
        TagResource
        UntagResource
        UpdatePullThroughCacheRule
        UpdateRepositoryCreationTemplate
        UploadLayerPart
        CreateAccount
        RotateKeys
        ");
        let table = readme_table();
        assert_eq!(table.lines().count(), 66);
        assert!(table.contains("| ListImageReferrers | `ecr:BatchGetImage` | works |\n"));
        assert!(table.contains("| CreateAccount | `acre:CreateAccount` | works |\n"));
    }
}
