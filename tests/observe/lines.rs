//! The line that each request leaves.

use super::log::{find, lines, start};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, Image, Recipe, push_blob, put_manifest};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const PREFIX: &str = "AmazonEC2ContainerRegistry_V20150921";
const ROOT: &str = "arn:aws:iam::000000000000:root";

fn of_request(id: &str) -> impl Fn(&Value) -> bool {
    move |line| line["target"] == "acre::access" && line["request_id"] == id
}

#[test]
fn who_asked_for_what_and_how_it_ended() {
    let server = start(&["--log-level", "debug"]);
    let mut ecr = server.ecr().unwrap();
    let target = "AmazonEC2ContainerRegistry_V20150921.CreateRepository";
    let input = json!({ "repositoryName": "web" });
    let mut client = Client::new(server.host());
    let image = Image::made("one", &[Recipe { seed: 1, length: 200_000 }]);
    for (status, outcome) in [(200, "done"), (400, "RepositoryAlreadyExistsException")] {
        let answer = ecr.call_target(target, &input).unwrap();
        assert_eq!(answer.status, status);
        let line = find(&server, of_request(answer.header("x-amzn-requestid").unwrap()));
        assert_eq!(line["message"], "request");
        assert_eq!(line["operation"], "CreateRepository");
        assert_eq!((&line["status"], &line["outcome"]), (&json!(status), &json!(outcome)));
        assert_eq!(
            (&line["principal"], &line["method"], &line["path"]),
            (&json!(ROOT), &json!("POST"), &json!("/"))
        );
        assert_eq!(
            (&line["received"], &line["sent"]),
            (&json!(input.to_string().len()), &json!(answer.body.len()))
        );
        assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        assert!(line["micros"].as_u64().unwrap() > 0 && line["timestamp"].is_string(), "{line}");
    }
    let token = ecr.authorization_token().unwrap();
    image.push(&mut ecr.data_plane().unwrap(), "web", "v1", Flavour::PostPut).unwrap();
    let blob = format!("/v2/web/blobs/{}", image.layers[0].digest);
    for (method, target, credentials, operation, status, outcome, principal, sent) in [
        ("GET", "/v2/", None, "Ping", 401, "refused", Value::Null, 15),
        ("GET", blob.as_str(), Some(&token), "GetBlob", 200, "done", json!(ROOT), 200_000),
        ("HEAD", blob.as_str(), Some(&token), "HeadBlob", 200, "done", json!(ROOT), 0),
        ("GET", "/v2/none/tags/list", Some(&token), "ListTags", 404, "NAME_UNKNOWN", json!(ROOT), 0),
        ("GET", "/nothing?token=secret", None, "-", 404, "refused", Value::Null, 19),
        ("GET", "/healthz", None, "-", 200, "done", Value::Null, 3),
    ] {
        let headers: Vec<_> = credentials.iter().map(|token| ("authorization", token.as_str())).collect();
        let answer = client.request(method, target, &headers, Body::None).unwrap();
        let line = find(&server, of_request(answer.header("x-amzn-requestid").unwrap()));
        let what = format!("{method} {target}: {line}");
        assert_eq!((&line["operation"], &line["status"]), (&json!(operation), &json!(status)), "{what}");
        assert_eq!((&line["outcome"], &line["principal"]), (&json!(outcome), &principal), "{what}");
        let sent = if status == 404 && sent == 0 { answer.body.len() } else { sent };
        assert_eq!(line["sent"], json!(sent), "{what}");
        // A query may hold a token.
        assert_eq!(line["path"], target.split('?').next().unwrap(), "{what}");
    }
    // All lines are JSON, each request has one, and no secret is in any.
    let lines = lines(&server);
    let requests: Vec<_> = lines.iter().filter(|line| line["target"] == "acre::access").collect();
    let mut ids: Vec<_> = requests.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), requests.len());
    let secret = server.credentials().unwrap().secret_key;
    let token = token.strip_prefix("Basic ").unwrap();
    assert!(!server.stderr().contains(&secret) && !server.stderr().contains(token));
}

/// An answer that was whole in memory when its client went away.
#[test]
fn a_client_that_goes_away() {
    let server = start(&["--log-level", "debug"]);
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("web").unwrap();
    let mut client = ecr.data_plane().unwrap();
    let config = Blob::new(b"{}".to_vec());
    push_blob(&mut client, "web", &config, Flavour::PostPut).unwrap();
    let manifest = json!({
        "schemaVersion": 2, "layers": [], "annotations": { "filler": "x".repeat(3 << 20) },
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": 2 },
    });
    let manifest = Blob::new(manifest.to_string().into_bytes());
    put_manifest(&mut client, "web", "v1", &manifest).unwrap();
    let image = json!({ "imageTag": "v1" });
    let input = json!({ "repositoryName": "web", "imageIds": [image, image, image, image, image] });
    let whole = ecr.call_target(&format!("{PREFIX}.BatchGetImage"), &input).unwrap();
    assert!(whole.status == 200 && whole.body.len() > 15 << 20);
    let line = find(&server, of_request(whole.header("x-amzn-requestid").unwrap()));
    assert_eq!((&line["outcome"], &line["sent"]), (&json!("done"), &json!(whole.body.len())), "{line}");

    let body = input.to_string();
    let request = ecr.head(&format!("{PREFIX}.BatchGetImage"), &body) + &body;
    let mut stream = TcpStream::connect(server.host()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut some = [0; 1024];
    stream.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200 "));
    drop(stream);
    let line = find(&server, |line| line["operation"] == "BatchGetImage" && line["outcome"] == "cut");
    let sent = line["sent"].as_u64().unwrap();
    assert!(sent > 0 && sent < whole.body.len() as u64, "{line}");
}

#[test]
fn without_debug_a_request_that_went_well_says_nothing() {
    let server = start(&[]);
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("web").unwrap();
    ecr.call("CreateRepository", &json!({ "repositoryName": "web" })).unwrap();
    find(&server, |line| line["target"] == "acre::audit" && line["outcome"] == "repository exists");
    assert!(!lines(&server).iter().any(|line| line["target"] == "acre::access"), "{}", server.stderr());
}
