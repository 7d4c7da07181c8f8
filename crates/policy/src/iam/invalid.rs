//! Why a policy is refused, and where in it.

use crate::json::Fault;

/// The text is not a policy that ECR would take. ECR answers every fault with the same text (spec/ecr.md 6.1), so this
/// one is for logs and tests; what it quotes of the document is escaped and short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid policy{}{at}: {reason}", if .at.is_empty() { "" } else { " at " })]
pub struct InvalidPolicy {
    /// What is wrong.
    pub reason: Reason,
    /// Where, such as `Statement[0].Principal.AWS[1]`; empty for the document itself.
    pub at: String,
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More characters than ECR takes.
    #[error("too long")]
    TooLong,
    /// Not JSON.
    #[error("not JSON")]
    NotJson,
    /// An object names a member twice.
    #[error("a member is repeated")]
    RepeatedMember,
    /// Lists and objects nest too deep.
    #[error("nested too deep")]
    TooDeep,
    /// A value of another JSON type.
    #[error("not {0}")]
    WrongType(&'static str),
    /// A member that does not belong there.
    #[error("unknown member")]
    UnknownMember,
    /// A member that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Two members of which only one may be there.
    #[error("{0} and {1} exclude each other")]
    Both(&'static str, &'static str),
    /// A list or object with nothing in it.
    #[error("empty")]
    Empty,
    /// Neither 2008-10-17 nor 2012-10-17.
    #[error("unknown version")]
    UnknownVersion,
    /// Neither Allow nor Deny.
    #[error("unknown effect")]
    UnknownEffect,
    /// Neither `*` nor an action of ECR.
    #[error("not an action of ecr")]
    NotAnAction,
    /// Neither `*` nor an ARN.
    #[error("not a resource")]
    NotAResource,
    /// Not a principal of the kind that its member says.
    #[error("not a principal")]
    NotAPrincipal,
    /// A condition operator that IAM does not have.
    #[error("unknown condition operator")]
    UnknownOperator,
    /// A condition key that is not `<prefix>:<name>`.
    #[error("not a condition key")]
    NotAConditionKey,
}

impl InvalidPolicy {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason, at: String::new() }
    }

    /// The same fault seen from the object around it.
    pub(super) fn in_member(mut self, name: &str) -> Self {
        const LONGEST_QUOTE: usize = 64;
        let name: String = name.chars().take(LONGEST_QUOTE).flat_map(char::escape_debug).collect();
        let joint = if self.at.is_empty() || self.at.starts_with('[') { "" } else { "." };
        self.at = format!("{name}{joint}{}", self.at);
        self
    }

    /// The same fault seen from the list around it.
    pub(super) fn in_item(mut self, index: usize) -> Self {
        let joint = if self.at.is_empty() || self.at.starts_with('[') { "" } else { "." };
        self.at = format!("[{index}]{joint}{}", self.at);
        self
    }
}

impl From<Reason> for InvalidPolicy {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl From<Fault> for InvalidPolicy {
    fn from(fault: Fault) -> Self {
        Self::new(match fault {
            Fault::Syntax => Reason::NotJson,
            Fault::Repeated => Reason::RepeatedMember,
            Fault::Deep => Reason::TooDeep,
        })
    }
}
