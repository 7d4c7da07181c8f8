//! What a manifest refers to must be there, and is named when it is not (spec/oci.md 7.3).

use super::place::{CONFIG, NOWHERE, OCI_IMAGE, OCI_INDEX, Place, bytes, descriptor, image, index, refused};
use acre_testkit::image::Blob;
use serde_json::{Value, json};

const WHERE: &str = "required for pushing image into repository with name 'aa' in the registry with id '000000000000' do not exist";

/// The refusal names these digests, in its text and in its detail.
fn missing(answer: &acre_testkit::http::Answer, what: &str, digests: &[&Blob]) {
    let text = refused(answer, 404, "MANIFEST_BLOB_UNKNOWN");
    let digests: Vec<String> = digests.iter().map(|blob| blob.digest.to_string()).collect();
    assert_eq!(text, format!("{what} with digests '[{}]' {WHERE}", digests.join(", ")));
    assert_eq!(answer.json()["errors"][0]["detail"], json!({ "digests": digests }));
}

#[test]
fn config_and_layers_must_be_there() {
    let mut place = Place::with(&["aa", "bb"]);
    let blobs: Vec<Blob> = (1..=4).map(|seed| Blob::new(bytes(seed, 100))).collect();
    let [config, first, second, third] = blobs.as_slice() else { unreachable!() };
    let manifest = image(config, &[first, second, first, third]).to_string();
    // Another repository's do not count.
    for blob in &blobs {
        place.push("bb", &blob.bytes);
    }
    let put = |place: &mut Place| place.put("aa", "v1", OCI_IMAGE, manifest.as_bytes());
    missing(&put(&mut place), "Layers", &[config, first, second, third]);
    place.push("aa", &first.bytes);
    missing(&put(&mut place), "Layers", &[config, second, third]);
    place.push("aa", &config.bytes);
    place.push("aa", &third.bytes);
    missing(&put(&mut place), "Layers", &[second]);
    assert_eq!(place.status("/v2/aa/manifests/v1"), 404);
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json()["tags"], json!([]));
    place.push("aa", &second.bytes);
    assert_eq!(put(&mut place).status, 201);
}

#[test]
fn children_must_be_there_as_images() {
    let mut place = Place::with(&["aa", "bb"]);
    let (one, two) = (place.push_image("bb", "one", "one"), place.push_image("bb", "two", "two"));
    let list =
        index(&[descriptor(OCI_IMAGE, &one), descriptor(OCI_IMAGE, &two), descriptor(OCI_IMAGE, &one)]);
    let list = list.to_string();
    missing(&place.put("aa", "v1", OCI_INDEX, list.as_bytes()), "Images", &[&one, &two]);
    // As a blob it is not there.
    place.push("aa", &one.bytes);
    missing(&place.put("aa", "v1", OCI_INDEX, list.as_bytes()), "Images", &[&one, &two]);
    assert_eq!(place.push_image("aa", "one", "one").digest, one.digest);
    missing(&place.put("aa", "v1", OCI_INDEX, list.as_bytes()), "Images", &[&two]);
    assert_eq!(place.push_image("aa", "two", "two").digest, two.digest);
    assert_eq!(place.put("aa", "v1", OCI_INDEX, list.as_bytes()).status, 201);
    // Nor is a deleted one.
    assert_eq!(
        place
            .ask("DELETE", &format!("/v2/aa/manifests/{}", Blob::new(list.clone().into_bytes()).digest))
            .status,
        202
    );
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{}", two.digest)).status, 202);
    missing(&place.put("aa", "v1", OCI_INDEX, list.as_bytes()), "Images", &[&two]);
}

#[test]
fn what_is_not_distributed_need_not_be_there() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let absent = Blob::new(bytes(9, 10));
    let layer = |media_type: &str| {
        let mut layer = descriptor(media_type, &absent);
        layer["urls"] = json!(["https://example.com/layer"]);
        layer
    };
    let manifest = |layer: Value| {
        let mut manifest = image(&config, &[&config]);
        manifest["layers"].as_array_mut().unwrap().push(layer);
        manifest.to_string()
    };
    for suffix in ["", "+gzip", "+zstd"] {
        let media_type = format!("application/vnd.oci.image.layer.nondistributable.v1.tar{suffix}");
        assert_eq!(place.put("aa", "v1", OCI_IMAGE, manifest(layer(&media_type)).as_bytes()).status, 201);
    }
    for suffix in ["", ".gzip"] {
        let media_type = format!("application/vnd.docker.image.rootfs.foreign.diff.tar{suffix}");
        assert_eq!(place.put("aa", "v1", OCI_IMAGE, manifest(layer(&media_type)).as_bytes()).status, 201);
    }
    // By media type, not by `urls`; and never the config.
    let pushed = manifest(layer("application/vnd.oci.image.layer.v1.tar+gzip"));
    missing(&place.put("aa", "v1", OCI_IMAGE, pushed.as_bytes()), "Layers", &[&absent]);
    let mut hole = image(&config, &[]);
    hole["config"] = layer("application/vnd.oci.image.layer.nondistributable.v1.tar");
    missing(&place.put("aa", "v1", OCI_IMAGE, hole.to_string().as_bytes()), "Layers", &[&absent]);
}

#[test]
fn a_subject_need_not_be_there_but_be_well_formed() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let mut manifest = image(&config, &[]);
    manifest["subject"] = json!({ "mediaType": "x", "digest": NOWHERE, "size": 1 });
    assert_eq!(place.put("aa", "v1", OCI_IMAGE, manifest.to_string().as_bytes()).status, 201);
    manifest["subject"]["digest"] = "sha256:bad".into();
    refused(&place.put("aa", "v1", OCI_IMAGE, manifest.to_string().as_bytes()), 405, "UNSUPPORTED");
}

#[test]
fn thousands_of_references() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let layers: Vec<Value> = (0..20_000).map(|_| descriptor(CONFIG, &config)).collect();
    let mut manifest = image(&config, &[]);
    manifest["layers"] = layers.into();
    assert_eq!(place.put("aa", "same", OCI_IMAGE, manifest.to_string().as_bytes()).status, 201);
    let absent: Vec<Blob> = (0..20_000_u32).map(|number| Blob::new(number.to_be_bytes().to_vec())).collect();
    manifest["layers"] = absent.iter().map(|blob| descriptor(CONFIG, blob)).collect();
    let answer = place.put("aa", "absent", OCI_IMAGE, manifest.to_string().as_bytes());
    refused(&answer, 404, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"]["digests"].as_array().map(Vec::len), Some(20_000));
}
