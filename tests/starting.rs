//! How a server starts, refuses to start, and stops (DESIGN 6, 13): the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod starting {
    mod disk;
    mod process;
    mod refusals;
    mod secrets;
    mod stopping;
    mod transport;
}
