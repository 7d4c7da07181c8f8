//! What an operation can say besides yes. Texts are ECR's (spec/ecr.md 1.4, 1.5, 2); status codes belong to the doors.

use acre_store::blobs::UploadError;
use acre_wire::digest::Digest;
use acre_wire::names::{AccountId, RepositoryArn, RepositoryName, RepositoryPrefix};

/// The outcome of an operation that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not do it; says nothing about what exists.
    #[error(
        "User: {principal} is not authorized to perform: {action} on resource: {resource} because {reason}"
    )]
    AccessDenied {
        /// Who asked.
        principal: String,
        /// The IAM action.
        action: &'static str,
        /// The ARN or `*`.
        resource: String,
        /// Which kind of policy is silent.
        reason: String,
    },
    /// No live repository of that name.
    #[error("The repository with name '{}' does not exist in the registry with id '{}'", .0.name, .0.registry.account)]
    RepositoryNotFound(RepositoryArn),
    /// The name is taken.
    #[error("The repository with name '{}' already exists in the registry with id '{}'", .0.name, .0.registry.account)]
    RepositoryExists(RepositoryArn),
    /// It holds images and was not to be deleted with them.
    #[error(
        "The repository with name '{}' in registry with id '{}' cannot be deleted because it still contains images",
        .0.name, .0.registry.account
    )]
    RepositoryNotEmpty(RepositoryArn),
    /// No lifecycle policy is set.
    #[error(
        "Lifecycle policy does not exist for the repository with name '{}' in the registry with id '{}'",
        .0.name, .0.registry.account
    )]
    LifecyclePolicyNotFound(RepositoryArn),
    /// No repository policy is set.
    #[error(
        "Repository policy does not exist for the repository with name '{}' in the registry with id '{}'",
        .0.name, .0.registry.account
    )]
    RepositoryPolicyNotFound(RepositoryArn),
    /// No registry policy is set.
    #[error("Registry policy does not exist in the registry with id '{0}'")]
    RegistryPolicyNotFound(AccountId),
    /// The cache rule's prefix is taken.
    #[error(
        "The pull through cache rule with Amazon ECR repository prefix '{1}' already exists in the registry with id '{0}'"
    )]
    CacheRuleExists(AccountId, RepositoryPrefix),
    /// No cache rule of that prefix.
    #[error(
        "The pull through cache rule with Amazon ECR repository prefix '{1}' does not exist in the registry with id '{0}'"
    )]
    CacheRuleNotFound(AccountId, RepositoryPrefix),
    /// Not the host of an upstream that can be cached.
    #[error("The upstream registry URL {0} is invalid.")]
    UpstreamUnknown(String),
    /// The upstream asks for a secret or a role that the rule does not name.
    #[error("The specified upstream registry requires authentication")]
    UpstreamNeedsCredentials,
    /// The template's prefix is taken.
    #[error(
        "The repository creation template with prefix '{1}' already exists in the registry with id '{0}'"
    )]
    TemplateExists(AccountId, RepositoryPrefix),
    /// No template of that prefix.
    #[error(
        "The repository creation template with prefix '{1}' does not exist in the registry with id '{0}'"
    )]
    TemplateNotFound(AccountId, RepositoryPrefix),
    /// A parameter breaks a rule that its shape does not show.
    #[error("Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'")]
    InvalidParameter {
        /// As ECR names it.
        field: &'static str,
        /// The rule.
        constraint: String,
    },
    /// A policy that acre does not enforce yet, refused rather than stored as if it were.
    #[error(
        "acre does not evaluate policies yet: a policy with a Deny statement would be stored and not kept, so it is refused (README, table of operations)"
    )]
    DenyNotEnforced,
    /// A resource tag that may not be.
    #[error("{0}")]
    InvalidTag(String),
    /// More than fifty resource tags.
    #[error(
        "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is 50."
    )]
    TooManyTags,
    /// A quota.
    #[error("{0}")]
    LimitExceeded(String),
    /// The KMS key cannot be used.
    #[error("{0}")]
    Kms(String),
    /// No image has that tag or digest.
    #[error("Requested image not found")]
    ImageNotFound,
    /// One of the images that were asked for by name is not there.
    #[error(
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository with name '{}' in the registry with id '{}'",
        repository.name, repository.registry.account
    )]
    ImageMissing {
        /// As asked, or `null`.
        digest: String,
        /// As asked, or `null`.
        tag: String,
        /// Where.
        repository: RepositoryArn,
    },
    /// The tag is on another image and may not move.
    #[error(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
    )]
    TagImmutable {
        /// The tag.
        tag: String,
        /// Where.
        repository: RepositoryName,
    },
    /// `If-Match` or `If-None-Match` is not met.
    #[error("the tag does not point where the request's condition says")]
    PreconditionFailed,
    /// A live index holds the image.
    #[error("Requested image referenced by manifest list")]
    ReferencedByIndex,
    /// Not a manifest that can be accepted.
    #[error("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")]
    InvalidManifest(#[source] acre_wire::manifest::ManifestError),
    /// The manifest is larger than 4 MiB.
    #[error("the manifest is larger than 4194304 bytes")]
    ManifestTooLarge,
    /// The bytes do not hash to the digest by which they were pushed.
    #[error("the provided digest {said} does not match the content, whose digest is {found}")]
    DigestMismatch {
        /// What the request said.
        said: Digest,
        /// What the bytes hash to.
        found: Digest,
    },
    /// Config or layers that the repository does not hold.
    #[error(
        "Layers with digests '{}' required for pushing image into repository with name '{}' in the registry with id '{}' do not exist",
        list(digests), repository.name, repository.registry.account
    )]
    LayersMissing {
        /// All that are missing.
        digests: Vec<Digest>,
        /// Where.
        repository: RepositoryArn,
    },
    /// Images that an index names and the repository does not hold.
    #[error(
        "Images with digests '{}' required for pushing image into repository with name '{}' in the registry with id '{}' do not exist",
        list(digests), repository.name, repository.registry.account
    )]
    ImagesMissing {
        /// All that are missing.
        digests: Vec<Digest>,
        /// Where.
        repository: RepositoryArn,
    },
    /// The repository does not hold the blob.
    #[error("the blob {0} is not known in this repository")]
    BlobNotFound(Digest),
    /// The repository does not hold the layer that the control plane was asked for.
    #[error(
        "Layer with digest '{digest}' does not exist in the repository with name '{}' in the registry with id '{}'",
        repository.name, repository.registry.account
    )]
    LayerNotFound {
        /// As asked.
        digest: String,
        /// Where.
        repository: RepositoryArn,
    },
    /// No image of the repository needs the layer: the control plane does not hand it out (the data plane does).
    #[error(
        "The specified layer is not available because it is not associated with an image. Unassociated image layers may be cleaned up at any time."
    )]
    LayerInaccessible,
    /// A live image of the repository needs the blob.
    #[error("the blob {0} is used by an image of this repository: delete that image first")]
    BlobInUse(Digest),
    /// An upload cannot go on.
    #[error(transparent)]
    Upload(UploadError),
    /// The account is there already.
    #[error("The account with id '{0}' already exists")]
    AccountExists(AccountId),
    /// A command on a data folder found none.
    #[error("{} is no data folder of acre: name it with --data", .0.display())]
    NoDataFolder(std::path::PathBuf),
    /// The data folder's home account is not the one that is configured.
    #[error("{} belongs to the account {home}: start with --account {home}", data.display())]
    OtherHome {
        /// The folder.
        data: std::path::PathBuf,
        /// The account that its first start made.
        home: String,
    },
    /// The store failed: what and where is for the log, not for the client.
    #[error("{0}")]
    Store(#[source] acre_store::Error),
}

