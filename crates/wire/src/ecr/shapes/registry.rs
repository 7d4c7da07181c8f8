//! What a registry as a whole is told: settings, policy, scanning, replication, cache rules, templates.

use super::{
    ANY, EXCLUSION_FILTERS, FREE_TEXT, Form, MAX_RESULTS, MUTABILITY, Member, NEXT_TOKEN, Pattern, REGISTRY,
    REGISTRY_ID, REPOSITORY, RESOURCE_TAGS, Shape, is_account, list, optional, required, text,
};
use crate::names::{Region, RepositoryPrefix};

/// Which setting, and what it may be, is the registry's to know.
const ACCOUNT_SETTING: Member = required("name", text(1, 64));
pub(in crate::ecr) const GET_ACCOUNT_SETTING: &[Member] = &[ACCOUNT_SETTING];
pub(in crate::ecr) const PUT_ACCOUNT_SETTING: &[Member] = &[ACCOUNT_SETTING, required("value", FREE_TEXT)];

pub(in crate::ecr) const PUT_REGISTRY_POLICY: &[Member] = &[required("policyText", text(0, 10_240))];

const fn matching(min: usize, max: usize, text: &'static str, matches: fn(&str) -> bool) -> Shape {
    Shape::Text { min, max, pattern: Some(Pattern { text, form: Form::Member, matches }) }
}

fn is_word(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_scanning_filter(text: &str) -> bool {
    let is_joint = |c: u8| matches!(c, b'.' | b'_' | b'-' | b'/');
    text.bytes().all(|c| is_word(c) || c == b'*' || is_joint(c))
        && text.as_bytes().split(|c| is_joint(*c)).all(|piece| !piece.is_empty())
}

const SCANNING_FILTER: Shape = Shape::Structure(&[
    required("filter", matching(1, 255, r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$", is_scanning_filter)),
    required("filterType", Shape::Enum(&["WILDCARD"])),
]);
const SCANNING_RULE: Shape = Shape::Structure(&[
    required("scanFrequency", Shape::Enum(&["SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"])),
    required("repositoryFilters", list(0, 100, &SCANNING_FILTER)),
]);
pub(in crate::ecr) const PUT_REGISTRY_SCANNING_CONFIGURATION: &[Member] = &[
    optional("scanType", Shape::Enum(&["BASIC", "ENHANCED"])),
    optional("rules", list(0, 2, &SCANNING_RULE)),
];
pub(in crate::ecr) const BATCH_GET_REPOSITORY_SCANNING_CONFIGURATION: &[Member] =
    &[required("repositoryNames", list(1, 25, &REPOSITORY))];

fn is_replication_filter(text: &str) -> bool {
    text.bytes().all(|c| is_word(c) || matches!(c, b'.' | b'_' | b'-' | b'/'))
        && text.rsplit('/').skip(1).all(|component| component.bytes().next().is_some_and(is_word))
}

const DESTINATION: Shape = Shape::Structure(&[
    required("region", matching(2, 25, "[0-9a-z-]{2,25}", |text| Region::parse(text).is_ok())),
    required("registryId", REGISTRY),
]);
const REPLICATION_FILTER: Shape = Shape::Structure(&[
    required(
        "filter",
        matching(
            2,
            256,
            "^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$",
            is_replication_filter,
        ),
    ),
    required("filterType", Shape::Enum(&["PREFIX_MATCH"])),
]);
const REPLICATION_RULE: Shape = Shape::Structure(&[
    required("destinations", list(0, 100, &DESTINATION)),
    optional("repositoryFilters", list(1, 100, &REPLICATION_FILTER)),
    optional("deleteReplication", Shape::Structure(&[required("enabled", Shape::Boolean)])),
]);
pub(in crate::ecr) const PUT_REPLICATION_CONFIGURATION: &[Member] = &[required(
    "replicationConfiguration",
    Shape::Structure(&[required("rules", list(0, 25, &REPLICATION_RULE))]),
)];

const fn prefix(min: usize, max: usize) -> Shape {
    matching(
        min,
        max,
        r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$",
        |text| RepositoryPrefix::parse(text).is_ok(),
    )
}

fn is_secret_arn(text: &str) -> bool {
    let is_place = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b':');
    let is_name =
        |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'_' | b'+' | b'=' | b'.' | b'@' | b'-');
    let is_partition = |text: &str| {
        text.is_empty()
            || text.strip_prefix('-').is_some_and(|rest| {
                rest.split('-').all(|word| {
                    !word.is_empty() && word.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
                })
            })
    };
    text.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":secretsmanager:")).is_some_and(
        |(partition, rest)| {
            is_partition(partition)
                && rest.split_once(":secret:ecr-pullthroughcache/").is_some_and(|(place, name)| {
                    !place.is_empty()
                        && place.bytes().all(is_place)
                        && !name.is_empty()
                        && name.bytes().all(is_name)
                })
        },
    )
}

