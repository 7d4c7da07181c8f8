//! Blobs: HEAD, GET, conditions, DELETE, and that a repository sees its own alone (spec/oci.md 5).

use super::place::{CONFIG, NOTHING, NOWHERE, Place, SEGMENT, bytes, head_is_get, image, refused};
use acre_testkit::http::Body;
use acre_testkit::image::{Blob, Flavour, push_blob};
use acre_wire::digest::Algorithm;

/// Around the edges of sealed segments, and of powers of two that clients like.
const LENGTHS: [usize; 13] = [
    0,
    1,
    SEGMENT - 1,
    SEGMENT,
    SEGMENT + 1,
    65_535,
    65_536,
    65_537,
    2 * SEGMENT - 1,
    2 * SEGMENT,
    2 * SEGMENT + 1,
    (1 << 20) - 1,
    (1 << 20) + 1,
];

#[test]
fn every_length_by_every_way_comes_back() {
    let mut place = Place::with(&["aa"]);
    let mut client = place.another_client();
    let flavours = [
        Flavour::SinglePost,
        Flavour::PostPut,
        Flavour::PostPatchPut,
        Flavour::Chunks(40_000),
        Flavour::Chunks(SEGMENT),
    ];
    for (way, flavour) in (0..).zip(flavours) {
        for length in LENGTHS {
            let blob = Blob::new(bytes(way * 10_000_000 + length as u64, length));
            let pushed = push_blob(&mut client, "aa", &blob, flavour).unwrap();
            let target = format!("/v2/aa/blobs/{}", blob.digest);
            assert_eq!(pushed.header("location"), Some(target.as_str()), "{flavour:?} {length}");
            assert_eq!(pushed.header("content-length"), Some("0"));
            let got = head_is_get(&mut place.client, &target, &[]);
            assert_eq!(got.status, 200, "{flavour:?} {length}");
            assert!(got.body == blob.bytes, "{flavour:?} {length}");
            assert_eq!(got.header("content-type"), Some("application/octet-stream"));
            assert_eq!(got.header("accept-ranges"), Some("bytes"));
            assert_eq!(got.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
            assert_eq!(got.header("etag"), Some(format!("\"{}\"", blob.digest).as_str()));
        }
    }
}

#[test]
fn a_blob_pushed_as_sha512_is_known_as_that_alone() {
    let mut place = Place::with(&["aa"]);
    for length in [0, 5, SEGMENT + 1] {
        let bytes = bytes(1, length);
        let blob = place.push_as("aa", &bytes, Algorithm::Sha512);
        let got = head_is_get(&mut place.client, &format!("/v2/aa/blobs/{}", blob.digest), &[]);
        assert!(got.status == 200 && got.body == bytes);
        assert_eq!(got.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
        assert_eq!(place.status(&format!("/v2/aa/blobs/{}", Blob::new(bytes).digest)), 404);
    }
}

#[test]
fn what_is_not_there() {
    let mut place = Place::with(&["aa"]);
    for method in ["GET", "DELETE"] {
        refused(&place.ask(method, &format!("/v2/aa/blobs/{NOWHERE}")), 404, "BLOB_UNKNOWN");
        let text = refused(&place.ask(method, &format!("/v2/bb/blobs/{NOWHERE}")), 404, "NAME_UNKNOWN");
        assert_eq!(
            text,
            "The repository with name 'bb' does not exist in the registry with id '000000000000'"
        );
    }
    for target in [format!("/v2/aa/blobs/{NOWHERE}"), format!("/v2/bb/blobs/{NOWHERE}")] {
        assert_eq!(head_is_get(&mut place.client, &target, &[]).status, 404);
    }
    let upper = NOWHERE.replace("01", "0A");
    let longer = format!("{NOWHERE}0");
    for digest in [
        "sha256:baddigeststring",
        &upper,
        &longer,
        "sha256:",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha384:00",
        "blake3:00",
        "latest",
        ":",
    ] {
        let target = format!("/v2/aa/blobs/{digest}");
        refused(&head_is_get(&mut place.client, &target, &[]), 400, "DIGEST_INVALID");
        refused(&place.ask("DELETE", &target), 400, "DIGEST_INVALID");
    }
}

#[test]
fn conditions() {
    let mut place = Place::with(&["aa"]);
    for length in [100, SEGMENT + 100] {
        let blob = place.push("aa", &bytes(2, length));
        let target = format!("/v2/aa/blobs/{}", blob.digest);
        let (tag, other) = (format!("\"{}\"", blob.digest), format!("\"{NOWHERE}\""));
        for (condition, status) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            ("*".into(), 304),
            (format!("{other}, {tag}"), 304),
            (other.clone(), 200),
            (blob.digest.to_string(), 200),
            (String::new(), 200),
        ] {
            let headers = [
                ("If-None-Match", condition.as_str()),
                ("If-Modified-Since", "Sat, 01 Jan 2050 00:00:00 GMT"),
            ];
            let answer = head_is_get(&mut place.client, &target, &headers);
            assert_eq!(answer.status, status, "{condition}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
        }
        // Before the range.
        let headers = [("If-None-Match", tag.as_str()), ("Range", "bytes=0-0")];
        assert_eq!(place.send("GET", &target, &headers, Body::None).status, 304);
        let headers = [("If-None-Match", other.as_str()), ("Range", "bytes=0-0")];
        assert_eq!(place.send("GET", &target, &headers, Body::None).status, 206);
        // A condition on what is not there.
        assert_eq!(place.get_with(&format!("/v2/aa/blobs/{NOWHERE}"), "If-None-Match", "*").status, 404);
    }
}

#[test]
fn a_repository_sees_its_own_alone() {
    let mut place = Place::with(&["aa", "bb", "cc"]);
    let config = place.push("cc", b"{}");
    place.push("cc", b"");
    for content in [&b"{}"[..], b"", &bytes(3, 200_000)] {
        let target = |name: &str| format!("/v2/{name}/blobs/{}", Blob::new(content.to_vec()).digest);
        for name in ["aa", "bb"] {
            assert_eq!(place.status(&target(name)), 404, "{} bytes in {name}", content.len());
        }
        place.push("aa", content);
        place.push("bb", content);
        let deleted = place.ask("DELETE", &target("aa"));
        assert_eq!((deleted.status, deleted.body.len()), (202, 0));
        assert_eq!((place.status(&target("aa")), place.status(&target("bb"))), (404, 200));
        assert!(place.ask("GET", &target("bb")).body == content);
        refused(&place.ask("DELETE", &target("aa")), 404, "BLOB_UNKNOWN");
    }
    assert_eq!(place.status(&format!("/v2/cc/blobs/{}", config.digest)), 200);
    assert_eq!(place.status(&format!("/v2/cc/blobs/{NOTHING}")), 200);
}

#[test]
fn blobs_and_manifests_are_two_worlds() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{\"a\":1}");
    let manifest = place.push_image("aa", "v1", "two worlds");
    assert_eq!(place.status(&format!("/v2/aa/blobs/{}", manifest.digest)), 404);
    assert_eq!(place.status(&format!("/v2/aa/manifests/{}", config.digest)), 404);
    // The same bytes may be both.
    place.push("aa", &manifest.bytes);
    assert_eq!(place.ask("GET", &format!("/v2/aa/blobs/{}", manifest.digest)).body, manifest.bytes);
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", manifest.digest)).status, 202);
    assert_eq!(place.ask("GET", "/v2/aa/manifests/v1").body, manifest.bytes);
}

#[test]
fn a_blob_in_use_stays_and_a_deleted_one_comes_back() {
    let mut place = Place::with(&["aa"]);
    let (config, layer) = (place.push("aa", b"{}"), place.push("aa", &bytes(4, 100_000)));
    let manifest = Blob::new(image(&config, &[&layer]).to_string().into_bytes());
    assert_eq!(place.put("aa", "v1", super::place::OCI_IMAGE, &manifest.bytes).status, 201);
    for blob in [&config, &layer] {
        let target = format!("/v2/aa/blobs/{}", blob.digest);
        refused(&place.ask("DELETE", &target), 405, "UNSUPPORTED");
        assert_eq!(place.status(&target), 200);
    }
    // Untagged it still uses them; deleted it does not.
    assert_eq!(place.ask("DELETE", "/v2/aa/manifests/v1").status, 202);
    refused(&place.ask("DELETE", &format!("/v2/aa/blobs/{}", layer.digest)), 405, "UNSUPPORTED");
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{}", manifest.digest)).status, 202);
    for blob in [&config, &layer] {
        assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", blob.digest)).status, 202);
        assert_eq!(place.status(&format!("/v2/aa/blobs/{}", blob.digest)), 404);
    }
    // What is not visible cannot be used.
    refused(&place.put("aa", "v1", super::place::OCI_IMAGE, &manifest.bytes), 404, "MANIFEST_BLOB_UNKNOWN");
    for blob in [&config, &layer] {
        place.push("aa", &blob.bytes);
        assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
    }
    assert_eq!(place.put("aa", "v1", super::place::OCI_IMAGE, &manifest.bytes).status, 201);
    assert_eq!(descriptor_type(&place.ask("GET", "/v2/aa/manifests/v1").json()), CONFIG);
}

fn descriptor_type(manifest: &serde_json::Value) -> &str {
    manifest["config"]["mediaType"].as_str().unwrap()
}
