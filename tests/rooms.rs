//! The direction of dependencies (ARCHITECTURE.md): which room may use which, and which crate lives in one room alone.
//!
//! Read from `cargo metadata`: normal and build dependencies count, dev-dependencies have a list of their own.

#![expect(clippy::expect_used, reason = "a manifest that can not be read fails the test")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// A package of the workspace, what it may depend on, and what its tests may use besides.
struct Room {
    package: &'static str,
    may_use: &'static [&'static str],
    tests_may_use: &'static [&'static str],
}

const fn room(package: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { package, may_use, tests_may_use: &[] }
}

const ROOMS: &[Room] = &[
    Room {
        package: "acre",
        may_use: &["acre-server", "acre-cli"],
        tests_may_use: &["acre-testkit", "acre-wire"],
    },
    room("acre-server", &["acre-registry", "acre-wire"]),
    room("acre-registry", &["acre-store", "acre-scanner", "acre-client", "acre-policy", "acre-wire"]),
    room("acre-cli", &["acre-client", "acre-scanner", "acre-policy", "acre-wire"]),
    room("acre-policy", &["acre-wire"]),
    room("acre-scanner", &["acre-wire"]),
    room("acre-store", &["acre-wire"]),
    room("acre-client", &["acre-wire"]),
    room("acre-wire", &[]),
    // Nobody depends on it outside tests: it stands in no list of `may_use`.
    room("acre-testkit", &["acre-wire"]),
];

/// Crates that one room alone knows, in its tests too.
const CONFINED: &[(&str, &str)] = &[
    ("axum", "acre-server"),
    ("hyper", "acre-server"),
    ("hyper-util", "acre-server"),
    ("clap", "acre-cli"),
    ("object_store", "acre-store"),
    ("prometheus-client", "acre-server"),
    ("reqwest", "acre-client"),
    ("rusqlite", "acre-store"),
    ("libsqlite3-sys", "acre-store"),
];

#[test]
fn every_dependency_follows_the_direction() {
    let found = violations(&dependencies(&metadata()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_wrong_edge_is_found() {
    let cases = [
        ("acre-cli", "acre-store", Kind::Built, Some("acre-cli may not use acre-store")),
        ("acre-server", "acre-store", Kind::Built, Some("acre-server may not use acre-store")),
        ("acre-wire", "acre-policy", Kind::Built, Some("acre-wire may not use acre-policy")),
        ("acre-store", "acre-policy", Kind::Tested, Some("the tests of acre-store may not use acre-policy")),
        ("acre", "acre-testkit", Kind::Built, Some("acre may not use acre-testkit")),
        ("acre", "acre-testkit", Kind::Tested, None),
        ("acre", "acre-server", Kind::Tested, None),
        ("acre-registry", "acre-scanner", Kind::Built, None),
        (
            "acre-registry",
            "rusqlite",
            Kind::Built,
            Some("rusqlite belongs to acre-store, not to acre-registry"),
        ),
        ("acre-testkit", "hyper", Kind::Tested, Some("hyper belongs to acre-server, not to acre-testkit")),
        ("acre-store", "rusqlite", Kind::Built, None),
        ("acre-cli", "serde", Kind::Built, None),
        ("acre-attic", "serde", Kind::Built, Some("acre-attic is no room: give it a line in tests/rooms.rs")),
        ("acre-server", "acre-attic", Kind::Built, Some("acre-server may not use acre-attic")),
    ];
    for (package, on, kind, expected) in cases {
        let edge = Edge { package: package.to_owned(), on: on.to_owned(), kind };
        let expected: Vec<String> = expected.map(str::to_owned).into_iter().collect();
        assert_eq!(violations(&[edge]), expected, "{package} -> {on} ({kind:?})");
    }
}

#[test]
fn metadata_is_read_by_kind_and_by_real_name() {
    let metadata = serde_json::json!({ "packages": [{ "name": "acre-cli", "dependencies": [
        { "name": "acre-store", "rename": "harmless", "kind": null },
        { "name": "acre-wire", "kind": "build" },
        { "name": "insta", "kind": "dev" },
    ]}]});
    let edges: Vec<(String, Kind)> =
        dependencies(&metadata).into_iter().map(|edge| (edge.on, edge.kind)).collect();
    assert_eq!(
        edges,
        [
            ("acre-store".to_owned(), Kind::Built),
            ("acre-wire".to_owned(), Kind::Built),
            ("insta".to_owned(), Kind::Tested)
        ]
    );
}

/// One line of a `[dependencies]`, `[build-dependencies]` or `[dev-dependencies]` table.
struct Edge {
    package: String,
    on: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of what is built: normal and build dependencies.
    Built,
    /// Used by tests alone.
    Tested,
}

fn violations(edges: &[Edge]) -> Vec<String> {
    let rooms: BTreeMap<&str, &Room> = ROOMS.iter().map(|room| (room.package, room)).collect();
    edges.iter().filter_map(|edge| violation(&rooms, edge)).collect()
}

fn violation(rooms: &BTreeMap<&str, &Room>, edge: &Edge) -> Option<String> {
    let Edge { package, on, kind } = edge;
    let Some(room) = rooms.get(package.as_str()) else {
        return Some(format!("{package} is no room: give it a line in tests/rooms.rs"));
    };
    if let Some((_, owner)) = CONFINED.iter().find(|(name, _)| name == on) {
        return (owner != package).then(|| format!("{on} belongs to {owner}, not to {package}"));
    }
    // Only our own packages have a direction: the prefix tells them.
    if !on.starts_with("acre") || room.may_use.contains(&on.as_str()) {
        return None;
    }
    match kind {
        Kind::Built => Some(format!("{package} may not use {on}")),
        Kind::Tested if room.tests_may_use.contains(&on.as_str()) => None,
        Kind::Tested => Some(format!("the tests of {package} may not use {on}")),
    }
}

fn dependencies(metadata: &Value) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().expect("cargo metadata lists packages") {
        let name = package["name"].as_str().expect("a package has a name");
        for dependency in package["dependencies"].as_array().expect("a package lists dependencies") {
            // `name` is the real one, `rename` what the code calls it: a new name hides nothing.
            let on = dependency["name"].as_str().expect("a dependency has a name");
            let kind = if dependency["kind"] == "dev" { Kind::Tested } else { Kind::Built };
            edges.push(Edge { package: name.to_owned(), on: on.to_owned(), kind });
        }
    }
    edges
}

/// The workspace's manifests as JSON. `--no-deps` reads no registry and needs no network.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .expect("cargo metadata starts");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}
