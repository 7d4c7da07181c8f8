//! Nothing of a customer's can be read on the disk, and nothing that was changed on the disk is served (DESIGN 8).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod sealed {
    mod damage;
    mod files;
    mod legible;
    mod rotation;
}
