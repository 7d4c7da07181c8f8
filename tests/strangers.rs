//! A stranger may nothing: another account's root, at every operation of the control plane, by `registryId` and by ARN; and
//! the command that makes such an account.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::image::{Flavour, Image, Recipe};
use acre_testkit::server::{Options, REGION, Server, binary};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

const HOME: &str = "000000000000";
const OTHER: &str = "222222222222";
const ARN: &str = "arn:aws:ecr:us-east-1:000000000000:repository/team/app";

fn start() -> Server {
    Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap()
}

/// The root of a second account.
fn stranger(server: &Server) -> Ecr {
    let mut home = server.ecr().unwrap();
    let made = home.call_target("Acre_V1.CreateAccount", &json!({ "accountId": OTHER })).unwrap();
    assert_eq!(made.status, 200, "{}", made.json());
    let made = made.json();
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        made["accessKeyId"].as_str().unwrap(),
        made["secretAccessKey"].as_str().unwrap(),
    );
    Ecr::new(server.host(), Credentials::parse(&text).unwrap(), REGION)
}

fn policy() -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "ecr:*" }
    ] })
    .to_string()
}

fn lifecycle() -> String {
    json!({ "rules": [ { "rulePriority": 1, "description": "untagged images go after a week", "selection": {
        "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7
    }, "action": { "type": "expire" } } ] })
    .to_string()
}

