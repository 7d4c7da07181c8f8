//! Accounts and keys: operations of our own (`Acre_V1`, DESIGN.md 4 and 8).

use super::{Input, Operation};
use crate::names::AccountId;
use crate::sigv4::Secret;
use serde::{Deserialize, Serialize};

/// Makes an account with a root access key. Only the home account's root may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccount {
    /// The account to make.
    pub account_id: AccountId,
}

impl Input for CreateAccount {
    const OPERATION: Operation = Operation::CreateAccount;
    type Answer = CreateAccountAnswer;
}

/// The new account's root access key. It is told this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccountAnswer {
    /// Names the key.
    pub access_key_id: String,
    /// The account.
    pub account_id: AccountId,
    /// Signs with it.
    pub secret_access_key: Secret,
}

/// Makes a new version of the sealing keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateKeys {}

impl Input for RotateKeys {
    const OPERATION: Operation = Operation::RotateKeys;
    type Answer = RotateKeysAnswer;
}

/// What was rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateKeysAnswer {
    /// How many key domains have a new version.
    pub key_domains: u32,
}
