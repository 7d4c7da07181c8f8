//! Who comes in: the ping, the challenge on every route, strangers, paths and methods that there are not
//! (spec/oci.md 1.2, 2, 4).

use super::place::{NOTHING, NOWHERE, Place, ask, head_is_get, refused};
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Body, Client};
use acre_testkit::server::REGION;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

const UPLOAD: &str = "01234567-89ab-4def-8123-456789abcdef";

/// Every route with every method that it has.
fn routes(repository: &str) -> Vec<(&'static str, String)> {
    let mut routes = Vec::new();
    for (methods, path) in [
        (&["GET", "HEAD", "DELETE"][..], format!("blobs/{NOTHING}")),
        (&["POST"], "blobs/uploads/".into()),
        (&["POST"], "blobs/uploads".into()),
        (&["PATCH", "GET", "DELETE"], format!("blobs/uploads/{UPLOAD}")),
        (&["PUT"], format!("blobs/uploads/{UPLOAD}?digest={NOTHING}")),
        (&["GET", "HEAD", "PUT", "DELETE"], "manifests/latest".into()),
        (&["GET", "HEAD", "DELETE"], format!("manifests/{NOWHERE}")),
        (&["GET", "HEAD"], "tags/list".into()),
        (&["GET", "HEAD"], format!("referrers/{NOWHERE}")),
    ] {
        routes.extend(methods.iter().map(|method| (*method, format!("/v2/{repository}/{path}"))));
    }
    routes
}

fn routes_without_repository() -> Vec<(&'static str, String)> {
    let paths = ["/v2/", "/v2", "/v2/_catalog"];
    paths.iter().flat_map(|path| ["GET", "HEAD"].map(|method| (method, (*path).to_owned()))).collect()
}

