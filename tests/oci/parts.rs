//! Several parts of a blob in one answer (spec/oci.md 5.2, 12.8).

use super::place::{NOWHERE, Place, SEGMENT, bytes, refused};
use acre_testkit::http::{Answer, Body};
use acre_testkit::image::Blob;
use std::io::{Read, Write};
use std::net::TcpStream;

/// What is left of a body that must be of a known form to the last byte.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn starts_with(&mut self, text: &str) -> bool {
        let after = self.0.strip_prefix(text.as_bytes());
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    fn must_start_with(&mut self, text: &str) {
        let found = String::from_utf8_lossy(&self.0[..self.0.len().min(200)]).into_owned();
        assert!(self.starts_with(text), "{text:?} must stand before {found:?}");
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

/// First and last byte, and bytes, of each part of a `multipart/byteranges`.
fn parts(answer: &Answer, size: usize) -> Vec<(usize, usize, Vec<u8>)> {
    let boundary = answer.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary.unwrap_or_else(|| panic!("{:?}", answer.headers));
    assert!(boundary.len() <= 70 && boundary.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'));
    let mut rest = Rest(&answer.body);
    let mut parts = Vec::new();
    rest.must_start_with(&format!("--{boundary}"));
    while !rest.starts_with("--\r\n") {
        rest.must_start_with("\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ");
        let length = rest.0.iter().position(|c| *c == b'/').unwrap();
        let range = std::str::from_utf8(rest.take(length)).unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        rest.must_start_with(&format!("/{size}\r\n\r\n"));
        parts.push((first, last, rest.take(last + 1 - first).to_vec()));
        rest.must_start_with(&format!("\r\n--{boundary}"));
    }
    assert!(rest.0.is_empty(), "{} bytes behind the end", rest.0.len());
    parts
}

fn several(place: &mut Place, blob: &Blob, range: &str, expected: &[(usize, usize)]) {
    let answer = place.get_with(&format!("/v2/aa/blobs/{}", blob.digest), "Range", range);
    assert_eq!(answer.status, 206, "{range}: {:?}", answer.headers);
    assert_eq!(answer.header("content-range"), None, "{range}");
    assert_eq!(answer.header("accept-ranges"), Some("bytes"), "{range}");
    assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()), "{range}");
    assert_eq!(answer.header("etag"), Some(format!("\"{}\"", blob.digest).as_str()), "{range}");
    let found = parts(&answer, blob.bytes.len());
    let places: Vec<_> = found.iter().map(|(first, last, _)| (*first, *last)).collect();
    assert_eq!(places, expected, "{range}");
    for (first, last, part) in found {
        assert!(part == blob.bytes[first..=last], "{range}: {first}-{last}");
    }
}

#[test]
fn two_to_sixty_four() {
    let mut place = Place::with(&["aa"]);
    // In the catalogue; just one segment; two of them; some that are read in several goes.
    for length in [2048, SEGMENT, SEGMENT + 2048, 20 * SEGMENT + 5] {
        let blob = place.push("aa", &bytes(1, length));
        let end = length - 1;
        for (range, expected) in [
            ("bytes=0-0,2-3", &[(0, 0), (2, 3)][..]),
            ("bytes=0-1,-1", &[(0, 1), (end, end)]),
            ("bytes=100-,0-9", &[(0, 9), (100, end)]),
            // Sorted, overlaps made one, what cannot be left out; neighbours stay two.
            ("bytes=500-700, 600-999,0-0", &[(0, 0), (500, 999)]),
            ("bytes=5-6,900000000-,8-9", &[(5, 6), (8, 9)]),
            ("bytes=0-9,10-19", &[(0, 9), (10, 19)]),
            ("bytes=0-0,-0,1-1", &[(0, 0), (1, 1)]),
        ] {
            several(&mut place, &blob, range, expected);
        }
        for count in [2, 3, 64] {
            let step = length / count;
            let expected: Vec<_> = (0..count).map(|at| (at * step, at * step + step / 2)).collect();
            let ranges: Vec<_> = expected.iter().map(|(first, last)| format!("{first}-{last}")).collect();
            several(&mut place, &blob, &format!("bytes={}", ranges.join(",")), &expected);
        }
    }
}

