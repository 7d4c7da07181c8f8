//! Chunks with `Content-Range`, in order and out of it, of wrong lengths, and two writers at once (spec/oci.md 6.4, 6.5).

use super::place::{Place, SEGMENT, ask, bytes, offset, refused};
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::Blob;
use std::time::{Duration, Instant};

fn patch(place: &mut Place, location: &str, range: &str, body: Body<'_>) -> Answer {
    place.send("PATCH", location, &[("Content-Range", range)], body)
}

fn range(first: usize, chunk: &[u8]) -> String {
    format!("{first}-{}", first + chunk.len() - 1)
}

/// Sends the rest of a blob, and pulls it.
fn finish(place: &mut Place, location: &str, blob: &Blob, held: usize) {
    let target = format!("{location}?digest={}", blob.digest);
    let rest = &blob.bytes[held..];
    let answer = place.send("PUT", &target, &[], Body::Sized(rest));
    assert_eq!(answer.status, 201, "{held} held: {answer:?}");
    assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
}

#[test]
fn every_form_of_a_range() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(1, 60));
    let location = place.open("aa");
    for (at, form) in ["0-9", "bytes 10-19/*", "bytes 20-29/60", "bytes=30-39", " 40-49 "].iter().enumerate()
    {
        let chunk = &blob.bytes[at * 10..at * 10 + 10];
        let body = if at % 2 == 0 { Body::Sized(chunk) } else { Body::Chunked(&[&chunk[..3], &chunk[3..]]) };
        let answer = patch(&mut place, &location, form, body);
        assert_eq!((answer.status, offset(&answer)), (202, at * 10 + 10), "{form}: {answer:?}");
    }
    for (form, code) in [
        ("", "BLOB_UPLOAD_INVALID"),
        ("50", "BLOB_UPLOAD_INVALID"),
        ("x-y", "BLOB_UPLOAD_INVALID"),
        ("50-", "BLOB_UPLOAD_INVALID"),
        ("-59", "BLOB_UPLOAD_INVALID"),
        ("bytes */60", "BLOB_UPLOAD_INVALID"),
        ("50-99999999999999999999999", "BLOB_UPLOAD_INVALID"),
        ("59-50", "SIZE_INVALID"),
        ("bytes 50-59/55", "SIZE_INVALID"),
    ] {
        for method in ["PATCH", "PUT"] {
            let target = format!("{location}?digest={}", blob.digest);
            let headers = [("Content-Range", form)];
            refused(&place.send(method, &target, &headers, Body::Sized(&blob.bytes[50..])), 400, code);
            assert_eq!(offset(&place.ask("GET", &location)), 50, "{method} {form}");
        }
    }
    finish(&mut place, &location, &blob, 50);
}

#[test]
fn a_chunk_out_of_order_stores_nothing() {
    let mut place = Place::with(&["aa"]);
    for size in [1024, 70_000] {
        let blob = Blob::new(bytes(2, 3 * size - 5));
        let chunks: Vec<&[u8]> = blob.bytes.chunks(size).collect();
        let location = place.open("aa");
        let target = format!("{location}?digest={}", blob.digest);
        for (number, chunk) in chunks.iter().enumerate() {
            let held = number * size;
            // The next but one, the last one as the end, and one that is there already.
            let mut wrong =
                vec![("PATCH", chunks.get(number + 1), held + size), ("PUT", chunks.last(), 2 * size + 1)];
            if number > 0 {
                wrong.push(("PATCH", chunks.first(), 0));
                wrong.push(("PUT", chunks.first(), held - 1));
            }
            for (method, chunk, first) in wrong {
                let Some(chunk) = chunk else { continue };
                for body in [Body::Sized(chunk), Body::Chunked(&[chunk])] {
                    let headers = [("Content-Range", range(first, chunk))];
                    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
                    let answer = place.send(method, &target, &headers, body);
                    let text = refused(&answer, 416, "BLOB_UPLOAD_INVALID");
                    assert_eq!(text, format!("First byte of the layer part is {first} instead of {held}"));
                    assert_eq!((answer.header("location"), offset(&answer)), (Some(location.as_str()), held));
                    let status = place.ask("GET", &target);
                    assert_eq!((status.status, status.header("location")), (204, Some(location.as_str())));
                    assert_eq!(offset(&status), held);
                }
            }
            if number + 1 < chunks.len() {
                let answer = patch(&mut place, &location, &range(held, chunk), Body::Sized(chunk));
                assert_eq!((answer.status, offset(&answer)), (202, held + chunk.len()), "{answer:?}");
            } else {
                let headers = [("Content-Range", range(held, chunk))];
                let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
                assert_eq!(place.send("PUT", &target, &headers, Body::Sized(chunk)).status, 201);
            }
        }
        assert!(place.ask("GET", &format!("/v2/aa/blobs/{}", blob.digest)).body == blob.bytes);
    }
}