#[test]
fn the_ping() {
    let mut place = Place::with(&[]);
    for path in ["/v2/", "/v2", "/v2/?x=1"] {
        let answer = head_is_get(&mut place.client, path, &[]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, b"{}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn strangers_are_challenged_on_every_route() {
    let place = Place::with(&["aa"]);
    let bad_values = [
        ("GET", "/v2/UPPER/tags/list"),
        ("HEAD", "/v2/aa/blobs/sha256:bad"),
        ("GET", "/v2/aa/tags/list?n=x"),
    ];
    let mut all = routes("aa");
    all.extend(routes_without_repository());
    all.extend(bad_values.map(|(method, path)| (method, path.to_owned())));
    let token = |text: &str| format!("Basic {text}");
    // base64 of nobody:x, AWS, AWS:, AWS:eyAAAA, aws:eyAAAA
    let basics =
        ["bm9ib2R5Ong=", "QVdT", "QVdTOg==", "QVdTOmV5QUFBQQ==", "YXdzOmV5QUFBQQ==", "***", ""].map(token);
    let mut attempts: Vec<Option<&str>> =
        vec![None, Some("Bearer abc"), Some("Basic"), Some("AWS4-HMAC-SHA256 x")];
    attempts.extend(basics.iter().map(|basic| Some(basic.as_str())));
    let mut client = Client::new(place.server.host());
    let challenge = format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", place.server.host());
    for (method, path) in all {
        for attempt in &attempts {
            let header: Vec<_> = attempt.iter().map(|value| ("Authorization", *value)).collect();
            let answer = ask(&mut client, method, &path, &header, Body::None);
            assert_eq!(answer.status, 401, "{method} {path} {attempt:?}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()), "{method} {path}");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{method} {path}");
            let body: &[u8] = if method == "HEAD" { b"" } else { b"Not Authorized\n" };
            assert_eq!(
                (answer.header("content-length"), answer.body.as_slice()),
                (Some("15"), body),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn who_is_not_of_the_account_may_nothing() {
    let mut place = Place::with(&["aa"]);
    place.push_image("aa", "latest", "secret");
    let mut stranger = place.stranger();
    let token = |ecr: &mut Ecr, account: &str| {
        let answer = ecr.expect("GetAuthorizationToken", &json!({ "registryIds": [account] })).unwrap();
        format!("Basic {}", answer["authorizationData"][0]["authorizationToken"].as_str().unwrap())
    };
    // A token for the other's registry opens the door, and no room behind it; missing ones look no different.
    let theirs = token(&mut stranger, "000000000000");
    let mut client = Client::new(place.server.host()).with_header("Authorization", &theirs);
    assert_eq!(ask(&mut client, "GET", "/v2/", &[], Body::None).status, 200);
    for repository in ["aa", "missing"] {
        for (method, path) in routes(repository) {
            let answer = ask(&mut client, method, &path, &[], Body::None);
            assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
            if method != "HEAD" {
                let text = refused(&answer, 403, "DENIED");
                assert!(
                    text.starts_with(
                        "User: arn:aws:iam::111111111111:root is not authorized to perform: ecr:"
                    ) && text.contains(&format!("arn:aws:ecr:{REGION}:000000000000:repository/{repository}")),
                    "{text}"
                );
            }
        }
    }
    assert_eq!(ask(&mut client, "GET", "/v2/_catalog", &[], Body::None).status, 403);
    // A wrong value is refused before that.
    refused(&ask(&mut client, "GET", "/v2/aa/blobs/md5:1", &[], Body::None), 400, "DIGEST_INVALID");
    // In the stranger's own registry nothing of it is there.
    let own = token(&mut stranger, "111111111111");
    let mut client = Client::new(place.server.host()).with_header("Authorization", &own);
    for (method, path) in routes("aa") {
        let answer = ask(&mut client, method, &path, &[], Body::None);
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
    }
    let catalogue = ask(&mut client, "GET", "/v2/_catalog", &[], Body::None);
    assert_eq!(catalogue.json(), json!({ "repositories": [] }));
}

#[test]
fn paths_that_lead_nowhere_and_methods_that_there_are_not() {
    let place = Place::with(&[]);
    let mut client = Client::new(place.server.host());
    for path in [
        "/v2/_oci/ext/discover",
        "/v2/x",
        "/v2/aa/bb",
        "/v2/aa/blobs",
        "/v2/aa/blobs/",
        "/v2/aa/manifests/",
        "/v2/aa/tags",
        "/v2/aa/tags/list/",
        "/v2/aa/referrers/",
        "/v2/tags/list",
        "/v2/blobs/uploads/",
    ] {
        let answer = ask(&mut client, "GET", path, &[], Body::None);
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"404 page not found\n"[..]), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
    }
    for path in ["/", "/v1/", "/v3/", "/v22"] {
        let answer = client.request("PUT", path, &[], Body::None).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"404 page not found\n"[..]), "{path}");
    }
    for (method, path, allow) in [
        ("POST", "/v2/", "GET, HEAD"),
        ("OPTIONS", "/v2/", "GET, HEAD"),
        ("PUT", "/v2/_catalog", "GET, HEAD"),
        ("POST", "/v2/aa/tags/list", "GET, HEAD"),
        ("PUT", &format!("/v2/aa/blobs/{NOTHING}"), "GET, HEAD, DELETE"),
        ("PATCH", "/v2/aa/blobs/uploads/", "POST"),
        ("POST", &format!("/v2/aa/blobs/uploads/{UPLOAD}"), "GET, PATCH, PUT, DELETE"),
        ("POST", "/v2/aa/manifests/latest", "GET, HEAD, PUT, DELETE"),
        ("DELETE", &format!("/v2/aa/referrers/{NOTHING}"), "GET, HEAD"),
    ] {
        let answer = ask(&mut client, method, path, &[], Body::None);
        refused(&answer, 405, "UNSUPPORTED");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn the_registry_is_the_tokens_unless_the_host_names_one() {
    let place = Place::with(&["here"]);
    let credentials = place.server.credentials().unwrap();
    let mut west = Ecr::new(place.server.host(), credentials, "us-west-2");
    west.create_repository("there").unwrap();
    let token = west.authorization_token().unwrap();
    let mut client = Client::new(place.server.host()).with_header("Authorization", &token);
    let catalogue = ask(&mut client, "GET", "/v2/_catalog", &[], Body::None).json();
    assert_eq!(catalogue, json!({ "repositories": ["there"] }));
    for (host, status) in [
        ("000000000000.dkr.ecr.us-west-2.amazonaws.com", 200),
        ("000000000000.dkr-ecr.us-west-2.on.aws:4510", 200),
        ("registry.example.com", 200),
        ("000000000000.dkr.ecr.us-east-1.amazonaws.com", 403),
        ("111111111111.dkr.ecr.us-west-2.amazonaws.com", 403),
    ] {
        let head = format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
        let mut client = Client::new(place.server.host());
        client.send(head.as_bytes()).unwrap();
        let answer = client.receive("GET").unwrap();
        assert_eq!(answer.status, status, "{host}: {answer:?}");
        if status == 403 {
            refused(&answer, 403, "DENIED");
        }
    }
    // The challenge names the host that was asked.
    let mut client = Client::new(place.server.host());
    client.send(b"GET /v2/ HTTP/1.1\r\nHost: r.example.com:99\r\n\r\n").unwrap();
    let answer = client.receive("GET").unwrap();
    let challenge = "Basic realm=\"http://r.example.com:99/\",service=\"ecr.amazonaws.com\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[test]
fn http_1_0_gets_the_same_answer() {
    let mut place = Place::with(&[]);
    let token = place.ecr.authorization_token().unwrap();
    let mut stream = TcpStream::connect(place.server.host()).unwrap();
    stream.write_all(format!("GET /v2/ HTTP/1.0\r\nAuthorization: {token}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("\r\n\r\n{}"), "{answer}");
}

#[test]
fn a_token_outlives_the_process() {
    let mut place = Place::with(&["aa"]);
    let token = place.ecr.authorization_token().unwrap();
    place.server.restart().unwrap();
    let mut client = Client::new(place.server.host()).with_header("Authorization", &token);
    assert_eq!(ask(&mut client, "GET", "/v2/aa/tags/list", &[], Body::None).status, 200);
}
