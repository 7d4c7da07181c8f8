//! Refusals while a body is on its way: the answer arrives, never a reset (spec/oci.md 1.3, 12.3).

use super::place::{NOTHING, Place, bytes, refused};
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::Blob;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const ROUNDS: usize = 100;
const MIB: usize = 1 << 20;

/// Sends every byte, whatever the server has said meanwhile, and only then reads.
fn send_all(client: &mut Client, head: &str, body: &[u8]) -> Answer {
    let host = client.authority().to_owned();
    let head = format!("{head}\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", body.len());
    client.send(head.as_bytes()).unwrap_or_else(|error| panic!("{head}: {error}"));
    client.send(body).unwrap_or_else(|error| panic!("{head}: {error}"));
    client.receive(head.split(' ').next().unwrap()).unwrap_or_else(|error| panic!("{head}: {error}"))
}

#[test]
fn a_refused_body_of_five_mib_is_answered() {
    let mut place = Place::with(&["aa"]);
    let body = bytes(1, 5 * MIB);
    let token = place.ecr.authorization_token().unwrap();
    let location = place.open("aa");
    let range = format!("Content-Range: 1-{}", body.len());
    let known = format!("Authorization: {token}");
    let cases = [
        (416, format!("PATCH {location} HTTP/1.1\r\n{known}\r\n{range}")),
        (401, format!("PATCH {location} HTTP/1.1\r\n{range}")),
        (404, format!("PATCH /v2/aa/blobs/uploads/01234567-89ab-4def-8123-456789abcdef HTTP/1.1\r\n{known}")),
        (404, format!("POST /v2/bb/blobs/uploads/?digest={NOTHING} HTTP/1.1\r\n{known}")),
        (404, "POST /nowhere HTTP/1.1".to_owned()),
        (413, format!("PUT /v2/aa/manifests/v1 HTTP/1.1\r\n{known}")),
        (405, format!("POST /v2/ HTTP/1.1\r\n{known}")),
    ];
    for (status, head) in cases {
        let mut client = Client::new(place.server.host());
        for round in 0..ROUNDS {
            let answer = send_all(&mut client, &head, &body);
            assert_eq!(answer.status, status, "{head}, round {round}: {answer:?}");
        }
        for round in 0..ROUNDS {
            let mut client = Client::new(place.server.host());
            let answer = send_all(&mut client, &format!("{head}\r\nConnection: close"), &body);
            assert_eq!(answer.status, status, "{head}, closing, round {round}: {answer:?}");
        }
    }
    assert_eq!(super::place::offset(&place.ask("GET", &location)), 0);
}

#[test]
fn the_connection_goes_on_after_a_refusal() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(2, MIB));
    let location = place.open("aa");
    let before = place.client.connect().unwrap();
    let headers = [("Content-Range", "5-1048580")];
    refused(&place.send("PATCH", &location, &headers, Body::Sized(&blob.bytes)), 416, "BLOB_UPLOAD_INVALID");
    let target = format!("{location}?digest={}", blob.digest);
    assert_eq!(place.send("PUT", &target, &[], Body::Sized(&blob.bytes)).status, 201);
    assert_eq!(place.client.connect().unwrap(), before);
}

#[test]
fn who_waits_for_100_continue_is_told_first() {
    let mut place = Place::with(&["aa"]);
    let token = place.ecr.authorization_token().unwrap();
    let location = place.open("aa");
    let host = place.server.host().to_owned();
    let head = |range: &str| {
        format!(
            "PATCH {location} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Range: {range}\r\n\
             Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let read = |stream: &mut TcpStream| {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).unwrap();
        String::from_utf8_lossy(&some[..count]).into_owned()
    };
    let mut stream = TcpStream::connect(&host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(head("7-100006").as_bytes()).unwrap();
    let answer = read(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 416 "), "{answer}");
    let mut stream = TcpStream::connect(&host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(head("0-99999").as_bytes()).unwrap();
    let answer = read(&mut stream);
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&bytes(3, 100_000)).unwrap();
    let answer = read(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}
