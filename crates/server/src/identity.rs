//! From credentials to a caller: Basic with a token at the data plane, `SigV4` at the control plane.

pub(crate) mod basic;
pub(crate) mod sigv4;
