//! Deleting tags and images (spec/oci.md 7.6). Blobs: `blobs.rs`.

use super::place::{NOWHERE, OCI_IMAGE, OCI_INDEX, Place, descriptor, index, refused};
use acre_testkit::http::Body;
use acre_testkit::image::Blob;
use serde_json::json;

fn delete(place: &mut Place, reference: &str) {
    let answer = place.ask("DELETE", &format!("/v2/aa/manifests/{reference}"));
    assert_eq!((answer.status, answer.body.len()), (202, 0), "{reference}: {answer:?}");
}

fn status(place: &mut Place, reference: &str) -> u16 {
    place.status(&format!("/v2/aa/manifests/{reference}"))
}

#[test]
fn by_tag_only_the_tag_goes() {
    let mut place = Place::with(&["aa"]);
    let image = place.push_image("aa", "v1", "image");
    assert_eq!(place.put("aa", "v2", OCI_IMAGE, &image.bytes).status, 201);
    let digest = image.digest.to_string();
    delete(&mut place, "v1");
    assert_eq!(
        (status(&mut place, "v1"), status(&mut place, "v2"), status(&mut place, &digest)),
        (404, 200, 200)
    );
    refused(&place.ask("DELETE", "/v2/aa/manifests/v1"), 404, "MANIFEST_UNKNOWN");
    // The last one, too; a body of the request is not looked at.
    let answer = place.send("DELETE", "/v2/aa/manifests/v2", &[], Body::Sized(b"ignored"));
    assert_eq!(answer.status, 202);
    assert_eq!((status(&mut place, "v2"), status(&mut place, &digest)), (404, 200));
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json()["tags"], json!([]));
    assert_eq!(place.ask("GET", &format!("/v2/aa/manifests/{digest}")).body, image.bytes);
}

#[test]
fn by_digest_the_image_goes_with_all_its_tags() {
    let mut place = Place::with(&["aa", "bb"]);
    let (image, other) = (place.push_image("aa", "v1", "image"), place.push_image("aa", "other", "other"));
    place.push_image("bb", "v1", "image");
    for tag in ["v2", "v3"] {
        assert_eq!(place.put("aa", tag, OCI_IMAGE, &image.bytes).status, 201);
    }
    let digest = image.digest.to_string();
    delete(&mut place, &digest);
    for reference in ["v1", "v2", "v3", &digest] {
        assert_eq!(status(&mut place, reference), 404, "{reference}");
        refused(&place.ask("DELETE", &format!("/v2/aa/manifests/{reference}")), 404, "MANIFEST_UNKNOWN");
    }
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json()["tags"], json!(["other"]));
    assert_eq!(place.ask("GET", "/v2/aa/manifests/other").body, other.bytes);
    assert_eq!(place.ask("GET", "/v2/bb/manifests/v1").body, image.bytes);
    refused(&place.ask("DELETE", &format!("/v2/aa/manifests/{NOWHERE}")), 404, "MANIFEST_UNKNOWN");
    // It comes back as often as it is pushed.
    for _ in 0..3 {
        assert_eq!(place.put("aa", "v1", OCI_IMAGE, &image.bytes).status, 201);
        assert_eq!(place.ask("GET", "/v2/aa/manifests/v1").body, image.bytes);
        assert_eq!(status(&mut place, "v2"), 404);
        delete(&mut place, &digest);
        assert_eq!(status(&mut place, "v1"), 404);
    }
}

#[test]
fn a_child_of_a_live_index_stays() {
    let mut place = Place::with(&["aa"]);
    let (one, two) = (place.push_image("aa", "one", "one"), place.push_image("aa", "two", "two"));
    let inner = Blob::new(
        index(&[descriptor(OCI_IMAGE, &one), descriptor(OCI_IMAGE, &two)]).to_string().into_bytes(),
    );
    assert_eq!(place.put("aa", "inner", OCI_INDEX, &inner.bytes).status, 201);
    let outer = Blob::new(index(&[descriptor(OCI_INDEX, &inner)]).to_string().into_bytes());
    assert_eq!(place.put("aa", "outer", OCI_INDEX, &outer.bytes).status, 201);
    let children = |place: &mut Place, children: &[&Blob]| {
        for child in children {
            let target = format!("/v2/aa/manifests/{}", child.digest);
            let text = refused(&place.ask("DELETE", &target), 405, "UNSUPPORTED");
            assert_eq!(text, "Requested image referenced by manifest list");
            assert_eq!(place.status(&target), 200);
        }
    };
    children(&mut place, &[&one, &two, &inner]);
    // Its tags may go, those of the index, too.
    for tag in ["one", "two", "inner", "outer"] {
        delete(&mut place, tag);
        assert_eq!(status(&mut place, tag), 404);
    }
    children(&mut place, &[&one, &two, &inner]);
    delete(&mut place, &outer.digest.to_string());
    children(&mut place, &[&one, &two]);
    delete(&mut place, &inner.digest.to_string());
    delete(&mut place, &one.digest.to_string());
    // Another index that shares a child holds it.
    let shared = index(&[descriptor(OCI_IMAGE, &two)]).to_string();
    assert_eq!(place.put("aa", "shared", OCI_INDEX, shared.as_bytes()).status, 201);
    children(&mut place, &[&two]);
    delete(&mut place, &Blob::new(shared.into_bytes()).digest.to_string());
    delete(&mut place, &two.digest.to_string());
}

