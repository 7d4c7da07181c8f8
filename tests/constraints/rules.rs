//! Rules that tie members to each other, or judge what a text says: by hand, for no shape shows them. One of a kind each;
//! what documents may say is tested where they are read.

use serde_json::{Value, json};

/// An operation, an input, and the exception's name and text.
pub(crate) type Rule = (&'static str, Value, &'static str, String);

const MUTABILITY: &str = "imageTagMutabilityExclusionFilters";
const ARN: &str = "arn:aws:ecr:us-east-1:000000000000:repository/rules";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pullthroughcache/hub";

/// All of them. There is a repository `rules`.
pub(crate) fn rules() -> Vec<Rule> {
    let mut rules = paging();
    rules.extend(repositories());
    rules.extend(tags());
    rules.extend(images());
    rules.extend(registries());
    rules.extend(cache_rules());
    rules
}

fn invalid(field: &str, rule: &str) -> (&'static str, String) {
    let text = format!("Invalid parameter at '{field}' failed to satisfy constraint: '{rule}'");
    ("InvalidParameterException", text)
}

fn rule(operation: &'static str, input: Value, field: &str, text: &str) -> Rule {
    let (code, text) = invalid(field, text);
    (operation, input, code, text)
}

/// 1.6: what is asked for by name comes whole; a token is one of ours.
fn paging() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (operation, names, input) in [
        ("DescribeRepositories", "repositoryNames", json!({ "repositoryNames": ["rules"] })),
        (
            "DescribeImages",
            "imageIds",
            json!({ "repositoryName": "rules", "imageIds": [{ "imageTag": "a" }] }),
        ),
    ] {
        let text = format!("Member must be null when {names} is set");
        let mut both = input.clone();
        both["maxResults"] = 1.into();
        rules.push(rule(operation, both.clone(), "maxResults", &text));
        both["nextToken"] = "a".into();
        rules.push(rule(operation, both, "nextToken", &text));
    }
    for operation in
        ["DescribeRepositories", "DescribePullThroughCacheRules", "DescribeRepositoryCreationTemplates"]
    {
        rules.push(rule(operation, json!({ "nextToken": "a" }), "nextToken", "Invalid token"));
    }
    for operation in ["ListImages", "DescribeImages"] {
        let input = json!({ "repositoryName": "rules", "nextToken": "" });
        rules.push(rule(operation, input, "nextToken", "Invalid token"));
    }
    rules
}

/// 2.7, 2.8, 2.42, 2.56: filters go with a mode that has them.
fn repositories() -> Vec<Rule> {
    let filter = json!([{ "filterType": "WILDCARD", "filter": "v*" }]);
    let calls = [
        ("CreateRepository", json!({ "repositoryName": "rules/other" })),
        ("PutImageTagMutability", json!({ "repositoryName": "rules" })),
        ("CreateRepositoryCreationTemplate", json!({ "prefix": "rules", "appliedFor": ["REPLICATION"] })),
        ("UpdateRepositoryCreationTemplate", json!({ "prefix": "rules" })),
    ];
    let mut rules = Vec::new();
    for (operation, input) in calls {
        let with = |mode: &str, filters: &Value| {
            let mut input = input.clone();
            input["imageTagMutability"] = mode.into();
            input[MUTABILITY] = filters.clone();
            input
        };
        for mode in ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"] {
            let text = format!(
                "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode}"
            );
            rules.push(rule(operation, with(mode, &Value::Null), MUTABILITY, &text));
        }
        for mode in ["MUTABLE", "IMMUTABLE"] {
            let text = format!(
                "ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as {mode}"
            );
            rules.push(rule(operation, with(mode, &filter), MUTABILITY, &text));
        }
        let three = json!([{ "filterType": "WILDCARD", "filter": "a*b*c*" }]);
        let text = "Member must have at most 2 wildcards (*)";
        rules.push(rule(operation, with("MUTABLE_WITH_EXCLUSION", &three), "filter", text));
    }
    let aes_with_key =
        json!({ "encryptionType": "AES256", "kmsKey": "arn:aws:kms:us-east-1:000000000000:key/a" });
    let text = "KmsKey must be null when encryptionType is set as AES256";
    for (operation, mut input) in [
        ("CreateRepository", json!({ "repositoryName": "rules/other" })),
        ("CreateRepositoryCreationTemplate", json!({ "prefix": "rules", "appliedFor": ["REPLICATION"] })),
    ] {
        input["encryptionConfiguration"] = aes_with_key.clone();
        rules.push(rule(operation, input, "encryptionConfiguration", text));
    }
    rules
}