impl Error {
    /// A word for audit lines and metrics; never a customer's text.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccessDenied { .. } => "denied",
            Self::RepositoryNotFound(_) => "repository not found",
            Self::RepositoryExists(_) => "repository exists",
            Self::RepositoryNotEmpty(_) => "repository not empty",
            Self::LifecyclePolicyNotFound(_) => "no lifecycle policy",
            Self::RepositoryPolicyNotFound(_) => "no repository policy",
            Self::RegistryPolicyNotFound(_) => "no registry policy",
            Self::CacheRuleExists(..) => "cache rule exists",
            Self::CacheRuleNotFound(..) => "cache rule not found",
            Self::UpstreamUnknown(_) => "upstream unknown",
            Self::UpstreamNeedsCredentials => "upstream needs credentials",
            Self::TemplateExists(..) => "template exists",
            Self::TemplateNotFound(..) => "template not found",
            Self::InvalidParameter { .. } => "invalid parameter",
            Self::DenyNotEnforced => "deny not enforced",
            Self::InvalidTag(_) => "invalid tag",
            Self::TooManyTags => "too many tags",
            Self::LimitExceeded(_) => "limit exceeded",
            Self::Kms(_) => "kms key unusable",
            Self::ImageNotFound | Self::ImageMissing { .. } => "image not found",
            Self::TagImmutable { .. } => "tag immutable",
            Self::PreconditionFailed => "precondition failed",
            Self::ReferencedByIndex => "referenced by index",
            Self::InvalidManifest(_) => "invalid manifest",
            Self::ManifestTooLarge => "manifest too large",
            Self::DigestMismatch { .. } => "digest mismatch",
            Self::LayersMissing { .. } => "layers missing",
            Self::ImagesMissing { .. } => "images missing",
            Self::BlobNotFound(_) => "blob not found",
            Self::LayerNotFound { .. } => "layer not found",
            Self::LayerInaccessible => "layer inaccessible",
            Self::BlobInUse(_) => "blob in use",
            Self::Upload(_) => "upload refused",
            Self::AccountExists(_) => "account exists",
            Self::NoDataFolder(_) | Self::OtherHome { .. } => "wrong data folder",
            Self::Store(_) => "store failed",
        }
    }
}

impl From<acre_store::Error> for Error {
    fn from(error: acre_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<UploadError> for Error {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Store(error) => Self::Store(error),
            other => Self::Upload(other),
        }
    }
}

fn list(digests: &[Digest]) -> String {
    let texts: Vec<String> = digests.iter().map(Digest::to_string).collect();
    format!("[{}]", texts.join(", "))
}