#[test]
fn what_was_deleted_stays_so_after_a_kill() {
    let mut place = Place::with(&["aa"]);
    let kept = place.push_image("aa", "kept", "kept");
    let gone = place.push_image("aa", "gone", "gone");
    assert_eq!(place.put("aa", "untagged", OCI_IMAGE, &kept.bytes).status, 201);
    delete(&mut place, "untagged");
    delete(&mut place, &gone.digest.to_string());
    place.server.kill9().unwrap();
    place.server.restart().unwrap();
    place.reconnect();
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json()["tags"], json!(["kept"]));
    assert_eq!(status(&mut place, &gone.digest.to_string()), 404);
    assert_eq!(place.ask("GET", "/v2/aa/manifests/kept").body, kept.bytes);
}

/// Spec/oci.md 12.7: an image that comes back is what it was, with its tags, its place among referrers and its blobs.
#[test]
fn deleted_and_pushed_again() {
    let mut place = Place::with(&["aa"]);
    let (config, layer) = (place.push("aa", b"{}"), place.push("aa", &super::place::bytes(1, 100_000)));
    let mut manifest = super::place::image(&config, &[&layer]);
    manifest["subject"] = json!({ "mediaType": OCI_IMAGE, "digest": NOWHERE, "size": 1 });
    manifest["artifactType"] = "application/vnd.example".into();
    let image = Blob::new(manifest.to_string().into_bytes());
    let digest = image.digest.to_string();
    let all = |place: &mut Place| {
        let referrers =
            place.ask("GET", &format!("/v2/aa/referrers/{NOWHERE}?artifactType=application/vnd.example"));
        let ids = json!({ "repositoryName": "aa", "imageIds": [{ "imageDigest": digest }] });
        let mut detail = place.ecr.expect("DescribeImages", &ids).unwrap()["imageDetails"][0].clone();
        detail.as_object_mut().unwrap().remove("imagePushedAt");
        detail.as_object_mut().unwrap().remove("lastRecordedPullTime");
        (referrers.json(), detail, place.ask("GET", "/v2/aa/tags/list").json())
    };
    let mut before = None;
    for round in 0..3 {
        for tag in ["v1", "v2"] {
            assert_eq!(place.put("aa", tag, OCI_IMAGE, &image.bytes).status, 201);
        }
        let now = all(&mut place);
        assert_eq!(now.0["manifests"].as_array().map(Vec::len), Some(1), "round {round}");
        assert_eq!(before.get_or_insert(now.clone()), &now, "round {round}");
        assert_eq!(place.ask("GET", "/v2/aa/manifests/v2").body, image.bytes);
        assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", layer.digest)).body == layer.bytes);
        refused(&place.ask("DELETE", &format!("/v2/aa/blobs/{}", layer.digest)), 405, "UNSUPPORTED");
        delete(&mut place, &image.digest.to_string());
        let referrers = place.ask("GET", &format!("/v2/aa/referrers/{NOWHERE}")).json();
        assert_eq!(referrers["manifests"], json!([]), "round {round}");
        for reference in ["v1", "v2", &digest] {
            assert_eq!(status(&mut place, reference), 404, "round {round}");
        }
        // Its blobs stay the repository's, until they are deleted, too.
        assert_eq!(place.status(&format!("/v2/aa/blobs/{}", layer.digest)), 200);
        if round == 1 {
            for blob in [&config, &layer] {
                assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", blob.digest)).status, 202);
            }
            refused(&place.put("aa", "v1", OCI_IMAGE, &image.bytes), 404, "MANIFEST_BLOB_UNKNOWN");
            for blob in [&config, &layer] {
                place.push("aa", &blob.bytes);
            }
        }
    }
}
