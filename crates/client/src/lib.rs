//! SPEAKING TO A REGISTRY. Signed calls to the control plane ([`ecr`]), acre's and AWS's alike, with [`credentials`] from
//! where the AWS tools have theirs; all [`images`] of a repository.
//!
//! It must not know commands, terminals or what a server does inside.
//!
//! Start reading at [`ecr::Client`].

pub mod credentials;
pub mod ecr;
pub mod images;
