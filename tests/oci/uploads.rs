//! Uploads in all their forms, their state, their end (spec/oci.md 6, 10.2).

use super::place::{NOTHING, NOWHERE, Place, SEGMENT, ask, bytes, offset, refused};
use acre_testkit::http::{Answer, Body};
use acre_testkit::image::{Blob, Flavour, push_blob};
use acre_wire::digest::{Algorithm, Digest};

/// What every answer about an open upload says.
fn is_open(answer: &Answer, status: u16, location: &str, held: usize) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("location"), Some(location), "{answer:?}");
    let id = location.rsplit('/').next();
    assert_eq!(answer.header("docker-upload-uuid"), id, "{answer:?}");
    assert_eq!(offset(answer), held, "{answer:?}");
    assert_eq!(answer.header("oci-chunk-min-length"), None);
}

fn is_gone(place: &mut Place, location: &str) {
    refused(&place.ask("GET", location), 404, "BLOB_UPLOAD_UNKNOWN");
    refused(&place.ask("DELETE", location), 404, "BLOB_UPLOAD_UNKNOWN");
    refused(&place.send("PATCH", location, &[], Body::Sized(b"x")), 404, "BLOB_UPLOAD_UNKNOWN");
    let finish = format!("{location}?digest={NOWHERE}");
    refused(&place.send("PUT", &finish, &[], Body::Sized(b"")), 404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn an_open_upload() {
    let mut place = Place::with(&["aa"]);
    for path in ["uploads/", "uploads", "uploads/?origin=x&ns=docker.io"] {
        let headers = [("Content-Type", "application/json")];
        let answer = place.send("POST", &format!("/v2/aa/blobs/{path}"), &headers, Body::Sized(b""));
        let location = answer.header("location").unwrap().to_owned();
        assert!(location.starts_with("/v2/aa/blobs/uploads/") && !location.contains('?'), "{location}");
        is_open(&answer, 202, &location, 0);
        is_open(&place.ask("GET", &location), 204, &location, 0);
        is_open(&place.send("PATCH", &location, &[], Body::Sized(b"")), 202, &location, 0);
        is_open(&place.send("PATCH", &location, &[], Body::Chunked(&[])), 202, &location, 0);
        is_open(&place.send("PATCH", &location, &[], Body::Chunked(&[b"a"])), 202, &location, 1);
        is_open(&place.ask("GET", &format!("{location}?digest={NOTHING}")), 204, &location, 1);
        is_open(&place.send("PATCH", &location, &[], Body::Sized(b"bc")), 202, &location, 3);
        is_open(
            &place
                .ask("GET", &location.to_uppercase().replace("/V2/AA/BLOBS/UPLOADS", "/v2/aa/blobs/uploads")),
            204,
            &location,
            3,
        );
        let cancelled = place.ask("DELETE", &location);
        assert_eq!((cancelled.status, cancelled.header("location")), (204, None));
        is_gone(&mut place, &location);
    }
    // Without a header about a body, too.
    assert_eq!(place.ask("POST", "/v2/aa/blobs/uploads/").status, 202);
    refused(&place.ask("POST", "/v2/bb/blobs/uploads/"), 404, "NAME_UNKNOWN");
}

#[test]
fn ids_that_are_none() {
    let mut place = Place::with(&["aa"]);
    for id in
        ["x", "01234567-89ab-4def-8123-456789abcdef", "0123456789ab4def8123456789abcdef", "..", "%2e%2e"]
    {
        is_gone(&mut place, &format!("/v2/aa/blobs/uploads/{id}"));
    }
}

#[test]
fn a_single_post() {
    let mut place = Place::with(&["aa"]);
    for (seed, length) in [(1, 512), (2, SEGMENT + 1), (3, 1 << 20)] {
        let blob = Blob::new(bytes(seed, length));
        let target = format!("/v2/aa/blobs/uploads/?digest={}", blob.digest);
        let pieces: Vec<&[u8]> = blob.bytes.chunks(5_000).collect();
        for body in [Body::Chunked(&pieces), Body::Sized(&blob.bytes)] {
            let answer = place.send("POST", &target, &[], body);
            assert_eq!(answer.status, 201, "{answer:?}");
            assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
            assert!(place.ask("GET", answer.header("location").unwrap()).body == blob.bytes);
        }
        // Six bytes more than the digest says.
        let longer = [&blob.bytes[..], b"excess"].concat();
        let missing = Blob::new(bytes(seed + 100, length));
        let target = format!("/v2/aa/blobs/uploads/?digest={}", missing.digest);
        refused(&place.send("POST", &target, &[], Body::Sized(&longer)), 400, "DIGEST_INVALID");
        assert_eq!(place.status(&format!("/v2/aa/blobs/{}", missing.digest)), 404);
    }
    // Nothing, whose digest it is; and nothing, whose digest it is not: an upload is opened.
    for body in [Body::None, Body::Sized(b""), Body::Chunked(&[])] {
        let answer = place.send("POST", &format!("/v2/aa/blobs/uploads/?digest={NOTHING}"), &[], body);
        assert_eq!(answer.status, 201, "{body:?}");
    }
    for body in [Body::None, Body::Sized(b"")] {
        let answer = place.send("POST", &format!("/v2/aa/blobs/uploads/?digest={NOWHERE}"), &[], body);
        is_open(&answer, 202, answer.header("location").unwrap(), 0);
    }
    for query in [
        "digest=sha256:bad",
        "digest=md5:00",
        "mount=bad",
        "mount=sha256:bad&from=bb",
        "digest-algorithm=md5",
    ] {
        let answer = place.send("POST", &format!("/v2/aa/blobs/uploads/?{query}"), &[], Body::Sized(b""));
        refused(&answer, 400, "DIGEST_INVALID");
    }
    let target = format!("/v2/bb/blobs/uploads/?digest={NOTHING}");
    refused(&place.send("POST", &target, &[], Body::Sized(b"")), 404, "NAME_UNKNOWN");
}

#[test]
fn a_wrong_digest_ends_the_upload() {
    let mut place = Place::with(&["aa"]);
    for length in [512, 2 * SEGMENT + 1] {
        let content = bytes(4, length);
        let (first, rest) = content.split_at(length / 2);
        for (patched, put) in [(&b""[..], &content[..]), (&content, b""), (first, rest)] {
            let location = place.open("aa");
            if !patched.is_empty() {
                assert_eq!(place.send("PATCH", &location, &[], Body::Chunked(&[patched])).status, 202);
            }
            let answer = place.send("PUT", &format!("{location}?digest={NOWHERE}"), &[], Body::Sized(put));
            refused(&answer, 400, "DIGEST_INVALID");
            is_gone(&mut place, &location);
            assert_eq!(place.status(&format!("/v2/aa/blobs/{NOWHERE}")), 404);
            assert_eq!(place.status(&format!("/v2/aa/blobs/{}", Blob::new(content.clone()).digest)), 404);
        }
    }
    assert_eq!(acre_testkit::leftovers::upload_files(place.server.data()).unwrap().len(), 0);
}

#[test]
fn a_digest_that_is_none_leaves_the_upload_open() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(5, 1000));
    let location = place.open("aa");
    assert_eq!(place.send("PATCH", &location, &[], Body::Sized(&blob.bytes[..600])).status, 202);
    for query in ["", "?digest=", "?digest=sha256:bad", "?digest=SHA256:00", "?other=1"] {
        let answer = place.send("PUT", &format!("{location}{query}"), &[], Body::Sized(b"rest"));
        refused(&answer, 400, "DIGEST_INVALID");
        is_open(&place.ask("GET", &location), 204, &location, 600);
    }
    let target = format!("{location}?digest={}", blob.digest);
    assert_eq!(place.send("PUT", &target, &[], Body::Chunked(&[&blob.bytes[600..]])).status, 201);
}

