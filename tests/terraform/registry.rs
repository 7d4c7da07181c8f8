//! Every ECR resource and data source of the provider: made, read, changed in place, imported, lost, destroyed.

use std::fs;

use acre_testkit::server::Options;
use serde_json::{Value, json};

use crate::{Example, text};

const VARIABLES: &str = "registry.auto.tfvars";
const ACCOUNT: &str = "000000000000";
const REGION: &str = "eu-central-1";

/// What Terraform names each resource by when it is imported.
const IMPORTS: [(&str, &str); 16] = [
    ("aws_ecr_repository.web", "team/web"),
    ("aws_ecr_repository.plain", "plain"),
    ("aws_ecr_repository.keyless", "keyless"),
    ("aws_ecr_lifecycle_policy.web", "team/web"),
    ("aws_ecr_repository_policy.web", "team/web"),
    ("aws_ecr_registry_policy.ours", ACCOUNT),
    ("aws_ecr_registry_scanning_configuration.ours", ACCOUNT),
    ("aws_ecr_replication_configuration.ours", ACCOUNT),
    ("aws_ecr_pull_through_cache_rule.public", "public"),
    ("aws_ecr_pull_through_cache_rule.hub", "hub"),
    ("aws_ecr_pull_through_cache_rule.theirs", "theirs"),
    ("aws_ecr_pull_through_cache_rule.all", "ROOT"),
    ("aws_ecr_repository_creation_template.least", "ROOT"),
    ("aws_ecr_repository_creation_template.team", "team"),
    ("aws_ecr_account_setting.scanner", "BASIC_SCAN_TYPE_VERSION"),
    ("aws_ecr_account_setting.scope", "REGISTRY_POLICY_SCOPE"),
];

fn begin() -> Example {
    Example::ours("registry", REGION, Options::default())
}

/// Pushes an image that has a config and nothing else.
fn push(example: &Example, note: &str, tag: &str) -> String {
    let script = format!(
        r#"
        export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}
        printf '{{"note":"{note}"}}' >../config
        size=$(stat --format %s ../config); digest=sha256:$(sha256sum ../config | cut -d ' ' -f 1)
        upload=$(aws ecr initiate-layer-upload --repository-name team/web --query uploadId --output text)
        aws ecr upload-layer-part --repository-name team/web --upload-id "$upload" \
            --part-first-byte 0 --part-last-byte $((size - 1)) --layer-part-blob fileb://../config >/dev/null
        aws ecr complete-layer-upload --repository-name team/web --upload-id "$upload" --layer-digests "$digest" >/dev/null
        type=application/vnd.oci.image
        printf '{{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{{"mediaType":"%s.config.v1+json","digest":"%s","size":%s}},"layers":[]}}' \
            $type $type "$digest" "$size" >../manifest
        aws ecr put-image --repository-name team/web --image-tag {tag} --image-manifest file://../manifest \
            --query image.imageId.imageDigest --output text"#
    );
    example.shell(&script).ok()
}

#[test]
fn every_resource_is_made_changed_imported_and_destroyed() {
    let mut example = begin();
    example.apply("");
    example.no_change();
    // All of it was on the disk.
    example.desk.server.kill9().expect("a process is killed");
    example.desk.server.restart().expect("it starts again");
    example.no_change();
    reads(&example);
    changes(&example);
    imports(&example);
    example.destroy();
    is_forgotten(&example);
}