#[test]
fn a_body_of_another_length_than_its_range_is_taken_back() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(3, 6 * SEGMENT));
    let wrong = bytes(4, 6 * SEGMENT);
    // In memory, with a short segment on disk, with whole segments alone; the body within a segment and beyond it.
    for held in [0, 10, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 100, 3 * SEGMENT - 1] {
        let location = place.open("aa");
        let target = format!("{location}?digest={}", blob.digest);
        if held > 0 {
            assert_eq!(place.send("PATCH", &location, &[], Body::Sized(&blob.bytes[..held])).status, 202);
        }
        for length in [1, 100, SEGMENT - 5, SEGMENT + 5, 2 * SEGMENT + 3] {
            for said in [length + 1, length - 1, 2 * length, length + SEGMENT] {
                if said == 0 {
                    continue;
                }
                let (body, claim) = (&wrong[..length], format!("{held}-{}", held + said - 1));
                let pieces: Vec<&[u8]> = body.chunks(20_000).collect();
                let headers = [("Content-Range", claim.as_str())];
                for (method, body) in [
                    ("PATCH", Body::Chunked(&pieces)),
                    ("PUT", Body::Chunked(&pieces)),
                    ("PATCH", Body::Sized(body)),
                ] {
                    let answer = place.send(method, &target, &headers, body);
                    refused(&answer, 400, "SIZE_INVALID");
                }
                let status = place.ask("GET", &location);
                assert_eq!((status.status, offset(&status)), (204, held), "{length} sent as {claim}");
            }
        }
        // What it held is unharmed: the right bytes make the right blob.
        let (next, _) = blob.bytes[held..].split_at(777);
        let claim = range(held, next);
        assert_eq!(patch(&mut place, &location, &claim, Body::Chunked(&[next])).status, 202);
        finish(&mut place, &location, &blob, held + 777);
        assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", blob.digest)).status, 202);
    }
}

#[test]
fn small_chunks_are_fine() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(5, SEGMENT + 300));
    let location = place.open("aa");
    let mut held = 0;
    for length in [SEGMENT - 3, 1, 1, 1, 1, 7, 1, 100] {
        let chunk = &blob.bytes[held..held + length];
        assert_eq!(patch(&mut place, &location, &range(held, chunk), Body::Sized(chunk)).status, 202);
        held += length;
    }
    finish(&mut place, &location, &blob, held);
}

/// Begins a chunked PATCH and waits until the server holds the upload for it.
fn begin(place: &mut Place, location: &str, first: &[u8]) -> Client {
    let token = place.ecr.authorization_token().unwrap();
    let mut writer = Client::new(place.server.host());
    let host = place.server.host();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        first.len()
    );
    writer.send(&[head.as_bytes(), first, b"\r\n"].concat()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while place.ask("GET", location).status != 409 {
        assert!(Instant::now() < deadline, "the first writer was never seen");
        std::thread::yield_now();
    }
    writer
}

#[test]
fn of_two_writers_at_once_one_is_told_to_wait() {
    let mut place = Place::with(&["aa"]);
    for length in [1000, 2 * SEGMENT] {
        let blob = Blob::new(bytes(6, 2 * length));
        let (first, second) = blob.bytes.split_at(length);
        let location = place.open("aa");
        let mut writer = begin(&mut place, &location, first);
        let target = format!("{location}?digest={}", blob.digest);
        for method in ["PATCH", "PUT", "DELETE", "GET"] {
            let answer = place.send(method, &target, &[], Body::Sized(b"in between"));
            refused(&answer, 409, "BLOB_UPLOAD_INVALID");
            assert_eq!(answer.header("retry-after"), Some("1"), "{method}");
        }
        writer.send(b"0\r\n\r\n").unwrap();
        let answer = writer.receive("PATCH").unwrap();
        assert_eq!((answer.status, offset(&answer)), (202, length), "{answer:?}");
        assert_eq!(place.send("PATCH", &location, &[], Body::Chunked(&[second])).status, 202);
        finish(&mut place, &location, &blob, 2 * length);
    }
}

#[test]
fn a_quiet_writer_keeps_its_place() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(7, 5 * SEGMENT));
    let location = place.open("aa");
    let mut writer = begin(&mut place, &location, &blob.bytes[..SEGMENT + 10]);
    for piece in blob.bytes[SEGMENT + 10..].chunks(SEGMENT) {
        // Longer than a server waits before it gives the thread of a quiet body to others: the pause is the test.
        std::thread::sleep(Duration::from_millis(300));
        writer.send(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).unwrap();
    }
    writer.send(b"0\r\n\r\n").unwrap();
    let answer = writer.receive("PATCH").unwrap();
    assert_eq!((answer.status, offset(&answer)), (202, blob.bytes.len()), "{answer:?}");
    finish(&mut place, &location, &blob, blob.bytes.len());
}

#[test]
fn many_uploads_at_once() {
    let mut place = Place::with(&["aa"]);
    let clients: Vec<Client> = (0..8).map(|_| place.another_client()).collect();
    std::thread::scope(|scope| {
        for (seed, mut client) in (100..).zip(clients) {
            scope.spawn(move || {
                for (round, length) in [1, 30_000, 60_000, 90_000, 150_000, 180_000].into_iter().enumerate() {
                    let blob = Blob::new(bytes(seed * 10 + round as u64, length));
                    let location = acre_testkit::image::open_upload(&mut client, "aa").unwrap();
                    for piece in blob.bytes.chunks(50_000) {
                        assert_eq!(ask(&mut client, "PATCH", &location, &[], Body::Sized(piece)).status, 202);
                    }
                    let target = format!("{location}?digest={}", blob.digest);
                    assert_eq!(ask(&mut client, "PUT", &target, &[], Body::Sized(b"")).status, 201);
                    let target = format!("/v2/aa/blobs/{}", blob.digest);
                    assert!(ask(&mut client, "GET", &target, &[], Body::None).body == blob.bytes);
                }
            });
        }
    });
}
