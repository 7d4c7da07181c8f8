//! Bodies that are too large, refused while they are on their way.

use super::place::{MIB, Place, SOON};
use acre_testkit::ecr::{Credentials, Ecr};
use acre_testkit::http::{Answer, Client};
use acre_testkit::server::REGION;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const PARTS: usize = 16;
const PART: &str = "AmazonEC2ContainerRegistry_V20150921.UploadLayerPart";

/// What can be sent until the other side has had enough.
fn send_until_it_breaks(mut stream: TcpStream, piece: &[u8], most: usize) -> usize {
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut sent = 0;
    while sent < most && stream.write_all(piece).is_ok() {
        sent += piece.len();
    }
    sent
}

/// The head of an answer, and that it says the connection ends.
fn closing_status(stream: &mut TcpStream) -> u16 {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// CVE-2017-11468 (spec/peers.md 4b): refused before it has come.
#[test]
fn a_manifest_of_100_mib() {
    let mut place = Place::start();
    let token = place.token();
    let sized = format!("Content-Length: {}", 100 * MIB);
    let chunk = [format!("{MIB:x}\r\n").into_bytes(), vec![b' '; MIB], b"\r\n".to_vec()].concat();
    let sent = place.attack("a manifest of 100 MiB", |place| {
        let head = |framing: &str| {
            place.begin(&format!(
                "PUT /v2/aa/manifests/v1 HTTP/1.1\r\nAuthorization: {token}\r\n\
                 Content-Type: application/vnd.oci.image.manifest.v1+json\r\n{framing}"
            ))
        };
        let mut stream = head(&sized);
        stream.write_all(&chunk).unwrap();
        assert_eq!(closing_status(&mut stream), 413);
        let announced = send_until_it_breaks(stream, &chunk, 99 * MIB);

        let mut client = Client::new(place.server.host());
        let head = format!(
            "PUT /v2/aa/manifests/v1 HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\
             Content-Type: application/vnd.oci.image.manifest.v1+json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        client.send(head.as_bytes()).unwrap();
        for _ in 0..6 {
            client.send(&chunk).unwrap();
        }
        let answer = client.receive("PUT").unwrap();
        assert_eq!(answer.status, 413, "{answer:?}");
        let mut more = 6;
        while more < 100 && client.send(&chunk).is_ok() {
            more += 1;
        }
        (announced >> 20, more)
    });
    println!("of 100 MiB {} could be sent that were announced, {} in chunks", sent.0, sent.1);
    assert!(sent.0 < 60 && sent.1 < 60, "{sent:?}");
    assert!(place.grown() < 80);
}

/// A part as the AWS CLI would send it, signed by that caller: the head, and the body.
fn part(ecr: &Ecr, bytes: usize) -> (String, String) {
    let blob = "eHh4".repeat(bytes / 3);
    let body = json!({ "repositoryName": "aa", "uploadId": "01234567-89ab-4def-8123-456789abcdef",
        "partFirstByte": 0, "partLastByte": bytes / 3 * 3 - 1, "layerPartBlob": blob })
    .to_string();
    (ecr.head(PART, &body), body)
}

fn refused(answer: &Answer) -> String {
    assert_eq!(answer.status, 400, "{answer:?}");
    answer.json()["__type"].as_str().unwrap().to_owned()
}

/// What is signed by nobody's key is not worth reading: 28 MiB each are refused by their heads.
#[test]
fn parts_of_strangers_whose_key_is_unknown() {
    let mut place = Place::start();
    let credentials = Credentials { access_key: "AKIAIOSFODNN7EXAMPLE".into(), secret_key: "x".into() };
    let nobody = Ecr::new(place.server.host(), credentials, REGION);
    let (head, body) = part(&nobody, 21 * MIB);
    assert!(body.len() > 27 * MIB);
    place.attack("16 parts of 28 MiB, keys unknown", |place| {
        thread::scope(|scope| {
            for _ in 0..PARTS {
                scope.spawn(|| {
                    let mut client = Client::new(place.server.host());
                    client.send(head.as_bytes()).unwrap();
                    // Nothing of the body has been sent.
                    assert_eq!(refused(&client.receive("POST").unwrap()), "UnrecognizedClientException");
                });
            }
        });
        // And with the body on its way.
        thread::scope(|scope| {
            for _ in 0..PARTS {
                scope.spawn(|| {
                    let mut stream = place.connect();
                    stream.write_all(head.as_bytes()).unwrap();
                    let sent =
                        send_until_it_breaks(stream.try_clone().unwrap(), &body.as_bytes()[..MIB], 12 * MIB);
                    assert!(sent >= 4 * MIB, "{sent}");
                    assert_eq!(closing_status(&mut stream), 400);
                });
            }
        });
    });
    assert!(place.grown() < 80);
}

/// A key that exists and a signature that does not fit it: the whole body must be read to know. All of them together take
/// what the budget has (64 MiB), and each gets its answer.
#[test]
fn parts_of_strangers_whose_signature_is_wrong() {
    let mut place = Place::start();
    let key = place.server.credentials().unwrap().access_key;
    let forged =
        Ecr::new(place.server.host(), Credentials { access_key: key, secret_key: "x".into() }, REGION);
    let (head, body) = part(&forged, 21 * MIB);
    place.attack("16 parts of 28 MiB, signatures wrong", |place| {
        thread::scope(|scope| {
            for _ in 0..PARTS {
                scope.spawn(|| {
                    let mut client = Client::new(place.server.host());
                    client.send(head.as_bytes()).unwrap();
                    client.send(body.as_bytes()).unwrap();
                    assert_eq!(refused(&client.receive("POST").unwrap()), "InvalidSignatureException");
                });
            }
        });
    });
    assert!(place.grown() < 192);
}

/// Two of them fill the budget and then hardly send anything. Whoever comes next does not wait for their minute to end
/// again and again: they are let go.
#[test]
fn slow_parts_do_not_keep_the_budget() {
    let mut place = Place::start();
    let key = place.server.credentials().unwrap().access_key;
    let forged =
        Ecr::new(place.server.host(), Credentials { access_key: key, secret_key: "x".into() }, REGION);
    let (head, body) = part(&forged, 21 * MIB);
    let (own, small) = part(&place.ecr, 15 * MIB);
    place.attack("two parts that hardly come", |place| {
        let mut slow: Vec<_> = (0..2)
            .map(|_| {
                let mut stream = place.connect();
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body.as_bytes()[..2 * MIB]).unwrap();
                stream.set_nonblocking(true).unwrap();
                (stream, Vec::new())
            })
            .collect();
        let let_go = AtomicBool::new(false);
        let slowest = thread::scope(|scope| {
            // The first ones may come before the budget is taken.
            let honest = scope.spawn(|| {
                let mut slowest = Duration::ZERO;
                while !let_go.load(SeqCst) && slowest < 5 * SOON {
                    let start = Instant::now();
                    let mut client = Client::new(place.server.host());
                    client.send(own.as_bytes()).unwrap();
                    client.send(small.as_bytes()).unwrap();
                    // Read, believed and judged.
                    assert_eq!(refused(&client.receive("POST").unwrap()), "UploadNotFoundException");
                    slowest = slowest.max(start.elapsed());
                }
                slowest
            });
            while !honest.is_finished() {
                for (stream, answer) in &mut slow {
                    // Often enough not to be idle.
                    let _ = stream.write_all(b"e");
                    let _ = stream.read_to_end(answer);
                    let text = String::from_utf8_lossy(answer);
                    if text.starts_with("HTTP/1.1 408 ") && text.contains("RequestTimeoutException") {
                        let_go.store(true, SeqCst);
                    }
                }
                thread::sleep(Duration::from_millis(100));
            }
            honest.join().unwrap()
        });
        println!("a part behind two slow ones took {slowest:?} at most");
        assert!(let_go.load(SeqCst) && slowest < 5 * SOON, "{slowest:?}");
    });
}