/// The data sources.
fn reads(example: &Example) {
    push(example, "older", "v0");
    let digest = push(example, "newer", "v1");
    example.shell("aws ecr put-image --repository-name team/web --image-tag latest --image-manifest file://../manifest --region eu-central-1").ok();
    example.edit(VARIABLES, "pushed       = false", "pushed       = true");
    example.apply("");
    example.no_change();
    let found = example.output("found");
    assert_eq!(found["repositories"], json!(["keyless", "plain", "team/web"]));

    let arn = |name: &str| format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}");
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let web = &found["web"];
    assert_eq!(web["arn"], arn("team/web"));
    assert_eq!(web["registry_id"], ACCOUNT);
    assert_eq!(web["image_tag_mutability"], "MUTABLE");
    assert_eq!(web["image_scanning_configuration"], json!([{ "scan_on_push": false }]));
    assert_eq!(web["encryption_configuration"], json!([{ "encryption_type": "KMS", "kms_key": key }]));
    assert_eq!(web["tags"], json!({ "owner": "platform", "Team/é": "web <&>", "empty": "", "loose": "yes" }));
    assert_eq!(sorted(&web["most_recent_image_tags"]), ["latest", "v1"]);
    let plain = &found["plain"];
    assert_eq!(plain["encryption_configuration"], json!([{ "encryption_type": "AES256", "kms_key": "" }]));
    assert_eq!(plain["most_recent_image_tags"], json!([]));
    assert_eq!(plain["tags"], json!({ "owner": "platform" }));

    let uri = format!("{}@{digest}", text(&web["repository_url"]));
    for image in ["by_tag", "by_digest", "newest"] {
        let image = &found[image];
        assert_eq!(image["image_digest"], digest);
        assert_eq!(image["image_uri"], uri);
        assert_eq!(sorted(&image["image_tags"]), ["latest", "v1"]);
        assert!(image["image_size_in_bytes"].as_u64() > Some(0), "{image}");
        assert!(image["image_pushed_at"].as_u64() > Some(1_700_000_000), "{image}");
    }

    assert_eq!(found["public"]["upstream_registry_url"], "public.ecr.aws");
    assert_eq!(found["public"]["credential_arn"], "");
    assert_eq!(found["theirs"]["upstream_repository_prefix"], "base");
    assert_eq!(found["theirs"]["custom_role_arn"], format!("arn:aws:iam::{ACCOUNT}:role/one"));
    assert_eq!(found["theirs"]["registry_id"], ACCOUNT);

    let least = &found["least"];
    assert_eq!(least["applied_for"], json!(["REPLICATION"]));
    assert_eq!(least["encryption_configuration"], json!([{ "encryption_type": "AES256", "kms_key": "" }]));
    assert_eq!((&least["description"], &least["repository_policy"]), (&json!(""), &json!("")));
    let team = &found["team"];
    assert_eq!(team["applied_for"], json!(["PULL_THROUGH_CACHE", "REPLICATION"]));
    assert_eq!(team["description"], "what teams push to");
    assert_eq!(team["resource_tags"], json!({ "owner": "platform", "Team/é": "web <&>" }));
    assert!(text(&team["repository_policy"]).contains("codebuild.amazonaws.com"), "{team}");
    assert!(text(&team["lifecycle_policy"]).contains("prod-*"), "{team}");

    let token = &found["token"];
    assert_eq!((&token["user_name"], &token["is_whole"]), (&json!("AWS"), &json!(true)));
    let endpoint = example.desk.server.endpoint();
    let port = endpoint.rsplit(':').next().unwrap_or_default();
    assert!(text(&token["proxy_endpoint"]).ends_with(port), "{token} {endpoint}");

    // What follows is about the resources.
    example.edit(VARIABLES, "pushed       = true", "pushed       = false");
    example.apply("");
}

/// Every member that can be changed in place is, in two steps: other values, then fewer of them.
fn changes(example: &Example) {
    let all = [
        "aws_ecr_account_setting.scope",
        "aws_ecr_lifecycle_policy.web",
        "aws_ecr_pull_through_cache_rule.hub",
        "aws_ecr_pull_through_cache_rule.theirs",
        "aws_ecr_registry_policy.ours",
        "aws_ecr_registry_scanning_configuration.ours",
        "aws_ecr_replication_configuration.ours",
        "aws_ecr_repository.keyless",
        "aws_ecr_repository.plain",
        "aws_ecr_repository.web",
        "aws_ecr_repository_creation_template.team",
        "aws_ecr_repository_policy.web",
    ];
    let some = [
        "aws_ecr_replication_configuration.ours",
        "aws_ecr_repository.web",
        "aws_ecr_repository_creation_template.team",
    ];
    let other_values = [
        ("\"platform\"", "\"web\""),
        ("immutable    = false", "immutable    = true"),
        ("kept         = 10", "kept         = 5"),
        ("\"111122223333\"", "\"999988887777\""),
        ("\"BASIC\"", "\"ENHANCED\""),
        ("\"SCAN_ON_PUSH\"", "\"CONTINUOUS_SCAN\""),
        ("[\"us-west-2\", \"ap-south-1\"]", "[\"ap-south-1\", \"us-west-2\"]"),
        ("\"one\"", "\"two\""),
        ("\"what teams push to\"", "\"other words\""),
        ("\"V2\"", "\"V1\""),
    ];
    let fewer_values = [
        ("[\"ap-south-1\", \"us-west-2\"]", "[\"ap-south-1\"]"),
        ("\"other words\"", "null"),
        ("immutable    = true", "immutable    = false"),
    ];
    for (edits, changed) in [(&other_values[..], &all[..]), (&fewer_values, &some)] {
        for (from, to) in edits {
            example.edit(VARIABLES, from, to);
        }
        // The provider has no update for this one.
        let action =
            |address| if address == "aws_ecr_lifecycle_policy.web" { "delete,create" } else { "update" };
        let expected = changed.iter().map(|address| ((*address).to_owned(), action(*address).to_owned()));
        assert_eq!(example.changes(""), expected.collect::<Vec<_>>());
        example.apply("");
        example.no_change();
    }
    let shown = |command: &str| example.aws(command);
    assert_eq!(
        shown(
            "get-registry-scanning-configuration --query scanningConfiguration.[scanType,rules[].scanFrequency]"
        ),
        json!(["ENHANCED", ["CONTINUOUS_SCAN"]])
    );
    assert_eq!(shown("get-account-setting --name REGISTRY_POLICY_SCOPE --query value"), "V1");
    assert_eq!(
        shown("describe-registry --query replicationConfiguration.rules[].destinations[].region"),
        json!(["ap-south-1", REGION])
    );
    let secrets = shown(
        "describe-pull-through-cache-rules --ecr-repository-prefixes hub --query pullThroughCacheRules[].credentialArn",
    );
    assert!(text(&secrets[0]).ends_with(":secret:ecr-pullthroughcache/two"), "{secrets}");
    let described = shown(
        "describe-repository-creation-templates --prefixes team --query repositoryCreationTemplates[0]",
    );
    assert_eq!(described["description"], Value::Null);
    assert_eq!(described["imageTagMutability"], "MUTABLE");
}