#[test]
fn the_algorithm_may_become_known_at_the_end() {
    let mut place = Place::with(&["aa"]);
    let mut client = place.another_client();
    for (seed, length) in [(10, 0), (20, 512), (30, SEGMENT), (40, 3 * SEGMENT + 5)] {
        for (way, flavour) in
            (0..).zip([Flavour::SinglePost, Flavour::PostPut, Flavour::PostPatchPut, Flavour::Chunks(1019)])
        {
            let bytes = bytes(seed + way, length);
            let blob = Blob { digest: Digest::of(Algorithm::Sha512, &bytes), bytes };
            push_blob(&mut client, "aa", &blob, flavour).unwrap();
            let target = format!("/v2/aa/blobs/{}", blob.digest);
            assert!(place.ask("GET", &target).body == blob.bytes, "{flavour:?} {length}");
        }
        // Announced as one, finished as either.
        for (opened, finished) in [
            ("sha512", Algorithm::Sha512),
            ("sha512", Algorithm::Sha256),
            ("sha256", Algorithm::Sha512),
            ("sha256", Algorithm::Sha256),
        ] {
            let content = bytes(seed + 5, length);
            let target = format!("/v2/aa/blobs/uploads/?digest-algorithm={opened}");
            let answer = place.send("POST", &target, &[], Body::Sized(b""));
            let location = answer.header("location").unwrap().to_owned();
            is_open(&answer, 202, &location, 0);
            let (first, rest) = content.split_at(length / 3);
            assert_eq!(place.send("PATCH", &location, &[], Body::Chunked(&[first])).status, 202);
            let digest = Digest::of(finished, &content);
            let answer = place.send("PUT", &format!("{location}?digest={digest}"), &[], Body::Sized(rest));
            assert_eq!(answer.status, 201, "{opened} {finished:?} {length}: {answer:?}");
            assert_eq!(answer.header("docker-content-digest"), Some(digest.to_string().as_str()));
        }
    }
}

