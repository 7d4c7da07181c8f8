//! Repository names that hold words of the routes, percent-encoding, and the catalogue (spec/oci.md 1.1, 9.2, 12.2).

use super::place::{NOTHING, Place, ask, refused};
use acre_testkit::http::Body;
use acre_testkit::image::{Flavour, Image, Recipe, pull_and_verify};
use serde_json::json;

#[test]
fn names_that_hold_words_of_the_routes() {
    let long = format!("{}/{}", "a".repeat(127), "b".repeat(128));
    let longer = "c".repeat(255);
    let names = [
        "blobs/uploads",
        "aa/manifests/bb",
        "tags/list",
        "v2/v2",
        "ab",
        "ab/cd",
        "ab/blobs",
        "ab/blobs/uploads",
        "ab/manifests",
        "ab/referrers",
        "uploads",
        "list",
        &long,
        &longer,
    ];
    let mut place = Place::with(&names);
    let mut client = place.another_client();
    let mut images = Vec::new();
    for (seed, name) in (0..).zip(names) {
        let image = Image::made(name, &[Recipe { seed, length: 700 }]);
        image.push(&mut client, name, "list", Flavour::PostPatchPut).unwrap();
        images.push(image);
    }
    for (name, image) in names.iter().zip(&images) {
        pull_and_verify(&mut client, name, "list", &image.digest()).unwrap();
        let tags = place.ask("GET", &format!("/v2/{name}/tags/list"));
        assert_eq!(tags.json(), json!({ "name": name, "tags": ["list"] }));
        // Each holds its own and nothing of its neighbours.
        for other in images.iter().filter(|other| other.digest() != image.digest()) {
            assert_eq!(place.status(&format!("/v2/{name}/blobs/{}", other.layers[0].digest)), 404);
            assert_eq!(place.status(&format!("/v2/{name}/manifests/{}", other.digest())), 404);
        }
    }
    let mut sorted: Vec<_> = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(place.ask("GET", "/v2/_catalog").json(), json!({ "repositories": sorted }));
}

#[test]
fn names_that_break_the_grammar() {
    let mut place = Place::with(&[]);
    let too_long = "a".repeat(257);
    for name in [
        "UPPER", "a", "-aa", "aa-", "aa..bb", "aa/", "aa//bb", "aa___bb", "aa._bb", "é", "aa%2Fbb", "aa%00",
        "aa bb", &too_long,
    ] {
        let name = name.replace(' ', "%20");
        for path in ["tags/list".to_owned(), format!("blobs/{NOTHING}"), "manifests/latest".into()] {
            let answer = place.ask("GET", &format!("/v2/{name}/{path}"));
            refused(&answer, 400, "NAME_INVALID");
        }
        let answer = place.send("POST", &format!("/v2/{name}/blobs/uploads/"), &[], Body::Sized(b""));
        refused(&answer, 400, "NAME_INVALID");
    }
}

#[test]
fn segments_are_decoded_once() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", b"encoded");
    let manifest = place.push_image("aa", "v1.0", "encoded");
    let encoded = blob.digest.to_string().replace(':', "%3A");
    let answer = place.ask("GET", &format!("/v2/%61a/blobs/{encoded}"));
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"encoded"[..]));
    assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
    let encoded = manifest.digest.to_string().replace(':', "%3a");
    assert_eq!(place.ask("GET", &format!("/v2/aa/manifests/{encoded}")).body, manifest.bytes);
    assert_eq!(place.status("/v2/aa/manifests/v1%2E0"), 200);
    let twice = blob.digest.to_string().replace(':', "%253A");
    assert_eq!(place.status(&format!("/v2/aa/blobs/{twice}")), 400);
    // The query of a Go client.
    let location = place.open("aa");
    let other = acre_testkit::image::Blob::new(b"by query".to_vec());
    let target = format!("{location}?_state=x&digest={}", other.digest.to_string().replace(':', "%3A"));
    assert_eq!(place.send("PUT", &target, &[], Body::Sized(&other.bytes)).status, 201);
}

#[test]
fn the_catalogue_page_by_page() {
    let names: Vec<String> = (0..25).map(|number| format!("team{}/web{number}", number % 3)).collect();
    let mut place = Place::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut sorted = names.clone();
    sorted.sort_unstable();
    for n in [1, 7, 24, 25, 1000] {
        let mut target = format!("/v2/_catalog?n={n}");
        let mut seen: Vec<String> = Vec::new();
        let mut pages = 0;
        loop {
            let answer = place.ask("GET", &target);
            let page: Vec<String> = serde_json::from_value(answer.json()["repositories"].clone()).unwrap();
            assert!(page.len() <= n, "{target}");
            seen.extend(page);
            pages += 1;
            let Some(link) = answer.header("link") else { break };
            target = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
            assert!(target.starts_with("/v2/_catalog?"), "{target}");
        }
        assert_eq!((&seen, pages), (&sorted, sorted.len().div_ceil(n)), "n={n}");
    }
    assert_eq!(place.ask("GET", "/v2/_catalog?last=team2").json()["repositories"], json!(sorted[17..]));
    let empty = place.ask("GET", "/v2/_catalog?n=0");
    assert_eq!((empty.json(), empty.header("link")), (json!({ "repositories": [] }), None));
    for n in ["-1", "x", "1001"] {
        refused(&place.ask("GET", &format!("/v2/_catalog?n={n}")), 405, "UNSUPPORTED");
    }
    assert_eq!(ask(&mut place.client, "HEAD", "/v2/_catalog", &[], Body::None).status, 200);
}
