//! The ECR API, AWS JSON 1.1 (spec/ecr.md 1 and 2): one table of operations ([`Operation`]), the shapes of their inputs
//! ([`model`]), a file of request and answer structs for each family, and the exceptions ([`ErrorCode`]).
//!
//! Members are declared in alphabetical order, which is the order ECR answers them in.

pub mod account;
mod error;
pub mod image;
mod input;
pub mod model;
mod operation;
pub mod policy;
pub mod registry;
pub mod repository;
mod shapes;
pub mod tags;
mod timestamp;
pub mod token;

pub use error::{ErrorCode, body};
pub use input::{Input, InputError, parse_input};
pub use operation::{Operation, Resource, State, readme_table};
pub use timestamp::Timestamp;

use serde::{Deserialize, Serialize};

/// The answer of an operation that has nothing to say: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// The content type of requests and answers.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

#[cfg(test)]
mod tests;
