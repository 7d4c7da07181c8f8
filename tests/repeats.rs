//! A call whose answer was lost is sent again by the SDK, and gets the answer of the first sending (spec/terraform.md 1).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::http::{Answer, Client};
use acre_testkit::server::{Options, REGION, Server, binary};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

const ID: &str = "8a5a3d3e-0c59-4a4a-9f2e-7d6d7a1c0001";

fn start() -> Server {
    let arguments = ["--log-format", "json"].map(Into::into).to_vec();
    Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options { arguments, ..Options::default() }).unwrap()
}

fn target(operation: &str) -> String {
    format!("AmazonEC2ContainerRegistry_V20150921.{operation}")
}

/// One sending of a call.
fn send(ecr: &mut Ecr, operation: &str, input: &Value, id: &str, attempt: u32) -> Answer {
    let body = input.to_string();
    let mut headers = ecr.sign(&target(operation), &body);
    headers.push(("amz-sdk-invocation-id", id.to_owned()));
    headers.push(("amz-sdk-request", format!("attempt={attempt}; max=25")));
    ecr.send(&headers, &body).unwrap()
}

/// The first sending of a call, by a client that goes away without reading the answer.
fn send_and_leave(server: &Server, operation: &str, input: &Value) {
    let (ecr, body) = (server.ecr().unwrap(), input.to_string());
    let mut request = format!("POST / HTTP/1.1\r\nHost: {}\r\n", server.host());
    for (name, value) in ecr.sign(&target(operation), &body) {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    write!(
        request,
        "amz-sdk-invocation-id: {ID}\r\namz-sdk-request: attempt=1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut client = Client::new(server.host());
    client.send(request.as_bytes()).unwrap();
    client.close();
}

/// The log's lines about repeats, once there are so many: operation, request id and total of each.
fn told(server: &Server, wanted: usize) -> Vec<(String, String, u64)> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let lines = server.stderr();
        let events = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let repeats = events.filter(|event| event["message"] == "repeated call answered again");
        let told: Vec<_> = repeats
            .map(|event| {
                let text = |name: &str| event[name].as_str().unwrap().to_owned();
                (text("operation"), text("request_id"), event["total"].as_u64().unwrap())
            })
            .collect();
        if told.len() >= wanted {
            return told;
        }
        assert!(Instant::now() < deadline, "{lines}");
        thread::yield_now();
    }
}

/// No call was answered again: a call that is, afterwards, is the first.
fn nothing_was_told(server: &Server) {
    let mut ecr = server.ecr().unwrap();
    let input = json!({ "repositoryName": "the/last" });
    for attempt in 1..3 {
        assert_eq!(send(&mut ecr, "CreateRepository", &input, "the-last", attempt).status, 200);
    }
    let told = told(server, 1);
    assert_eq!((told.len(), told[0].2), (1, 1), "{told:?}");
}

fn code(answer: &Answer) -> String {
    answer.json()["__type"].as_str().unwrap_or("-").to_owned()
}

#[test]
fn an_answer_that_nobody_read() {
    let server = start();
    let mut ecr = server.ecr().unwrap();
    let input = json!({ "repositoryName": "web" });
    send_and_leave(&server, "CreateRepository", &input);
    // Whether the first sending was carried out, runs, or never came: this one is never refused.
    let answer = send(&mut ecr, "CreateRepository", &input, ID, 2);
    assert_eq!(answer.status, 200, "{answer:?}");
    let again = send(&mut ecr, "CreateRepository", &input, ID, 3);
    assert_eq!((again.status, again.json()), (200, answer.json()));
    let listed = ecr.expect("DescribeRepositories", &json!({})).unwrap();
    assert_eq!(listed["repositories"], json!([answer.json()["repository"]]));
}

#[test]
fn what_was_carried_out_is_answered_again_and_told() {
    let server = start();
    let mut ecr = server.ecr().unwrap();
    let first = send(&mut ecr, "CreateRepository", &json!({ "repositoryName": "web" }), ID, 1);
    let again = send(&mut ecr, "CreateRepository", &json!({ "repositoryName": "web" }), ID, 2);
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    // Each sending is a request of its own.
    let id = again.header("x-amzn-requestid").unwrap().to_owned();
    assert_ne!(first.header("x-amzn-requestid").unwrap(), id);
    let rule = json!({ "ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io" });
    for (operation, input) in [
        ("CreatePullThroughCacheRule", rule),
        ("CreateRepositoryCreationTemplate", json!({ "prefix": "web", "appliedFor": ["REPLICATION"] })),
    ] {
        let first = send(&mut ecr, operation, &input, "same-id", 1);
        let again = send(&mut ecr, operation, &input, "same-id", 2);
        assert_eq!((first.status, again.status, &first.body), (200, 200, &again.body), "{operation}");
    }
    let told = told(&server, 3);
    assert_eq!(told[0], ("CreateRepository".into(), id, 1));
    assert_eq!(told.iter().map(|(_, _, total)| *total).collect::<Vec<_>>(), [1, 2, 3]);
    // Answered again is not done again: one audit line each.
    assert_eq!(server.stderr().matches("ecr:CreateRepository\"").count(), 1, "{}", server.stderr());
}

