//! What is accepted as a manifest, and what is not (spec/oci.md 7.2, 12.10).

use super::place::{
    CONFIG, DOCKER_IMAGE, DOCKER_INDEX, LAYER, NOTHING, OCI_IMAGE, OCI_INDEX, Place, descriptor, head_is_get,
    image, index, refused,
};
use acre_testkit::http::{Answer, Body};
use acre_testkit::image::Blob;
use serde_json::{Value, json};

const INVALID: &str =
    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";

fn put(place: &mut Place, content_type: Option<&str>, text: &str) -> Answer {
    let headers: Vec<_> = content_type.iter().map(|value| ("Content-Type", *value)).collect();
    place.send("PUT", "/v2/aa/manifests/v1", &headers, Body::Sized(text.as_bytes()))
}

fn accepted(place: &mut Place, content_type: Option<&str>, text: &str, kept: &str) {
    let answer = put(place, content_type, text);
    assert_eq!(answer.status, 201, "{content_type:?} {text}: {answer:?}");
    let got = head_is_get(&mut place.client, "/v2/aa/manifests/v1", &[]);
    assert_eq!((got.status, got.header("content-type")), (200, Some(kept)), "{content_type:?} {text}");
    assert_eq!(got.body, text.as_bytes());
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{}", Blob::new(got.body).digest)).status, 202);
}

fn invalid(place: &mut Place, content_type: Option<&str>, text: &str) {
    let shown: String = text.chars().take(300).collect();
    let answer = put(place, content_type, text);
    assert_eq!(answer.status, 405, "{content_type:?} {shown}: {answer:?}");
    assert_eq!(refused(&answer, 405, "UNSUPPORTED"), INVALID, "{content_type:?} {shown}");
    assert_eq!(place.status("/v2/aa/manifests/v1"), 404);
}

fn without(mut document: Value, member: &str) -> String {
    document.as_object_mut().unwrap().remove(member);
    document.to_string()
}

fn with(mut document: Value, pointer: &str, value: Value) -> String {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[member] = value;
    document.to_string()
}

#[test]
fn media_types() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let bare_image = without(image(&config, &[]), "mediaType");
    let bare_index = without(index(&[]), "mediaType");
    for (kind, bare) in [
        (OCI_IMAGE, &bare_image),
        (DOCKER_IMAGE, &bare_image),
        (OCI_INDEX, &bare_index),
        (DOCKER_INDEX, &bare_index),
    ] {
        let named = with(serde_json::from_str(bare).unwrap(), "/mediaType", kind.into());
        for content_type in
            [kind.to_owned(), format!("{kind}; charset=utf-8"), kind.to_uppercase(), format!(" {kind} ;x=y")]
        {
            accepted(&mut place, Some(&content_type), bare, kind);
            accepted(&mut place, Some(&content_type), &named, kind);
        }
        for content_type in [
            None,
            Some("application/json"),
            Some("application/octet-stream"),
            Some("text/plain; charset=utf-8"),
        ] {
            accepted(&mut place, content_type, &named, kind);
        }
        for other in
            [OCI_IMAGE, DOCKER_IMAGE, OCI_INDEX, DOCKER_INDEX].into_iter().filter(|other| *other != kind)
        {
            invalid(&mut place, Some(other), &named);
        }
    }
    for content_type in [None, Some("application/json"), Some("application/octet-stream"), Some("text/plain")]
    {
        accepted(&mut place, content_type, &bare_image, OCI_IMAGE);
        accepted(&mut place, content_type, &bare_index, OCI_INDEX);
        invalid(&mut place, content_type, "{\"schemaVersion\":2}");
        invalid(
            &mut place,
            content_type,
            &with(image(&config, &[]), "/mediaType", "application/unknown".into()),
        );
    }
    for refused_type in [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/xml",
        "x",
    ] {
        invalid(&mut place, Some(refused_type), &bare_image);
        invalid(&mut place, Some(refused_type), &bare_index);
    }
}

