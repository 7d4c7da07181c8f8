//! AWS Signature Version 4 (spec/ecr.md 1.2, 1.4, 1.5; DESIGN.md 4 and 6), both sides of it.
//!
//! Verifying takes two steps, because the body is signed and must not be read for a stranger: [`Claim::parse`] and
//! [`Claim::check_time`], [`Claim::check_service`] judge the head; when the key that it names exists and the body was
//! read, [`Claim::verify`] judges the signature. Signing is [`sign()`] and [`presign`].

mod canonical;
mod presigned;
mod secret;
mod sign;
mod time;
mod verify;

pub use canonical::RequestParts;
pub use presigned::presign;
pub use secret::Secret;
pub use sign::{Credentials, Purpose, sign};
pub use time::{basic_time, parse_basic_time};
pub use verify::{AuthError, Claim, Flaw, ScopeFault, TimeFault};

/// The one algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Stands for the hash of a body that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Lower-case hex of the SHA-256 of a body.
pub fn body_hash(body: &[u8]) -> String {
    crate::digest::hex(&sha256(body))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests;
