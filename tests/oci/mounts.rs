//! Mounts (spec/oci.md 6.7): named, anonymous, and refused without a word about why.

use super::place::{NOTHING, NOWHERE, OCI_IMAGE, Place, SEGMENT, bytes, image, offset, refused};
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Answer, Body};
use acre_testkit::image::{Blob, Flavour, push_blob};
use acre_wire::digest::{Algorithm, Digest};
use serde_json::json;

fn mount(place: &mut Place, repository: &str, query: &str) -> Answer {
    place.send("POST", &format!("/v2/{repository}/blobs/uploads/?{query}"), &[], Body::Sized(b""))
}

fn target(repository: &str, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

fn mounted(place: &mut Place, repository: &str, blob: &Blob, query: &str) {
    let answer = mount(place, repository, query);
    assert_eq!((answer.status, answer.body.len()), (201, 0), "{query}: {answer:?}");
    assert_eq!(answer.header("location"), Some(target(repository, &blob.digest).as_str()), "{query}");
    assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()), "{query}");
    assert_eq!(answer.header("docker-upload-uuid"), None, "{query}");
    assert!(place.ask("GET", &target(repository, &blob.digest)).body == blob.bytes, "{query}");
}

/// An upload was opened instead: one like any other. The headers of the answer, without what is new in each.
fn opened(place: &mut Place, repository: &str, query: &str) -> Vec<(String, String)> {
    let answer = mount(place, repository, query);
    assert_eq!((answer.status, answer.body.len()), (202, 0), "{query}: {answer:?}");
    assert_eq!(offset(&answer), 0, "{query}");
    let location = answer.header("location").unwrap().to_owned();
    let id = answer.header("docker-upload-uuid").unwrap();
    assert_eq!(location, format!("/v2/{repository}/blobs/uploads/{id}"), "{query}");
    assert_eq!(place.ask("GET", &location).status, 204, "{query}");
    assert_eq!(place.ask("DELETE", &location).status, 204, "{query}");
    let is_new = ["location", "docker-upload-uuid", "date", "x-amzn-requestid"];
    let headers = answer.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    headers.filter(|(name, _)| !is_new.contains(&name.as_str())).collect()
}

#[test]
fn by_name_and_by_digest_alone() {
    let mut place = Place::with(&["aa", "bb", "team/cc"]);
    for (seed, length) in [(1, 0), (2, 512), (3, SEGMENT), (4, 3 * SEGMENT + 7)] {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let blob = place.push_as("team/cc", &bytes(seed, length), algorithm);
            let digest = blob.digest;
            for query in [
                format!("mount={digest}&from=team%2Fcc"),
                format!("from=team/cc&mount={digest}"),
                format!("mount={}&from=team/cc&origin=somewhere", digest.to_string().replace(':', "%3A")),
                format!("mount={digest}"),
            ] {
                for repository in ["aa", "bb"] {
                    assert_eq!(place.status(&target(repository, &digest)), 404, "{query}");
                    mounted(&mut place, repository, &blob, &query);
                    // It is there already, and stays so.
                    mounted(&mut place, repository, &blob, &query);
                    mounted(&mut place, repository, &blob, &format!("mount={digest}&from=missing"));
                }
                // Deleting in one leaves the others.
                for repository in ["aa", "bb"] {
                    assert_eq!(place.ask("DELETE", &target(repository, &digest)).status, 202);
                    assert_eq!(place.status(&target(repository, &digest)), 404);
                    assert_eq!(place.status(&target("team/cc", &digest)), 200);
                }
            }
            assert_eq!(place.ask("DELETE", &target("team/cc", &digest)).status, 202);
            opened(&mut place, "aa", &format!("mount={digest}"));
        }
    }
    assert_eq!(acre_testkit::leftovers::upload_files(place.server.data()).unwrap().len(), 0);
}

