//! The ECR API, AWS JSON 1.1 (spec/ecr.md 1 and 2): one table of operations ([`Operation`]), the shapes of their inputs
//! ([`model`]), a file of request and answer structs for each family, and the exceptions ([`ErrorCode`]).
//!
//! Members are declared in alphabetical order, which is the order ECR answers them in.

/// An enumeration by its words on the wire, which are stored too.
macro_rules! words {
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident $word:literal)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$of_variant])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// As on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads a word; nothing for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|word| word.as_str() == text)
            }
        }
    };
}

pub mod account;
pub mod account_setting;
pub mod cache_rule;
mod error;
pub mod image;
mod input;
pub mod layer;
pub mod model;
mod operation;
pub mod policy;
pub mod referrers;
pub mod registry;
pub mod repository;
pub mod scanning;
mod shapes;
pub mod tags;
pub mod template;
mod timestamp;
pub mod token;

pub use error::{ErrorCode, body, body_with};
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
