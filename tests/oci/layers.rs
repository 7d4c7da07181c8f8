//! Layers over both doors (spec/ecr.md 2.1, 2.5, 2.27, 2.34, 2.57): one upload machinery, one set of blobs, and URLs that need
//! no credentials. boto3 asks the same in `clients/boto3/layers.py`.

use super::place::{CONFIG, LAYER, NOTHING, NOWHERE, OCI_IMAGE, Place, SEGMENT, bytes, image, offset};
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::Blob;
use acre_wire::digest::{Algorithm, Digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

/// A call about repository `aa`, unless it names another.
fn call(place: &mut Place, operation: &str, members: Value) -> (u16, Value) {
    let mut input = members;
    if input["repositoryName"].is_null() {
        input["repositoryName"] = "aa".into();
    }
    place.ecr.call(operation, &input).unwrap()
}

fn ok(place: &mut Place, operation: &str, members: Value) -> Value {
    let (status, answer) = call(place, operation, members);
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

fn refused(place: &mut Place, operation: &str, members: Value, code: &str) -> Value {
    let (status, answer) = call(place, operation, members);
    assert_eq!((status, answer["__type"].as_str()), (400, Some(code)), "{operation}: {answer}");
    answer
}

fn open(place: &mut Place) -> String {
    let opened = ok(place, "InitiateLayerUpload", json!({}));
    assert_eq!(opened["partSize"], 10_485_760);
    assert_eq!(opened.as_object().unwrap().len(), 2);
    opened["uploadId"].as_str().unwrap().to_owned()
}

fn part(upload: &str, first: usize, bytes: &[u8]) -> Value {
    let last = first + bytes.len() - 1;
    json!({ "uploadId": upload, "partFirstByte": first, "partLastByte": last, "layerPartBlob": STANDARD.encode(bytes) })
}

fn send(place: &mut Place, upload: &str, first: usize, bytes: &[u8]) {
    let sent = ok(place, "UploadLayerPart", part(upload, first, bytes));
    let expected = json!({
        "registryId": "000000000000",
        "repositoryName": "aa",
        "uploadId": upload,
        "lastByteReceived": first + bytes.len() - 1,
    });
    assert_eq!(sent, expected);
}

fn complete(upload: &str, digests: &[&str]) -> Value {
    json!({ "uploadId": upload, "layerDigests": digests })
}

fn completed(place: &mut Place, upload: &str, digest: &str) {
    let answer = ok(place, "CompleteLayerUpload", complete(upload, &[digest]));
    let expected = json!({
        "registryId": "000000000000",
        "repositoryName": "aa",
        "uploadId": upload,
        "layerDigest": digest,
    });
    assert_eq!(answer, expected);
}

fn location(upload: &str) -> String {
    format!("/v2/aa/blobs/uploads/{upload}")
}

#[test]
fn a_layer_in_parts() {
    let mut place = Place::with(&["aa"]);
    for lengths in [&[1][..], &[100], &[SEGMENT + 1], &[5 * MIB, 1], &[10 * MIB, 5 * MIB, 7 * MIB]] {
        let content = bytes(lengths.len() as u64 * 100 + lengths[0] as u64, lengths.iter().sum());
        let blob = Blob::new(content);
        let digest = blob.digest.to_string();
        let upload = open(&mut place);
        let mut first = 0;
        for length in lengths {
            send(&mut place, &upload, first, &blob.bytes[first..first + length]);
            first += length;
            assert_eq!(offset(&place.ask("GET", &location(&upload))), first, "the data plane sees it grow");
        }
        completed(&mut place, &upload, &digest);
        // The answer was lost: the client asks again.
        completed(&mut place, &upload, &digest);
        assert!(place.ask("GET", &format!("/v2/aa/blobs/{digest}")).body == blob.bytes);
        assert_eq!(place.status(&location(&upload)), 405);
        assert_eq!(place.ask("GET", &location(&upload)).status, 404);
        refused(&mut place, "UploadLayerPart", part(&upload, first, b"x"), "UploadNotFoundException");
    }
}

/// The largest part that the model allows, and one byte more.
#[test]
fn twenty_mib_in_one_part() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(1, 20 * MIB + 1));
    let upload = open(&mut place);
    let answer =
        refused(&mut place, "UploadLayerPart", part(&upload, 0, &blob.bytes), "InvalidParameterException");
    assert!(answer["message"].as_str().unwrap().contains("layerPartBlob"), "{answer}");
    send(&mut place, &upload, 0, &blob.bytes[..20 * MIB]);
    send(&mut place, &upload, 20 * MIB, &blob.bytes[20 * MIB..]);
    completed(&mut place, &upload, &blob.digest.to_string());
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
}

