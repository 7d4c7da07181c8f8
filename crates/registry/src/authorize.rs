//! May this caller do that to this? Asked on the first line of every operation, answered before anything is read.

use crate::{Caller, Error, Registry};
use acre_wire::ecr::Operation;
use acre_wire::names::AccountId;
use std::fmt;

/// The right to carry out one operation. A change says through it how it ended: one audit line each.
#[must_use = "a change must report how it ended"]
#[derive(Debug)]
pub(crate) struct Permit {
    operation: Operation,
    principal: String,
    resource: String,
    request: String,
    reported: bool,
}

impl Permit {
    /// Of somebody who holds the data folder itself, root key and all: there is nothing to ask.
    pub(crate) fn of_holder(operation: Operation, principal: String, request: String) -> Self {
        Self { operation, principal, resource: "*".to_owned(), request, reported: !operation.changes() }
    }
}

impl Registry {
    /// Judges the caller by the ECR action and the resource: `owner` is the account that the resource belongs to.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        operation: Operation,
        owner: &AccountId,
        resource: impl fmt::Display,
    ) -> Result<Permit, Error> {
        let mut permit = Permit {
            operation,
            principal: caller.principal.arn.clone(),
            resource: resource.to_string(),
            request: caller.request.clone(),
            // Reads leave no line behind, unless they are refused.
            reported: !operation.changes(),
        };
        if self.allows(caller, operation, owner, &permit.resource) {
            return Ok(permit);
        }
        let action = operation.action();
        permit.report("denied");
        Err(Error::AccessDenied {
            principal: caller.principal.arn.clone(),
            action,
            resource: permit.resource.clone(),
            reason: format!("no resource-based policy allows the {action} action"),
        })
    }

    /// The judgement alone, for a look at something that the caller need not be told of: a refusal is nobody's news.
    ///
    /// Until policies are evaluated: an account's root may do all in its account, everybody else nothing.
    #[expect(
        clippy::unused_self,
        reason = "policies are the registry's to read: they come with a later version"
    )]
    pub(crate) fn allows(
        &self,
        caller: &Caller,
        _operation: Operation,
        owner: &AccountId,
        _resource: &str,
    ) -> bool {
        caller.principal.account == *owner
    }
}

impl Permit {
    /// Notes how the change ended.
    pub(crate) fn record<T>(mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        match &outcome {
            Ok(_) => self.report("done"),
            Err(error) => self.report(error.kind()),
        }
        outcome
    }

    /// Leaves the line to the change that follows.
    pub(crate) fn leave(mut self) {
        self.reported = true;
    }

    /// An operation that only reads as a rule has changed something this time: that leaves a line.
    pub(crate) fn has_changed(mut self) -> Self {
        self.reported = false;
        self
    }

    fn report(&mut self, outcome: &'static str) {
        if outcome != "denied" && self.reported {
            return;
        }
        self.reported = true;
        tracing::info!(
            target: "acre::audit",
            principal = self.principal,
            action = self.operation.action(),
            resource = self.resource,
            outcome,
            request_id = self.request,
        );
    }
}

impl Drop for Permit {
    /// The client went away before the end was known: the change may have been committed all the same.
    fn drop(&mut self) {
        self.report("abandoned");
    }
}
