//! Documents and values that no client sends by accident.

use super::place::{MIB, Place};
use acre_testkit::http::{Answer, Body};
use serde_json::{Value, json};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
const PREFIX: &str = "AmazonEC2ContainerRegistry_V20150921";

/// A signed call with this very body: status and exception.
fn call(place: &mut Place, operation: &str, body: &str) -> (u16, String) {
    let headers = place.ecr.sign(&format!("{PREFIX}.{operation}"), body);
    let answer = place.ecr.send(&headers, body).unwrap();
    (answer.status, answer.json()["__type"].as_str().unwrap_or_default().to_owned())
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn huge_pages() {
    let mut place = Place::start();
    let mut client = place.client();
    for n in ["1001", "4294967296", "9223372036854775808", "18446744073709551616", &"9".repeat(20_000)] {
        for list in ["/v2/_catalog", "/v2/aa/tags/list"] {
            let answer = client.request("GET", &format!("{list}?n={n}"), &[], Body::None).unwrap();
            assert_eq!(code(&answer), (405, "UNSUPPORTED".into()), "{list} {}", &n[..n.len().min(30)]);
        }
        for operation in ["DescribeRepositories", "ListImages"] {
            let body = format!(r#"{{"repositoryName":"aa","maxResults":{n}}}"#);
            let (status, name) = call(&mut place, operation, &body);
            assert_eq!(status, 400, "{operation} {name}");
            assert!(
                ["InvalidParameterException", "SerializationException"].contains(&name.as_str()),
                "{name}"
            );
        }
    }
    println!("huge pages: memory grew by {} MiB at its peak", place.grown());
    assert!(place.grown() < 48);
}

/// 10,000 levels, and as many as a body of its size may have.
#[test]
fn deep_documents() {
    let mut place = Place::start();
    let mut client = place.client();
    for depth in [10_000, 400_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for deep in [&nested, &objects] {
            for manifest in [
                deep.clone(),
                format!(r#"{{"schemaVersion":2,"config":{deep},"layers":[]}}"#),
                format!(r#"{{"schemaVersion":2,"x":{deep},"manifests":[]}}"#),
            ] {
                if manifest.len() > 4 * MIB {
                    continue;
                }
                let type_of = [("Content-Type", IMAGE)];
                let body = Body::Sized(manifest.as_bytes());
                let answer = client.request("PUT", "/v2/aa/manifests/v1", &type_of, body).unwrap();
                assert_eq!(code(&answer), (405, "UNSUPPORTED".into()), "{depth}");
            }
            for (operation, body) in [
                ("CreateRepository", format!(r#"{{"repositoryName":{deep}}}"#)),
                ("CreateRepository", deep.clone()),
                ("BatchGetImage", format!(r#"{{"repositoryName":"aa","imageIds":[{{"imageTag":{deep}}}]}}"#)),
            ] {
                let (status, name) = call(&mut place, operation, &body);
                let known = ["SerializationException", "InvalidParameterException"].contains(&name.as_str());
                assert!(status == 400 && known, "{operation} {depth} {status} {name}");
            }
            // What no shape knows is skipped, however deep it is, up to the size of a body.
            let skipped = format!(r#"{{"repositoryName":"aa","x":{deep}}}"#);
            let expected = if skipped.len() > MIB { 400 } else { 200 };
            assert_eq!(call(&mut place, "ListImages", &skipped).0, expected, "{depth}");
        }
    }
    // A policy stands in a string, which is read as a document of its own.
    for depth in [17, 127, 5_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":{deep}}}"#);
        let (set, put) =
            (json!({ "repositoryName": "aa", "policyText": policy }), json!({ "policyText": policy }));
        assert_eq!(call(&mut place, "SetRepositoryPolicy", &set.to_string()).0, 400);
        assert_eq!(call(&mut place, "PutRegistryPolicy", &put.to_string()).0, 400);
        let lifecycle = json!({ "repositoryName": "aa", "lifecyclePolicyText": format!("{{\"rules\":{deep},\"x\":\"{}\"}}", "x".repeat(100)) });
        assert_eq!(call(&mut place, "PutLifecyclePolicy", &lifecycle.to_string()).0, 400);
    }
    assert_eq!(client.request("GET", "/v2/aa/tags/list", &[], Body::None).unwrap().json()["tags"], json!([]));
    println!("deep documents: memory grew by {} MiB at its peak", place.grown());
    assert!(place.grown() < 96);
}

#[test]
fn digests_of_other_algorithms() {
    let mut place = Place::start();
    let mut client = place.client();
    let opened =
        client.expect("open", 202, ("POST", "/v2/aa/blobs/uploads/"), &[], Body::Sized(b"")).unwrap();
    let upload = opened.location().unwrap().to_owned();
    let long = format!("sha256:{}", "a".repeat(30_000));
    for digest in [
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sha256:e3b0c442",
        "sha256:..%2f..%2f..%2fetc%2fpasswd",
        "sha256:",
        "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256+b64:x",
        &long,
    ] {
        for (method, target) in [
            ("HEAD", format!("/v2/aa/blobs/{digest}")),
            ("GET", format!("/v2/aa/blobs/{digest}")),
            ("DELETE", format!("/v2/aa/blobs/{digest}")),
            ("GET", format!("/v2/aa/manifests/{digest}")),
            ("PUT", format!("/v2/aa/manifests/{digest}")),
            ("GET", format!("/v2/aa/referrers/{digest}")),
            ("POST", format!("/v2/aa/blobs/uploads/?digest={digest}")),
            ("POST", format!("/v2/aa/blobs/uploads/?mount={digest}&from=bb")),
            ("PUT", format!("{upload}?digest={digest}")),
        ] {
            let answer = client.request(method, &target, &[], Body::None).unwrap();
            assert_eq!(answer.status, 400, "{method} {}", &target[..target.len().min(120)]);
            assert!(method == "HEAD" || code(&answer).1 == "DIGEST_INVALID", "{method} {digest}");
        }
        let manifest = json!({ "schemaVersion": 2, "mediaType": IMAGE, "layers": [],
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2 } });
        let bytes = manifest.to_string();
        let answer = client.request(
            "PUT",
            "/v2/aa/manifests/v1",
            &[("Content-Type", IMAGE)],
            Body::Sized(bytes.as_bytes()),
        );
        let answer = answer.unwrap();
        assert!((400..500).contains(&answer.status), "{answer:?}");
        let put = json!({ "repositoryName": "aa", "imageManifest": bytes, "imageTag": "v1" });
        assert_eq!(call(&mut place, "PutImage", &put.to_string()).0, 400);
    }
    let status = client.request("GET", &upload, &[], Body::None).unwrap();
    assert_eq!(status.status, 204, "the upload is still there");
}

/// Two readers would see two things: CVE-2021-41190 and its kin (spec/peers.md 4b).
#[test]
fn documents_that_are_two_things() {
    let mut place = Place::start();
    let mut client = place.client();
    let descriptor = |of: &str| json!({ "mediaType": of, "digest": DIGEST, "size": 2 });
    let (config, layer) =
        (descriptor("application/vnd.oci.image.config.v1+json"), descriptor("application/x"));
    let both =
        json!({ "schemaVersion": 2, "config": config, "layers": [layer], "manifests": [descriptor(IMAGE)] });
    let with = |base: &Value, of: &str| {
        let mut document = base.clone();
        document["mediaType"] = of.into();
        document.to_string()
    };
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor(IMAGE)] });
    let image = json!({ "schemaVersion": 2, "config": config, "layers": [] });
    let twice = image.to_string().replacen('{', r#"{"layers":[1],"#, 1);
    let escaped = image.to_string().replacen('{', r#"{"\u006cayers":[],"#, 1);
    for (sent, document) in [
        (IMAGE, both.to_string()),
        (INDEX, both.to_string()),
        (IMAGE, with(&both, IMAGE)),
        (INDEX, with(&both, INDEX)),
        ("application/json", with(&both, INDEX)),
        (IMAGE, with(&index, INDEX)),
        (INDEX, with(&image, IMAGE)),
        (IMAGE, with(&index, IMAGE)),
        (INDEX, with(&image, INDEX)),
        (IMAGE, twice),
        (IMAGE, escaped),
    ] {
        let body = Body::Sized(document.as_bytes());
        let answer = client.request("PUT", "/v2/aa/manifests/v1", &[("Content-Type", sent)], body).unwrap();
        assert_eq!(code(&answer), (405, "UNSUPPORTED".into()), "{sent} {document}");
        let put = json!({ "repositoryName": "aa", "imageManifest": document, "imageTag": "v1",
            "imageManifestMediaType": sent });
        let (status, name) = call(&mut place, "PutImage", &put.to_string());
        assert_eq!((status, name.as_str()), (400, "InvalidParameterException"), "{sent} {document}");
    }
    assert_eq!(client.request("GET", "/v2/aa/manifests/v1", &[], Body::None).unwrap().status, 404);
}

/// An id is no ticket: an upload is its principal's, in its repository (spec/peers.md 4b, CVE-2026-32589).
#[test]
fn an_upload_of_another_principal() {
    let mut place = Place::start();
    let mut client = place.client();
    let opened =
        client.expect("open", 202, ("POST", "/v2/aa/blobs/uploads/"), &[], Body::Sized(b"")).unwrap();
    let location = opened.location().unwrap().to_owned();
    let id = location.rsplit('/').next().unwrap().to_owned();
    client.expect("append", 202, ("PATCH", &location), &[], Body::Sized(b"hello")).unwrap();
    let mut stranger = place.stranger();
    // A repository of the same name, and another: both are the stranger's own.
    stranger.create_repository("aa").unwrap();
    stranger.create_repository("zz").unwrap();
    let mut theirs = stranger.data_plane().unwrap();
    let digest = acre_testkit::image::Blob::new(b"hello".to_vec()).digest;
    for name in ["aa", "zz", "bb"] {
        let target = format!("/v2/{name}/blobs/uploads/{id}");
        for (method, query) in
            [("GET", ""), ("PATCH", ""), ("PUT", &*format!("?digest={digest}")), ("DELETE", "")]
        {
            let answer = theirs.request(method, &format!("{target}{query}"), &[], Body::Sized(b"x")).unwrap();
            assert_eq!(answer.status, 404, "{method} {target}: {answer:?}");
            // Nor may its owner, through another repository.
            if name != "aa" {
                let answer =
                    client.request(method, &format!("{target}{query}"), &[], Body::Sized(b"x")).unwrap();
                assert_eq!(answer.status, 404, "{method} {target}: {answer:?}");
            }
        }
        let part = json!({ "repositoryName": name, "uploadId": id, "partFirstByte": 5, "partLastByte": 5,
            "layerPartBlob": "eA==" });
        let (status, refused) = stranger.call("UploadLayerPart", &part).unwrap();
        assert_eq!(status, 400, "{refused}");
        let known = ["UploadNotFoundException", "RepositoryNotFoundException"];
        assert!(known.contains(&refused["__type"].as_str().unwrap()), "{refused}");
        assert!(!refused.to_string().contains("lastValidByteReceived"), "{refused}");
    }
    client
        .expect("finish", 201, ("PUT", &format!("{location}?digest={digest}")), &[], Body::Sized(b""))
        .unwrap();
}