#[test]
fn what_is_mounted_makes_an_image_and_outlives_the_source() {
    let mut place = Place::with(&["aa", "bb"]);
    let (config, layer) = (place.push("bb", b"{}"), place.push("bb", &bytes(5, 2 * SEGMENT)));
    for blob in [&config, &layer] {
        mounted(&mut place, "aa", blob, &format!("mount={}&from=bb", blob.digest));
    }
    let manifest = image(&config, &[&layer]).to_string();
    assert_eq!(place.put("aa", "v1", OCI_IMAGE, manifest.as_bytes()).status, 201);
    place.ecr.expect("DeleteRepository", &json!({ "repositoryName": "bb", "force": true })).unwrap();
    place.server.kill9().unwrap();
    place.server.restart().unwrap();
    place.reconnect();
    assert_eq!(place.ask("GET", "/v2/aa/manifests/v1").body, manifest.as_bytes());
    assert!(place.ask("GET", &target("aa", &layer.digest)).body == layer.bytes);
    // Nobody else holds it now; a repository that is gone is no source.
    place.ecr.create_repository("bb").unwrap();
    opened(&mut place, "bb", &format!("mount={}&from=cc", layer.digest));
    mounted(&mut place, "bb", &layer, &format!("mount={}", layer.digest));
    assert_eq!(place.ask("DELETE", &target("bb", &layer.digest)).status, 202);
}

/// Spec/oci.md 12.6.
#[test]
fn a_blob_of_two_repositories() {
    let mut place = Place::with(&["aa", "bb", "cc"]);
    for content in [&b"{}"[..], b"", b"{\"architecture\":\"amd64\"}"] {
        place.push("cc", content);
        let blob = Blob::new(content.to_vec());
        for repository in ["aa", "bb"] {
            assert_eq!(place.status(&target(repository, &blob.digest)), 404);
            place.push(repository, content);
        }
        assert_eq!(place.ask("DELETE", &target("aa", &blob.digest)).status, 202);
        assert_eq!(place.status(&target("aa", &blob.digest)), 404);
        assert_eq!(place.status(&target("bb", &blob.digest)), 200);
        mounted(&mut place, "aa", &blob, &format!("mount={}&from=bb", blob.digest));
    }
    assert_eq!(place.status(&format!("/v2/aa/blobs/{NOTHING}")), 200);
}

#[test]
fn what_cannot_be_mounted_is_uploaded() {
    let mut place = Place::with(&["aa", "bb"]);
    // Another key domain: its bytes are sealed with another key.
    let kms = json!({ "repositoryName": "kms", "encryptionConfiguration": { "encryptionType": "KMS" } });
    place.ecr.expect("CreateRepository", &kms).unwrap();
    // Another Region and another account: other registries.
    let mut west = Ecr::new(place.server.host(), place.server.credentials().unwrap(), "us-west-2");
    west.create_repository("west").unwrap();
    let mut stranger = place.stranger();
    stranger.create_repository("theirs").unwrap();
    let secret = Blob::new(bytes(6, 1000));
    for (ecr, repository) in [(&mut west, "west"), (&mut stranger, "theirs")] {
        push_blob(&mut ecr.data_plane().unwrap(), repository, &secret, Flavour::SinglePost).unwrap();
    }
    place.push("kms", &secret.bytes);
    let there = place.push("bb", &bytes(7, 1000));
    let long = "a".repeat(300);
    let mut answers = Vec::new();
    for query in [
        format!("mount={NOWHERE}&from=bb"),
        format!("mount={NOWHERE}"),
        format!("mount={NOWHERE}&from=missing"),
        format!("mount={}", secret.digest),
        format!("mount={}&from=kms", secret.digest),
        format!("mount={}&from=bb", secret.digest),
        format!("mount={}&from=west", secret.digest),
        format!("mount={}&from=theirs", secret.digest),
        format!("mount={}&from=missing", there.digest),
        format!("mount={}&from=UPPER", there.digest),
        format!("mount={}&from=../bb", there.digest),
        format!("mount={}&from={long}", there.digest),
        format!("mount={}&from=aa", there.digest),
        "from=bb".into(),
    ] {
        answers.push((opened(&mut place, "aa", &query), query));
    }
    for (headers, query) in &answers {
        assert_eq!(headers, &answers[0].0, "{query}");
    }
    assert_eq!(place.status(&target("aa", &secret.digest)), 404);
    assert_eq!(place.status(&target("aa", &there.digest)), 404);
    // Into the other key domain neither.
    opened(&mut place, "kms", &format!("mount={}&from=bb", there.digest));
    opened(&mut place, "kms", &format!("mount={}", there.digest));
    // Malformed is malformed, and a repository that is missing is missing.
    for digest in ["sha256:bad", "md5:00", "latest"] {
        refused(&mount(&mut place, "aa", &format!("mount={digest}&from=bb")), 400, "DIGEST_INVALID");
    }
    refused(&mount(&mut place, "nn", &format!("mount={}&from=bb", there.digest)), 404, "NAME_UNKNOWN");
    refused(&mount(&mut place, "UPPER", &format!("mount={}&from=bb", there.digest)), 400, "NAME_INVALID");
    // The upload that a client got instead takes the blob; with the digest beside it and a body, at once.
    let answer = mount(&mut place, "aa", &format!("mount={}&from=kms", secret.digest));
    let location = format!("{}?digest={}", answer.header("location").unwrap(), secret.digest);
    assert_eq!(place.send("PUT", &location, &[], Body::Sized(&secret.bytes)).status, 201);
    let fresh = Blob::new(bytes(8, 1000));
    let query = format!("/v2/aa/blobs/uploads/?mount={0}&from=bb&digest={0}", fresh.digest);
    assert_eq!(place.send("POST", &query, &[], Body::Sized(&fresh.bytes)).status, 201);
}

