//! Requests that meet: whoever wins, what is told is so, and what is there is whole.
//!
//! `ACRE_ROUNDS` says how often each race is run (12), `ACRE_SEED` decides what it starts from.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and prints its seed"
)]

#[path = "races/arena.rs"]
mod arena;
#[path = "races/layers.rs"]
mod layers;
#[path = "races/repositories.rs"]
mod repositories;
#[path = "races/tags.rs"]
mod tags;