/// Forgotten by Terraform and imported, everything is what the configuration says.
fn imports(example: &Example) {
    let addresses = IMPORTS.map(|(address, _)| address).join(" ");
    example.terraform(&format!("state rm {addresses}")).ok();
    let block = |(address, id)| format!("import {{\n  to = {address}\n  id = \"{id}\"\n}}\n");
    let file = example.folder.join("imports.tf");
    fs::write(&file, IMPORTS.map(block).concat()).expect("a file is written");
    let told = example.apply("");
    // `force_delete` stands in no registry: it is all that an import leaves out.
    let expected = format!("{} imported, 0 added, 1 changed, 0 destroyed", IMPORTS.len());
    assert!(told.contains(&expected), "{told}");
    fs::remove_file(&file).expect("a file is removed");
    example.no_change();
}

/// Nothing is left but the settings, of which Terraform says nothing when it destroys them.
fn is_forgotten(example: &Example) {
    assert_eq!(
        example.aws("get-registry-scanning-configuration --query scanningConfiguration"),
        json!({ "scanType": "BASIC", "rules": [] })
    );
    assert_eq!(example.aws("describe-registry --query replicationConfiguration"), json!({ "rules": [] }));
    assert_eq!(example.aws("describe-pull-through-cache-rules --query pullThroughCacheRules"), json!([]));
    let templates = "describe-repository-creation-templates --query repositoryCreationTemplates";
    assert_eq!(example.aws(templates), json!([]));
    let told = example.shell(&format!("aws ecr get-registry-policy --region {REGION}")).refused();
    assert!(told.contains("RegistryPolicyNotFoundException"), "{told}");
    assert_eq!(example.aws("get-account-setting --name REGISTRY_POLICY_SCOPE --query value"), "V1");
}

/// Whatever somebody deletes behind Terraform's back is made again; no error stands in its way.
#[test]
fn what_was_lost_is_made_again() {
    let example = begin();
    example.apply("");
    let delete = |command: &str| {
        example.shell(&format!("aws ecr {command} --region {REGION} >/dev/null")).ok();
    };
    delete("delete-lifecycle-policy --repository-name team/web");
    delete("delete-repository-policy --repository-name team/web");
    delete("delete-repository --repository-name plain");
    delete("delete-registry-policy");
    delete("put-replication-configuration --replication-configuration rules=[]");
    delete("put-registry-scanning-configuration --scan-type BASIC");
    delete("put-account-setting --name REGISTRY_POLICY_SCOPE --value V1");
    for prefix in ["public", "hub", "ROOT"] {
        delete(&format!("delete-pull-through-cache-rule --ecr-repository-prefix {prefix}"));
    }
    for prefix in ["ROOT", "team"] {
        delete(&format!("delete-repository-creation-template --prefix {prefix}"));
    }
    let created = [
        "aws_ecr_lifecycle_policy.web",
        "aws_ecr_pull_through_cache_rule.all",
        "aws_ecr_pull_through_cache_rule.hub",
        "aws_ecr_pull_through_cache_rule.public",
        "aws_ecr_registry_policy.ours",
        "aws_ecr_replication_configuration.ours",
        "aws_ecr_repository.plain",
        "aws_ecr_repository_creation_template.least",
        "aws_ecr_repository_creation_template.team",
        "aws_ecr_repository_policy.web",
    ];
    let updated = ["aws_ecr_account_setting.scope", "aws_ecr_registry_scanning_configuration.ours"];
    let mut expected: Vec<_> = created.map(|address| (address.to_owned(), "create".to_owned())).to_vec();
    expected.extend(updated.map(|address| (address.to_owned(), "update".to_owned())));
    expected.sort();
    assert_eq!(example.changes(""), expected);
    example.apply("");
    example.no_change();
    // A repository goes, and its policies with it.
    delete("delete-repository --repository-name team/web --force");
    let changes = example.changes("");
    let gone = ["aws_ecr_lifecycle_policy.web", "aws_ecr_repository.web", "aws_ecr_repository_policy.web"];
    assert_eq!(changes, gone.map(|address| (address.to_owned(), "create".to_owned())));
    example.apply("");
    example.no_change();
    // Destroying what is gone already is no error either.
    delete("delete-repository --repository-name keyless");
    delete("delete-registry-policy");
    delete("delete-pull-through-cache-rule --ecr-repository-prefix hub");
    example.destroy();
}

fn sorted(list: &Value) -> Vec<&str> {
    let mut texts: Vec<&str> = list.as_array().into_iter().flatten().map(text).collect();
    texts.sort_unstable();
    texts
}
