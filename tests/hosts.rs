//! Regions and accounts, by host or by token (DESIGN 5).

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Flavour, Image, Recipe};
use acre_testkit::server::{Options, Server, binary};
use serde_json::json;

fn start(arguments: &[&str]) -> Server {
    let arguments = arguments.iter().map(|text| (*text).into()).collect();
    Server::start(binary(env!("CARGO_BIN_EXE_acre")), Options { arguments, ..Options::default() })
        .expect("acre starts")
}

fn ecr(server: &Server, region: &str) -> Ecr {
    Ecr::new(server.host(), server.credentials().expect("credentials"), region)
}

/// GET of a path with that Host header.
fn get(client: &mut Client, path: &str, host: &str, authorization: &str) -> (u16, String) {
    client.close();
    client.connect().expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n");
    client.send(request.as_bytes()).expect("a request");
    let answer = client.receive("GET").expect("an answer");
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn a_region_is_a_registry_of_its_own_and_the_token_names_it() {
    let server = start(&[]);
    let (mut west, mut east) = (ecr(&server, "us-west-2"), ecr(&server, "us-east-1"));
    west.create_repository("app").expect("a repository in us-west-2");
    let image = Image::made("app", &[Recipe { seed: 7, length: 100 }]);
    image.push(&mut west.data_plane().expect("a token"), "app", "v1", Flavour::PostPut).expect("a push");
    let listed = west.expect("ListImages", &json!({"repositoryName": "app"})).expect("a list");
    assert_eq!(listed["imageIds"].as_array().map(Vec::len), Some(1));
    let (status, refused) = east.call("ListImages", &json!({"repositoryName": "app"})).expect("an answer");
    assert_eq!((status, refused["__type"].as_str()), (400, Some("RepositoryNotFoundException")));
    let mut client = east.data_plane().expect("a token");
    let answer = client.request("GET", "/v2/app/tags/list", &[], Body::None).expect("an answer");
    assert_eq!(answer.status, 404);
}

#[test]
fn a_host_that_names_a_registry_takes_only_its_own_tokens() {
    let server = start(&[]);
    let mut west = ecr(&server, "us-west-2");
    west.create_repository("app").expect("a repository");
    let token = west.authorization_token().expect("a token");
    let mut client = Client::new(server.host());
    for own in [
        "000000000000.dkr.ecr.us-west-2.amazonaws.com",
        "000000000000.dkr.ecr.us-west-2.registry.test:4510",
        "000000000000.dkr-ecr.us-west-2.on.aws",
        "registry.example.com",
        "10.0.0.1:4510",
    ] {
        assert_eq!(get(&mut client, "/v2/app/tags/list", own, &token).0, 200, "{own}");
    }
    for other in
        ["000000000000.dkr.ecr.us-east-1.amazonaws.com", "111111111111.dkr.ecr.us-west-2.amazonaws.com"]
    {
        let (status, body) = get(&mut client, "/v2/app/tags/list", other, &token);
        assert_eq!(status, 403, "{other}: {body}");
        assert!(body.contains("\"DENIED\""), "{other}: {body}");
    }
}

#[test]
fn addresses_are_told_as_configured() {
    let uri = |server: &Server, region: &str| {
        let mut ecr = ecr(server, region);
        let made = ecr.create_repository("app").expect("a repository");
        let token = ecr.expect("GetAuthorizationToken", &json!({})).expect("a token");
        let uri = made["repositoryUri"].as_str().expect("a URI").to_owned();
        let endpoint =
            token["authorizationData"][0]["proxyEndpoint"].as_str().expect("an endpoint").to_owned();
        (uri, endpoint)
    };
    let server = start(&[]);
    let port = server.host().rsplit(':').next().expect("a port").to_owned();
    let local = format!("localhost:{port}");
    assert_eq!(uri(&server, "us-west-2"), (format!("{local}/app"), format!("http://{local}")));

    let server = start(&["--public-host", "registry.example.com:443"]);
    let host = "registry.example.com:443";
    assert_eq!(uri(&server, "us-west-2"), (format!("{host}/app"), format!("http://{host}")));
}

#[test]
fn with_a_domain_every_registry_has_a_host() {
    let server = start(&["--domain", "registry.test:443"]);
    let mut ecr = ecr(&server, "eu-central-1");
    let made = ecr.create_repository("app").expect("a repository");
    let host = "000000000000.dkr.ecr.eu-central-1.registry.test:443";
    assert_eq!(made["repositoryUri"], format!("{host}/app"));
    let token =
        ecr.expect("GetAuthorizationToken", &json!({"registryIds": ["111111111111"]})).expect("a token");
    let other = "http://111111111111.dkr.ecr.eu-central-1.registry.test:443";
    assert_eq!(token["authorizationData"][0]["proxyEndpoint"], other);
}

#[test]
fn two_hosts_are_none() {
    let server = start(&[]);
    let token = ecr(&server, "us-east-1").authorization_token().expect("a token");
    for first in ["000000000000.dkr.ecr.us-east-1.amazonaws.com", "registry.example.com"] {
        let mut client = Client::new(server.host());
        let request = format!(
            "GET /v2/ HTTP/1.1\r\nHost: {first}\r\nHost: 111111111111.dkr.ecr.us-west-2.amazonaws.com\r\nAuthorization: {token}\r\n\r\n"
        );
        client.send(request.as_bytes()).expect("a request");
        let answer = client.receive("GET").expect("an answer");
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (400, &b"more than one Host header\n"[..]),
            "{answer:?}"
        );
    }
}