#[test]
fn sixty_five_are_refused_so_that_clients_ask_one_by_one() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", &bytes(2, 100_000));
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    // Also where merging would leave one.
    for step in [1, 2] {
        let ranges: Vec<_> = (0..65).map(|at| format!("{0}-{0}", at * step)).collect();
        let answer = place.get_with(&target, "Range", &format!("bytes={}", ranges.join(",")));
        refused(&answer, 400, "UNSUPPORTED");
    }
}

#[test]
fn edges_of_segments() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", &bytes(3, 10 * SEGMENT + 9));
    for edge in [SEGMENT, 2 * SEGMENT, 8 * SEGMENT, 65_536, 131_072, 10 * SEGMENT] {
        for at in edge - 2..edge + 3 {
            let end = blob.bytes.len() - 1;
            several(&mut place, &blob, &format!("bytes=0-0,{at}-{at}"), &[(0, 0), (at, at)]);
            let range = format!("bytes=0-{},{}-{end}", at - 2, at);
            several(&mut place, &blob, &range, &[(0, at - 2), (at, end)]);
        }
    }
}

#[test]
fn conditions_decide_first() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", &bytes(4, 100_000));
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    let tag = format!("\"{}\"", blob.digest);
    let other = format!("\"{NOWHERE}\"");
    for (name, condition, status) in [
        ("If-Range", &tag, 206),
        ("If-Range", &other, 200),
        ("If-None-Match", &tag, 304),
        ("If-None-Match", &other, 206),
    ] {
        let headers = [(name, condition.as_str()), ("Range", "bytes=0-1,5-6")];
        let answer = place.send("GET", &target, &headers, Body::None);
        assert_eq!(answer.status, status, "{name}: {condition}");
        match status {
            206 => assert_eq!(parts(&answer, 100_000).len(), 2),
            200 => assert!(answer.body == blob.bytes),
            _ => assert!(answer.body.is_empty()),
        }
    }
    let headed = place.send("HEAD", &target, &[("Range", "bytes=0-1,5-6")], Body::None);
    assert_eq!((headed.status, headed.header("content-length")), (200, Some("100000")));
}

/// The answer waits for whoever reads it slowly, and is right.
#[test]
fn a_slow_reader_gets_every_byte() {
    let mut place = Place::with(&["aa"]);
    // More than what sockets hold on both sides.
    let blob = place.push("aa", &bytes(5, 1024 * SEGMENT));
    let token = place.ecr.authorization_token().unwrap();
    let half = blob.bytes.len() / 2;
    let mut stream = TcpStream::connect(place.server.host()).unwrap();
    let request = format!(
        "GET /v2/aa/blobs/{} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nRange: bytes=0-{},{}-\r\nConnection: close\r\n\r\n",
        blob.digest,
        half - 2,
        half
    );
    stream.write_all(request.as_bytes()).unwrap();
    // Another answer comes and goes while this one waits, so the server has sent what it could.
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body, blob.bytes);
    let (mut answer, mut piece) = (first.to_vec(), vec![0; 10_007]);
    loop {
        let length = stream.read(&mut piece).unwrap();
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..length]);
    }
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let lines = String::from_utf8(answer[..head].to_vec()).unwrap();
    let header = |name: &str| {
        let line = lines.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).unwrap();
        (name.to_owned(), line.split_once(": ").unwrap().1.to_owned())
    };
    let headers = vec![header("content-type"), header("content-length")];
    let answer = Answer { status: 206, headers, body: answer[head..].to_vec() };
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    let parts = parts(&answer, blob.bytes.len());
    assert!(parts[0].2 == blob.bytes[..half - 1] && parts[1].2 == blob.bytes[half..]);
}
