//! What a start tells, and what it never tells: no secret, whatever the log level (DESIGN 6).

use super::process::{command, run};
use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Flavour, Image, Recipe, pull_and_verify};
use acre_testkit::server::{Options, REGION, Server};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// Everything that may never be printed.
struct Secrets(Vec<String>);

impl Secrets {
    fn assert_absent(&self, what: &str, text: &str) {
        for secret in &self.0 {
            assert!(secret.len() >= 16, "too short to be a secret: {secret}");
            assert!(!text.contains(secret.as_str()), "{what} holds a secret ({}…):\n{text}", &secret[..4]);
        }
    }
}

/// Uses every way by which a secret comes in or goes out.
fn act(server: &Server) -> Secrets {
    let root = server.credentials().unwrap();
    let mut ecr = server.ecr().unwrap();
    let account = json!({ "accountId": "222222222222" });
    let created = ecr.call_target("Acre_V1.CreateAccount", &account).unwrap().json();
    let token = ecr.authorization_token().unwrap();
    let password = ecr.password().unwrap();
    let repository = format!("team/web-{}", server.id());
    ecr.create_repository(&repository).unwrap();
    let mut client = Client::new(server.host()).with_header("Authorization", &token);
    let image = Image::made("secrets", &[Recipe { seed: 1, length: 100_000 }]);
    image.push(&mut client, &repository, "v1", Flavour::PostPatchPut).unwrap();
    pull_and_verify(&mut client, &repository, "v1", &image.digest()).unwrap();
    // Failures are where logs grow chatty.
    let wrong = Credentials { secret_key: "x".repeat(40), ..root.clone() };
    assert_ne!(
        Ecr::new(server.host(), wrong, REGION).call("DescribeRepositories", &json!({})).unwrap().0,
        200
    );
    for target in ["/v2/", "/v2/missing/tags/list", "/nowhere", "/v2/x/manifests/sha256:bad"] {
        let authorization = token.replace("Basic ", "basic ");
        client
            .request("PUT", target, &[("X-Password", &password)], Body::Sized(password.as_bytes()))
            .unwrap();
        client.request("GET", target, &[("Authorization", &authorization)], Body::None).unwrap();
        let bad = format!("{token}x");
        Client::new(server.host()).request("GET", target, &[("Authorization", &bad)], Body::None).unwrap();
    }
    let root_key = fs::read_to_string(server.data().join("root.key")).unwrap();
    let root_key = root_key.trim().rsplit(' ').next().unwrap().to_owned();
    let created = created["secretAccessKey"].as_str().map_or_else(String::new, str::to_owned);
    let token = token.strip_prefix("Basic ").unwrap().to_owned();
    let mut secrets = vec![root.secret_key, root_key, token, password];
    // The second start's CreateAccount is refused: the account is there.
    secrets.extend(Some(created).filter(|secret| !secret.is_empty()));
    Secrets(secrets)
}

/// Stops it, and answers all that it printed.
fn stop(server: &mut Server) -> String {
    assert_eq!(server.terminate().unwrap().code(), Some(0));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.stderr().contains("acre has stopped") {
        assert!(Instant::now() < deadline, "{}", server.stderr());
        std::thread::yield_now();
    }
    assert_eq!(server.stdout(), "");
    server.stderr()
}