/// 1.7, 2.7, 2.52: resource tags have exceptions of their own.
fn tags() -> Vec<Rule> {
    let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value });
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    let faults = [
        (json!([tag("", "v")]), "A tag key must have 1 to 128 characters"),
        (json!([tag(&long_key, "v")]), "A tag key must have 1 to 128 characters"),
        (json!([tag("k", &long_value)]), "A tag value must have at most 256 characters"),
        (json!([tag("aws:k", "v")]), "Tag keys that start with aws: are reserved"),
        (json!([tag("k", "v"), tag("k", "w")]), "A tag key must be sent once"),
    ];
    let many: Vec<_> = (0..51).map(|number| tag(&format!("k{number}"), "")).collect();
    let too_many = "The list of tags on the repository is over the limit. The maximum number of tags that can be applied \
                    to a repository is 50.";
    let mut rules = Vec::new();
    for (operation, input) in [
        ("CreateRepository", json!({ "repositoryName": "rules/other" })),
        ("TagResource", json!({ "resourceArn": ARN })),
    ] {
        let with = |tags: Value| {
            let mut input = input.clone();
            input["tags"] = tags;
            input
        };
        for (tags, fault) in &faults {
            let (_, text) = invalid("tags", fault);
            rules.push((operation, with(tags.clone()), "InvalidTagParameterException", text));
        }
        rules.push((operation, with(many.clone().into()), "TooManyTagsException", too_many.into()));
    }
    let template =
        |tags: Value| json!({ "prefix": "rules", "appliedFor": ["REPLICATION"], "resourceTags": tags });
    let operation = "CreateRepositoryCreationTemplate";
    for (tags, fault) in faults {
        rules.push(rule(operation, template(tags), "resourceTags", fault));
    }
    let text = "Member must have length less than or equal to 50";
    rules.push(rule(operation, template(many.into()), "resourceTags", text));
    for arn in [
        "",
        "rules",
        "arn:aws:ecr:us-east-1:000000000000:image/rules",
        &ARN.replace("us-east-1", "us-west-2"),
    ] {
        rules.push(rule("ListTagsForResource", json!({ "resourceArn": arn }), "resourceArn", "Invalid ARN"));
    }
    rules
}

/// 2.2, 2.20, 2.40: one bad tag or digest fails these calls.
fn images() -> Vec<Rule> {
    let tag = "must satisfy regular expression '[a-zA-Z0-9-_.]+'";
    let digest = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
    let describe = |id: Value| json!({ "repositoryName": "rules", "imageIds": [id] });
    let put = |member: &str, value: &str| {
        let mut input = json!({ "repositoryName": "rules", "imageManifest": "{\"mediaType\":\"a\"}" });
        input[member] = value.into();
        input
    };
    vec![
        rule("DescribeImages", describe(json!({})), "imageIds", "both tag and digest cannot be null"),
        rule("DescribeImages", describe(json!({ "imageTag": "a b" })), "imageTag", tag),
        rule("DescribeImages", describe(json!({ "imageDigest": "sha256" })), "imageDigest", digest),
        rule("PutImage", put("imageTag", "-a"), "imageTag", tag),
        rule("PutImage", put("imageTag", &"a".repeat(129)), "imageTag", tag),
        rule("PutImage", put("imageDigest", "sha256:x"), "imageDigest", digest),
        rule(
            "PutImage",
            json!({ "repositoryName": "rules", "imageManifest": "{}" }),
            "imageManifestMediaType",
            "Member must not be null when the manifest names no mediaType",
        ),
        // Not JSON: judged by whoever takes manifests.
        rule(
            "PutImage",
            json!({ "repositoryName": "rules", "imageManifest": "{" }),
            "ImageManifest",
            "Invalid JSON syntax",
        ),
        rule(
            "PutLifecyclePolicy",
            json!({ "repositoryName": "rules", "lifecyclePolicyText": "x".repeat(100) }),
            "LifecyclePolicyText",
            "Lifecycle policy validation failure: Could not map policyString into LifecyclePolicy.",
        ),
        rule(
            "SetRepositoryPolicy",
            json!({ "repositoryName": "rules", "policyText": "{" }),
            "PolicyText",
            "Invalid repository policy provided",
        ),
    ]
}

