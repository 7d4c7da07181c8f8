//! Manifests: PUT, GET, HEAD, conditions, sizes (spec/oci.md 7.1, 7.4, 7.5).

use super::place::{
    DOCKER_IMAGE, NOWHERE, OCI_IMAGE, OCI_INDEX, Place, SEGMENT, bytes, head_is_get, image, index, refused,
};
use acre_testkit::http::Body;
use acre_testkit::image::Blob;
use acre_wire::digest::{Algorithm, Digest};
use serde_json::json;

#[test]
fn a_manifest_by_tag_and_by_digest() {
    let mut place = Place::with(&["aa"]);
    let manifest = place.push_image("aa", "v1", "first");
    let digest = manifest.digest.to_string();
    // Again, in every way: the same answer.
    for reference in ["v1", "v1", "v2", &digest] {
        let answer = place.put("aa", reference, OCI_IMAGE, &manifest.bytes);
        assert_eq!((answer.status, answer.body.len()), (201, 0), "{answer:?}");
        assert_eq!(answer.header("location"), Some(format!("/v2/aa/manifests/{digest}").as_str()));
        assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
        assert_eq!(answer.header("etag"), Some(format!("\"{digest}\"").as_str()));
        assert_eq!((answer.header("oci-subject"), answer.header("oci-tag")), (None, None));
    }
    for reference in ["v1", "v2", &digest] {
        for accept in [
            None,
            Some(OCI_INDEX),
            Some("text/html"),
            Some("application/vnd.docker.distribution.manifest.v1+json, */*;q=0"),
        ] {
            let headers: Vec<_> = accept.iter().map(|accept| ("Accept", *accept)).collect();
            let answer = head_is_get(&mut place.client, &format!("/v2/aa/manifests/{reference}"), &headers);
            assert_eq!((answer.status, &answer.body), (200, &manifest.bytes), "{reference} {accept:?}");
            assert_eq!(answer.header("content-type"), Some(OCI_IMAGE));
            assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
            assert_eq!(answer.header("etag"), Some(format!("\"{digest}\"").as_str()));
        }
    }
}

#[test]
fn bytes_are_kept_as_they_came() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let written = image(&config, &[]).to_string();
    let odd = format!("\n\t {} \r\n", written.replace(',', " ,\n").replacen('{', "{ \"z\\u0041\":1e99 ,", 1));
    for text in [written, odd] {
        let digest = Blob::new(text.clone().into_bytes()).digest;
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(7).collect();
        let target = format!("/v2/aa/manifests/{digest}");
        let answer = place.send("PUT", &target, &[("Content-Type", OCI_IMAGE)], Body::Chunked(&pieces));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(place.ask("GET", &target).body, text.as_bytes());
    }
}

#[test]
fn what_is_not_there() {
    let mut place = Place::with(&["aa"]);
    let invalid_tag = "a".repeat(129);
    for reference in ["v1", NOWHERE, "-bad", "a%20b", "%C3%A9", &invalid_tag] {
        let target = format!("/v2/aa/manifests/{reference}");
        let answer = head_is_get(&mut place.client, &target, &[]);
        assert_eq!(refused(&answer, 404, "MANIFEST_UNKNOWN"), "Requested image not found");
        refused(&place.ask("DELETE", &target), 404, "MANIFEST_UNKNOWN");
    }
    for digest in ["sha256:baddigeststring", "md5:00", "sha256:", ":", "sha384:00"] {
        let target = format!("/v2/aa/manifests/{digest}");
        refused(&head_is_get(&mut place.client, &target, &[]), 400, "DIGEST_INVALID");
        refused(&place.put("aa", digest, OCI_IMAGE, b"{}"), 400, "DIGEST_INVALID");
        refused(&place.ask("DELETE", &target), 400, "DIGEST_INVALID");
    }
    for tag in ["-bad", ".bad", "a%20b", "%C3%A9", &invalid_tag] {
        refused(&place.put("aa", tag, OCI_IMAGE, b"{}"), 400, "TAG_INVALID");
    }
    for method in ["GET", "DELETE"] {
        let text = refused(&place.ask(method, "/v2/bb/manifests/v1"), 404, "NAME_UNKNOWN");
        assert_eq!(
            text,
            "The repository with name 'bb' does not exist in the registry with id '000000000000'"
        );
    }
    refused(&place.put("bb", "v1", OCI_IMAGE, b"{}"), 404, "NAME_UNKNOWN");
}

