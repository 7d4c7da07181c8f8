//! What the control plane refuses, with which exception and in which words (spec/ecr.md 1.4): every constraint of every
//! operation that works, one request each, asked of the real binary.
//!
//! The facts are copied by hand from spec/ecr.md (`constraints/facts.rs`); requests and expected texts are made from them,
//! not from the server's own table. That the two tables say the same is a test of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::Ecr;
use acre_testkit::http::Answer;
use acre_testkit::server::{Options, Server, binary};
use acre_wire::ecr::{Operation, State};
use serde_json::Value;

mod constraints {
    pub(crate) mod facts;
    pub(crate) mod notation;
    pub(crate) mod requests;
    pub(crate) mod rules;
}

use constraints::facts::{OPERATIONS, PATTERNS, SHAPES};
use constraints::{notation, requests, rules};

fn working() -> impl Iterator<Item = Operation> {
    Operation::all().filter(|operation| operation.state() == State::Works)
}

fn call(ecr: &mut Ecr, operation: Operation, input: &Value) -> Answer {
    ecr.call_target(operation.target(), input).unwrap()
}

fn said(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("__type"), text("message"))
}

/// What else is said of a member when its value is on a bound: no other text may be. The samples are made for lengths and
/// counts, so some of them are cut, alike or without sense.
const SAID_ON_BOUNDS: &[(&str, &str)] = &[
    ("credentialArn", "Member must satisfy regular expression pattern: ^arn:aws"),
    ("imageIds", "both tag and digest cannot be null"),
    ("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"),
    ("imageTagMutabilityExclusionFilters", "ImageTagMutabilityExclusionFilters must be null when"),
    (
        "lifecyclePolicy",
        "Lifecycle policy validation failure: Could not map policyString into LifecyclePolicy.",
    ),
    ("name", "Member must satisfy enum value set: [BASIC_SCAN_TYPE_VERSION, "),
    ("repositoryPolicy", "Invalid repository policy provided"),
    ("rules", "Member must have at most one rule with scanFrequency SCAN_ON_PUSH"),
    ("scanFrequency", "ScanFrequency can't be CONTINUOUS_SCAN when scanType is set as BASIC"),
];

/// Of an input that is on the bound: it is carried out, or refused for another reason than that member, or for one of
/// those above. `used` notes which.
fn is_on_the_bound(
    (status, exception, text): &(u16, String, String),
    refusal: &str,
    used: &mut [bool],
) -> bool {
    let (begin, _) = refusal.split_once(" failed to satisfy").unwrap();
    if *status >= 500 || exception == "SerializationException" || text == refusal {
        return false;
    }
    let known = SAID_ON_BOUNDS.iter().position(|(field, constraint)| {
        let said = format!("Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}");
        text.starts_with(begin) && text.starts_with(&said)
    });
    if let Some(known) = known {
        used[known] = true;
    }
    known.is_some() || !text.starts_with(begin)
}

/// As much of an input as a person reads.
fn shown(input: &Value) -> String {
    input.to_string().chars().take(300).collect()
}

#[test]
fn the_facts_and_the_servers_table_say_the_same() {
    let mut names: Vec<_> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    let mut works: Vec<_> = working().map(Operation::name).collect();
    names.sort_unstable();
    works.sort_unstable();
    assert_eq!(names, works);
    for operation in working() {
        let (facts, model) =
            (notation::lines_of_facts(operation.name()), notation::lines_of_model(operation));
        // In the same order too: the first fault is told.
        assert_eq!(facts, model, "{}", operation.name());
    }
}

#[test]
fn nothing_in_the_facts_is_unused() {
    let all: Vec<_> = OPERATIONS.iter().chain(SHAPES).map(|(_, text)| *text).collect();
    let all = format!(" {} ", all.join(" "));
    for (name, _) in SHAPES {
        let is_end = |c: char| !c.is_ascii_alphanumeric();
        let used = all
            .match_indices(name)
            .any(|(at, _)| all[..at].ends_with(is_end) && all[at + name.len()..].starts_with(is_end));
        assert!(used, "{name}");
    }
    for (pattern, ..) in PATTERNS {
        assert!(all.contains(&format!("`{pattern}`")), "{pattern}");
    }
}

#[test]
fn every_constraint_of_every_operation() {
    let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
    let mut ecr = server.ecr().unwrap();
    let (mut refused, mut faults) = (0, Vec::new());
    let mut used = [false; SAID_ON_BOUNDS.len()];
    for operation in working() {
        let members = notation::members(operation.name());
        // Later than all that is told about shapes: what is there, and what may be.
        let least = said(&call(&mut ecr, operation, &requests::least(&members)));
        assert_ne!(least.1, "SerializationException", "{operation:?}: {least:?}");
        for case in requests::cases(&members).into_iter().chain(requests::all_wrong(&members)) {
            let got = said(&call(&mut ecr, operation, &case.input));
            let is_right = if case.refused {
                got == (400, case.code.to_owned(), case.text.clone())
            } else {
                is_on_the_bound(&got, &case.text, &mut used)
            };
            if !is_right {
                let not = if case.refused { "" } else { "nothing like " };
                faults.push(format!(
                    "{}: {}\n  got {got:?}\n  {not}{} {:?}",
                    operation.name(),
                    shown(&case.input),
                    case.code,
                    case.text
                ));
            }
            refused += usize::from(case.refused);
        }
    }
    assert!(faults.is_empty(), "{} of {refused}:\n{}", faults.len(), faults.join("\n"));
    assert!(used.iter().all(|used| *used), "nothing says that: {used:?}");
    // A table that lost its rows would pass too.
    assert!(refused > 500, "{refused}");
}

#[test]
fn every_rule_between_members() {
    let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("rules").unwrap();
    let mut faults = Vec::new();
    for (name, input, code, text) in rules::rules() {
        let operation = working().find(|operation| operation.name() == name).unwrap();
        let got = said(&call(&mut ecr, operation, &input));
        if got != (400, code.to_owned(), text.clone()) {
            faults.push(format!("{name}: {}\n  got {got:?}\n  not {code} {text:?}", shown(&input)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn bodies_that_are_no_input() {
    let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
    let mut ecr = server.ecr().unwrap();
    let target = Operation::DescribeRepositories.target();
    for (body, status) in [("", 200), ("{}", 200), ("null", 400), ("{", 400), ("{}{}", 400), ("[1,2]", 400)] {
        let headers = ecr.sign(target, body);
        let answer = ecr.send(&headers, body).unwrap();
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(status == 200 || answer.json()["__type"] == "SerializationException", "{body}: {answer:?}");
    }
    // Names are read to the letter; what is not known is not looked at.
    let answer =
        call(&mut ecr, Operation::DescribeRepositories, &serde_json::json!({ "RepositoryNames": 1 }));
    assert_eq!(answer.status, 200, "{answer:?}");
}
