//! The door matrix: every operation and every route, asked by everybody who might ask. What each of them gets stands in two
//! tables that were written by hand ([`matrix::control_plane`], [`matrix::data_plane`]); an operation or a route without
//! its line does not compile or fails here.
//!
//! Existence never leaks: who may not know gets the same words for what is there and for what is not, and the same
//! statements run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod matrix {
    mod control_plane;
    mod data_plane;
    mod scene;
}