/// 2.25, 2.39, 2.44 to 2.46.
fn registries() -> Vec<Rule> {
    let names =
        "Member must satisfy enum value set: [BASIC_SCAN_TYPE_VERSION, REGISTRY_POLICY_SCOPE, BLOB_MOUNTING]";
    let scan = |scan_type: &str, frequencies: &[&str]| {
        let rules: Vec<_> = frequencies
            .iter()
            .map(|frequency| json!({ "scanFrequency": frequency, "repositoryFilters": [] }))
            .collect();
        json!({ "scanType": scan_type, "rules": rules })
    };
    let destinations = |count: usize| {
        let list: Vec<_> = (0..count)
            .map(|number| json!({ "region": "eu-west-1", "registryId": format!("{number:012}") }))
            .collect();
        json!({ "replicationConfiguration": { "rules": [{ "destinations": list }] } })
    };
    let here = json!({ "replicationConfiguration": { "rules": [{ "destinations": [
        { "region": "us-east-1", "registryId": "000000000000" }
    ] }] } });
    vec![
        rule("GetAccountSetting", json!({ "name": "OTHER" }), "name", names),
        rule("PutAccountSetting", json!({ "name": "OTHER", "value": "V2" }), "name", names),
        rule(
            "PutAccountSetting",
            json!({ "name": "BLOB_MOUNTING", "value": "ON" }),
            "value",
            "Member must satisfy enum value set: [ENABLED, DISABLED]",
        ),
        rule(
            "PutRegistryPolicy",
            json!({ "policyText": "{" }),
            "PolicyText",
            "Invalid registry policy provided",
        ),
        rule(
            "PutRegistryScanningConfiguration",
            scan("BASIC", &["CONTINUOUS_SCAN"]),
            "scanFrequency",
            "ScanFrequency can't be CONTINUOUS_SCAN when scanType is set as BASIC",
        ),
        rule(
            "PutRegistryScanningConfiguration",
            scan("ENHANCED", &["MANUAL"]),
            "scanFrequency",
            "ScanFrequency can't be MANUAL when scanType is set as ENHANCED",
        ),
        rule(
            "PutRegistryScanningConfiguration",
            scan("BASIC", &["SCAN_ON_PUSH", "SCAN_ON_PUSH"]),
            "rules",
            "Member must have at most one rule with scanFrequency SCAN_ON_PUSH",
        ),
        rule(
            "PutReplicationConfiguration",
            destinations(26),
            "destinations",
            "Member must have at most 25 unique destinations over all rules",
        ),
        rule(
            "PutReplicationConfiguration",
            here,
            "replicationConfiguration",
            "Replication destination cannot be the same as the source registry",
        ),
    ]
}

/// 2.6, 7.2: what an upstream takes and needs.
fn cache_rules() -> Vec<Rule> {
    let create = |url: &str, more: Value| {
        let mut input = json!({ "ecrRepositoryPrefix": "rules", "upstreamRegistryUrl": url });
        for (name, value) in more.as_object().expect("members") {
            input[name] = value.clone();
        }
        input
    };
    let operation = "CreatePullThroughCacheRule";
    let refused =
        |url: &str, more: Value, field: &str, text: &str| rule(operation, create(url, more), field, text);
    let ecr = "000000000000.dkr.ecr.us-west-2.amazonaws.com";
    let unsupported = "UnsupportedUpstreamRegistryException";
    vec![
        refused(
            "quay.io",
            json!({ "upstreamRegistry": "k8s" }),
            "upstreamRegistry",
            "The upstream registry URL belongs to quay",
        ),
        refused(
            "quay.io",
            json!({ "credentialArn": SECRET }),
            "credentialArn",
            "CredentialArn must be null when upstreamRegistry is quay",
        ),
        refused(
            "quay.io",
            json!({ "customRoleArn": "arn:aws:iam::000000000000:role/a" }),
            "customRoleArn",
            "CustomRoleArn must be null when upstreamRegistry is quay",
        ),
        refused(
            "registry-1.docker.io",
            json!({ "credentialArn": SECRET.replace("us-east-1", "us-west-2") }),
            "credentialArn",
            "The secret must be in the account and the Region of the registry",
        ),
        refused(
            "quay.io",
            json!({ "upstreamRepositoryPrefix": "team" }),
            "upstreamRepositoryPrefix",
            "UpstreamRepositoryPrefix must be null when upstreamRegistry is quay",
        ),
        refused(
            ecr,
            json!({ "ecrRepositoryPrefix": "ROOT", "upstreamRepositoryPrefix": "team" }),
            "upstreamRepositoryPrefix",
            "UpstreamRepositoryPrefix must be null when ecrRepositoryPrefix is ROOT",
        ),
        (
            operation,
            create("registry-1.docker.io", json!({})),
            unsupported,
            "The specified upstream registry requires authentication".into(),
        ),
        (
            operation,
            create("example.com", json!({})),
            unsupported,
            "The upstream registry URL example.com is invalid.".into(),
        ),
    ]
}
