//! The shapes of spec/ecr.md 1.7 and 2.0, and of the inputs of chapter 2 that work here; those that are about a registry
//! as a whole are in [`registry`], those about layers and referrers in [`layer`].

mod layer;
mod registry;

pub(super) use layer::*;
pub(super) use registry::*;

use super::model::{Form, Member, Pattern, Shape, optional, required};
use crate::digest::Digest;
use crate::names::{AccountId, RepositoryName, Tag};

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, pattern: None }
}

const fn list(min: usize, max: usize, of: &'static Shape) -> Shape {
    Shape::List { min, max, of }
}

const ANY: usize = usize::MAX;
const FREE_TEXT: Shape = text(0, ANY);
const NEXT_TOKEN: Member = optional("nextToken", FREE_TEXT);
const MAX_RESULTS: Member = optional("maxResults", Shape::Integer { min: 1, max: 1000 });

fn is_account(text: &str) -> bool {
    AccountId::parse(text).is_ok()
}

const REGISTRY: Shape = Shape::Text {
    min: 0,
    max: ANY,
    pattern: Some(Pattern { text: "[0-9]{12}", form: Form::Plain, matches: is_account }),
};
const LISTED_REGISTRY: Shape = Shape::Text {
    min: 0,
    max: ANY,
    pattern: Some(Pattern { text: "[0-9]{12}", form: Form::Member, matches: is_account }),
};
const REGISTRY_ID: Member = optional("registryId", REGISTRY);

/// ECR prints a narrower expression than it enforces: the grammar is that of [`RepositoryName`].
const REPOSITORY: Shape = Shape::Text {
    min: 2,
    max: 256,
    pattern: Some(Pattern {
        text: "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
        form: Form::Quoted,
        matches: |text| RepositoryName::parse(text).is_ok(),
    }),
};
const REPOSITORY_NAME: Member = required("repositoryName", REPOSITORY);

const IMAGE_TAG: Member = optional("imageTag", text(1, 300));
const IMAGE_DIGEST: Member = optional("imageDigest", FREE_TEXT);
const IMAGE_IDENTIFIER: Shape = Shape::Structure(&[IMAGE_DIGEST, IMAGE_TAG]);
const IMAGE_IDS: Shape = list(1, 100, &IMAGE_IDENTIFIER);

/// What an image tag must be where one bad tag fails the call.
pub(super) const TAG_PATTERN: Pattern =
    Pattern { text: "[a-zA-Z0-9-_.]+", form: Form::Quoted, matches: |text| Tag::parse(text).is_ok() };

/// What a digest must be where one bad digest fails the call. Syntax, not [`Digest`]: a digest of an algorithm that
/// nothing here has is well-formed, and not found.
pub(super) const DIGEST_PATTERN: Pattern =
    Pattern { text: "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+", form: Form::Quoted, matches: is_digest };

fn is_digest(text: &str) -> bool {
    Digest::parse(text).is_ok()
        || text.split_once(':').is_some_and(|(algorithm, hex)| {
            let is_name = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'+' | b'.');
            !algorithm.is_empty()
                && algorithm.bytes().all(is_name)
                && !hex.is_empty()
                && hex.bytes().all(|c| c.is_ascii_hexdigit())
        })
}

const MUTABILITY: Shape =
    Shape::Enum(&["IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]);
const EXCLUSION_FILTER: Shape = Shape::Structure(&[
    required("filterType", Shape::Enum(&["WILDCARD"])),
    required(
        "filter",
        Shape::Text {
            min: 1,
            max: 128,
            pattern: Some(Pattern {
                text: "^[0-9a-zA-Z._*-]{1,128}$",
                form: Form::Member,
                matches: |text| {
                    text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'*' | b'-'))
                },
            }),
        },
    ),
]);
const EXCLUSION_FILTERS: Member =
    optional("imageTagMutabilityExclusionFilters", list(1, 5, &EXCLUSION_FILTER));
const SCANNING: Shape = Shape::Structure(&[optional("scanOnPush", Shape::Boolean)]);
const ENCRYPTION: Shape = Shape::Structure(&[
    required("encryptionType", Shape::Enum(&["AES256", "KMS", "KMS_DSSE"])),
    optional("kmsKey", text(1, 2048)),
]);

