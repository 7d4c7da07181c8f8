//! What every working operation takes, copied by hand from spec/ecr.md (chapters 1.4, 1.7, 2.0, 2.1 to 2.58) in its own
//! notation: `name*: type` is required, `str[2..256]` has a length, `int[1..1000]` a range, `(A / B)` is an enumeration.

/// Operations of ECR, as "In:" says.
pub(crate) const OPERATIONS: &[(&str, &str)] = &[
    (
        "BatchCheckLayerAvailability",
        "registryId: RegistryId; repositoryName*: RepositoryName; layerDigests*: list<BatchedOperationLayerDigest>[1..100]",
    ),
    (
        "BatchDeleteImage",
        "registryId: RegistryId; repositoryName*: RepositoryName; imageIds*: list<ImageIdentifier>[1..100]",
    ),
    (
        "BatchGetImage",
        "registryId: RegistryId; repositoryName*: RepositoryName; imageIds*: list<ImageIdentifier>[1..100]; \
         acceptedMediaTypes: list<MediaType>[1..100]",
    ),
    ("BatchGetRepositoryScanningConfiguration", "repositoryNames*: list<RepositoryName>[1..25]"),
    (
        "CompleteLayerUpload",
        "registryId: RegistryId; repositoryName*: RepositoryName; uploadId*: UploadId; layerDigests*: list<LayerDigest>[1..100]",
    ),
    (
        "CreatePullThroughCacheRule",
        "ecrRepositoryPrefix*: PtcPrefix; upstreamRegistryUrl*: str; registryId: RegistryId; upstreamRegistry: (ecr / \
         ecr-public / quay / k8s / docker-hub / github-container-registry / azure-container-registry / \
         gitlab-container-registry / chainguard); credentialArn: CredentialArn; customRoleArn: CustomRoleArn; \
         upstreamRepositoryPrefix: PtcPrefix",
    ),
    (
        "CreateRepository",
        "registryId: RegistryId; repositoryName*: RepositoryName; tags: list<Tag>; imageTagMutability: ImageTagMutability; \
         imageTagMutabilityExclusionFilters: list<ExclusionFilter>[1..5]; imageScanningConfiguration: \
         ImageScanningConfiguration; encryptionConfiguration: EncryptionConfiguration",
    ),
    (
        "CreateRepositoryCreationTemplate",
        "prefix*: Prefix; description: str[..256]; encryptionConfiguration: EncryptionConfigRCT; resourceTags: list<Tag>; \
         imageTagMutability: ImageTagMutability; imageTagMutabilityExclusionFilters: list<ExclusionFilter>[1..5]; \
         repositoryPolicy: str[0..10240]; lifecyclePolicy: str[0..30720]; appliedFor*: AppliedFor; customRoleArn: \
         CustomRoleArn",
    ),
    ("DeleteLifecyclePolicy", "registryId: RegistryId; repositoryName*: RepositoryName"),
    ("DeletePullThroughCacheRule", "ecrRepositoryPrefix*: PtcPrefix; registryId: RegistryId"),
    ("DeleteRegistryPolicy", ""),
    ("DeleteRepository", "registryId: RegistryId; repositoryName*: RepositoryName; force: bool"),
    ("DeleteRepositoryCreationTemplate", "prefix*: Prefix"),
    ("DeleteRepositoryPolicy", "registryId: RegistryId; repositoryName*: RepositoryName"),
    (
        "DescribeImages",
        "registryId: RegistryId; repositoryName*: RepositoryName; imageIds: list<ImageIdentifier>[1..100]; nextToken: \
         NextToken; maxResults: int[1..1000]; filter: {tagStatus: (TAGGED / UNTAGGED / ANY), imageStatus: (ACTIVE / ARCHIVED \
         / ACTIVATING / ANY)}",
    ),
    (
        "DescribePullThroughCacheRules",
        "registryId: RegistryId; ecrRepositoryPrefixes: list<PtcPrefix>[1..100]; nextToken: NextToken; maxResults: \
         int[1..1000]",
    ),
    ("DescribeRegistry", ""),
    (
        "DescribeRepositories",
        "registryId: RegistryId; repositoryNames: list<RepositoryName>[1..100]; nextToken: NextToken; maxResults: int[1..1000]",
    ),
    (
        "DescribeRepositoryCreationTemplates",
        "prefixes: list<Prefix>; nextToken: NextToken; maxResults: int[1..1000]",
    ),
    ("GetAccountSetting", "name*: str[1..64]"),
    ("GetAuthorizationToken", "registryIds: list<ListedRegistryId>[1..10]"),
    (
        "GetDownloadUrlForLayer",
        "registryId: RegistryId; repositoryName*: RepositoryName; layerDigest*: LayerDigest",
    ),
    ("GetLifecyclePolicy", "registryId: RegistryId; repositoryName*: RepositoryName"),
    ("GetRegistryPolicy", ""),
    ("GetRegistryScanningConfiguration", ""),
    ("GetRepositoryPolicy", "registryId: RegistryId; repositoryName*: RepositoryName"),
    ("InitiateLayerUpload", "registryId: RegistryId; repositoryName*: RepositoryName"),
    (
        "ListImageReferrers",
        "registryId: RegistryId; repositoryName*: RepositoryName; subjectId*: {imageDigest*: LayerDigest}; filter: \
         {artifactTypes: list<str[1..255]>[0..5], artifactStatus: (ACTIVE / ARCHIVED / ACTIVATING / ANY)}; nextToken: \
         NextToken; maxResults: int[1..50]",
    ),
    (
        "ListImages",
        "registryId: RegistryId; repositoryName*: RepositoryName; nextToken: NextToken; maxResults: int[1..1000]; filter: \
         {tagStatus: (TAGGED / UNTAGGED / ANY), imageStatus: (ACTIVE / ARCHIVED / ACTIVATING / ANY)}",
    ),
    ("ListTagsForResource", "resourceArn*: Arn"),
    ("PutAccountSetting", "name*: str[1..64]; value*: str"),
    (
        "PutImage",
        "registryId: RegistryId; repositoryName*: RepositoryName; imageManifest*: ImageManifest; imageManifestMediaType: \
         MediaType; imageTag: ImageTag; imageDigest: ImageDigest",
    ),
    (
        "PutImageScanningConfiguration",
        "registryId: RegistryId; repositoryName*: RepositoryName; imageScanningConfiguration*: ImageScanningConfiguration",
    ),
    (
        "PutImageTagMutability",
        "registryId: RegistryId; repositoryName*: RepositoryName; imageTagMutability*: ImageTagMutability; \
         imageTagMutabilityExclusionFilters: list<ExclusionFilter>[1..5]",
    ),
    (
        "PutLifecyclePolicy",
        "registryId: RegistryId; repositoryName*: RepositoryName; lifecyclePolicyText*: LifecyclePolicyText",
    ),
    ("PutRegistryPolicy", "policyText*: str[0..10240]"),
    (
        "PutRegistryScanningConfiguration",
        r"scanType: (BASIC / ENHANCED); rules: list<{scanFrequency*: (SCAN_ON_PUSH / CONTINUOUS_SCAN / MANUAL), repositoryFilters*: list<{filter*: str[1..255] `^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$`, filterType*: (WILDCARD)}>[0..100]}>[0..2]",
    ),
    ("PutReplicationConfiguration", "replicationConfiguration*: ReplicationConfiguration"),
    (
        "SetRepositoryPolicy",
        "registryId: RegistryId; repositoryName*: RepositoryName; policyText*: str[0..10240]; force: bool",
    ),
    ("TagResource", "resourceArn*: Arn; tags*: list<Tag>"),
    ("UntagResource", "resourceArn*: Arn; tagKeys*: TagKeys"),
    (
        "UpdatePullThroughCacheRule",
        "registryId: RegistryId; ecrRepositoryPrefix*: PtcPrefix; credentialArn: CredentialArn; customRoleArn: CustomRoleArn",
    ),
    (
        "UpdateRepositoryCreationTemplate",
        "prefix*: Prefix; description: str[..256]; encryptionConfiguration: EncryptionConfigRCT; resourceTags: list<Tag>; \
         imageTagMutability: ImageTagMutability; imageTagMutabilityExclusionFilters: list<ExclusionFilter>[1..5]; \
         repositoryPolicy: str[0..10240]; lifecyclePolicy: str[0..30720]; appliedFor: AppliedFor; customRoleArn: CustomRoleArn",
    ),
    (
        "UploadLayerPart",
        "registryId: RegistryId; repositoryName*: RepositoryName; uploadId*: UploadId; partFirstByte*: int[0..]; \
         partLastByte*: int[0..]; layerPartBlob*: blob[0..20971520]",
    ),
    // Our own (README).
    ("CreateAccount", "accountId*: RegistryId"),
    ("RotateKeys", ""),
];

