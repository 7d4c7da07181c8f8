//! `acre lifecycle lint` and `acre lifecycle preview`: the real binary, against a real server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, Image, Recipe};
use acre_testkit::server::{Options, Server, binary};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A server with one repository in a Region, and an empty folder to run commands in.
struct Place {
    server: Server,
    ecr: Ecr,
    client: Client,
    folder: TempDir,
    region: &'static str,
}

impl Place {
    fn with(repository: &str, region: &'static str) -> Self {
        let server = Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options::default()).unwrap();
        let mut ecr = Ecr::new(server.host(), server.credentials().unwrap(), region);
        ecr.create_repository(repository).unwrap();
        let client = ecr.data_plane().unwrap();
        Self { server, ecr, client, folder: tempfile::tempdir().unwrap(), region }
    }

    /// After a restart the port is another one, and pulls have been written.
    fn restart(&mut self) {
        self.server.restart().unwrap();
        self.ecr = Ecr::new(self.server.host(), self.server.credentials().unwrap(), self.region);
    }

    /// A command for that Region.
    fn command(&self, region: &str, arguments: &[&str]) -> Command {
        let credentials = self.server.credentials().unwrap();
        let mut command = acre(self.folder.path(), arguments);
        command
            .env("AWS_ACCESS_KEY_ID", credentials.access_key)
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
            .env("AWS_REGION", region)
            .env("AWS_ENDPOINT_URL_ECR", self.server.endpoint());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(self.region, arguments).output().unwrap()
    }

    /// What a command that succeeds says to programs.
    fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn set_policy(&mut self, policy: &Value) {
        let input = json!({"repositoryName": "app", "lifecyclePolicyText": policy.to_string()});
        self.ecr.expect("PutLifecyclePolicy", &input).unwrap();
    }

    fn write(&self, name: &str, policy: &Value) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, policy.to_string()).unwrap();
        path
    }

    /// Pushes an image, untagged if there is no tag; later than every one before. Its digest.
    fn push(&mut self, name: &str, tag: Option<&str>) -> String {
        let image = Image::made(name, &[Recipe { seed: 7, length: 1000 }]);
        let digest = image.digest().to_string();
        image.push(&mut self.client, "app", tag.unwrap_or(&digest), Flavour::PostPut).unwrap();
        next_millisecond();
        digest
    }

    /// Pushes an index of images that are there.
    fn push_index(&mut self, children: &[&str], tag: &str) -> String {
        let child = |digest: &&str| json!({"mediaType": MANIFEST, "digest": digest, "size": 1});
        let manifests: Vec<Value> = children.iter().map(child).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let index = Blob::new(index.to_string().into_bytes());
        let target = format!("/v2/app/manifests/{tag}");
        let headers = [("Content-Type", INDEX)];
        self.client.expect("an index", 201, ("PUT", &target), &headers, Body::Sized(&index.bytes)).unwrap();
        next_millisecond();
        index.digest.to_string()
    }

    /// All that the registry tells of the repository.
    fn described(&mut self) -> Value {
        self.ecr.expect("DescribeImages", &json!({"repositoryName": "app"})).unwrap()
    }
}

