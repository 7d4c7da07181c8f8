//! Tokens for the data plane (spec/ecr.md 2.26).

use super::{Input, Operation, Timestamp};
use crate::names::AccountId;
use crate::sigv4::Secret;
use serde::{Deserialize, Serialize};

/// Asks for a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAuthorizationToken {
    /// One to ten; default: the caller's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_ids: Option<Vec<AccountId>>,
}

impl Input for GetAuthorizationToken {
    const OPERATION: Operation = Operation::GetAuthorizationToken;
    type Answer = GetAuthorizationTokenAnswer;
}

/// One entry for each registry that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAuthorizationTokenAnswer {
    /// Never empty.
    pub authorization_data: Vec<AuthorizationData>,
}

/// What `docker login` needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationData {
    /// base64 of `AWS:<password>`; the password holds no `:` and starts with `ey`.
    pub authorization_token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Scheme and host to log in to.
    pub proxy_endpoint: String,
}