/// Lengths of keys and values are `InvalidTagParameterException`, so they are no part of the shape.
const RESOURCE_TAG: Shape = Shape::Structure(&[required("Key", FREE_TEXT), required("Value", FREE_TEXT)]);
const RESOURCE_TAGS: Shape = list(0, ANY, &RESOURCE_TAG);
const RESOURCE_ARN: Member = required("resourceArn", FREE_TEXT);

const TAG_STATUS: Member = optional("tagStatus", Shape::Enum(&["TAGGED", "UNTAGGED", "ANY"]));
const IMAGE_FILTER: Shape = Shape::Structure(&[
    TAG_STATUS,
    optional("imageStatus", Shape::Enum(&["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"])),
]);
const IMAGE_FILTERED: Member = optional("filter", IMAGE_FILTER);
const FORCE: Member = optional("force", Shape::Boolean);

/// Nothing, or not known yet.
pub(super) const NONE: &[Member] = &[];
/// A repository and its registry: the input of all that names nothing else.
pub(super) const ONE_REPOSITORY: &[Member] = &[REGISTRY_ID, REPOSITORY_NAME];

pub(super) const CREATE_REPOSITORY: &[Member] = &[
    REGISTRY_ID,
    REPOSITORY_NAME,
    optional("tags", RESOURCE_TAGS),
    optional("imageTagMutability", MUTABILITY),
    EXCLUSION_FILTERS,
    optional("imageScanningConfiguration", SCANNING),
    optional("encryptionConfiguration", ENCRYPTION),
];
pub(super) const DESCRIBE_REPOSITORIES: &[Member] =
    &[REGISTRY_ID, optional("repositoryNames", list(1, 100, &REPOSITORY)), NEXT_TOKEN, MAX_RESULTS];
pub(super) const DELETE_REPOSITORY: &[Member] = &[REGISTRY_ID, REPOSITORY_NAME, FORCE];
pub(super) const PUT_IMAGE_TAG_MUTABILITY: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("imageTagMutability", MUTABILITY), EXCLUSION_FILTERS];
pub(super) const PUT_IMAGE_SCANNING_CONFIGURATION: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("imageScanningConfiguration", SCANNING)];

pub(super) const TAG_RESOURCE: &[Member] = &[RESOURCE_ARN, required("tags", RESOURCE_TAGS)];
pub(super) const UNTAG_RESOURCE: &[Member] = &[RESOURCE_ARN, required("tagKeys", list(0, 200, &FREE_TEXT))];
pub(super) const LIST_TAGS_FOR_RESOURCE: &[Member] = &[RESOURCE_ARN];

pub(super) const PUT_LIFECYCLE_POLICY: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("lifecyclePolicyText", text(100, 30_720))];
pub(super) const SET_REPOSITORY_POLICY: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("policyText", text(0, 10_240)), FORCE];

pub(super) const GET_AUTHORIZATION_TOKEN: &[Member] =
    &[optional("registryIds", list(1, 10, &LISTED_REGISTRY))];

pub(super) const LIST_IMAGES: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, NEXT_TOKEN, MAX_RESULTS, IMAGE_FILTERED];
pub(super) const DESCRIBE_IMAGES: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, optional("imageIds", IMAGE_IDS), NEXT_TOKEN, MAX_RESULTS, IMAGE_FILTERED];
pub(super) const BATCH_GET_IMAGE: &[Member] = &[
    REGISTRY_ID,
    REPOSITORY_NAME,
    required("imageIds", IMAGE_IDS),
    optional("acceptedMediaTypes", list(1, 100, &FREE_TEXT)),
];
pub(super) const BATCH_DELETE_IMAGE: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("imageIds", IMAGE_IDS)];
pub(super) const PUT_IMAGE: &[Member] = &[
    REGISTRY_ID,
    REPOSITORY_NAME,
    required("imageManifest", text(1, 4_194_304)),
    optional("imageManifestMediaType", FREE_TEXT),
    IMAGE_TAG,
    IMAGE_DIGEST,
];

pub(super) const CREATE_ACCOUNT: &[Member] = &[required("accountId", REGISTRY)];
