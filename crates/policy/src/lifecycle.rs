//! Lifecycle policies: which images expire or move to the archive (spec/ecr.md 4). [`document`] is what a policy says,
//! [`images`] what it is asked about, [`evaluation`] what it does to them, [`verdict`] why, [`lint`] where it does not
//! do what its author thinks.

pub mod document;
pub mod evaluation;
pub mod images;
pub mod lint;
mod schema;
mod tags;
pub mod verdict;
