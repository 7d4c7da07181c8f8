//! The data plane as a client sees it (spec/oci.md): the real binary, asked over a client that controls every byte.
//!
//! Each test has its own server. What every answer must obey, whatever was asked, is checked in `oci/place.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod oci {
    mod blobs;
    mod chunks;
    mod deletes;
    mod door;
    mod early;
    mod groups;
    mod large;
    mod layers;
    mod manifests;
    mod mounts;
    mod names;
    mod parts;
    mod place;
    mod ranges;
    mod references;
    mod referrers;
    mod resume;
    mod schema;
    mod tag_lists;
    mod tags;
    mod uploads;
}
