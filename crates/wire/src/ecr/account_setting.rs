//! Settings of a registry by name (spec/ecr.md 2.25, 2.39, 7.4). Names and values are judged elsewhere.

use super::{Input, Operation};
use serde::{Deserialize, Serialize};

/// Shows a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAccountSetting {
    /// 1 to 64 characters.
    pub name: String,
}

impl Input for GetAccountSetting {
    const OPERATION: Operation = Operation::GetAccountSetting;
    type Answer = AccountSettingAnswer;
}

/// Changes a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutAccountSetting {
    /// 1 to 64 characters.
    pub name: String,
    /// What to set it to.
    pub value: String,
}

impl Input for PutAccountSetting {
    const OPERATION: Operation = Operation::PutAccountSetting;
    type Answer = AccountSettingAnswer;
}

/// A setting as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettingAnswer {
    /// Which.
    pub name: String,
    /// What it was set to, or its default.
    pub value: String,
}
