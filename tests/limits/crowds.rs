//! Many at once who hardly do anything.

use super::place::{MIB, Place};
use acre_testkit::http::{Body, Client};
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

/// Between two frames of a slow client: 20 a second.
const RATE: Duration = Duration::from_millis(50);

#[test]
fn a_thousand_idle_connections() {
    let mut place = Place::start();
    place.attack("1,000 idle connections", |place| {
        let silent: Vec<_> = (0..500).map(|_| place.connect()).collect();
        let mut used: Vec<_> = (0..500).map(|_| Client::new(place.server.host())).collect();
        for client in &mut used {
            assert_eq!(client.request("GET", "/healthz", &[], Body::None).unwrap().status, 200);
        }
        // They are kept: another request needs no new connection.
        for client in &mut used {
            let before = client.connect().unwrap();
            assert_eq!(client.request("GET", "/healthz", &[], Body::None).unwrap().status, 200);
            assert_eq!(client.connect().unwrap(), before);
        }
        drop(silent);
    });
    assert!(place.grown() < 96);
}

/// 500 uploads, each beyond what stays in memory, each sending a little 20 times a second. Each gets what it sent.
#[test]
fn five_hundred_slow_bodies() {
    const FIRST: usize = 70_000;
    const FRAMES: usize = 40;
    const FRAME: usize = 1_000;
    let mut place = Place::start();
    let token = place.token();
    place.attack("500 slow bodies", |place| {
        let mut client = Client::new(place.server.host()).with_header("Authorization", &token);
        let chunk =
            |size: usize| [format!("{size:x}\r\n").into_bytes(), vec![b's'; size], b"\r\n".to_vec()].concat();
        let (first, frame) = (chunk(FIRST), chunk(FRAME));
        let mut bodies: Vec<_> = (0..500)
            .map(|_| {
                let opened = client.request("POST", "/v2/aa/blobs/uploads/", &[], Body::Sized(b"")).unwrap();
                let location = opened.location().unwrap().to_owned();
                let head = format!(
                    "PATCH {location} HTTP/1.1\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked"
                );
                let mut stream = place.begin(&head);
                stream.write_all(&first).unwrap();
                stream
            })
            .collect();
        for _ in 0..FRAMES {
            let round = Instant::now();
            for stream in &mut bodies {
                stream.write_all(&frame).unwrap();
            }
            thread::sleep(RATE.saturating_sub(round.elapsed()));
        }
        for stream in &mut bodies {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
        let held = format!("\r\nacre-upload-offset: {}\r\n", FIRST + FRAMES * FRAME);
        for mut stream in bodies {
            let mut answer = String::new();
            while !answer.contains("\r\n\r\n") {
                let mut some = [0; 2048];
                let count = stream.read(&mut some).unwrap();
                assert!(count > 0, "{answer}");
                answer.push_str(std::str::from_utf8(&some[..count]).unwrap());
            }
            let answer = answer.to_ascii_lowercase();
            assert!(answer.starts_with("http/1.1 202 ") && answer.contains(&held), "{answer}");
        }
    });
    assert!(place.grown() < 192);
}

/// 64 uploads that stay just fast enough to be worth a buffer: twice as many as there are.
#[test]
fn steady_bodies_and_a_push() {
    let mut place = Place::start();
    let token = place.token();
    place.attack("64 steady bodies", |place| {
        let mut client = Client::new(place.server.host()).with_header("Authorization", &token);
        let mut bodies: Vec<_> = (0..64)
            .map(|_| {
                let opened = client.request("POST", "/v2/aa/blobs/uploads/", &[], Body::Sized(b"")).unwrap();
                let location = opened.location().unwrap().to_owned();
                place.begin(&format!(
                    "PATCH {location} HTTP/1.1\r\nAuthorization: {token}\r\nContent-Length: {}",
                    64 * MIB
                ))
            })
            .collect();
        let frame = vec![b's'; 25_000];
        for _ in 0..60 {
            let round = Instant::now();
            for stream in &mut bodies {
                stream.write_all(&frame).unwrap();
            }
            thread::sleep(RATE.saturating_sub(round.elapsed()));
        }
    });
    assert!(place.grown() < 192);
}
