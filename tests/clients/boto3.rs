//! boto3: the operations, their refusals, pages and waiters, as AWS's own Python client sees them (`boto3/*.py`).

use std::path::Path;

use super::programs::require;
use super::workplace::Workplace;

/// Runs the tests of one Python file against a server of its own.
fn pass(module: &str) {
    require(&["python3"]);
    let place = Workplace::open();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/boto3");
    let boto3 = place.shell("python3 -c 'import boto3'");
    assert_eq!(boto3.code, Some(0), "python3 has no boto3: run .ci/install\n{}", boto3.stderr);
    // -B: no byte code in the checkout.
    place
        .shell_in(&folder, &format!("python3 -B -W error::ResourceWarning -m unittest --buffer {module}"))
        .ok();
}

#[test]
fn repositories() {
    pass("repositories");
}

#[test]
fn policies() {
    pass("policies");
}

#[test]
fn images() {
    pass("images");
}

#[test]
fn layers() {
    require(&["curl"]);
    pass("layers");
}

#[test]
fn registries() {
    pass("registries");
}

#[test]
fn prefixes() {
    pass("prefixes");
}

#[test]
fn pages_and_waiters() {
    pass("pages");
}

#[test]
fn callers() {
    pass("callers");
}

#[test]
fn repeats() {
    pass("repeats");
}
