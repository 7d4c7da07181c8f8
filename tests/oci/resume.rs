//! Uploads that go on: after a connection that was cut, a process that was killed, a server that was stopped
//! (spec/oci.md 6.1, 12.4).

use super::place::{Place, SEGMENT, bytes, offset, refused};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::Blob;
use acre_testkit::leftovers::upload_files;
use acre_wire::digest::{Algorithm, Digest};
use std::time::{Duration, Instant};

const LENGTH: usize = 5 * SEGMENT + 1234;

/// Sends the head of a request and the first bytes of its body, then ends the connection.
fn cut(place: &mut Place, method: &str, target: &str, chunked: bool, sent: &[u8]) {
    let token = place.ecr.authorization_token().unwrap();
    let mut client = Client::new(place.server.host());
    let framing =
        if chunked { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {LENGTH}") };
    let host = place.server.host();
    let mut bytes =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n{framing}\r\n\r\n")
            .into_bytes();
    if chunked {
        bytes.extend_from_slice(format!("{LENGTH:x}\r\n").as_bytes());
    }
    bytes.extend_from_slice(sent);
    client.send(&bytes).unwrap();
    client.close();
}

fn finish(place: &mut Place, location: &str, blob: &Blob, from: usize) {
    let range = format!("{from}-{}", blob.bytes.len() - 1);
    let target = format!("{location}?digest={}", blob.digest);
    let deadline = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        let headers = [("Content-Range", range.as_str())];
        let answer = place.send("PUT", &target, &headers, Body::Sized(&blob.bytes[from..]));
        // The request that was cut may still hold the upload: 409 asks to come again.
        if answer.status != 409 || Instant::now() > deadline {
            break answer;
        }
    };
    assert_eq!(answer.status, 201, "from {from}: {answer:?}");
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
    assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", blob.digest)).status, 202);
}

#[test]
fn a_connection_that_was_cut_at_any_byte() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(1, LENGTH));
    let target = |location: &str| format!("{location}?digest={}", blob.digest);
    for at in [
        0,
        1,
        100,
        SEGMENT - 1,
        SEGMENT,
        SEGMENT + 1,
        2 * SEGMENT,
        2 * SEGMENT + 7,
        4 * SEGMENT + 5,
        LENGTH - 1,
    ] {
        for (method, chunked) in [("PATCH", true), ("PATCH", false), ("PUT", true), ("PUT", false)] {
            let location = place.open("aa");
            cut(&mut place, method, &target(&location), chunked, &blob.bytes[..at]);
            place.wait_for_offset(&location, at);
            finish(&mut place, &location, &blob, at);
        }
    }
}

#[test]
fn a_connection_that_was_cut_again_and_again() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(2, LENGTH));
    let location = place.open("aa");
    let mut held = 0;
    for step in [3, SEGMENT, 1, SEGMENT - 4, 10, 2 * SEGMENT, 1] {
        cut(&mut place, "PATCH", &location, true, &blob.bytes[held..held + step]);
        held += step;
        place.wait_for_offset(&location, held);
    }
    finish(&mut place, &location, &blob, held);
}

/// What a 202 promised is there after kill -9 once more than a segment has arrived (DESIGN 7).
#[test]
fn a_killed_server_holds_what_it_said_it_held() {
    let mut place = Place::with(&["aa", "bb"]);
    let blob = Blob::new(bytes(3, LENGTH));
    let steps: &[&[usize]] = &[
        &[SEGMENT + 1],
        &[SEGMENT, 1],
        &[10, SEGMENT, 10],
        &[SEGMENT + 5, 1, 1, SEGMENT - 7, 30],
        &[3 * SEGMENT, 2 * SEGMENT],
        &[LENGTH],
    ];
    let mut open = Vec::new();
    for (number, steps) in steps.iter().enumerate() {
        let location = place.open("aa");
        let mut held = 0;
        for step in *steps {
            let answer =
                place.send("PATCH", &location, &[], Body::Chunked(&[&blob.bytes[held..held + step]]));
            held += step;
            assert_eq!((answer.status, offset(&answer)), (202, held), "{number}");
        }
        open.push((location, held));
    }
    // Too little for a file: gone with the process.
    let small = place.open("aa");
    assert_eq!(place.send("PATCH", &small, &[], Body::Sized(&blob.bytes[..SEGMENT])).status, 202);
    for round in 0..2 {
        place.server.kill9().unwrap();
        place.server.restart().unwrap();
        place.reconnect();
        for (location, held) in &open {
            let answer = place.ask("GET", location);
            assert_eq!((answer.status, offset(&answer)), (204, *held), "round {round}");
            let elsewhere = location.replace("/aa/", "/bb/");
            refused(&place.ask("GET", &elsewhere), 404, "BLOB_UPLOAD_UNKNOWN");
        }
        refused(&place.ask("GET", &small), 404, "BLOB_UPLOAD_UNKNOWN");
    }
    for (location, held) in open {
        if held < LENGTH {
            let next = &blob.bytes[held..held + 100];
            assert_eq!(place.send("PATCH", &location, &[], Body::Sized(next)).status, 202);
            finish(&mut place, &location, &blob, held + 100);
        } else {
            let target = format!("{location}?digest={}", blob.digest);
            assert_eq!(place.send("PUT", &target, &[], Body::None).status, 201);
            assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
        }
    }
    assert_eq!(upload_files(place.server.data()).unwrap().len(), 0);
}