#[test]
fn an_upload_goes_through_both_doors() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(2, 3 * SEGMENT + 5));
    let digest = blob.digest.to_string();
    let (first, rest) = blob.bytes.split_at(SEGMENT + 3);
    let (second, third) = rest.split_at(100);
    // Opened here, gone on with there, ended here; and the other way round.
    let upload = open(&mut place);
    assert_eq!(place.send("PATCH", &location(&upload), &[], Body::Chunked(&[first])).status, 202);
    send(&mut place, &upload, first.len(), second);
    assert_eq!(place.send("PATCH", &location(&upload), &[], Body::Sized(third)).status, 202);
    completed(&mut place, &upload, &digest);
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{digest}")).body == blob.bytes);
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{digest}")).status, 202);

    let opened = place.open("aa");
    let upload = opened.rsplit('/').next().unwrap().to_owned();
    send(&mut place, &upload, 0, first);
    assert_eq!(place.send("PATCH", &opened, &[], Body::Sized(second)).status, 202);
    let answer = place.send("PUT", &format!("{opened}?digest={digest}"), &[], Body::Sized(third));
    assert_eq!(answer.status, 201);
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{digest}")).body == blob.bytes);

    // A layer from one door finishes an image from the other.
    let config = Blob::new(b"{\"a\":1}".to_vec());
    let upload = open(&mut place);
    send(&mut place, &upload, 0, &config.bytes);
    completed(&mut place, &upload, &config.digest.to_string());
    let manifest = image(&config, &[&blob]).to_string();
    assert_eq!(place.put("aa", "oci", OCI_IMAGE, manifest.as_bytes()).status, 201);
    let put = json!({ "imageManifest": manifest, "imageTag": "json" });
    ok(&mut place, "PutImage", put);
    assert_eq!(place.ask("GET", "/v2/aa/manifests/json").body, manifest.as_bytes());
}

#[test]
fn parts_that_do_not_fit() {
    let mut place = Place::with(&["aa", "bb"]);
    let upload = open(&mut place);
    let mut invalid = |members: Value, text: &str, last: u64| {
        let answer = refused(&mut place, "UploadLayerPart", members, "InvalidLayerPartException");
        let expected = json!({
            "__type": "InvalidLayerPartException",
            "message": text,
            "lastValidByteReceived": last,
            "registryId": "000000000000",
            "repositoryName": "aa",
            "uploadId": upload,
        });
        assert_eq!(answer, expected);
    };
    invalid(part(&upload, 7, b"x"), "First byte of the layer part is 7 instead of 0", 0);
    let length = |first: usize, last: usize| json!({ "uploadId": upload, "partFirstByte": first, "partLastByte": last, "layerPartBlob": "AAAA" });
    let text = "The layer part has 3 bytes, which is not what its first and last byte say";
    for (first, last) in [(0, 0), (0, 3), (5, 2), (0, usize::MAX >> 1), (usize::MAX >> 1, 0)] {
        invalid(length(first, last), text, 0);
    }
    send(&mut place, &upload, 0, &bytes(3, 1000));
    let mut invalid = |members: Value, text: &str| {
        let answer = refused(&mut place, "UploadLayerPart", members, "InvalidLayerPartException");
        assert_eq!((&answer["lastValidByteReceived"], &answer["message"]), (&json!(999), &json!(text)));
    };
    for first in [0, 999, 1001] {
        invalid(
            part(&upload, first, b"x"),
            &format!("First byte of the layer part is {first} instead of 1000"),
        );
    }
    invalid(length(1000, 1003), text);
    // Nothing of it was stored.
    assert_eq!(offset(&place.ask("GET", &location(&upload))), 1000);
    for blob in ["A", "AAA", "AA=A", "====", "AA==AA==", "*AAA", "AB=="] {
        let members =
            json!({ "uploadId": upload, "partFirstByte": 1000, "partLastByte": 1000, "layerPartBlob": blob });
        refused(&mut place, "UploadLayerPart", members, "SerializationException");
    }
    assert_eq!(offset(&place.ask("GET", &location(&upload))), 1000);
    // Of another repository, of nobody, or not even an id.
    let mut elsewhere = part(&upload, 1000, b"x");
    elsewhere["repositoryName"] = "bb".into();
    let answer = refused(&mut place, "UploadLayerPart", elsewhere, "UploadNotFoundException");
    let text = format!(
        "Upload with id '{upload}' does not exist in the repository with name 'bb' in the registry with id '000000000000'"
    );
    assert_eq!(answer["message"], text);
    let nobodys = "01234567-89ab-4def-8123-456789abcdef";
    refused(&mut place, "UploadLayerPart", part(nobodys, 0, b"x"), "UploadNotFoundException");
    refused(&mut place, "UploadLayerPart", length_of(nobodys), "UploadNotFoundException");
    refused(&mut place, "UploadLayerPart", part("0123", 0, b"x"), "InvalidParameterException");
    let mut missing = part(&upload, 1000, b"x");
    missing["repositoryName"] = "missing".into();
    refused(&mut place, "UploadLayerPart", missing, "RepositoryNotFoundException");
    refused(
        &mut place,
        "InitiateLayerUpload",
        json!({ "repositoryName": "missing" }),
        "RepositoryNotFoundException",
    );
    // An id is read in either case.
    send(&mut place, &upload.to_uppercase(), 1000, b"x");
}