#[test]
fn what_is_no_manifest() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let whole = image(&config, &[&config]);
    let list = index(&[]);
    let text = whole.to_string();
    for bad in ["", "null", "[]", "7", "\"text\"", "{", "{}", "nonsense", "[2,\"\",{},[]]", "\u{feff}{}"] {
        invalid(&mut place, Some(OCI_IMAGE), bad);
        invalid(&mut place, Some(OCI_INDEX), bad);
    }
    for bad in [
        format!("{text}{text}"),
        format!("{text} x"),
        without(whole.clone(), "schemaVersion"),
        without(whole.clone(), "config"),
        without(whole.clone(), "layers"),
        with(whole.clone(), "/schemaVersion", 1.into()),
        with(whole.clone(), "/schemaVersion", "2".into()),
        with(whole.clone(), "/config", Value::Null),
        with(whole.clone(), "/config", json!([CONFIG, NOTHING, 2])),
        with(whole.clone(), "/layers", Value::Null),
        with(whole.clone(), "/layers", json!({})),
        with(whole.clone(), "/layers", json!([1])),
        with(whole.clone(), "/manifests", json!([])),
        with(whole.clone(), "/subject", "text".into()),
        with(whole.clone(), "/annotations", json!({ "a": 1 })),
        with(whole.clone(), "/config/mediaType", 1.into()),
        with(whole.clone(), "/config/digest", "sha256:bad".into()),
        with(whole.clone(), "/config/digest", Value::Null),
        with(whole.clone(), "/layers/0/digest", format!("md5:{}", "0".repeat(32)).into()),
        with(whole.clone(), "/config/size", (-1).into()),
        with(whole.clone(), "/config/size", 1.5.into()),
        with(whole.clone(), "/config/size", "2".into()),
        with(whole.clone(), "/config/size", 9_223_372_036_854_775_808_u64.into()),
        with(whole.clone(), "/config/urls", "text".into()),
        with(whole.clone(), "/config/data", 1.into()),
    ] {
        invalid(&mut place, Some(OCI_IMAGE), &bad);
    }
    for bad in [
        without(list.clone(), "manifests"),
        with(list.clone(), "/layers", json!([])),
        with(list.clone(), "/manifests", json!([{}])),
        with(list.clone(), "/manifests", json!([{ "mediaType": OCI_IMAGE, "size": 1 }])),
    ] {
        invalid(&mut place, Some(OCI_INDEX), &bad);
    }
}

#[test]
fn two_readers_must_see_one_manifest() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let text = image(&config, &[&config]).to_string();
    let inside = descriptor(CONFIG, &config).to_string();
    for bad in [
        text.replacen('{', "{\"schemaVersion\":2,", 1),
        text.replacen('{', "{\"layers\":[],", 1),
        text.replacen('{', "{\"x\":1,\"x\":1,", 1),
        text.replacen('{', "{\"x\":{\"a\":[{\"b\":1,\"b\":2}]},", 1),
        text.replacen('{', "{\"lay\\u0065rs\":[],", 1),
        text.replacen(&inside, &inside.replacen('{', "{\"size\":0,", 1), 1),
    ] {
        invalid(&mut place, Some(OCI_IMAGE), &bad);
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [1_000, 10_000, 300_000] {
            let core = if open == "[" { "" } else { "1" };
            let deep = format!("{}{core}{}", open.repeat(depth), close.repeat(depth));
            invalid(&mut place, Some(OCI_IMAGE), &text.replacen('{', &format!("{{\"x\":{deep},"), 1));
            invalid(&mut place, Some(OCI_IMAGE), &open.repeat(depth));
        }
    }
}

#[test]
fn what_clients_send_besides() {
    let mut place = Place::with(&["aa"]);
    let config = place.push("aa", b"{}");
    let whole = image(&config, &[&config, &config]);
    for good in [
        with(whole.clone(), "/x-custom", json!({ "deep": [1, 2.5, null, "text", { "a": [] }] })),
        with(whole.clone(), "/config/x-custom", json!([1])),
        with(whole.clone(), "/layers/0/data", "e30=".into()),
        with(whole.clone(), "/layers/1/urls", json!(["https://example.com/x"])),
        with(whole.clone(), "/layers/0/annotations", json!({ "a": "b" })),
        with(whole.clone(), "/config/platform", json!({ "os": "linux", "architecture": "amd64" })),
        with(whole.clone(), "/artifactType", "application/vnd.example+type".into()),
        with(whole.clone(), "/annotations", json!({ "é": "ü" })),
        with(whole.clone(), "/layers", json!([])),
        // Sizes are the pusher's claim.
        with(whole.clone(), "/config/size", 0.into()),
        with(whole.clone(), "/config/size", 9_007_199_254_740_993_u64.into()),
        with(whole.clone(), "/config/size", i64::MAX.into()),
        with(whole.clone(), "/layers/0/mediaType", "x".into()),
        with(whole.clone(), "/layers/0/mediaType", LAYER.into()),
    ] {
        accepted(&mut place, Some(OCI_IMAGE), &good, OCI_IMAGE);
    }
    accepted(&mut place, Some(OCI_INDEX), &with(index(&[]), "/config", json!(1)), OCI_INDEX);
    accepted(&mut place, Some(OCI_INDEX), &with(index(&[]), "/artifactType", "a/b".into()), OCI_INDEX);
}

#[test]
fn our_own_sums_use_the_stored_sizes() {
    let mut place = Place::with(&["aa"]);
    let (config, layer) = (place.push("aa", b"{}"), place.push("aa", &[7; 1000]));
    let mut manifest = image(&config, &[&layer]);
    manifest["layers"][0]["size"] = 5.into();
    manifest["config"]["size"] = 9_007_199_254_740_993_u64.into();
    assert_eq!(put(&mut place, Some(OCI_IMAGE), &manifest.to_string()).status, 201);
    let images = place.ecr.expect("DescribeImages", &json!({ "repositoryName": "aa" })).unwrap();
    assert_eq!(images["imageDetails"][0]["imageSizeInBytes"], 1002, "{images}");
}
