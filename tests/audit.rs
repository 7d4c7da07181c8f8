//! One audit line for each change: who, what, on what, with which outcome, in which request; for people and as JSON.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::image::{Flavour, Image, Recipe};
use acre_testkit::server::{Options, Server, binary};
use serde_json::{Value, json};

fn start(format: &str) -> Server {
    let arguments = vec!["--log-format".into(), format.into()];
    Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options { arguments, ..Options::default() })
        .expect("acre starts")
}

fn change_something(server: &Server) {
    let mut ecr = server.ecr().expect("credentials");
    ecr.create_repository("audited").expect("a repository");
    ecr.expect("ListImages", &json!({"repositoryName": "audited"})).expect("a read");
    let (status, _) = ecr.call("CreateRepository", &json!({"repositoryName": "audited"})).expect("an answer");
    assert_eq!(status, 400);
    let (status, _) = ecr
        .call("DeleteRepository", &json!({"repositoryName": "audited", "registryId": "999999999999"}))
        .expect("an answer");
    assert_eq!(status, 400);
    let image = Image::made("audited", &[Recipe { seed: 1, length: 10 }]);
    let mut client = ecr.data_plane().expect("a token");
    image.push(&mut client, "audited", "v1", Flavour::PostPut).expect("a push");
    let put = json!({"repositoryName": "audited", "imageTagMutability": "IMMUTABLE"});
    ecr.expect("PutImageTagMutability", &put).expect("a setting");
    let delete = json!({"repositoryName": "audited", "force": true});
    ecr.expect("DeleteRepository", &delete).expect("a deletion");
}

#[test]
fn every_change_leaves_one_line_as_json() {
    let mut server = start("json");
    change_something(&server);
    server.terminate().expect("it stops");
    let stderr = server.stderr();
    let lines: Vec<Value> = stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["target"] == "acre::audit")
        .collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| format!("{} {}", line["action"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            "ecr:CreateRepository done",
            "ecr:CreateRepository repository exists",
            "ecr:DeleteRepository denied",
            "ecr:CompleteLayerUpload done",
            "ecr:CompleteLayerUpload done",
            "ecr:PutImage done",
            "ecr:PutImageTagMutability done",
            "ecr:DeleteRepository done",
        ],
        "{stderr}"
    );
    for line in &lines {
        assert_eq!(line["principal"], "arn:aws:iam::000000000000:root", "{line}");
        let resource = line["resource"].as_str().unwrap();
        assert!(
            resource.starts_with("arn:aws:ecr:us-east-1:") && resource.ends_with(":repository/audited"),
            "{line}"
        );
        assert_eq!(line["request_id"].as_str().unwrap().len(), 36, "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn every_change_leaves_one_line_for_people() {
    let mut server = start("human");
    change_something(&server);
    server.terminate().expect("it stops");
    let stderr = server.stderr();
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains("acre::audit")).collect();
    assert_eq!(lines.len(), 8, "{stderr}");
    assert!(lines[1].contains("outcome=\"repository exists\""), "{}", lines[1]);
    assert!(lines.iter().all(|line| line.contains("request_id=")), "{stderr}");
}