/// Not its length, but whose it is, decides what is told.
fn length_of(upload: &str) -> Value {
    json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": 9, "layerPartBlob": "AAAA" })
}

#[test]
fn an_upload_of_another_principal_is_not_there() {
    let mut place = Place::with(&["aa"]);
    let upload = open(&mut place);
    send(&mut place, &upload, 0, b"secret");
    let mut stranger = place.stranger();
    stranger.create_repository("aa").unwrap();
    for (operation, mut input) in [
        ("UploadLayerPart", part(&upload, 6, b"x")),
        ("UploadLayerPart", length_of(&upload)),
        ("CompleteLayerUpload", complete(&upload, &[NOWHERE])),
    ] {
        input["repositoryName"] = "aa".into();
        let (status, answer) = stranger.call(operation, &input).unwrap();
        assert_eq!((status, answer["__type"].as_str()), (400, Some("UploadNotFoundException")), "{answer}");
        input["registryId"] = "000000000000".into();
        let (_, answer) = stranger.call(operation, &input).unwrap();
        assert_eq!(answer["__type"].as_str(), Some("AccessDeniedException"), "{answer}");
    }
    assert_eq!(offset(&place.ask("GET", &location(&upload))), 6);
}

#[test]
fn how_an_upload_may_not_end() {
    let mut place = Place::with(&["aa", "bb"]);
    let fails = |place: &mut Place, members: Value, code: &str, text: &str| {
        let answer = refused(place, "CompleteLayerUpload", members, code);
        assert_eq!(answer["message"], text);
    };
    let nobodys = "01234567-89ab-4def-8123-456789abcdef";
    let text = format!(
        "Upload with id '{nobodys}' does not exist in the repository with name 'aa' in the registry with id '000000000000'"
    );
    fails(&mut place, complete(nobodys, &[NOWHERE]), "UploadNotFoundException", &text);
    let upload = open(&mut place);
    let text = "The specified layer upload does not contain any layer parts";
    for digest in [NOTHING, NOWHERE] {
        fails(&mut place, complete(&upload, &[digest]), "EmptyUploadException", text);
    }
    // The digest of nothing is pushed at the other door.
    assert_eq!(place.ask("GET", &location(&upload)).status, 204);

    let content = bytes(4, 5 * MIB);
    send(&mut place, &upload, 0, &content[..5 * MIB - 1]);
    send(&mut place, &upload, 5 * MIB - 1, &content[5 * MIB - 1..]);
    let text = "All layer parts except the last part should be at least 5MB";
    let digest = Blob::new(content).digest.to_string();
    fails(&mut place, complete(&upload, &[&digest]), "LayerPartTooSmallException", text);
    // The data plane has no such rule: it ends what this door would not.
    let answer = place.send("PUT", &format!("{}?digest={digest}", location(&upload)), &[], Body::None);
    assert_eq!(answer.status, 201);

    let upload = open(&mut place);
    send(&mut place, &upload, 0, b"content");
    let text = "None of the provided layer digests match the calculated layer digest";
    fails(&mut place, complete(&upload, &[NOWHERE, "md5:00"]), "InvalidLayerException", text);
    refused(&mut place, "CompleteLayerUpload", complete(&upload, &[NOWHERE]), "UploadNotFoundException");
    assert_eq!(acre_testkit::leftovers::upload_files(place.server.data()).unwrap().len(), 0);

    // What is there already: the other door answers 201.
    let blob = place.push("aa", b"there already");
    for length in [13, 3 * SEGMENT] {
        let content = if length == 13 { blob.bytes.clone() } else { bytes(5, length) };
        let digest = place.push("aa", &content).digest.to_string();
        let upload = open(&mut place);
        send(&mut place, &upload, 0, &content);
        let text = format!(
            "Layer with digest '{digest}' already exists in the repository with name 'aa' in registry with id '000000000000'"
        );
        fails(&mut place, complete(&upload, &[&digest]), "LayerAlreadyExistsException", &text);
        assert_eq!(place.ask("GET", &location(&upload)).status, 404);
    }
    for digests in [json!([]), json!(["latest"]), json!(vec![NOWHERE; 101])] {
        let members = json!({ "uploadId": upload, "layerDigests": digests });
        refused(&mut place, "CompleteLayerUpload", members, "InvalidParameterException");
    }
}