const CACHE_PREFIX: Shape = prefix(2, 30);
const CREDENTIAL_ARN: Member = optional(
    "credentialArn",
    matching(
        50,
        612,
        r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$",
        is_secret_arn,
    ),
);
const CUSTOM_ROLE_ARN: Member = optional("customRoleArn", text(0, 2048));
const UPSTREAM: Shape = Shape::Enum(&[
    "ecr",
    "ecr-public",
    "quay",
    "k8s",
    "docker-hub",
    "github-container-registry",
    "azure-container-registry",
    "gitlab-container-registry",
    "chainguard",
]);
pub(in crate::ecr) const CREATE_PULL_THROUGH_CACHE_RULE: &[Member] = &[
    required("ecrRepositoryPrefix", CACHE_PREFIX),
    required("upstreamRegistryUrl", FREE_TEXT),
    REGISTRY_ID,
    optional("upstreamRegistry", UPSTREAM),
    CREDENTIAL_ARN,
    CUSTOM_ROLE_ARN,
    optional("upstreamRepositoryPrefix", CACHE_PREFIX),
];
pub(in crate::ecr) const DESCRIBE_PULL_THROUGH_CACHE_RULES: &[Member] =
    &[REGISTRY_ID, optional("ecrRepositoryPrefixes", list(1, 100, &CACHE_PREFIX)), NEXT_TOKEN, MAX_RESULTS];
pub(in crate::ecr) const UPDATE_PULL_THROUGH_CACHE_RULE: &[Member] =
    &[REGISTRY_ID, required("ecrRepositoryPrefix", CACHE_PREFIX), CREDENTIAL_ARN, CUSTOM_ROLE_ARN];
pub(in crate::ecr) const DELETE_PULL_THROUGH_CACHE_RULE: &[Member] =
    &[required("ecrRepositoryPrefix", CACHE_PREFIX), REGISTRY_ID];

fn is_kms_key_arn(text: &str) -> bool {
    let is_letter = |c: u8| is_word(c) || c == b'-';
    let parts: Vec<_> = text.splitn(7, ':').collect();
    let ["arn", partition, "kms", region, account, resource] = parts.as_slice() else { return false };
    partition.starts_with("aws")
        && partition.bytes().all(is_letter)
        && !region.is_empty()
        && region.bytes().all(is_letter)
        && is_account(account)
        && resource.strip_prefix("key/").is_some_and(|id| !id.is_empty() && id.bytes().all(is_letter))
}

const TEMPLATE_PREFIX: Shape = prefix(1, 256);
const TEMPLATE_DESCRIPTION: Member = optional("description", text(0, 256));
/// No alias, and an empty one is none.
const TEMPLATE_KEY: Shape =
    matching(0, 2048, r"^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+", |text| {
        text.is_empty() || is_kms_key_arn(text)
    });
const TEMPLATE_ENCRYPTION: Member = optional(
    "encryptionConfiguration",
    Shape::Structure(&[
        required("encryptionType", Shape::Enum(&["AES256", "KMS", "KMS_DSSE"])),
        optional("kmsKey", TEMPLATE_KEY),
    ]),
);
const TEMPLATE_TAGS: Member = optional("resourceTags", RESOURCE_TAGS);
const TEMPLATE_MUTABILITY: Member = optional("imageTagMutability", MUTABILITY);
const TEMPLATE_POLICY: Member = optional("repositoryPolicy", text(0, 10_240));
const TEMPLATE_LIFECYCLE: Member = optional("lifecyclePolicy", text(0, 30_720));
const APPLIED_FOR: Shape =
    list(1, ANY, &Shape::Enum(&["REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"]));
