//! Tags: moved, guarded, set many at a time, set on a condition (spec/oci.md 7.1, spec/ecr.md 3.12).

use super::place::{NOWHERE, OCI_IMAGE, Place, ask, image, refused};
use acre_testkit::http::{Answer, Body};
use acre_testkit::image::Blob;
use acre_wire::digest::{Algorithm, Digest};
use serde_json::json;

fn digest_of(place: &mut Place, tag: &str) -> Option<String> {
    let answer = place.ask("HEAD", &format!("/v2/aa/manifests/{tag}"));
    answer.header("docker-content-digest").map(str::to_owned).filter(|_| answer.status == 200)
}

/// A manifest that refers to what is there already.
fn manifest(place: &mut Place, name: &str) -> Blob {
    let config = place.push("aa", b"{}");
    let mut manifest = image(&config, &[]);
    manifest["annotations"] = json!({ "name": name });
    Blob::new(manifest.to_string().into_bytes())
}

fn put(place: &mut Place, target: &str, headers: &[(&str, &str)], manifest: &Blob) -> Answer {
    let mut all = vec![("Content-Type", OCI_IMAGE)];
    all.extend(headers);
    place.send("PUT", &format!("/v2/aa/manifests/{target}"), &all, Body::Sized(&manifest.bytes))
}

fn immutable(answer: &Answer, tag: &str) {
    let text = refused(answer, 400, "TAG_INVALID");
    let wanted = format!(
        "The image tag '{tag}' already exists in the 'aa' repository and cannot be overwritten because the tag is immutable."
    );
    assert_eq!(text, wanted);
}

#[test]
fn a_moved_tag_leaves_the_old_image() {
    let mut place = Place::with(&["aa"]);
    let (first, second) = (place.push_image("aa", "v1", "first"), place.push_image("aa", "v1", "second"));
    assert_eq!(digest_of(&mut place, "v1"), Some(second.digest.to_string()));
    assert_eq!(place.ask("GET", &format!("/v2/aa/manifests/{}", first.digest)).body, first.bytes);
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json()["tags"], json!(["v1"]));
    // And back.
    assert_eq!(put(&mut place, "v1", &[], &first).status, 201);
    assert_eq!(digest_of(&mut place, "v1"), Some(first.digest.to_string()));
}

#[test]
fn an_immutable_tag_stays_where_it_is() {
    let mut place = Place::with(&["aa"]);
    place.set_mutability("aa", "IMMUTABLE", &[]);
    let (first, second) = (manifest(&mut place, "first"), manifest(&mut place, "second"));
    for _ in 0..2 {
        assert_eq!(put(&mut place, "v1", &[], &first).status, 201);
    }
    immutable(&put(&mut place, "v1", &[], &second), "v1");
    assert_eq!(digest_of(&mut place, "v1"), Some(first.digest.to_string()));
    // A refused push leaves nothing behind, a new tag or none is fine.
    assert_eq!(place.status(&format!("/v2/aa/manifests/{}", second.digest)), 404);
    assert_eq!(put(&mut place, "v2", &[], &second).status, 201);
    assert_eq!(put(&mut place, &second.digest.to_string(), &[], &second).status, 201);
    // Immutability forbids no delete, and a deleted tag is free.
    assert_eq!(place.ask("DELETE", "/v2/aa/manifests/v1").status, 202);
    assert_eq!(put(&mut place, "v1", &[], &second).status, 201);
    immutable(&put(&mut place, "v1", &[], &first), "v1");
    place.set_mutability("aa", "MUTABLE", &[]);
    assert_eq!(put(&mut place, "v1", &[], &first).status, 201);
}

#[test]
fn filters_exclude_tags_from_the_rule() {
    for (mode, filtered_moves) in [("IMMUTABLE_WITH_EXCLUSION", true), ("MUTABLE_WITH_EXCLUSION", false)] {
        let mut place = Place::with(&["aa"]);
        place.set_mutability("aa", mode, &["latest", "dev-*"]);
        let (first, second) = (manifest(&mut place, "first"), manifest(&mut place, "second"));
        for (tag, is_filtered) in [
            ("latest", true),
            ("dev-1", true),
            ("dev-", true),
            ("v1", false),
            ("latest2", false),
            ("Latest", false),
        ] {
            assert_eq!(put(&mut place, tag, &[], &first).status, 201);
            let moved = put(&mut place, tag, &[], &second);
            if is_filtered == filtered_moves {
                assert_eq!(moved.status, 201, "{mode} {tag}: {moved:?}");
            } else {
                immutable(&moved, tag);
            }
        }
    }
}