#[test]
fn one_of_many_digests() {
    let mut place = Place::with(&["aa"]);
    let content = bytes(6, SEGMENT + 1);
    let (sha256, sha512) =
        (Blob::new(content.clone()).digest.to_string(), Digest::of(Algorithm::Sha512, &content).to_string());
    let upload = |place: &mut Place| {
        let upload = open(place);
        send(place, &upload, 0, &content);
        upload
    };
    for (digests, found) in [(vec![NOWHERE, "md5:00", &sha256], &sha256), (vec![sha512.as_str()], &sha512)] {
        let upload = upload(&mut place);
        let answer = ok(&mut place, "CompleteLayerUpload", complete(&upload, &digests));
        assert_eq!(answer["layerDigest"], found.as_str());
        assert!(place.ask("GET", &format!("/v2/aa/blobs/{found}")).body == content);
    }
}

#[test]
fn parts_survive_a_kill() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(7, 11 * MIB));
    let upload = open(&mut place);
    send(&mut place, &upload, 0, &blob.bytes[..6 * MIB]);
    place.server.kill9().unwrap();
    place.server.restart().unwrap();
    place.reconnect();
    let held = offset(&place.ask("GET", &location(&upload)));
    let answer = refused(&mut place, "UploadLayerPart", part(&upload, 0, b"x"), "InvalidLayerPartException");
    assert_eq!(answer["lastValidByteReceived"], held - 1);
    send(&mut place, &upload, held, &blob.bytes[held..]);
    completed(&mut place, &upload, &blob.digest.to_string());
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
}

