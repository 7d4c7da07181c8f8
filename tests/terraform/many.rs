//! Two hundred repositories at once: no call is sent twice, and none meets what an earlier sending of it has made.

use acre_testkit::server::Options;
use serde_json::{Value, from_str};

use crate::Example;

const REPOSITORIES: usize = 200;

#[test]
fn two_hundred_repositories_at_once() {
    // Every request's line, for a machine.
    let log = ["--log-level", "debug", "--log-format", "json"];
    let options = Options { arguments: log.map(Into::into).to_vec(), ..Options::default() };
    let example = Example::ours("many", "us-east-1", options);
    example.terraform("apply -auto-approve -parallelism=10").ok();
    assert_eq!(example.repositories().len(), REPOSITORIES);
    example.no_change();
    let told = example.terraform("destroy -auto-approve -parallelism=10").ok();
    assert!(told.contains(&format!("{REPOSITORIES} destroyed")), "{told}");
    assert_eq!(example.repositories(), Vec::<String>::new());

    let log = example.desk.server.stderr();
    // A first start greets in words.
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines.map(|line| from_str(line).expect("the log is JSON")).collect();
    let requests: Vec<&Value> = lines.iter().filter(|line| line["target"] == "acre::access").collect();
    for request in &requests {
        let attempt = request["attempt"].as_str().unwrap_or_default();
        // The AWS CLI writes it without `max`.
        assert!(
            attempt.is_empty() || attempt == "attempt=1" || attempt.starts_with("attempt=1;"),
            "{request}"
        );
        assert!(request["status"].as_u64().is_some_and(|status| status < 500), "{request}");
    }
    let answers = |operation: &str, status: u16| {
        let of_these = |request: &&&Value| request["operation"] == operation && request["status"] == status;
        requests.iter().filter(of_these).count()
    };
    for operation in ["CreateRepository", "DeleteRepository"] {
        assert_eq!((answers(operation, 200), answers(operation, 400)), (REPOSITORIES, 0), "{operation}");
    }
    // Nor did the registry have to answer anything from memory.
    let is_repeat = |line: &&Value| line["message"] == "repeated call answered again";
    assert_eq!(lines.iter().find(is_repeat), None);
}
