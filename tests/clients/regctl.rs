//! regctl: images, tags, manifests and blobs one by one, and artifacts that refer to an image.

use std::fs;

use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, from_str};

use super::images::Layout;
use super::programs::require;
use super::workplace::Workplace;

/// A workplace whose regctl is logged in, and the URI of its repository `made`.
fn logged_in() -> (Workplace, String) {
    require(&["aws", "regctl"]);
    let place = Workplace::open();
    let made = place.repository("made");
    place
        .shell(&format!(
            "regctl registry set --skip-check --tls disabled {0}
            aws ecr get-login-password | regctl registry login --user AWS --pass-stdin {0}",
            place.registry()
        ))
        .ok();
    (place, made)
}

/// Copies an image from a layout to this name; answers its descriptor and the layout.
fn push(place: &Workplace, name: &str) -> (Layout, Value) {
    let layout = Layout::new(place.folder(), "layout");
    let image = layout.image("amd64", name);
    layout.name(image.clone(), "source");
    place.shell(&format!("regctl image copy ocidir://layout:source {name}")).ok();
    (layout, image)
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().expect("a digest is text")
}

/// What `regctl artifact list` finds, newest first: digests.
fn referrers(place: &Workplace, command: &str) -> Vec<String> {
    let listed = place.shell(&format!("regctl artifact list {command} --format '{{{{json .}}}}'")).ok();
    let listed: Value = from_str(&listed).expect("regctl writes JSON");
    listed["descriptors"]
        .as_array()
        .map_or_else(Vec::new, |all| all.iter().map(|one| digest(one).to_owned()).collect())
}

#[test]
fn an_image_comes_back_byte_for_byte() {
    let (place, made) = logged_in();
    let (layout, image) = push(&place, &format!("{made}:1"));
    place.shell(&format!("regctl image copy {made}:1 ocidir://out:1")).ok();
    Layout::written(place.folder(), "out").holds(&layout, &image);

    assert_eq!(place.shell(&format!("regctl manifest head {made}:1")).ok(), digest(&image));
    let manifest = place.shell(&format!("regctl manifest get --format raw-body {made}:1")).ok();
    assert_eq!(manifest.as_bytes(), layout.read(&image));
    let platform =
        place.shell(&format!("regctl image inspect --format '{{{{.Architecture}}}}' {made}:1")).ok();
    assert_eq!(platform, "amd64");
}

#[test]
fn a_copy_with_its_index_goes_to_another_repository() {
    let (place, made) = logged_in();
    let other = place.repository("team/other");
    let (layout, image) = push(&place, &format!("{made}:1"));
    place
        .shell(&format!(
            "regctl index create {made}:many --ref {made}:1 --desc-platform linux/amd64
            regctl image copy {made}:many {other}:many
            regctl image copy {other}:many ocidir://out:many"
        ))
        .ok();
    let heads =
        place.shell(&format!("regctl manifest head {made}:many; regctl manifest head {other}:many")).ok();
    let (first, second) = heads.split_once('\n').expect("two lines");
    assert_eq!(first, second);
    Layout::written(place.folder(), "out").holds(&layout, &image);
    let listed = place.shell(&format!("regctl repo ls {}", place.registry())).ok();
    assert_eq!(listed, "made\nteam/other");
}

#[test]
fn a_tag_is_listed_and_deleted() {
    let (place, made) = logged_in();
    let (_, image) = push(&place, &format!("{made}:1"));
    place.shell(&format!("regctl image copy {made}:1 {made}:2; regctl image copy {made}:1 {made}:3")).ok();
    let list = format!("regctl tag ls {made}");
    assert_eq!(place.shell(&list).ok(), "1\n2\n3");
    // The tag alone; its image has others.
    place.shell(&format!("regctl tag delete {made}:2")).ok();
    assert_eq!(place.shell(&list).ok(), "1\n3");
    assert_eq!(place.shell(&format!("regctl manifest head {made}:1")).ok(), digest(&image));
    // The image, with all its tags.
    place.shell(&format!("regctl manifest delete {made}@{}", digest(&image))).ok();
    assert_eq!(place.shell(&list).ok(), "");
    let told = place.shell(&format!("regctl manifest head {made}@{}", digest(&image))).refused();
    assert!(told.contains("404") || told.contains("not found"), "{told}");
    assert_eq!(place.tags("made"), [""; 0]);
}