#[test]
fn availability() {
    let mut place = Place::with(&["aa", "bb"]);
    let (config, layer) = (place.push("aa", b"{\"b\":2}"), place.push("aa", &bytes(8, 1000)));
    let loose = place.push("aa", &bytes(9, 2 * SEGMENT));
    let elsewhere = place.push("bb", b"elsewhere");
    assert_eq!(
        place.put("aa", "v1", OCI_IMAGE, image(&config, &[&layer]).to_string().as_bytes()).status,
        201
    );
    let digests = |blobs: &[&Blob]| blobs.iter().map(|blob| blob.digest.to_string()).collect::<Vec<_>>();
    let mut asked = digests(&[&layer, &elsewhere, &loose, &config, &layer]);
    asked.extend(["", "latest", "md5:00", "sha256:BAD", "a:b:c"].map(str::to_owned));
    let answer = ok(&mut place, "BatchCheckLayerAvailability", json!({ "layerDigests": asked }));
    let there = |blob: &Blob, media_type: Option<&str>| {
        let mut entry = json!({
            "layerDigest": blob.digest.to_string(),
            "layerAvailability": "AVAILABLE",
            "layerSize": blob.bytes.len(),
        });
        if let Some(media_type) = media_type {
            entry["mediaType"] = media_type.into();
        }
        entry
    };
    let absent = |digest: &str| json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" });
    let layers = json!([
        there(&layer, Some(LAYER)),
        absent(&elsewhere.digest.to_string()),
        there(&loose, None),
        there(&config, Some(CONFIG)),
        there(&layer, Some(LAYER)),
        absent("md5:00"),
        absent("sha256:BAD"),
    ]);
    assert_eq!(answer["layers"], layers);
    let failures = answer["failures"].as_array().unwrap();
    let told: Vec<_> = failures
        .iter()
        .map(|failure| (failure["layerDigest"].as_str().unwrap(), failure["failureCode"].as_str().unwrap()))
        .collect();
    let expected =
        [("", "MissingLayerDigest"), ("latest", "InvalidLayerDigest"), ("a:b:c", "InvalidLayerDigest")];
    assert_eq!(told, expected);
    assert!(failures.iter().all(|failure| failure["failureReason"].is_string()));
    // The first image that is still there gives the type.
    let mut renamed = image(&config, &[&layer]);
    renamed["layers"][0]["mediaType"] = "application/vnd.example.second".into();
    assert_eq!(place.put("aa", "v2", OCI_IMAGE, renamed.to_string().as_bytes()).status, 201);
    let media_type = |place: &mut Place| {
        let asked = json!({ "layerDigests": [layer.digest.to_string()] });
        ok(place, "BatchCheckLayerAvailability", asked)["layers"][0]["mediaType"].clone()
    };
    assert_eq!(media_type(&mut place), LAYER);
    let first = Blob::new(image(&config, &[&layer]).to_string().into_bytes());
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{}", first.digest)).status, 202);
    assert_eq!(media_type(&mut place), "application/vnd.example.second");
    assert_eq!(place.ask("DELETE", "/v2/aa/manifests/v2").status, 202);
    assert_eq!(media_type(&mut place), "application/vnd.example.second");
    for digests in [json!([]), json!(vec!["x"; 101]), json!(["x".repeat(1001)])] {
        refused(
            &mut place,
            "BatchCheckLayerAvailability",
            json!({ "layerDigests": digests }),
            "InvalidParameterException",
        );
    }
    let missing = json!({ "repositoryName": "missing", "layerDigests": [NOWHERE] });
    refused(&mut place, "BatchCheckLayerAvailability", missing, "RepositoryNotFoundException");
}

/// GET of a URL, without credentials.
fn fetch(place: &Place, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    let (_, rest) = url.split_once("://").unwrap();
    let (_, target) = rest.split_once('/').unwrap();
    let mut client = Client::new(place.server.host());
    client.request(method, &format!("/{target}"), headers, Body::None).unwrap()
}