/// Every operation that works and can name another account, with what it asks of that account's repository.
fn calls(name: &str) -> Vec<(&'static str, Value)> {
    let of = |mut more: Value| {
        more["registryId"] = HOME.into();
        more["repositoryName"] = name.into();
        more
    };
    let ids = json!([{ "imageTag": "v1" }]);
    let manifest = "{\"schemaVersion\":2}";
    let arn = ARN.replace("team/app", name);
    let tags = json!([{ "Key": "a", "Value": "b" }]);
    vec![
        ("BatchDeleteImage", of(json!({ "imageIds": ids }))),
        ("BatchGetImage", of(json!({ "imageIds": ids }))),
        ("CreateRepository", of(json!({}))),
        ("DeleteLifecyclePolicy", of(json!({}))),
        ("DeleteRepository", of(json!({ "force": true }))),
        ("DeleteRepositoryPolicy", of(json!({}))),
        ("DescribeImages", of(json!({}))),
        ("DescribeRepositories", json!({ "registryId": HOME, "repositoryNames": [name] })),
        ("GetLifecyclePolicy", of(json!({}))),
        ("GetRepositoryPolicy", of(json!({}))),
        ("ListImages", of(json!({}))),
        ("ListTagsForResource", json!({ "resourceArn": arn })),
        (
            "PutImage",
            of(json!({ "imageManifest": manifest, "imageTag": "v1", "imageManifestMediaType": "x" })),
        ),
        (
            "PutImageScanningConfiguration",
            of(json!({ "imageScanningConfiguration": { "scanOnPush": true } })),
        ),
        ("PutImageTagMutability", of(json!({ "imageTagMutability": "IMMUTABLE" }))),
        ("PutLifecyclePolicy", of(json!({ "lifecyclePolicyText": lifecycle() }))),
        ("SetRepositoryPolicy", of(json!({ "policyText": policy() }))),
        ("TagResource", json!({ "resourceArn": arn, "tags": tags })),
        ("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] })),
    ]
}

#[test]
fn a_stranger_is_refused_at_every_operation_and_learns_nothing() {
    let server = start();
    let mut home = server.ecr().unwrap();
    home.create_repository("team/app").unwrap();
    let image = Image::made("app", &[Recipe { seed: 1, length: 10 }]);
    image.push(&mut home.data_plane().unwrap(), "team/app", "v1", Flavour::PostPut).unwrap();
    // An Allow for everybody is stored; nobody gains by it until policies are evaluated.
    home.expect("SetRepositoryPolicy", &json!({ "repositoryName": "team/app", "policyText": policy() }))
        .unwrap();
    let mut other = stranger(&server);
    let (there, missing) = (calls("team/app"), calls("team/none"));
    for ((operation, input), (_, absent)) in there.into_iter().zip(missing) {
        let (status, refused) = other.call(operation, &input).unwrap();
        assert_eq!(
            (status, refused["__type"].as_str()),
            (400, Some("AccessDeniedException")),
            "{operation}: {refused}"
        );
        let text = refused["message"].as_str().unwrap();
        let expected = format!(
            "User: arn:aws:iam::{OTHER}:root is not authorized to perform: ecr:{operation} on resource: {ARN} because no \
             resource-based policy allows the ecr:{operation} action"
        );
        assert_eq!(text, expected);
        // What is absent is refused in the same words.
        let (status, unknown) = other.call(operation, &absent).unwrap();
        assert_eq!(status, 400);
        assert_eq!(
            unknown["message"].as_str().unwrap().replace("team/none", "team/app"),
            text,
            "{operation}"
        );
    }
    let listed = home.expect("DescribeImages", &json!({ "repositoryName": "team/app" })).unwrap();
    assert_eq!(listed["imageDetails"][0]["imageTags"], json!(["v1"]));
    let (_, policy) = home.call("GetLifecyclePolicy", &json!({ "repositoryName": "team/app" })).unwrap();
    assert_eq!(policy["__type"], "LifecyclePolicyNotFoundException");
}

#[test]
fn only_the_home_root_makes_accounts_and_rotates_keys() {
    let server = start();
    let mut other = stranger(&server);
    for (target, input) in
        [("Acre_V1.CreateAccount", json!({ "accountId": "333333333333" })), ("Acre_V1.RotateKeys", json!({}))]
    {
        let answer = other.call_target(target, &input).unwrap();
        assert_eq!(answer.status, 400, "{target}");
        assert_eq!(answer.json()["__type"], "AccessDeniedException", "{target}");
    }
    // In its own account it may do all, and its names are its own.
    other.create_repository("team/app").unwrap();
    let (_, listed) = server.ecr().unwrap().call("DescribeRepositories", &json!({})).unwrap();
    assert_eq!(listed["repositories"], json!([]));
}

#[test]
fn an_arn_of_another_region_is_no_resource_here() {
    let server = start();
    let arn = ARN.replace("us-east-1", "eu-west-1");
    let (status, refused) =
        server.ecr().unwrap().call("ListTagsForResource", &json!({ "resourceArn": arn })).unwrap();
    assert_eq!(status, 400);
    let text = "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'";
    assert_eq!(refused["message"], text);
}

fn acre(server: &Server, home: &std::path::Path, arguments: &[&str]) -> Output {
    let credentials = std::fs::read_to_string(server.data().join("credentials")).unwrap();
    let value = |key: &str| {
        let line = credentials.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_start_matches([' ', '=']).to_owned()
    };
    Command::new(binary(env!("CARGO_BIN_EXE_acre")))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("AWS_ACCESS_KEY_ID", value("aws_access_key_id"))
        .env("AWS_SECRET_ACCESS_KEY", value("aws_secret_access_key"))
        .env("AWS_ENDPOINT_URL_ECR", server.endpoint())
        .env("AWS_REGION", REGION)
        .output()
        .unwrap()
}

#[test]
fn account_create_writes_a_profile_and_never_prints_the_secret() {
    let server = start();
    let home = tempfile::tempdir().unwrap();
    let output = acre(&server, home.path(), &["account", "create", OTHER]);
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success(), "{printed}");
    let path = home.path().join(".aws/credentials");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let profile = std::fs::read_to_string(&path).unwrap();
    assert!(profile.contains(&format!("[acre-{OTHER}]")), "{printed}");
    let as_default = profile.replace(&format!("[acre-{OTHER}]"), "[default]");
    let secret = as_default.lines().find_map(|line| line.strip_prefix("aws_secret_access_key")).unwrap();
    assert!(!printed.contains(secret.trim_start_matches([' ', '='])), "the secret was printed");
    let mut other = Ecr::new(server.host(), Credentials::parse(&as_default).unwrap(), REGION);
    let made = other.create_repository("team/app").unwrap();
    assert_eq!(made["registryId"], OTHER);
    // Its secret is told once: asking again is refused.
    let again = acre(&server, home.path(), &["account", "create", OTHER, "--profile", "again"]);
    let text = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1), "{text}");
    assert!(text.contains("already exists"), "{text}");
}