#[test]
fn another_call_is_carried_out() {
    let server = start();
    let mut ecr = server.ecr().unwrap();
    let input = json!({ "repositoryName": "web" });
    assert_eq!(send(&mut ecr, "CreateRepository", &input, ID, 1).status, 200);
    let exists = "RepositoryAlreadyExistsException";
    // Another id; the first sending of a new call under an old id; no id at all.
    assert_eq!(code(&send(&mut ecr, "CreateRepository", &input, "other", 2)), exists);
    assert_eq!(ecr.call("CreateRepository", &input).unwrap().1["__type"], exists);
    let spaced = "{\"repositoryName\": \"web\"}";
    let mut headers = ecr.sign(&target("CreateRepository"), spaced);
    headers.push(("amz-sdk-invocation-id", ID.to_owned()));
    headers.push(("amz-sdk-request", "attempt=2".to_owned()));
    assert_eq!(code(&ecr.send(&headers, spaced).unwrap()), exists, "another body");
    let answer = send(&mut ecr, "DeleteRepository", &input, ID, 2);
    assert_eq!(answer.status, 200, "another operation: {answer:?}");
    assert_eq!(code(&send(&mut ecr, "CreateRepository", &input, ID, 1)), "-", "the name is free again");
    // Another Region, and another principal.
    let mut west = Ecr::new(server.host(), server.credentials().unwrap(), "us-west-2");
    let there = send(&mut west, "CreateRepository", &input, ID, 2).json();
    assert!(there["repository"]["repositoryArn"].as_str().unwrap().contains(":us-west-2:"), "{there}");
    let made =
        ecr.call_target("Acre_V1.CreateAccount", &json!({ "accountId": "222222222222" })).unwrap().json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let credentials = Credentials { access_key: text("accessKeyId"), secret_key: text("secretAccessKey") };
    let mut other = Ecr::new(server.host(), credentials, REGION);
    let there = send(&mut other, "CreateRepository", &input, ID, 2).json();
    assert_eq!(there["repository"]["registryId"], "222222222222");
    let mine = json!({ "repositoryName": "web", "registryId": "000000000000" });
    assert_eq!(code(&send(&mut other, "CreateRepository", &mine, ID, 2)), "AccessDeniedException");
    nothing_was_told(&server);
}

#[test]
fn only_whoever_proves_to_be_the_caller() {
    let server = start();
    let mut ecr = server.ecr().unwrap();
    let input = json!({ "repositoryName": "web" });
    assert_eq!(send(&mut ecr, "CreateRepository", &input, ID, 1).status, 200);
    let body = input.to_string();
    let mut headers = ecr.sign(&target("CreateRepository"), &body);
    headers.push(("amz-sdk-invocation-id", ID.to_owned()));
    headers.push(("amz-sdk-request", "attempt=2".to_owned()));
    let mut unsigned = headers.clone();
    unsigned.retain(|(name, _)| *name != "authorization");
    assert_eq!(code(&ecr.send(&unsigned, &body).unwrap()), "MissingAuthenticationTokenException");
    for (name, value) in &mut headers {
        if *name == "authorization" {
            let last = if value.ends_with('0') { '1' } else { '0' };
            value.pop();
            value.push(last);
        }
    }
    assert_eq!(code(&ecr.send(&headers, &body).unwrap()), "InvalidSignatureException");
    nothing_was_told(&server);
}

#[test]
fn a_refusal_is_not_kept() {
    let server = start();
    let mut ecr = server.ecr().unwrap();
    let input = json!({ "repositoryName": "web" });
    assert_eq!(code(&send(&mut ecr, "DeleteRepository", &input, ID, 1)), "RepositoryNotFoundException");
    ecr.create_repository("web").unwrap();
    assert_eq!(send(&mut ecr, "DeleteRepository", &input, ID, 2).status, 200);
    nothing_was_told(&server);
}

#[test]
fn all_sendings_at_once_are_one_call() {
    const SENDINGS: u32 = 8;
    const CALLS: u32 = 10;
    let server = start();
    for number in 0..CALLS {
        let (name, id) = (format!("web/{number}"), format!("call-{number}"));
        let answers: Vec<_> = thread::scope(|scope| {
            let sendings: Vec<_> = (1..=SENDINGS)
                .map(|attempt| {
                    let (server, name, id) = (&server, &name, &id);
                    scope.spawn(move || {
                        let input = json!({ "repositoryName": name });
                        // Which of them comes first is chance: each must be able to be it.
                        send(&mut server.ecr().unwrap(), "CreateRepository", &input, id, attempt + 1)
                    })
                })
                .collect();
            sendings.into_iter().map(|sending| sending.join().unwrap()).collect()
        });
        for answer in &answers {
            assert_eq!((answer.status, &answer.body), (200, &answers[0].body), "{answer:?}");
        }
    }
    let mut totals: Vec<_> =
        told(&server, (CALLS * (SENDINGS - 1)) as usize).into_iter().map(|line| line.2).collect();
    totals.sort_unstable();
    assert_eq!(totals, (1..=u64::from(CALLS * (SENDINGS - 1))).collect::<Vec<_>>());
}
