//! The door matrix: every operation and every route, asked by everybody who might ask. What each of them gets stands in
//! three tables that were written by hand ([`matrix::control_plane`], [`matrix::data_plane`], [`matrix::identity`]); an
//! operation or a route without its line does not compile or fails here, and neither does a door (`crates/server`).
//!
//! Existence never leaks: who may not know gets the same words for what is there and for what is not, and the same
//! statements run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod matrix {
    mod control_plane;
    mod data_plane;
    mod identity;
    mod mounts;
    mod scene;
}
