//! Layers of any length, in bounded memory (spec/oci.md 12.4; spec/ecr.md 3.11). `ACRE_LAYER_MIB` says how long the longest
//! is: 1 GiB unless it does; once with 51200, and with as much room on the disk.

use super::place::{Place, refused};
use acre_wire::digest::{Algorithm, Hasher};
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const MIB: usize = 1 << 20;
/// The longest layer that ECR takes, in MiB.
const QUOTA: usize = 52_000;
/// The most memory that the server may ever have had, in bytes.
const MEMORY: u64 = 150 << 20;

/// The bytes of a layer, a mebibyte at a time: no two are the same.
fn mebibytes(count: usize) -> impl Iterator<Item = Vec<u8>> {
    let noise = super::place::bytes(7, MIB);
    (0..count).map(move |number| {
        let mut bytes = noise.clone();
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes
    })
}

/// A request whose body is sent chunk by chunk, without a length.
fn stream(place: &mut Place, target: &str, count: usize) -> u16 {
    let token = place.ecr.authorization_token().unwrap();
    let mut connection = TcpStream::connect(place.server.host()).unwrap();
    let host = place.server.host();
    let head = format!(
        "PATCH {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    for bytes in mebibytes(count) {
        connection.write_all(format!("{MIB:x}\r\n").as_bytes()).unwrap();
        connection.write_all(&bytes).unwrap();
        connection.write_all(b"\r\n").unwrap();
    }
    connection.write_all(b"0\r\n\r\n").unwrap();
    head_of(&mut BufReader::new(connection)).0
}

/// Status and length of an answer.
fn head_of(reader: &mut impl BufRead) -> (u16, u64) {
    let (mut status, mut length) = (0, 0);
    for line in reader.lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
        if status == 0 {
            status = line.split(' ').nth(1).unwrap().parse().unwrap();
        } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    (status, length)
}

#[test]
fn a_layer_of_any_length_takes_no_more_memory() {
    let longest = env::var("ACRE_LAYER_MIB").map_or(1024, |text| text.parse().unwrap());
    let mut place = Place::with(&["aa"]);
    for count in [1, 33, longest] {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        mebibytes(count).for_each(|bytes| hasher.update(&bytes));
        let digest = hasher.finish();
        let location = place.open("aa");
        assert_eq!(stream(&mut place, &location, count), 202);
        let answer = place.ask("PUT", &format!("{location}?digest={digest}"));
        assert_eq!(answer.status, 201, "{count} MiB: {answer:?}");

        let token = place.ecr.authorization_token().unwrap();
        let mut connection = TcpStream::connect(place.server.host()).unwrap();
        let host = place.server.host();
        let head =
            format!("GET /v2/aa/blobs/{digest} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::with_capacity(MIB, connection);
        let length = (count * MIB) as u64;
        assert_eq!(head_of(&mut reader), (200, length));
        let (mut hasher, mut buffer) = (Hasher::new(Algorithm::Sha256), vec![0; MIB]);
        for _ in 0..count {
            reader.read_exact(&mut buffer).unwrap();
            hasher.update(&buffer);
        }
        assert_eq!(hasher.finish(), digest, "{count} MiB came back");
        let peak = place.server.peak_memory().unwrap();
        assert!(peak < MEMORY, "{count} MiB: {peak} bytes of memory");
    }
}

#[test]
fn a_layer_beyond_the_quota_is_refused_before_it_is_sent() {
    let mut place = Place::with(&["aa"]);
    let location = place.open("aa");
    let token = place.ecr.authorization_token().unwrap();
    let mut client = acre_testkit::http::Client::new(place.server.host());
    let length = QUOTA * MIB + 1;
    let host = place.server.host();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    client.send(head.as_bytes()).unwrap();
    refused(&client.receive("PATCH").unwrap(), 413, "SIZE_INVALID");
}
