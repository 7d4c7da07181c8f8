//! WORDS ON THE NETWORK. What is said between acre and its clients, and nothing else: names, digests, manifests,
//! the OCI distribution protocol ([`oci`]), the ECR API ([`ecr`]), the piece of STS that clients need ([`sts`]) and
//! AWS signatures ([`sigv4`]).
//!
//! Pure: no I/O, no tokio, no SQL, no HTTP library. Everything here parses hostile input: sizes and depths are capped,
//! nothing panics, an error says what was wrong.
//!
//! Start reading at [`names`] and [`digest`]: past a door a `String` is never a name.

pub mod digest;
pub mod ecr;
pub mod host;
pub mod json;
pub mod manifest;
pub mod names;
pub mod oci;
pub mod sigv4;
pub mod sts;