#[test]
fn a_repeated_last_request_is_answered_again() {
    let mut place = Place::with(&["aa"]);
    for length in [0, 512, 2 * SEGMENT] {
        let blob = Blob::new(bytes(6, length));
        let location = place.open("aa");
        let target = format!("{location}?digest={}", blob.digest);
        for body in [&blob.bytes[..], &blob.bytes, b""] {
            let answer = place.send("PUT", &target, &[], Body::Sized(body));
            assert_eq!(answer.status, 201, "{answer:?}");
            assert_eq!(answer.header("location"), Some(format!("/v2/aa/blobs/{}", blob.digest).as_str()));
            assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
        }
        is_gone(&mut place, &location);
        assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
    }
}

#[test]
fn what_is_there_already_is_pushed_again() {
    let mut place = Place::with(&["aa", "bb"]);
    for length in [0, 512, 2 * SEGMENT] {
        let content = bytes(7, length);
        for name in ["aa", "aa", "bb", "aa"] {
            let blob = place.push(name, &content);
            assert!(place.ask("GET", &format!("/v2/{name}/blobs/{}", blob.digest)).body == content);
        }
    }
    assert_eq!(acre_testkit::leftovers::upload_files(place.server.data()).unwrap().len(), 0);
    assert_eq!(acre_testkit::leftovers::strange_objects(place.server.data()).unwrap(), Vec::<String>::new());
}

#[test]
fn an_upload_belongs_to_its_repository_and_its_principal() {
    let mut place = Place::with(&["aa", "bb"]);
    for length in [10, 2 * SEGMENT] {
        let blob = Blob::new(bytes(8, length));
        let location = place.open("aa");
        assert_eq!(place.send("PATCH", &location, &[], Body::Sized(&blob.bytes)).status, 202);
        is_gone(&mut place, &location.replace("/aa/", "/bb/"));
        refused(&place.ask("GET", &location.replace("/aa/", "/cc/")), 404, "NAME_UNKNOWN");
        // Another account's repository of the same name.
        let mut stranger = if length == 10 { Some(place.stranger()) } else { None };
        if let Some(stranger) = &mut stranger {
            stranger.create_repository("aa").unwrap();
            let mut client = stranger.data_plane().unwrap();
            for method in ["GET", "PATCH", "DELETE"] {
                refused(&ask(&mut client, method, &location, &[], Body::None), 404, "BLOB_UPLOAD_UNKNOWN");
            }
            let target = format!("{location}?digest={}", blob.digest);
            refused(&ask(&mut client, "PUT", &target, &[], Body::None), 404, "BLOB_UPLOAD_UNKNOWN");
        }
        is_open(&place.ask("GET", &location), 204, &location, length);
        let target = format!("{location}?digest={}", blob.digest);
        assert_eq!(place.send("PUT", &target, &[], Body::None).status, 201);
    }
}

#[test]
fn a_repository_that_goes_takes_its_uploads_along() {
    let mut place = Place::with(&["aa"]);
    let location = place.open("aa");
    assert_eq!(place.send("PATCH", &location, &[], Body::Sized(&bytes(9, 2 * SEGMENT))).status, 202);
    place
        .ecr
        .expect("DeleteRepository", &serde_json::json!({ "repositoryName": "aa", "force": true }))
        .unwrap();
    refused(&place.ask("GET", &location), 404, "NAME_UNKNOWN");
    place.ecr.create_repository("aa").unwrap();
    refused(&place.ask("GET", &location), 404, "BLOB_UPLOAD_UNKNOWN");
}
