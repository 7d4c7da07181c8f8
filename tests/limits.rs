//! Who is slow, huge or malformed costs bounded memory and never another client's request (DESIGN.md 4, 13; spec/peers.md
//! 4b): the real binary, its peak memory, and how long another client waits meanwhile.
//!
//! Bounds are generous, since the machine may be busy; what was measured is printed (`--nocapture`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod limits {
    mod crowds;
    mod documents;
    mod heads;
    mod large;
    mod place;
    mod pulls;
}