/// Shapes by name. A pattern stands as ECR prints it (1.4): that of repository names is narrower than the grammar.
pub(crate) const SHAPES: &[(&str, &str)] = &[
    ("Arn", "str"),
    // 2.8: a non-empty subset.
    ("AppliedFor", "list<(REPLICATION / PULL_THROUGH_CACHE / CREATE_ON_PUSH)>[1..]"),
    ("BatchedOperationLayerDigest", "str[0..1000]"),
    (
        "CredentialArn",
        r"str[50..612] `^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$`",
    ),
    ("CustomRoleArn", "str[..2048]"),
    (
        "EncryptionConfigRCT",
        r"{encryptionType*: (AES256 / KMS / KMS_DSSE), kmsKey: str[0..2048] `^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+`}",
    ),
    ("EncryptionConfiguration", "{encryptionType*: (AES256 / KMS / KMS_DSSE), kmsKey: str[1..2048]}"),
    ("ExclusionFilter", "{filterType*: (WILDCARD), filter*: str[1..128] `^[0-9a-zA-Z._*-]{1,128}$`}"),
    ("ImageDigest", "str"),
    ("ImageIdentifier", "{imageDigest: ImageDigest, imageTag: ImageTag}"),
    ("ImageManifest", "str[1..4194304]"),
    ("ImageScanningConfiguration", "{scanOnPush: bool}"),
    ("ImageTag", "str[1..300]"),
    // In the order in which 1.4 prints them.
    ("ImageTagMutability", "(IMMUTABLE / MUTABLE / MUTABLE_WITH_EXCLUSION / IMMUTABLE_WITH_EXCLUSION)"),
    ("LayerDigest", "str `[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+`"),
    ("LifecyclePolicyText", "str[100..30720]"),
    ("ListedRegistryId", "str `[0-9]{12}`"),
    ("MediaType", "str"),
    ("NextToken", "str"),
    (
        "Prefix",
        r"str[1..256] `^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$`",
    ),
    (
        "PtcPrefix",
        r"str[2..30] `^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$`",
    ),
    ("RegistryId", "str `[0-9]{12}`"),
    (
        "ReplicationConfiguration",
        "{rules*: list<{destinations*: list<ReplicationDestination>[0..100], repositoryFilters: list<{filter*: str[2..256] \
         `^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$`, filterType*: (PREFIX_MATCH)}>[1..100], \
         deleteReplication: {enabled*: bool}}>[0..25]}",
    ),
    ("ReplicationDestination", "{region*: str[2..25] `[0-9a-z-]{2,25}`, registryId*: RegistryId}"),
    ("RepositoryName", "str[2..256] `(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*`"),
    // Lengths of keys and values are InvalidTagParameterException: rules.rs.
    ("Tag", "{Key*: str, Value*: str}"),
    // The model has no bound: ours, for the writer's sake. A repository has 50 tags at most.
    ("TagKeys", "list<str>[0..200]"),
    ("UploadId", "str `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`"),
];