#[test]
fn tags_of_every_letter() {
    let mut place = Place::with(&["aa"]);
    let longest = "x".repeat(128);
    let tags = ["_", "A", "a", "0", "1.0.0-rc_1", "__", "9", "latest", &longest];
    for tag in tags {
        place.push_image("aa", tag, tag);
    }
    for tag in tags {
        let config = place.ask("GET", &format!("/v2/aa/manifests/{tag}")).json();
        let config =
            place.ask("GET", &format!("/v2/aa/blobs/{}", config["config"]["digest"].as_str().unwrap()));
        assert_eq!(config.json(), json!({ "name": tag }));
    }
}

#[test]
fn the_digest_must_be_that_of_the_bytes() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let manifest = image(&config, &[]).to_string();
    for digest in [
        Digest::of(Algorithm::Sha256, manifest.as_bytes()),
        Digest::of(Algorithm::Sha512, manifest.as_bytes()),
    ] {
        let with_blanks = format!("{manifest}  ");
        let answer = place.put("aa", &digest.to_string(), OCI_IMAGE, with_blanks.as_bytes());
        refused(&answer, 400, "DIGEST_INVALID");
        assert_eq!(place.status(&format!("/v2/aa/manifests/{digest}")), 404);
        assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{digest}")).status, 404);
    }
}

#[test]
fn a_manifest_pushed_as_sha512_is_known_as_that_alone() {
    let mut place = Place::with(&["aa"]);
    let config = place.push_as("aa", b"{}", Algorithm::Sha512);
    let manifest = image(&config, &[]).to_string().into_bytes();
    let digest = Digest::of(Algorithm::Sha512, &manifest).to_string();
    let answer = place.put("aa", &digest, OCI_IMAGE, &manifest);
    assert_eq!((answer.status, answer.header("docker-content-digest")), (201, Some(digest.as_str())));
    let got = head_is_get(&mut place.client, &format!("/v2/aa/manifests/{digest}"), &[]);
    assert_eq!((got.status, &got.body), (200, &manifest));
    assert_eq!(got.header("docker-content-digest"), Some(digest.as_str()));
    let other = Blob::new(manifest.clone()).digest;
    assert_eq!(place.status(&format!("/v2/aa/manifests/{other}")), 404);
    // Pushed by tag, the same bytes are another image, and their config is looked up as it is written.
    let answer = place.put("aa", "v1", OCI_IMAGE, &manifest);
    assert_eq!(answer.header("docker-content-digest"), Some(other.to_string().as_str()));
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{digest}")).status, 202);
    assert_eq!(place.ask("GET", "/v2/aa/manifests/v1").body, manifest);
}

#[test]
fn conditions() {
    let mut place = Place::with(&["aa"]);
    let first = place.push_image("aa", "v1", "first");
    let tag = format!("\"{}\"", first.digest);
    let by_digest = format!("/v2/aa/manifests/{}", first.digest);
    for target in ["/v2/aa/manifests/v1", &by_digest] {
        for (condition, status) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            ("*".into(), 304),
            (format!("\"{NOWHERE}\" , {tag}"), 304),
            (format!("\"{NOWHERE}\""), 200),
        ] {
            let answer = head_is_get(&mut place.client, target, &[("If-None-Match", &condition)]);
            assert_eq!(answer.status, status, "{target} {condition}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert_eq!(answer.header("docker-content-digest"), Some(first.digest.to_string().as_str()));
        }
    }
    let second = place.push_image("aa", "v1", "second");
    let answer = place.get_with("/v2/aa/manifests/v1", "If-None-Match", &tag);
    assert_eq!((answer.status, answer.body), (200, second.bytes));
    assert_eq!(place.get_with(&by_digest, "If-None-Match", &tag).status, 304);
    assert_eq!(place.get_with("/v2/aa/manifests/v2", "If-None-Match", "*").status, 404);
}