#[test]
fn killed_in_the_middle_of_a_chunk() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(4, LENGTH));
    for promised in [SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 99] {
        let location = place.open("aa");
        assert_eq!(place.send("PATCH", &location, &[], Body::Sized(&blob.bytes[..promised])).status, 202);
        let mut writer = Client::new(place.server.host());
        let token = place.ecr.authorization_token().unwrap();
        let head = format!(
            "PATCH {location} HTTP/1.1\r\nHost: {}\r\nAuthorization: {token}\r\nContent-Length: {}\r\n\r\n",
            place.server.host(),
            LENGTH - promised
        );
        writer.send(&[head.as_bytes(), &blob.bytes[promised..LENGTH - 1]].concat()).unwrap();
        place.server.kill9().unwrap();
        place.server.restart().unwrap();
        place.reconnect();
        let answer = place.ask("GET", &location);
        assert_eq!(answer.status, 204, "{answer:?}");
        let held = offset(&answer);
        assert!((promised..LENGTH).contains(&held), "{held} of {promised}");
        finish(&mut place, &location, &blob, held);
    }
}

#[test]
fn sha512_before_and_after_a_restart() {
    let mut place = Place::with(&["aa"]);
    let bytes = bytes(5, LENGTH);
    let blob = Blob { digest: Digest::of(Algorithm::Sha512, &bytes), bytes };
    for query in ["", "?digest-algorithm=sha512", "?digest-algorithm=sha256"] {
        let answer = place.send("POST", &format!("/v2/aa/blobs/uploads/{query}"), &[], Body::Sized(b""));
        let location = answer.header("location").unwrap().to_owned();
        let mut held = 0;
        for step in [SEGMENT + 1, 1000] {
            assert_eq!(
                place.send("PATCH", &location, &[], Body::Sized(&blob.bytes[held..held + step])).status,
                202
            );
            held += step;
            place.server.kill9().unwrap();
            place.server.restart().unwrap();
            place.reconnect();
        }
        finish(&mut place, &location, &blob, held);
    }
}

#[test]
fn an_upload_that_was_finished_or_cancelled_does_not_come_back() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(6, LENGTH));
    let (finished, cancelled, refused_one) = (place.open("aa"), place.open("aa"), place.open("aa"));
    for location in [&finished, &cancelled, &refused_one] {
        assert_eq!(place.send("PATCH", location, &[], Body::Sized(&blob.bytes)).status, 202);
    }
    let target = format!("{finished}?digest={}", blob.digest);
    assert_eq!(place.send("PUT", &target, &[], Body::None).status, 201);
    assert_eq!(place.ask("DELETE", &cancelled).status, 204);
    let wrong = format!("{refused_one}?digest={}", super::place::NOWHERE);
    refused(&place.send("PUT", &wrong, &[], Body::None), 400, "DIGEST_INVALID");
    place.server.kill9().unwrap();
    place.server.restart().unwrap();
    place.reconnect();
    for location in [&finished, &cancelled, &refused_one] {
        refused(&place.ask("GET", location), 404, "BLOB_UPLOAD_UNKNOWN");
    }
    assert_eq!(upload_files(place.server.data()).unwrap().len(), 0);
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
}