#[test]
fn a_first_start_greets_and_tells_no_secret() {
    for format in ["human", "json"] {
        let arguments = ["--log-level", "trace", "--log-format", format].map(Into::into).to_vec();
        let mut server =
            Server::start(super::process::acre(), Options { arguments, ..Options::default() }).unwrap();
        let secrets = act(&server);
        let first = stop(&mut server);
        secrets.assert_absent("the first start's output", &first);
        let data = server.data().display().to_string();
        let host = server.host().to_owned();
        for line in [
            format!("first start in {data}"),
            format!("{data}/credentials"),
            format!("{data}/root.key"),
            format!("eval \"$(acre env --data {data})\""),
            "aws ecr create-repository --repository-name hello".into(),
            format!("docker login --username AWS --password-stdin {host}"),
            format!("docker push {host}/hello:1"),
        ] {
            assert!(first.contains(&line), "{line:?} is not in:\n{first}");
        }
        server.restart().unwrap();
        let more = act(&server);
        let second = stop(&mut server);
        assert!(!second.contains("first start") && !second.contains("docker push"), "{second}");
        for secrets in [secrets, more] {
            secrets.assert_absent("the second start's output", &second);
        }
        // The files that hold them are their owner's alone; others hold none.
        for (name, mode) in [("credentials", 0o600), ("root.key", 0o600), ("endpoint", 0o600), ("", 0o700)] {
            let found = fs::metadata(server.data().join(name)).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{name}");
        }
    }
}

#[test]
fn every_change_leaves_one_audit_line() {
    let arguments = ["--log-format", "json"].map(Into::into).to_vec();
    let mut server =
        Server::start(super::process::acre(), Options { arguments, ..Options::default() }).unwrap();
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("aa").unwrap();
    assert_eq!(ecr.call("CreateRepository", &json!({ "repositoryName": "aa" })).unwrap().0, 400);
    ecr.expect("DescribeRepositories", &json!({})).unwrap();
    let mut client = ecr.data_plane().unwrap();
    Image::made("audit", &[]).push(&mut client, "aa", "v1", Flavour::PostPatchPut).unwrap();
    assert_eq!(client.request("GET", "/v2/aa/manifests/v1", &[], Body::None).unwrap().status, 200);
    let answer = client.request("DELETE", "/v2/aa/manifests/v1", &[], Body::None).unwrap();
    assert_eq!(answer.status, 202);
    let last_request = answer.header("x-amzn-requestid").unwrap().to_owned();
    let printed = stop(&mut server);
    let lines: Vec<serde_json::Value> =
        printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let audits: Vec<_> = lines.iter().filter(|line| line["target"] == "acre::audit").collect();
    let seen: Vec<_> = audits
        .iter()
        .map(|line| [&line["action"], &line["outcome"]].map(|value| value.as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        seen,
        [
            ["ecr:CreateRepository", "done"],
            ["ecr:CreateRepository", "repository exists"],
            ["ecr:CompleteLayerUpload", "done"],
            ["ecr:PutImage", "done"],
            ["ecr:BatchDeleteImage", "done"],
        ],
        "{printed}"
    );
    for line in &audits {
        assert_eq!(line["principal"], "arn:aws:iam::000000000000:root");
        assert_eq!(line["resource"], format!("arn:aws:ecr:{REGION}:000000000000:repository/aa"));
    }
    assert_eq!(audits[4]["request_id"], last_request.as_str());
}

#[test]
fn acre_env_is_the_command_that_tells() {
    let folder = tempfile::tempdir().unwrap();
    let missing = run(command(["env", "--data"]).arg(folder.path().join("none")));
    assert_eq!((missing.status.code(), missing.stdout.as_slice()), (Some(1), &b""[..]));
    let server = Server::start(super::process::acre(), Options::default()).unwrap();
    let Credentials { access_key, secret_key } = server.credentials().unwrap();
    let output = run(command(["env", "--data"]).arg(server.data()));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let script = format!(
        "{}\nprintf '%s\\n' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_ENDPOINT_URL_ECR\" \
         \"$AWS_ENDPOINT_URL_STS\" \"$AWS_REGION\" \"$AWS_DEFAULT_REGION\"",
        String::from_utf8(output.stdout).unwrap()
    );
    let mut shell = std::process::Command::new("sh");
    let told = shell.args(["-c", &script]).env_clear().output().unwrap();
    let endpoint = server.endpoint();
    let wanted = format!("{access_key}\n{secret_key}\n{endpoint}\n{endpoint}\n{REGION}\n{REGION}\n");
    assert_eq!(String::from_utf8(told.stdout).unwrap(), wanted);
}
