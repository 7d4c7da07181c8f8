//! New keys: what was sealed before stays readable, what is sealed from now on is sealed under them (DESIGN 8).

use super::files::start;
use acre_testkit::catalogue::query;
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, Image, Recipe, open_upload, pull_and_verify};
use acre_testkit::server::{Server, binary};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::Command;

fn image(seed: u64) -> Image {
    Image::made(
        &format!("image {seed}"),
        &[Recipe { seed, length: 1000 }, Recipe { seed: seed + 1, length: 200_000 }],
    )
}

fn reconnect(server: &Server) -> Client {
    server.ecr().unwrap().data_plane().unwrap()
}

/// Which key versions the blobs are sealed under. Another reader of the catalogue than the server itself.
fn versions(server: &Server) -> BTreeSet<u64> {
    let rows = query(server.data(), "SELECT DISTINCT key_version FROM blob").unwrap();
    rows.iter().map(|number| number.parse().unwrap()).collect()
}

fn rotate(server: &Server) {
    let answer = server.ecr().unwrap().call_target("Acre_V1.RotateKeys", &json!({})).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    // The installation's own domain, and that of the repositories.
    assert_eq!(answer.json(), json!({ "keyDomains": 2 }));
}

#[test]
fn pull_before_and_after() {
    let (mut server, mut client) = start();
    let token = server.ecr().unwrap().authorization_token().unwrap();
    let mut pushed = Vec::new();
    let mut seen = BTreeSet::new();
    for round in 0..4 {
        let image = image(round * 10);
        image.push(&mut client, "aa", &format!("v{round}"), Flavour::PostPatchPut).unwrap();
        pushed.push(image);
        let now = versions(&server);
        assert_eq!(now.len(), seen.len() + 1, "round {round}: a push is sealed under the newest key alone");
        assert!(now.is_superset(&seen));
        seen = now;
        rotate(&server);
        if round == 2 {
            server.kill9().unwrap();
            server.restart().unwrap();
            client = reconnect(&server);
        }
        for (number, image) in pushed.iter().enumerate() {
            pull_and_verify(&mut client, "aa", &format!("v{number}"), &image.digest()).unwrap();
        }
    }
    // Tokens and access keys of before are still good, documents are still there.
    let mut client = Client::new(server.host()).with_header("Authorization", &token);
    assert_eq!(client.request("GET", "/v2/", &[], Body::None).unwrap().status, 200);
    // The same bytes again are no new object: they stay under their old key.
    pushed[0].push(&mut client, "aa", "again", Flavour::PostPut).unwrap();
    assert_eq!(versions(&server), seen);
}

#[test]
fn an_upload_that_was_open_goes_on() {
    let (mut server, mut client) = start();
    let blob = Blob::made(Recipe { seed: 5, length: 400_000 });
    let location = open_upload(&mut client, "aa").unwrap();
    assert_eq!(
        client.request("PATCH", &location, &[], Body::Sized(&blob.bytes[..150_000])).unwrap().status,
        202
    );
    rotate(&server);
    assert_eq!(
        client.request("PATCH", &location, &[], Body::Sized(&blob.bytes[150_000..250_000])).unwrap().status,
        202
    );
    server.kill9().unwrap();
    server.restart().unwrap();
    rotate(&server);
    client = reconnect(&server);
    let target = format!("{location}?digest={}", blob.digest);
    assert_eq!(client.request("PUT", &target, &[], Body::Sized(&blob.bytes[250_000..])).unwrap().status, 201);
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    assert!(client.request("GET", &target, &[], Body::None).unwrap().body == blob.bytes);
}

#[test]
fn by_the_command_with_a_server_and_without() {
    let (mut server, mut client) = start();
    let before = image(1);
    before.push(&mut client, "aa", "before", Flavour::PostPatchPut).unwrap();
    let rotate = |server: &Server| {
        let mut command = Command::new(binary(env!("CARGO_BIN_EXE_acre")));
        let output = command.args(["keys", "rotate", "--data"]).arg(server.data()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    rotate(&server);
    let between = image(11);
    between.push(&mut client, "aa", "between", Flavour::PostPatchPut).unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(0));
    rotate(&server);
    server.restart().unwrap();
    client = reconnect(&server);
    let after = image(21);
    after.push(&mut client, "aa", "after", Flavour::PostPatchPut).unwrap();
    assert_eq!(versions(&server).len(), 3);
    for (tag, image) in [("before", before), ("between", between), ("after", after)] {
        pull_and_verify(&mut client, "aa", tag, &image.digest()).unwrap();
    }
}