/// From a pipe regctl sends chunks of 1 MiB, each with its place in the blob.
#[test]
fn a_blob_goes_in_by_chunks_and_comes_back() {
    let (place, made) = logged_in();
    let bytes = "regctl does not know how long this is. ".repeat(90_000);
    fs::write(place.folder().join("blob"), &bytes).expect("a file is written");
    let expected = Digest::of(Algorithm::Sha256, bytes.as_bytes()).to_string();
    let told =
        place.shell(&format!("cat blob | regctl blob put --verbosity debug {made} 2>log; cat log >&2"));
    assert_eq!(told.stderr.matches("Next chunk upload location received").count(), 4, "{told:?}");
    assert_eq!(told.ok(), expected);
    let head = place
        .shell(&format!("regctl blob get {made} {expected} | cmp - blob; regctl blob head {made} {expected}"))
        .ok();
    assert!(head.contains(&format!("Content-Length: {}", bytes.len())), "{head}");
    assert!(head.contains(&format!("Docker-Content-Digest: {expected}")), "{head}");
}

#[test]
fn artifacts_refer_to_an_image_and_follow_it() {
    let (place, made) = logged_in();
    let other = place.repository("other");
    let (_, image) = push(&place, &format!("{made}:1"));
    let put = |name: &str, kind: &str| {
        let put = format!(
            "regctl artifact put --artifact-type {kind} --annotation about={name} --subject {made}:1"
        );
        place.shell(&format!("echo {name} | {put} --format '{{{{.Manifest.GetDescriptor.Digest}}}}'")).ok()
    };
    let bill = put("a-bill", "application/spdx+json");
    let report = put("a-report", "application/vnd.example.report");
    let mut all = referrers(&place, &format!("{made}:1"));
    let mut expected = vec![bill.clone(), report.clone()];
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected);

    let only = format!("{made}:1 --filter-artifact-type application/spdx+json");
    assert_eq!(referrers(&place, &only), [bill.as_str()]);
    assert_eq!(referrers(&place, &format!("{made}:1 --filter-annotation about=a-report")), [report.as_str()]);
    let got = "--filter-artifact-type application/vnd.example.report";
    assert_eq!(place.shell(&format!("regctl artifact get --subject {made}:1 {got}")).ok(), "a-report");
    // No tag was made for them.
    assert_eq!(place.tags("made"), ["1"]);

    place.shell(&format!("regctl image copy --referrers {made}:1 {other}:1")).ok();
    let mut copied = referrers(&place, &format!("{other}@{}", digest(&image)));
    copied.sort_unstable();
    assert_eq!(copied, expected);

    place.shell(&format!("regctl manifest delete {made}@{bill}")).ok();
    assert_eq!(referrers(&place, &format!("{made}:1")), [report.as_str()]);
    let tree = place.shell(&format!("regctl artifact tree {made}:1")).ok();
    assert!(tree.contains(&report) && !tree.contains(&bill), "{tree}");
}

#[test]
fn a_stranger_is_refused() {
    let (place, made) = logged_in();
    push(&place, &format!("{made}:1"));
    let told =
        place.shell(&format!("regctl registry logout {0}; regctl tag ls {made}", place.registry())).refused();
    assert!(told.contains("unauthorized"), "{told}");
    let told = place
        .shell(&format!("echo secret | regctl registry login --user AWS --pass-stdin {}", place.registry()))
        .refused();
    assert!(told.contains("unauthorized"), "{told}");
}