/// The binary, in a folder, without what the test's own environment says about servers.
fn acre(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary(env!("CARGO_BIN_EXE_acre")));
    for (name, _) in std::env::vars_os() {
        if ["ACRE_", "AWS_"].iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// The API tells times in milliseconds: what comes after this is younger than what came before.
fn next_millisecond() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let before = now();
    while now() <= before {
        std::thread::yield_now();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn rule(priority: u32, tags: &Value, count: &str, number: u32) -> Value {
    let mut selection = tags.clone();
    selection["countType"] = json!(count);
    selection["countNumber"] = json!(number);
    if count != "imageCountMoreThan" {
        selection["countUnit"] = json!("days");
    }
    json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
}

fn tagged(prefixes: &[&str]) -> Value {
    json!({"tagStatus": "tagged", "tagPrefixList": prefixes})
}

fn untagged() -> Value {
    json!({"tagStatus": "untagged"})
}

/// Seed 003: keep the last ten of `v`, `release` and `prod`, `dev` and `staging` for seven days, untagged for one.
fn seed() -> Value {
    json!({"rules": [
        rule(1, &tagged(&["v", "release", "prod"]), "imageCountMoreThan", 10),
        rule(2, &tagged(&["dev", "staging"]), "sinceImagePushed", 7),
        rule(3, &untagged(), "sinceImagePushed", 1),
    ]})
}

/// What becomes of an image: outcome, rule and why.
fn fate<'a>(preview: &'a Value, digest: &str) -> (&'a str, Option<u64>, &'a str) {
    let images = preview["images"].as_array().unwrap();
    let image = images.iter().find(|image| image["digest"] == digest).unwrap();
    (image["outcome"].as_str().unwrap(), image["rule"].as_u64(), image["why"].as_str().unwrap())
}

#[test]
fn the_policy_of_seed_003_is_found_out_and_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.json"), seed().to_string()).unwrap();
    let output = acre(folder.path(), &["lifecycle", "lint", "policy.json"]).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), String::new()));
    let said = text(&output.stdout);
    assert!(
        said.starts_with("policy.json: 2 findings\n\nrule 1: several prefixes in one rule mean AND: "),
        "{said}"
    );
    assert!(said.contains("\nrule 2: several prefixes in one rule mean AND: "), "{said}");
    let (_, printed) = said.split_once("\nThe whole policy with these rules:\n\n").unwrap();

    let output =
        acre(folder.path(), &["lifecycle", "lint", "policy.json", "--output", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rewritten = json!({"rules": [
        rule(1, &tagged(&["v"]), "imageCountMoreThan", 10),
        rule(2, &tagged(&["release"]), "imageCountMoreThan", 10),
        rule(3, &tagged(&["prod"]), "imageCountMoreThan", 10),
        rule(4, &tagged(&["dev"]), "sinceImagePushed", 7),
        rule(5, &tagged(&["staging"]), "sinceImagePushed", 7),
        rule(6, &untagged(), "sinceImagePushed", 1),
    ]});
    assert_eq!(found["rewritten"], rewritten);
    assert_eq!(found["findings"][0]["trap"], "allOfSeveral");
    assert_eq!(found["findings"][1]["rules"], json!([rewritten["rules"][3], rewritten["rules"][4]]));

    // What was printed for people is that policy, and nothing is the matter with it.
    assert_eq!(serde_json::from_str::<Value>(printed).unwrap(), rewritten);
    fs::write(folder.path().join("mended.json"), printed).unwrap();
    let output = acre(folder.path(), &["lifecycle", "lint", "mended.json"]).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "mended.json: no findings\n".into()));
}

