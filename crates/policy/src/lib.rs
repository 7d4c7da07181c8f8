//! DECISIONS. Documents and names in, a verdict and its reason out: what a lifecycle policy does ([`lifecycle`]), what a
//! repository policy says ([`iam`]), whether a tag may move ([`rules`]), when a repository is scanned ([`scanning`]),
//! whether a tag matches ([`pattern`]).
//!
//! Pure: no I/O, no clock, no SQL, no HTTP. It must not know who asks, where a policy is stored or how a refusal is
//! answered: time, callers and repositories come in as values, errors go out as enums. Everything here parses hostile
//! input: sizes and depths are capped, nothing panics.
//!
//! Start reading at [`lifecycle::document`] and [`iam::document`].

pub mod iam;
mod json;
pub mod lifecycle;
pub mod pattern;
pub mod rules;
pub mod scanning;
