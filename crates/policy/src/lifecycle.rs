//! Lifecycle policies: which images expire or move to the archive (spec/ecr.md 4). Start at [`document`].

pub mod document;
mod schema;
