//! Parts of blobs (spec/oci.md 5.2).

use super::place::{NOWHERE, Place, SEGMENT, bytes, refused};
use acre_testkit::http::Body;
use acre_testkit::image::Blob;

/// Asks for a part and checks all that a 206 says.
fn part(place: &mut Place, blob: &Blob, range: &str, first: usize, last: usize) {
    let answer = place.get_with(&format!("/v2/aa/blobs/{}", blob.digest), "Range", range);
    assert_eq!(answer.status, 206, "{range}: {:?}", answer.headers);
    assert!(answer.body == blob.bytes[first..=last], "{range}");
    let content_range = format!("bytes {first}-{last}/{}", blob.bytes.len());
    assert_eq!(answer.header("content-range"), Some(content_range.as_str()), "{range}");
    identity(&answer, blob);
}

fn nothing(place: &mut Place, blob: &Blob, range: &str) {
    let answer = place.get_with(&format!("/v2/aa/blobs/{}", blob.digest), "Range", range);
    assert_eq!((answer.status, answer.body.len()), (416, 0), "{range}");
    let content_range = format!("bytes */{}", blob.bytes.len());
    assert_eq!(answer.header("content-range"), Some(content_range.as_str()), "{range}");
    identity(&answer, blob);
}

fn whole(place: &mut Place, blob: &Blob, range: &str) {
    let answer = place.get_with(&format!("/v2/aa/blobs/{}", blob.digest), "Range", range);
    assert!(answer.status == 200 && answer.body == blob.bytes, "{range}: {:?}", answer.headers);
    assert_eq!(answer.header("content-range"), None, "{range}");
    identity(&answer, blob);
}

fn identity(answer: &acre_testkit::http::Answer, blob: &Blob) {
    assert_eq!(answer.header("docker-content-digest"), Some(blob.digest.to_string().as_str()));
    assert_eq!(answer.header("etag"), Some(format!("\"{}\"", blob.digest).as_str()));
}

#[test]
fn the_table() {
    let mut place = Place::with(&["aa"]);
    // One that lies in the catalogue, one of two segments.
    for length in [2048, SEGMENT + 2048] {
        let blob = place.push("aa", &bytes(1, length));
        let end = length - 1;
        for (range, first, last) in [
            ("bytes=500-1499", 500, 1499),
            ("bytes=500-", 500, end),
            ("bytes=-500", length - 500, end),
            ("bytes=2000-500000", 2000, end),
            ("bytes=0-", 0, end),
            ("bytes=0-0", 0, 0),
            ("bytes=0-99999999999999999999999", 0, end),
            ("bytes=-99999999999999999999999", 0, end),
            ("bytes=-1", end, end),
            ("Bytes=1-2", 1, 2),
            ("bytes=0-10,5-20", 0, 20),
            ("bytes=90-95, 0-1,1-100", 0, 100),
            ("bytes=7-9,900000-", 7, 9),
        ] {
            part(&mut place, &blob, range, first, last);
        }
        for range in [
            "bytes=500-0",
            "bytes=900000-",
            "bytes=900000-900001",
            "bytes=-0",
            "bytes=99999999999999999999999-",
            "bytes=900000-,-0",
        ] {
            nothing(&mut place, &blob, range);
        }
        for range in [
            "octets=0-1",
            "bytes",
            "bytes=",
            "bytes=a-b",
            "bytes=1",
            "bytes=--1",
            "bytes=0-1,x",
            "bytes=0x1-2",
            "0-1",
        ] {
            whole(&mut place, &blob, range);
        }
        let many = (0..65).map(|at| format!("{0}-{0}", 2 * at)).collect::<Vec<_>>().join(",");
        let answer =
            place.get_with(&format!("/v2/aa/blobs/{}", blob.digest), "Range", &format!("bytes={many}"));
        refused(&answer, 400, "UNSUPPORTED");
    }
}

#[test]
fn an_empty_blob_has_no_parts() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", b"");
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
        nothing(&mut place, &blob, range);
    }
    whole(&mut place, &blob, "octets=0-1");
}

#[test]
fn edges_of_segments() {
    let mut place = Place::with(&["aa"]);
    for length in [3 * SEGMENT + 17, 2 * SEGMENT, 9 * SEGMENT + 1] {
        let blob = place.push("aa", &bytes(2, length));
        for edge in [SEGMENT, 2 * SEGMENT, 8 * SEGMENT, 65_536, 131_072] {
            let near = edge - 2..(edge + 3).min(length);
            for first in near.clone() {
                for last in near.clone().filter(|last| *last >= first) {
                    part(&mut place, &blob, &format!("bytes={first}-{last}"), first, last);
                }
                part(&mut place, &blob, &format!("bytes={first}-"), first, length - 1);
                part(&mut place, &blob, &format!("bytes=0-{first}"), 0, first);
                part(&mut place, &blob, &format!("bytes=-{first}"), length - first, length - 1);
            }
        }
    }
}

#[test]
fn if_range() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", &bytes(3, 100_000));
    let target = format!("/v2/aa/blobs/{}", blob.digest);
    for (condition, status) in [
        (format!("\"{}\"", blob.digest), 206),
        (format!("W/\"{}\"", blob.digest), 200),
        (format!("\"{NOWHERE}\""), 200),
        ("Sat, 01 Jan 2050 00:00:00 GMT".into(), 200),
    ] {
        let headers = [("If-Range", condition.as_str()), ("Range", "bytes=10-19")];
        let answer = place.send("GET", &target, &headers, Body::None);
        assert_eq!(answer.status, status, "{condition}");
        assert!(answer.body == if status == 206 { &blob.bytes[10..20] } else { &blob.bytes[..] });
    }
}

#[test]
fn head_ignores_ranges() {
    let mut place = Place::with(&["aa"]);
    let blob = place.push("aa", &bytes(4, 100_000));
    for range in ["bytes=0-1", "bytes=100000-"] {
        let answer =
            place.send("HEAD", &format!("/v2/aa/blobs/{}", blob.digest), &[("Range", range)], Body::None);
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("100000")), "{range}");
    }
}
