//! Heads that are too long, too many, or never end.

use super::place::{MIB, Place};
use acre_testkit::http::{Body, Client};
use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn long_heads() {
    let mut place = Place::start();
    let token = place.token();
    place.attack("long heads", |place| {
        let status = |target: &str, headers: &str| {
            let mut client = Client::new(place.server.host());
            client.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).unwrap();
            client.receive("GET").unwrap().status
        };
        let many = |count: usize| (0..count).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
        let long = |length: usize| format!("X: {}\r\n", "y".repeat(length));
        assert_eq!(status("/healthz", &many(90)), 200);
        assert_eq!(status("/healthz", &many(101)), 431);
        assert_eq!(status("/healthz", &many(5_000)), 431);
        assert_eq!(status("/healthz", &long(60_000)), 200);
        assert_eq!(status("/healthz", &long(70_000)), 431);
        assert_eq!(status("/healthz", &long(8 * MIB)), 431);
        let known = format!("Authorization: {token}\r\n");
        let name = "a".repeat(50_000);
        assert_eq!(status(&format!("/v2/{name}/tags/list"), &known), 400);
        assert_eq!(status(&format!("/v2/aa/tags/list?last={name}"), &known), 200);
        assert_eq!(status(&format!("/v2{}", "/a".repeat(25_000)), &known), 404);
        assert_eq!(status(&format!("/v2/aa/tags/list?{}", "n=1&".repeat(12_000)), &known), 200);
        assert_eq!(status(&format!("/v2/aa/manifests/v1?{}", "tag=a&".repeat(8_000)), &known), 404);
        let refused = status(&format!("/v2/{}", "a".repeat(70_000)), &known);
        assert!([414, 431].contains(&refused), "{refused}");
        // Credentials that are no credentials.
        assert_eq!(status("/v2/", &format!("Authorization: Basic {}\r\n", "A".repeat(60_000))), 401);
        assert_eq!(status("/v2/", &"Authorization: Basic eA==\r\n".repeat(90)), 401);
    });
    assert!(place.grown() < 80);
}

/// A head without an end is refused at 64 KiB, however fast it comes.
#[test]
fn floods() {
    let mut place = Place::start();
    place.attack("50 endless heads", |place| {
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    let mut stream = place.connect();
                    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
                    stream.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
                    let (mut sent, some) = (0, vec![b'y'; 65_536]);
                    while sent < 256 * MIB && stream.write_all(&some).is_ok() {
                        sent += some.len();
                    }
                    assert!(sent < 64 * MIB, "{sent}");
                });
            }
        });
    });
    assert!(place.grown() < 128);
}

/// 200 clients that send a byte of their head now and then: after ten seconds they are let go.
#[test]
fn slow_heads() {
    let mut place = Place::start();
    let longest = place.attack("200 slow heads", |place| {
        let start = Instant::now();
        let mut open: Vec<_> = (0..200)
            .map(|_| {
                let stream = place.connect();
                stream.set_nonblocking(true).unwrap();
                stream
            })
            .collect();
        let head = format!("GET /healthz HTTP/1.1\r\nX: {}", "y".repeat(10_000));
        for byte in head.as_bytes().chunks(1) {
            open.retain_mut(|stream| {
                let closed = match stream.read(&mut [0; 512]) {
                    Ok(count) => count == 0,
                    Err(error) => error.kind() != ErrorKind::WouldBlock,
                };
                !closed && stream.write_all(byte).is_ok()
            });
            if open.is_empty() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        assert!(open.is_empty(), "{} are still there", open.len());
        start.elapsed()
    });
    println!("the last was let go after {longest:?}");
    assert!((Duration::from_secs(9)..Duration::from_secs(40)).contains(&longest), "{longest:?}");
    assert!(place.grown() < 80);
    let mut client = Client::new(place.server.host());
    assert_eq!(client.request("GET", "/healthz", &[], Body::None).unwrap().status, 200);
}
