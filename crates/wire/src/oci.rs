//! The OCI distribution protocol (spec/oci.md), as words only: no status is chosen here and nothing is looked up.
//!
//! A request is read in two steps, because authentication stands between them: [`path::Shape`] says which operation a
//! method and a path mean, [`request::Request`] reads the values in them.

pub mod error;
pub mod link;
pub mod path;
pub mod query;
pub mod range;
pub mod referrers;
pub mod request;