/// A manifest of exactly that many bytes.
fn sized(config: &Blob, length: usize) -> Vec<u8> {
    let mut manifest = image(config, &[]);
    manifest["annotations"] = json!({ "filler": "" });
    let rest = length - manifest.to_string().len();
    manifest["annotations"]["filler"] = "x".repeat(rest).into();
    manifest.to_string().into_bytes()
}

#[test]
fn lengths() {
    const MOST: usize = 4_194_304;
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    for length in [SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 1 << 20, 3_910_601, MOST - 1, MOST] {
        let manifest = Blob::new(sized(&config, length));
        assert_eq!(manifest.bytes.len(), length);
        let pieces: Vec<&[u8]> = manifest.bytes.chunks(100_000).collect();
        let headers = [("Content-Type", OCI_IMAGE)];
        let target = format!("/v2/aa/manifests/{}", manifest.digest);
        // The suite sends its largest twice, chunked.
        for target in [target.as_str(), "/v2/aa/manifests/v1"] {
            assert_eq!(place.send("PUT", target, &headers, Body::Chunked(&pieces)).status, 201, "{length}");
            let got = head_is_get(&mut place.client, target, &[]);
            assert!(got.status == 200 && got.body == manifest.bytes, "{length}");
        }
    }
    for length in [MOST + 1, MOST + 100_000] {
        let manifest = sized(&config, length);
        let pieces: Vec<&[u8]> = manifest.chunks(100_000).collect();
        for body in [Body::Chunked(&pieces), Body::Sized(&manifest)] {
            let answer = place.send("PUT", "/v2/aa/manifests/large", &[("Content-Type", OCI_IMAGE)], body);
            refused(&answer, 413, "SIZE_INVALID");
        }
    }
    assert_eq!(place.status("/v2/aa/manifests/large"), 404);
}

#[test]
fn the_subject_is_answered() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", &bytes(1, 30));
    let present = place.push_image("aa", "subject", "subject").digest.to_string();
    for subject in [NOWHERE, &present] {
        let descriptor = json!({ "mediaType": OCI_IMAGE, "digest": subject, "size": 7 });
        let mut referrer = image(&config, &[]);
        referrer["subject"] = descriptor.clone();
        let mut list = index(&[]);
        list["subject"] = descriptor;
        for (media_type, manifest) in [(OCI_IMAGE, referrer), (OCI_INDEX, list)] {
            let manifest = Blob::new(manifest.to_string().into_bytes());
            for reference in
                [manifest.digest.to_string(), "ref".into(), "ref".into(), manifest.digest.to_string()]
            {
                let answer = place.put("aa", &reference, media_type, &manifest.bytes);
                assert_eq!(
                    (answer.status, answer.header("oci-subject")),
                    (201, Some(subject)),
                    "{reference}"
                );
            }
        }
    }
    // The tag of the fallback scheme is there only if somebody pushes it.
    let fallback = NOWHERE.replace(':', "-");
    assert_eq!(place.status(&format!("/v2/aa/manifests/{fallback}")), 404);
}

#[test]
fn a_docker_image_is_served_as_one() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let mut manifest = image(&config, &[&config]);
    manifest["mediaType"] = DOCKER_IMAGE.into();
    let manifest = manifest.to_string();
    assert_eq!(place.put("aa", "v1", DOCKER_IMAGE, manifest.as_bytes()).status, 201);
    let answer = head_is_get(&mut place.client, "/v2/aa/manifests/v1", &[("Accept", OCI_IMAGE)]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(DOCKER_IMAGE)));
}
