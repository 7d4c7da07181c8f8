//! Clients that hardly take what they asked for.

use super::place::{MIB, Place, SOON};
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, push_blob, put_manifest};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const SLOW: usize = 200;

/// Each takes a kilobyte now and then; a pull beside them comes through, and each of them holds a segment or two.
#[test]
fn two_hundred_slow_pulls() {
    let mut place = Place::start();
    let mut client = place.client();
    let blob = Blob::new((0..64 * MIB).map(|at| ((at * at) >> 7).to_le_bytes()[0]).collect());
    let opened =
        client.expect("open", 202, ("POST", "/v2/aa/blobs/uploads/"), &[], Body::Sized(b"")).unwrap();
    let finish = format!("{}?digest={}", opened.location().unwrap(), blob.digest);
    client.expect("push", 201, ("PUT", &finish), &[], Body::Sized(&blob.bytes)).unwrap();
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    let pull = |client: &mut Client| {
        let start = Instant::now();
        let pulled = client.expect("pull", 200, ("GET", &target), &[], Body::None).unwrap();
        assert!(pulled.body == blob.bytes);
        start.elapsed()
    };
    let alone = pull(&mut client);
    let (token, before) = (place.token(), place.grown());
    let beside = place.attack("200 slow pulls", |place| {
        let mut slow: Vec<_> = (0..SLOW)
            .map(|_| place.begin(&format!("GET {target} HTTP/1.1\r\nAuthorization: {token}")))
            .collect();
        let mut some = [0; 1024];
        for stream in &mut slow {
            stream.read_exact(&mut some).unwrap();
            assert!(some.starts_with(b"HTTP/1.1 200 "));
        }
        let mut client = Client::new(place.server.host()).with_header("Authorization", &token);
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            slowest = slowest.max(pull(&mut client));
            for stream in &mut slow {
                stream.read_exact(&mut some).unwrap();
            }
            thread::sleep(Duration::from_millis(100));
        }
        slowest
    });
    let grown = place.grown() - before;
    println!(
        "a pull of 64 MiB took {alone:?} alone, {beside:?} beside {SLOW} slow ones, for which memory grew by {grown} MiB"
    );
    assert!(beside < SOON, "{beside:?}");
    assert!(grown < 112, "{grown}");
}

/// Pushes a manifest of nearly 4 MiB: the longest that there is.
fn push_huge_manifest(client: &mut Client) -> Blob {
    let config = Blob::new(b"{}".to_vec());
    push_blob(client, "aa", &config, Flavour::PostPut).unwrap();
    let manifest = json!({
        "schemaVersion": 2, "layers": [], "annotations": { "filler": "x".repeat(4 * MIB - 1024) },
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": 2 },
    });
    let manifest = Blob::new(manifest.to_string().into_bytes());
    put_manifest(client, "aa", "huge", &manifest).unwrap();
    manifest
}

/// A manifest that is a file is sent as blobs are: nobody holds all of it.
#[test]
fn two_hundred_slow_readers_of_a_manifest() {
    let mut place = Place::start();
    let mut client = place.client();
    let manifest = push_huge_manifest(&mut client);
    let (token, before) = (place.token(), place.grown());
    let target = "/v2/aa/manifests/huge";
    let beside = place.attack("200 slow readers of a manifest", |place| {
        let mut slow: Vec<_> = (0..SLOW)
            .map(|_| place.begin(&format!("GET {target} HTTP/1.1\r\nAuthorization: {token}")))
            .collect();
        let mut some = [0; 1024];
        for stream in &mut slow {
            stream.read_exact(&mut some).unwrap();
            assert!(some.starts_with(b"HTTP/1.1 200 "));
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let start = Instant::now();
            let pulled = client.expect("pull", 200, ("GET", target), &[], Body::None).unwrap();
            slowest = slowest.max(start.elapsed());
            assert!(pulled.body == manifest.bytes);
            for stream in &mut slow {
                stream.read_exact(&mut some).unwrap();
            }
        }
        slowest
    });
    let grown = place.grown() - before;
    println!("a pull of 4 MiB took {beside:?} beside {SLOW} slow ones, for which memory grew by {grown} MiB");
    assert!(beside < SOON, "{beside:?}");
    // Whole, they would be 800 MiB.
    assert!(grown < 112, "{grown}");
}