/// How a pattern is told. ECR's sentences are known for the repository name alone; the other two are the model's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sentence {
    /// `must satisfy regular expression '…'`, lengths without the word Member.
    Quoted,
    /// `must satisfy regular expression …`, lengths as above.
    Plain,
    /// `Member must satisfy regular expression pattern: …`.
    Member,
}

/// A pattern's printed text, how it is told of a value and of a value in a list, a text that obeys it and one that does not.
pub(crate) type Pattern = (&'static str, Sentence, Sentence, &'static str, &'static str);

pub(crate) const PATTERNS: &[Pattern] = &[
    ("[0-9]{12}", Sentence::Plain, Sentence::Member, "000000000000", "00000000000"),
    (
        "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
        Sentence::Quoted,
        Sentence::Quoted,
        "constraints/none",
        "a/-b",
    ),
    (
        "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+",
        Sentence::Quoted,
        Sentence::Member,
        "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "sha256",
    ),
    (
        "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        Sentence::Quoted,
        Sentence::Quoted,
        "12345678-1234-1234-1234-1234567890ab",
        "12345678-1234-1234-1234-1234567890ag",
    ),
    ("^[0-9a-zA-Z._*-]{1,128}$", Sentence::Member, Sentence::Member, "prod*", "a/b"),
    (r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$", Sentence::Member, Sentence::Member, "prod*", "Prod"),
    (
        "^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$",
        Sentence::Member,
        Sentence::Member,
        "prod",
        "a*",
    ),
    ("[0-9a-z-]{2,25}", Sentence::Member, Sentence::Member, "eu-central-1", "EU"),
    (
        r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$",
        Sentence::Member,
        Sentence::Member,
        "constraints",
        "-a",
    ),
    (
        r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$",
        Sentence::Member,
        Sentence::Member,
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pullthroughcache/hub",
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pull/hub",
    ),
    (
        r"^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+",
        Sentence::Member,
        Sentence::Member,
        "arn:aws:kms:us-east-1:000000000000:key/1234abcd",
        "alias/aws/ecr",
    ),
];
