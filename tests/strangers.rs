//! Other accounts: who makes them, and what is theirs. What they may at each operation and route stands in `matrix.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::server::{Options, REGION, Server, binary};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

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