pub(in crate::ecr) const CREATE_REPOSITORY_CREATION_TEMPLATE: &[Member] = &[
    required("prefix", TEMPLATE_PREFIX),
    TEMPLATE_DESCRIPTION,
    TEMPLATE_ENCRYPTION,
    TEMPLATE_TAGS,
    TEMPLATE_MUTABILITY,
    EXCLUSION_FILTERS,
    TEMPLATE_POLICY,
    TEMPLATE_LIFECYCLE,
    required("appliedFor", APPLIED_FOR),
    CUSTOM_ROLE_ARN,
];
pub(in crate::ecr) const UPDATE_REPOSITORY_CREATION_TEMPLATE: &[Member] = &[
    required("prefix", TEMPLATE_PREFIX),
    TEMPLATE_DESCRIPTION,
    TEMPLATE_ENCRYPTION,
    TEMPLATE_TAGS,
    TEMPLATE_MUTABILITY,
    EXCLUSION_FILTERS,
    TEMPLATE_POLICY,
    TEMPLATE_LIFECYCLE,
    optional("appliedFor", APPLIED_FOR),
    CUSTOM_ROLE_ARN,
];
pub(in crate::ecr) const DELETE_REPOSITORY_CREATION_TEMPLATE: &[Member] =
    &[required("prefix", TEMPLATE_PREFIX)];
pub(in crate::ecr) const DESCRIBE_REPOSITORY_CREATION_TEMPLATES: &[Member] =
    &[optional("prefixes", list(0, ANY, &TEMPLATE_PREFIX)), NEXT_TOKEN, MAX_RESULTS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanning_filters() {
        for good in ["a", "*", "prod*repo", "a.b_c-d/e", "**", "a/*", "*-a*"] {
            assert!(is_scanning_filter(good), "{good}");
        }
        for bad in ["", ".a", "a.", "a..b", "a/-b", "A", "a b", "é", "a\n"] {
            assert!(!is_scanning_filter(bad), "{bad}");
        }
    }

    #[test]
    fn replication_filters() {
        for good in ["ab", "a/", "a/b", "a-", "a..b", "-a", "._", "a._-/", "a-b./c_"] {
            assert!(is_replication_filter(good), "{good}");
        }
        for bad in ["/a", "a//b", ".a/b", "A", "a*", "é", "a\n"] {
            assert!(!is_replication_filter(bad), "{bad}");
        }
    }

    #[test]
    fn secret_arns() {
        let arn = |partition: &str, place: &str, name: &str| {
            format!("arn:aws{partition}:secretsmanager:{place}:secret:ecr-pullthroughcache/{name}")
        };
        for (partition, place, name) in [
            ("", "us-east-1:000000000000", "hub"),
            ("-us-gov", "us-gov-west-1:000000000000", "a/b_+=.@-"),
            ("-iso_b", "x", "y"),
        ] {
            assert!(is_secret_arn(&arn(partition, place, name)), "{partition} {place} {name}");
        }
        for (partition, place, name) in [
            ("-", "x", "y"),
            ("--a", "x", "y"),
            ("x", "x", "y"),
            ("", "", "y"),
            ("", "x", ""),
            ("", "x_y", "z"),
            ("", "x", "y:z"),
            ("", "x", "é"),
        ] {
            assert!(!is_secret_arn(&arn(partition, place, name)), "{partition} {place} {name}");
        }
        assert!(!is_secret_arn("arn:aws:secretsmanager:us-east-1:000000000000:secret:other/hub"));
    }

    #[test]
    fn kms_key_arns() {
        for good in [
            "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab",
            "arn:aws-us-gov:kms:us-gov-west-1:000000000000:key/mrk-1",
        ] {
            assert!(is_kms_key_arn(good), "{good}");
        }
        for bad in [
            "",
            "1234abcd-12ab",
            "alias/aws/ecr",
            "arn:aws:kms:us-east-1:000000000000:alias/a",
            "arn:aws:kms:us-east-1:0:key/a",
            "arn:aws:kms::000000000000:key/a",
            "arn:aws:kms:us-east-1:000000000000:key/",
            "arn:aws:kms:us-east-1:000000000000:key/A",
            "arn:aws:kms:us-east-1:000000000000:key/a:b",
            "arn:gcp:kms:us-east-1:000000000000:key/a",
        ] {
            assert!(!is_kms_key_arn(bad), "{bad}");
        }
    }
}
