//! Faults of the disk under the real binary: writes that fail or are short, no room, syncs and renames that fail, a slow disk.
//! The door says so in one of its fixed sentences, pulls go on, nothing acknowledged is lost, and when the fault ends the
//! server works again by itself. A sync that failed is never taken for one that worked: power cuts show that.
//!
//! `ACRE_ROUNDS` says how many rounds of load and cuts (12), `ACRE_SEED` replays a run as far as the scheduler allows.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and prints its seed"
)]

#[path = "faults/acts.rs"]
mod acts;
#[path = "faults/load.rs"]
mod load;
#[path = "faults/power.rs"]
mod power;
#[path = "faults/table.rs"]
mod table;