#[test]
fn many_tags_in_one_push_all_or_none() {
    let mut place = Place::with(&["aa"]);
    let (first, second) = (manifest(&mut place, "first"), manifest(&mut place, "second"));
    place.set_mutability("aa", "IMMUTABLE_WITH_EXCLUSION", &["t*"]);
    assert_eq!(put(&mut place, "guarded", &[], &first).status, 201);
    let ten: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
    let query = |tags: &[String]| tags.iter().map(|tag| format!("tag={tag}")).collect::<Vec<_>>().join("&");
    let with_guarded = format!("{}&tag=guarded", query(&ten[..9]));
    for target in [format!("{}?{with_guarded}", second.digest), format!("t9?{with_guarded}")] {
        immutable(&put(&mut place, &target, &[], &second), "guarded");
        assert_eq!(place.ask("GET", "/v2/aa/tags/list").json()["tags"], json!(["guarded"]));
        assert_eq!(place.status(&format!("/v2/aa/manifests/{}", second.digest)), 404);
    }
    let answer = put(&mut place, &format!("{}?{}", second.digest, query(&ten)), &[], &second);
    assert_eq!((answer.status, answer.header("oci-tag")), (201, Some(ten.join(", ").as_str())));
    for tag in &ten {
        assert_eq!(digest_of(&mut place, tag), Some(second.digest.to_string()));
    }
    // Beside a tag, and the same twice.
    let answer = put(&mut place, "t1?tag=t2&tag=t3&tag=t2", &[], &first);
    assert_eq!((answer.status, answer.header("oci-tag")), (201, Some("t2, t3")));
    for tag in ["t1", "t2", "t3"] {
        assert_eq!(digest_of(&mut place, tag), Some(first.digest.to_string()));
    }
    let hundred: Vec<String> = (0..100).map(|number| format!("t-{number}")).collect();
    assert_eq!(put(&mut place, &format!("{}?{}", first.digest, query(&hundred)), &[], &first).status, 201);
    let more = [hundred, vec!["t-100".into()]].concat();
    let answer = put(&mut place, &format!("{}?{}", first.digest, query(&more)), &[], &first);
    refused(&answer, 414, "TAG_INVALID");
    for bad in ["tag=-x", "tag=", "tag=ok&tag=a%20b", &format!("tag={}", "x".repeat(129))] {
        let answer = put(&mut place, &format!("{}?{bad}", first.digest), &[], &first);
        refused(&answer, 400, "TAG_INVALID");
    }
    assert_eq!(digest_of(&mut place, "ok"), None);
}

#[test]
fn a_tag_of_a_sha512_image() {
    let mut place = Place::with(&["aa"]);
    let manifest = manifest(&mut place, "sha512");
    let digest = Digest::of(Algorithm::Sha512, &manifest.bytes).to_string();
    let answer = put(&mut place, &format!("{digest}?tag=v1"), &[], &manifest);
    assert_eq!((answer.status, answer.header("oci-tag")), (201, Some("v1")));
    let answer = place.ask("GET", "/v2/aa/manifests/v1");
    assert_eq!(
        (answer.body.as_slice(), answer.header("docker-content-digest")),
        (&manifest.bytes[..], Some(digest.as_str()))
    );
}

#[test]
fn a_push_on_a_condition() {
    let mut place = Place::with(&["aa"]);
    let (first, second) = (manifest(&mut place, "first"), manifest(&mut place, "second"));
    let tag = |blob: &Blob| format!("\"{}\"", blob.digest);
    let steps: [(&str, String, &Blob, u16); 9] = [
        ("If-Match", "*".into(), &first, 412),
        ("If-Match", tag(&first), &first, 412),
        ("If-None-Match", "*".into(), &first, 201),
        ("If-None-Match", "*".into(), &second, 412),
        ("If-None-Match", tag(&first), &second, 412),
        ("If-Match", tag(&second), &second, 412),
        ("If-Match", format!("\"{NOWHERE}\", {}", tag(&first)), &second, 201),
        ("If-Match", "*".into(), &first, 201),
        ("If-None-Match", tag(&second), &second, 201),
    ];
    for (number, (header, condition, manifest, status)) in steps.into_iter().enumerate() {
        let before = digest_of(&mut place, "v1");
        let answer = put(&mut place, "v1", &[(header, &condition)], manifest);
        assert_eq!(answer.status, status, "{number}: {answer:?}");
        if status == 412 {
            refused(&answer, 412, "PRECONDITION_FAILED");
            assert_eq!(digest_of(&mut place, "v1"), before, "{number}");
        }
    }
}

#[test]
fn of_two_racing_writers_one_is_refused() {
    let mut place = Place::with(&["aa"]);
    for round in 0..20 {
        let base = manifest(&mut place, &format!("base {round}"));
        assert_eq!(put(&mut place, "v1", &[], &base).status, 201);
        let condition = format!("\"{}\"", base.digest);
        let rivals =
            [manifest(&mut place, &format!("a {round}")), manifest(&mut place, &format!("b {round}"))];
        let clients = [place.another_client(), place.another_client()];
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let started: Vec<_> = rivals
                .iter()
                .zip(clients)
                .map(|(rival, mut client)| {
                    let headers = [("Content-Type", OCI_IMAGE), ("If-Match", condition.as_str())];
                    scope.spawn(move || {
                        ask(&mut client, "PUT", "/v2/aa/manifests/v1", &headers, Body::Sized(&rival.bytes))
                            .status
                    })
                })
                .collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 412], "round {round}");
    }
}
