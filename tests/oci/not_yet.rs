//! What this version answers where a later one does more. Each of these tests goes when its work comes.

use super::place::{NOTHING, NOWHERE, Place, bytes, offset, refused};
use acre_testkit::http::Body;
use acre_testkit::image::Blob;

#[test]
fn a_mount_is_answered_with_an_upload_for_now() {
    let mut place = Place::with(&["aa", "bb"]);
    let blob = place.push("bb", &bytes(1, 1000));
    for query in [
        format!("mount={}&from=bb", blob.digest),
        format!("from=bb&mount={}", blob.digest),
        format!("mount={}", blob.digest),
        format!("mount={NOWHERE}&from=bb"),
        format!("mount={}&from=missing", blob.digest),
        format!("mount={}&from=UPPER", blob.digest),
    ] {
        let answer = place.send("POST", &format!("/v2/aa/blobs/uploads/?{query}"), &[], Body::Sized(b""));
        assert_eq!((answer.status, offset(&answer)), (202, 0), "{query}");
        let location = answer.header("location").unwrap().to_owned();
        assert_eq!(place.status(&format!("/v2/aa/blobs/{}", blob.digest)), 404, "{query}");
        // It is an upload like any other.
        let target = format!("{location}?digest={}", blob.digest);
        assert_eq!(place.send("PUT", &target, &[], Body::Sized(&blob.bytes)).status, 201);
        assert_eq!(place.ask("DELETE", &format!("/v2/aa/blobs/{}", blob.digest)).status, 202);
    }
}

#[test]
fn referrers_are_refused_clearly_for_now() {
    let mut place = Place::with(&["aa"]);
    for digest in [NOTHING, NOWHERE] {
        let answer = place.ask("GET", &format!("/v2/aa/referrers/{digest}"));
        let text = refused(&answer, 404, "UNSUPPORTED");
        assert!(text.contains("referrers"), "{text}");
        assert_eq!(place.status(&format!("/v2/aa/referrers/{digest}?artifactType=x")), 404);
    }
    refused(&place.ask("GET", "/v2/aa/referrers/sha256:bad"), 400, "DIGEST_INVALID");
}

#[test]
fn several_ranges_are_answered_whole_for_now() {
    let mut place = Place::with(&["aa"]);
    let blob = Blob::new(bytes(2, 100_000));
    place.push("aa", &blob.bytes);
    for range in ["bytes=0-1,5-9", "bytes=0-1,-1", "bytes=0-0, 2-2, 4-4"] {
        let answer = place.get_with(&format!("/v2/aa/blobs/{}", blob.digest), "Range", range);
        assert!(answer.status == 200 && answer.body == blob.bytes, "{range}: {:?}", answer.headers);
    }
}
