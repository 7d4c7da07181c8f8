//! SIGTERM: running requests end, uploads stop and go on after the next start, the process ends with 0 (DESIGN 13).

use acre_testkit::http::{Body, Broken, Client};
use acre_testkit::image::{Blob, Recipe, open_upload};
use acre_testkit::server::{Options, Server};
use std::fs;
use std::time::{Duration, Instant};

const SENT: usize = 300_000;
const LENGTH: usize = 500_000;
/// Bytes of plaintext in a sealed segment, and what the whole ones of what was sent take on the disk.
const SEGMENT: usize = 65_508;
const WRITTEN: u64 = (SENT / SEGMENT * 65_536) as u64;

struct Started {
    server: Server,
    token: String,
    location: String,
    writer: Client,
    blob: Blob,
}

/// A server in the middle of a PATCH: all whole segments of what was sent are written, and it waits for the rest.
fn in_the_middle(drain: &str) -> Started {
    let arguments = ["--drain", drain].map(Into::into).to_vec();
    let server = Server::start(super::process::acre(), Options { arguments, ..Options::default() }).unwrap();
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("aa").unwrap();
    let token = ecr.authorization_token().unwrap();
    let mut client = ecr.data_plane().unwrap();
    let location = open_upload(&mut client, "aa").unwrap();
    let blob = Blob::made(Recipe { seed: 1, length: LENGTH });
    let mut writer = Client::new(server.host());
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {}\r\nAuthorization: {token}\r\nContent-Length: {LENGTH}\r\n\r\n",
        server.host()
    );
    writer.send(head.as_bytes()).unwrap();
    writer.send(&blob.bytes[..SENT]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let (_, id) = location.rsplit_once('/').unwrap();
    let file = server.data().join("uploads").join(id);
    while fs::metadata(&file).map_or(0, |file| file.len()) < WRITTEN
        || client.request("GET", &location, &[], Body::None).unwrap().status != 409
    {
        assert!(Instant::now() < deadline, "the PATCH has not come so far");
        std::thread::yield_now();
    }
    Started { server, token, location, writer, blob }
}

#[test]
fn an_idle_server_stops_at_once() {
    let mut server = Server::start(super::process::acre(), Options::default()).unwrap();
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("aa").unwrap();
    // A connection that waits for its next request holds nothing up.
    let mut idle = ecr.data_plane().unwrap();
    assert_eq!(idle.request("GET", "/v2/", &[], Body::None).unwrap().status, 200);
    let before = Instant::now();
    assert_eq!(server.terminate().unwrap().code(), Some(0), "{}", server.stderr());
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
}

#[test]
fn a_running_request_ends_and_new_ones_are_refused() {
    let Started { mut server, token, location, mut writer, blob } = in_the_middle("60");
    let host = server.host().to_owned();
    std::thread::scope(|scope| {
        let stopped = scope.spawn(|| server.terminate().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = Client::new(&host).request("GET", "/readyz", &[], Body::None);
            if matches!(answer, Err(Broken::NoConnection(_))) {
                break;
            }
            assert!(Instant::now() < deadline, "new connections are still taken");
            std::thread::yield_now();
        }
        writer.send(&blob.bytes[SENT..]).unwrap();
        let answer = writer.receive("PATCH").unwrap();
        assert_eq!((answer.status, answer.header("acre-upload-offset")), (202, Some("500000")), "{answer:?}");
        assert_eq!(stopped.join().unwrap().code(), Some(0));
    });
    server.restart().unwrap();
    let mut client = Client::new(server.host()).with_header("Authorization", &token);
    let target = format!("{location}?digest={}", blob.digest);
    assert_eq!(client.request("PUT", &target, &[], Body::None).unwrap().status, 201);
}

#[test]
fn an_upload_that_does_not_end_goes_on_after_the_next_start() {
    let Started { mut server, token, location, writer, blob } = in_the_middle("1");
    let before = Instant::now();
    assert_eq!(server.terminate().unwrap().code(), Some(0), "{}", server.stderr());
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
    drop(writer);
    server.restart().unwrap();
    let mut client = Client::new(server.host()).with_header("Authorization", &token);
    let status = client.request("GET", &location, &[], Body::None).unwrap();
    assert_eq!(status.status, 204, "{status:?}");
    // It stops at a segment, or behind the bytes of the last one if there was time to write them.
    let held: usize = status.header("acre-upload-offset").unwrap().parse().unwrap();
    assert!([SENT / SEGMENT * SEGMENT, SENT].contains(&held), "{held}");
    let target = format!("{location}?digest={}", blob.digest);
    let range = format!("{held}-{}", LENGTH - 1);
    let answer = client
        .request("PUT", &target, &[("Content-Range", &range)], Body::Sized(&blob.bytes[held..]))
        .unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    assert!(client.request("GET", &target, &[], Body::None).unwrap().body == blob.bytes);
}

#[test]
fn health_and_readiness() {
    let server = Server::start(super::process::acre(), Options::default()).unwrap();
    let mut client = Client::new(server.host());
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        for method in ["GET", "HEAD"] {
            let answer = client.request(method, path, &[], Body::None).unwrap();
            assert_eq!(answer.status, 200, "{method} {path}");
            assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
            let body = if method == "HEAD" { "" } else { body };
            assert_eq!(answer.body, body.as_bytes(), "{method} {path}");
        }
    }
}