#[test]
fn what_seed_003_meant_is_done_after_the_rewrite() {
    let mut place = Place::with("app", "us-east-1");
    let releases: Vec<String> =
        (1..=12).map(|number| place.push(&format!("v{number}"), Some(&format!("v{number}")))).collect();
    place.set_policy(&seed());
    let preview = place.ask(&["lifecycle", "preview", "app"]);
    assert_eq!(preview["summary"]["expire"]["images"], 0, "{preview:#}");

    let output = place.run(&["lifecycle", "lint", "app", "--output", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["images"], 12);
    let said = found["findings"][0]["text"].as_str().unwrap();
    assert!(said.contains("In this repository 0 images have"), "{said}");
    let traps: Vec<&Value> =
        found["findings"].as_array().unwrap().iter().map(|finding| &finding["trap"]).collect();
    assert_eq!(traps, ["allOfSeveral", "allOfSeveral", "nothingUntagged"]);

    // Tried, not set: what a policy that is set deletes is the server's to say when.
    let path = place.write("mended.json", &found["rewritten"]);
    let preview = place.ask(&["lifecycle", "preview", "app", "--policy", path.to_str().unwrap()]);
    let expired: Vec<&Value> =
        preview["images"].as_array().unwrap().iter().map(|image| &image["digest"]).collect();
    assert_eq!(expired, [&releases[0], &releases[1]]);
    assert_eq!(fate(&preview, &releases[1]), ("expire", Some(1), "number 11 from the newest, 10 are kept"));
}

#[test]
fn children_of_an_index_stay_and_nothing_is_changed() {
    let mut place = Place::with("app", "us-east-1");
    let [oldest, first, second] = ["oldest", "first", "second"].map(|name| place.push(name, None));
    let index = place.push_index(&[&first, &second], "v1");
    let [loose, newest] = ["loose", "newest"].map(|name| place.push(name, None));
    let policy = json!({"rules": [rule(1, &untagged(), "imageCountMoreThan", 1)]});
    let path = place.write("policy.json", &policy);
    let before = place.described();

    let arguments = ["lifecycle", "preview", "app", "--policy", path.to_str().unwrap()];
    let preview = place.ask(&[&arguments[..], &["--all"]].concat());
    assert_eq!(fate(&preview, &oldest), ("expire", Some(1), "number 5 from the newest, 1 are kept"));
    assert_eq!(fate(&preview, &loose).0, "expire");
    let held = format!("stands in index {index}; rule 1 would act on it");
    for child in [&first, &second] {
        assert_eq!(fate(&preview, child), ("keep", Some(1), held.as_str()));
    }
    assert_eq!(fate(&preview, &newest).0, "keep");
    assert_eq!(fate(&preview, &index), ("keep", None, "no rule is about it"));
    let summary = &preview["summary"];
    assert_eq!(
        ["expire", "transition", "keep"].map(|outcome| summary[outcome]["images"].as_u64()),
        [Some(2), Some(0), Some(4)]
    );
    let sizes = before["imageDetails"].as_array().unwrap().iter();
    let of = |digest: &String| {
        let mut sizes = sizes.clone().filter(|image| image["imageDigest"] == *digest);
        sizes.next().unwrap()["imageSizeInBytes"].as_u64().unwrap()
    };
    assert_eq!(summary["expire"]["bytes"], of(&oldest) + of(&loose));

    let output = place.run(&arguments);
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("IMAGE         TAGS  PUSHED (UTC)"), "{said}");
    // The oldest first.
    assert!(lines[1].starts_with(&oldest[7..19]), "{said}");
    assert!(lines[1].ends_with("expires     1  number 5 from the newest, 1 are kept"), "{said}");
    assert!(lines[2].starts_with(&loose[7..19]), "{said}");
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with("2 images would expire ("), "{said}");
    assert!(lines[4].ends_with(" (--all shows what is kept)"), "{said}");
    assert!(lines[5].starts_with("app in us-east-1 at http://"), "{said}");
    assert!(lines[6].contains("a layer that several share is counted in each"), "{said}");
    assert_eq!(lines.len(), 7, "{said}");

    // But for the time at which the index was read.
    let mut after = place.described();
    let mut before = before;
    for described in [&mut before, &mut after] {
        for image in described["imageDetails"].as_array_mut().unwrap() {
            image.as_object_mut().unwrap().remove("lastRecordedPullTime");
        }
    }
    assert_eq!(after, before);
    let (status, refused) = place.ecr.call("GetLifecyclePolicy", &json!({"repositoryName": "app"})).unwrap();
    assert_eq!((status, refused["__type"].as_str()), (400, Some("LifecyclePolicyNotFoundException")));
}

#[test]
fn a_clock_of_pulls_is_not_moved_unless_it_is_asked_for() {
    let mut place = Place::with("app", "us-east-1");
    let child = place.push("child", None);
    let index = place.push_index(&[&child], "v1");
    place.push("newest", None);
    let mut by_pulls = rule(2, &json!({"tagStatus": "any"}), "sinceImagePulled", 90);
    by_pulls["action"] = json!({"type": "transition", "targetStorageClass": "archive"});
    let by_count = rule(1, &untagged(), "imageCountMoreThan", 1);
    let both = place.write("both.json", &json!({"rules": [by_count, by_pulls]}));
    let plain = place.write("plain.json", &json!({"rules": [by_count]}));
    let by_pulls_itself = ["lifecycle", "preview", "app", "--policy", both.to_str().unwrap()];
    let beside_one_by_pulls = ["lifecycle", "preview", "app", "--policy", plain.to_str().unwrap()];
    let pulled_at = |place: &mut Place| {
        place.restart();
        let described = place.described();
        let images = described["imageDetails"].as_array().unwrap();
        let image = images.iter().find(|image| image["imageDigest"] == index).unwrap();
        image["lastRecordedPullTime"].clone()
    };
    for (in_force, arguments) in [(None, &by_pulls_itself), (Some(&by_pulls), &beside_one_by_pulls)] {
        if let Some(rule) = in_force {
            place.set_policy(&json!({"rules": [rule]}));
        }
        let preview = place.ask(arguments);
        assert_eq!((fate(&preview, &child).0, &preview["indexesLeftAlone"]), ("expire", &json!(1)));
        let said = text(&place.run(arguments).stdout);
        assert!(
            said.contains("\n1 index was not read: reading one counts as a pull, and a rule counts from"),
            "{said}"
        );
    }
    assert_eq!(pulled_at(&mut place), Value::Null);
    let preview = place.ask(&[&by_pulls_itself[..], &["--read-indexes"]].concat());
    assert_eq!((&preview["images"], &preview["indexesLeftAlone"]), (&json!([]), &json!(0)));
    assert!(pulled_at(&mut place).is_number());
}