/// Answers of 16 MiB: as many as fit are sent, the others are asked to come again, and small ones go on meanwhile.
#[test]
fn two_hundred_slow_readers_of_manifests_in_json() {
    let mut place = Place::start();
    let mut client = place.client();
    let manifest = push_huge_manifest(&mut client);
    put_manifest(&mut client, "aa", "small", &small_manifest()).unwrap();
    let before = place.grown();
    let four = json!({ "repositoryName": "aa", "imageIds": [
        { "imageTag": "huge" }, { "imageTag": "huge" }, { "imageTag": "huge" }, { "imageTag": "huge" },
    ] });
    let small = json!({ "repositoryName": "aa", "imageIds": [{ "imageTag": "small" }] });
    let mut ecr = place.server.ecr().unwrap();
    let (sent, refused, beside) = place.attack("200 slow readers of JSON", |place| {
        let request = call(&ecr, &four.to_string());
        let mut waiting: Vec<_> = (0..SLOW)
            .map(|_| {
                let mut stream = place.connect();
                stream.write_all(&request).unwrap();
                stream
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let start = Instant::now();
            ecr.expect("BatchGetImage", &small).unwrap();
            let target = ("GET", "/v2/aa/manifests/huge");
            let pulled = client.expect("pull", 200, target, &[], Body::None).unwrap();
            slowest = slowest.max(start.elapsed());
            assert!(pulled.body == manifest.bytes);
        }
        let starts: Vec<_> = waiting.iter_mut().map(start_of_answer).collect();
        let begun = |with: &str| starts.iter().filter(|start| start.starts_with(with)).count();
        let throttled = starts.iter().filter(|start| start.contains("ThrottlingException")).count();
        assert_eq!(begun("HTTP/1.1 400 "), throttled);
        (begun("HTTP/1.1 200 "), throttled, slowest)
    });
    let grown = place.grown() - before;
    println!(
        "{sent} of {SLOW} were sent and {refused} refused; beside them a manifest and a small answer took {beside:?}, and memory grew by {grown} MiB"
    );
    assert_eq!(sent + refused, SLOW);
    assert!((1..=8).contains(&sent), "{sent}");
    assert!(beside < SOON, "{beside:?}");
    // Whole, they would be 3.2 GiB.
    assert!(grown < 320, "{grown}");
    // They are gone: there is room again.
    let deadline = Instant::now() + Duration::from_mins(1);
    while ecr.call("BatchGetImage", &four).unwrap().0 != 200 {
        assert!(Instant::now() < deadline);
    }
}

fn small_manifest() -> Blob {
    let config = Blob::new(b"{}".to_vec());
    let manifest = json!({
        "schemaVersion": 2, "layers": [],
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": 2 },
    });
    Blob::new(manifest.to_string().into_bytes())
}

/// A `BatchGetImage` as it goes over the wire.
fn call(ecr: &Ecr, body: &str) -> Vec<u8> {
    let target = "AmazonEC2ContainerRegistry_V20150921.BatchGetImage";
    (ecr.head(target, body) + body).into_bytes()
}

/// The head of the answer and what came with it; all of it, if it is a refusal.
fn start_of_answer(stream: &mut TcpStream) -> String {
    let (mut start, mut some) = (Vec::new(), [0; 1024]);
    let is_enough = |start: &[u8]| {
        start.windows(4).any(|four| four == b"\r\n\r\n")
            && (start.starts_with(b"HTTP/1.1 200 ") || start.ends_with(b"}"))
    };
    while !is_enough(&start) {
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&start));
        start.extend_from_slice(&some[..count]);
    }
    String::from_utf8(start).unwrap()
}