#[test]
fn who_does_not_want_mounts_gets_uploads() {
    let mut place = Place::with(&["aa", "bb"]);
    let blob = place.push("bb", &bytes(11, 1000));
    let before = place.push("bb", &bytes(12, 1000));
    mounted(&mut place, "aa", &before, &format!("mount={}&from=bb", before.digest));
    let queries = [format!("mount={}&from=bb", blob.digest), format!("mount={}", blob.digest)];
    place.ecr.expect("PutAccountSetting", &json!({ "name": "BLOB_MOUNTING", "value": "DISABLED" })).unwrap();
    for query in &queries {
        opened(&mut place, "aa", query);
    }
    // What was mounted stays, and what is there is there.
    mounted(&mut place, "aa", &before, &format!("mount={}&from=bb", before.digest));
    place.ecr.expect("PutAccountSetting", &json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" })).unwrap();
    for query in &queries {
        mounted(&mut place, "aa", &blob, query);
    }
}

#[test]
fn the_only_one_left_of_many_that_held_it() {
    let names: Vec<String> = (0..40).map(|number| format!("holder-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["aa"]).collect();
    let mut place = Place::with(&names);
    let blob = Blob::new(bytes(9, 1000));
    let (one, others) = names[..40].split_first().unwrap();
    place.push(one, &blob.bytes);
    for name in others {
        mounted(&mut place, name, &blob, &format!("mount={}", blob.digest));
        place.ecr.expect("DeleteRepository", &json!({ "repositoryName": name, "force": true })).unwrap();
    }
    mounted(&mut place, "aa", &blob, &format!("mount={}", blob.digest));
}

#[test]
fn a_mount_leaves_a_line_and_a_refused_one_none() {
    let mut place = Place::with(&["aa", "bb"]);
    let blob = place.push("bb", &bytes(10, 100));
    opened(&mut place, "aa", &format!("mount={NOWHERE}&from=bb"));
    for _ in 0..2 {
        mounted(&mut place, "aa", &blob, &format!("mount={}&from=bb", blob.digest));
    }
    place.server.terminate().unwrap();
    let stderr = place.server.stderr();
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains("ecr:InitiateLayerUpload")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].contains("repository/aa") && lines[0].contains("done"), "{}", lines[0]);
}