#[test]
fn a_url_for_an_hour() {
    let mut place = Place::with(&["aa", "bb"]);
    let (config, layer) = (place.push("aa", b"{\"c\":3}"), place.push("aa", &bytes(10, 3 * SEGMENT)));
    let loose = place.push("aa", b"loose");
    let manifest = place.put("aa", "v1", OCI_IMAGE, image(&config, &[&layer]).to_string().as_bytes());
    let url = |place: &mut Place, digest: &str| {
        let answer = ok(place, "GetDownloadUrlForLayer", json!({ "layerDigest": digest }));
        assert_eq!(answer["layerDigest"], digest);
        answer["downloadUrl"].as_str().unwrap().to_owned()
    };
    for blob in [&config, &layer] {
        let digest = blob.digest.to_string();
        let url = url(&mut place, &digest);
        let local = place.server.host().replace("127.0.0.1", "localhost");
        assert!(url.starts_with(&format!("http://{local}/layers/{digest}?token=")), "{url}");
        for url in [url.clone(), url.replace("sha256:", "sha256%3A"), format!("{url}&x=1")] {
            let answer = fetch(&place, "GET", &url, &[]);
            assert!(answer.status == 200 && answer.body == blob.bytes, "{answer:?}");
            assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            assert_eq!(answer.header("docker-distribution-api-version"), None);
        }
        let answer = fetch(&place, "HEAD", &url, &[]);
        assert_eq!(
            (answer.status, answer.header("content-length")),
            (200, Some(blob.bytes.len().to_string().as_str()))
        );
        let answer = fetch(&place, "GET", &url, &[("Range", "bytes=1-2")]);
        assert!(answer.status == 206 && answer.body == blob.bytes[1..=2]);
        let answer = fetch(&place, "GET", &url, &[("Range", "bytes=0-0,2-2")]);
        assert_eq!(answer.status, 206);
        // What else is sent along does not matter.
        assert_eq!(
            fetch(&place, "GET", &url, &[("Authorization", "Basic x"), ("Host", "elsewhere")]).status,
            200
        );
        let answer = fetch(&place, "POST", &url, &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    }
    // Only this layer, only this token.
    let (one, other) = (url(&mut place, &layer.digest.to_string()), config.digest.to_string());
    let (before, token) = one.split_once("?token=").unwrap();
    let denied = |place: &Place, url: &str, status: u16, code: &str| {
        super::place::refused(&fetch(place, "GET", url, &[]), status, code);
    };
    denied(&place, &one.replace(&layer.digest.to_string(), &other), 403, "DENIED");
    denied(&place, before, 403, "DENIED");
    for token in ["", "x", "AAAA", &token[1..], &token[..token.len() - 1], &format!("{token}A")] {
        denied(&place, &format!("{before}?token={token}"), 403, "DENIED");
    }
    denied(&place, &format!("http://x/layers/sha256:bad?token={token}"), 400, "DIGEST_INVALID");
    denied(&place, &format!("http://x/layers/?token={token}"), 400, "DIGEST_INVALID");
    // It is no token of the data plane, nor is that one of these.
    let mut client = Client::new(place.server.host());
    let basic = format!("Basic {}", STANDARD.encode(format!("AWS:ey{token}")));
    assert_eq!(client.request("GET", "/v2/", &[("Authorization", &basic)], Body::None).unwrap().status, 401);
    let password = place.ecr.password().unwrap();
    denied(&place, &format!("{before}?token={}", &password[2..]), 403, "DENIED");
    // Over a restart; and the token stands in no line of the log.
    place.server.terminate().unwrap();
    assert!(!place.server.stderr().contains(token));
    place.server.restart().unwrap();
    place.reconnect();
    assert!(fetch(&place, "GET", &one, &[]).body == layer.bytes);
    // Who gives it up does not serve it any more.
    let digest = manifest.header("docker-content-digest").unwrap().to_owned();
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/manifests/{digest}")).status, 202);
    assert_eq!(fetch(&place, "GET", &one, &[]).status, 200);
    let inaccessible = json!({ "layerDigest": layer.digest.to_string() });
    let answer =
        refused(&mut place, "GetDownloadUrlForLayer", inaccessible.clone(), "LayerInaccessibleException");
    assert!(answer["message"].as_str().unwrap().contains("not associated with an image"), "{answer}");
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", layer.digest)).status, 202);
    denied(&place, &one, 404, "BLOB_UNKNOWN");
    refused(&mut place, "GetDownloadUrlForLayer", inaccessible, "LayersNotFoundException");

    let loose = json!({ "layerDigest": loose.digest.to_string() });
    refused(&mut place, "GetDownloadUrlForLayer", loose.clone(), "LayerInaccessibleException");
    let mut elsewhere = loose;
    elsewhere["repositoryName"] = "bb".into();
    let answer = refused(&mut place, "GetDownloadUrlForLayer", elsewhere, "LayersNotFoundException");
    let text = format!(
        "Layer with digest '{}' does not exist in the repository with name 'bb' in the registry with id '000000000000'",
        Blob::new(b"loose".to_vec()).digest
    );
    assert_eq!(answer["message"], text);
    for (members, code) in [
        (json!({ "layerDigest": NOWHERE }), "LayersNotFoundException"),
        (json!({ "layerDigest": "md5:00" }), "LayersNotFoundException"),
        (json!({ "layerDigest": "latest" }), "InvalidParameterException"),
        (json!({ "layerDigest": NOWHERE, "repositoryName": "missing" }), "RepositoryNotFoundException"),
        (json!({ "layerDigest": NOWHERE, "registryId": "111111111111" }), "AccessDeniedException"),
    ] {
        refused(&mut place, "GetDownloadUrlForLayer", members, code);
    }
}