#[test]
fn the_region_of_the_environment_counts() {
    let mut place = Place::with("app", "eu-west-1");
    place.push("old", None);
    place.push("new", None);
    place.set_policy(&json!({"rules": [rule(1, &untagged(), "imageCountMoreThan", 100)]}));
    let path = place.write("policy.json", &json!({"rules": [rule(1, &untagged(), "imageCountMoreThan", 1)]}));
    assert_eq!(place.ask(&["lifecycle", "preview", "app"])["summary"]["keep"]["images"], 2);
    let preview = place.ask(&["lifecycle", "preview", "app", "--policy", path.to_str().unwrap()]);
    assert_eq!(
        (&preview["region"], &preview["summary"]["expire"]["images"]),
        (&json!("eu-west-1"), &json!(1))
    );
    assert_eq!(place.run(&["lifecycle", "lint", "app"]).status.code(), Some(0));

    for command in ["lint", "preview"] {
        let output = place.command("us-east-1", &["lifecycle", command, "app"]).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
        let said = text(&output.stderr);
        assert!(said.starts_with("acre: RepositoryNotFoundException: "), "{said}");
    }
}

#[test]
fn what_cannot_be_done_is_said_in_a_line() {
    let mut place = Place::with("app", "us-east-1");
    let refused = |output: Output, code: i32, start: &str| {
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(code), String::new()), "{said}");
        assert!(said.starts_with(start), "{said}");
    };
    for command in ["lint", "preview"] {
        refused(place.run(&["lifecycle", command, "app"]), 1, "acre: app has no lifecycle policy\n");
        refused(place.run(&["lifecycle", command, "Not A Name"]), 2, "acre: ");
        refused(place.run(&["lifecycle", command]), 2, "acre: ");
    }
    place.write("bad.json", &json!({"rules": [{}]}));
    let start = "acre: bad.json: object has missing required properties ([\"action\",\"rulePriority\",\"selection\"])";
    refused(place.run(&["lifecycle", "lint", "bad.json"]), 1, start);
    refused(place.run(&["lifecycle", "preview", "app", "--policy", "bad.json"]), 1, start);
    let output = acre(place.folder.path(), &["lifecycle", "lint", "absent.json"]).output().unwrap();
    refused(
        output,
        1,
        "acre: AWS_ACCESS_KEY_ID is not set\n  there is no file absent.json, so it is taken for a repository; ",
    );
    // An image or none: a repository that holds nothing is judged by its policy alone.
    place.set_policy(&seed());
    let output = place.run(&["lifecycle", "lint", "app", "--output", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["images"], found["findings"].as_array().map(Vec::len)), (&json!(0), Some(2)));
}

#[test]
fn who_waits_is_told_for_what() {
    // It takes the call and answers nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut child = acre(folder.path(), &["lifecycle", "preview", "app"])
        .env("AWS_ACCESS_KEY_ID", "AKIA")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", format!("http://{}", silent.local_addr().unwrap()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (connection, _) = silent.accept().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert_eq!(line, "reading the policy of app\n");
    drop(connection);
    line.clear();
    errors.read_line(&mut line).unwrap();
    assert!(line.starts_with("acre: no answer from "), "{line}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
