//! A repository or registry policy as a document: grammar and syntax, nothing about who exists (spec/ecr.md 6.1, 6.2,
//! spec/terraform.md 6).

use super::condition::Condition;
use super::invalid::{InvalidPolicy, Reason};
use super::principal::{self, Principal};
use crate::json::{self, Json, Object};

/// The longest text that ECR takes, in characters (spec/ecr.md 2.49).
pub const MAX_CHARACTERS: usize = 10_240;

/// A policy that has passed every check of grammar and syntax.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDocument {
    /// The version of the language.
    pub version: Version,
    /// The author's name for the document.
    pub id: Option<String>,
    /// What it says: at least one statement, in the order in which they were written.
    pub statements: Vec<Statement>,
}

impl PolicyDocument {
    /// Reads and checks a policy of at most [`MAX_CHARACTERS`]. Principals are checked by syntax, not existence; resources
    /// are optional, as the repository is implied.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(Reason::TooLong.into());
        }
        let json = json::parse(text)?;
        let object = object(&json, &["Version", "Id", "Statement"])?;
        let version = member(object, "Version", version)?.unwrap_or(Version::V2008);
        let id = member(object, "Id", string)?.map(str::to_owned);
        let statements = member(object, "Statement", |json| one_or_more(json, Statement::read))?;
        Ok(Self { version, id, statements: statements.ok_or(Reason::Missing("Statement"))? })
    }

    /// Whether any statement denies.
    pub fn has_deny(&self) -> bool {
        self.statements.iter().any(|statement| statement.effect == Effect::Deny)
    }

    /// Whether every statement says where it holds, as a registry's policy must: nothing is implied there.
    pub fn names_resources(&self) -> bool {
        self.statements.iter().all(|statement| statement.resources.is_some())
    }

    /// Whether each statement is about every action (`ecr:*`) or about some of these alone, written out.
    pub fn is_limited_to(&self, names: &[&str]) -> bool {
        let is_one = |action: &ActionPattern| {
            action.as_str() == "*" || names.iter().any(|name| action.as_str().eq_ignore_ascii_case(name))
        };
        self.statements.iter().all(|statement| match &statement.actions {
            Selected::Only(actions) => actions.iter().all(is_one),
            Selected::AllBut(_) => false,
        })
    }
}

/// The version of the policy language. They differ in whether `${…}` in a value is a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2008-10-17, which is also what a policy means that says nothing: no variables.
    V2008,
    /// 2012-10-17.
    V2012,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The author's name for it; need not be unique.
    pub sid: Option<String>,
    /// What it does to a request that it matches.
    pub effect: Effect,
    /// Whom it is about (`Principal`, `NotPrincipal`).
    pub principals: Selected<Principal>,
    /// What it is about (`Action`, `NotAction`).
    pub actions: Selected<ActionPattern>,
    /// Where (`Resource`, `NotResource`), as written; nothing means the repository that holds the policy.
    pub resources: Option<Selected<String>>,
    /// When: all of them must hold.
    pub conditions: Vec<Condition>,
}

impl Statement {
    fn read(json: &Json) -> Result<Self, InvalidPolicy> {
        let object = object(
            json,
            &[
                "Sid",
                "Effect",
                "Principal",
                "NotPrincipal",
                "Action",
                "NotAction",
                "Resource",
                "NotResource",
                "Condition",
            ],
        )?;
        let sid = member(object, "Sid", string)?.map(str::to_owned);
        let effect = member(object, "Effect", effect)?.ok_or(Reason::Missing("Effect"))?;
        let principals = selected(object, "Principal", "NotPrincipal", principal::read)?;
        let actions = selected(object, "Action", "NotAction", |json| one_or_more(json, ActionPattern::read))?;
        let resources = selected(object, "Resource", "NotResource", |json| one_or_more(json, resource))?;
        let conditions = member(object, "Condition", Condition::read_all)?.unwrap_or_default();
        let principals = principals.ok_or(Reason::Missing("Principal"))?;
        let actions = actions.ok_or(Reason::Missing("Action"))?;
        Ok(Self { sid, effect, principals, actions, resources, conditions })
    }
}

/// What a statement does to a request that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request may pass.
    Allow,
    /// The request must not pass, whatever else allows it.
    Deny,
}

/// A list or its complement; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected<T> {
    /// These.
    Only(Vec<T>),
    /// All but these (the `Not…` members).
    AllBut(Vec<T>),
}

/// The name of an action of ECR with `*` and `?` as wildcards, without its `ecr:`; `*` alone stands for every action.
/// Names compare without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPattern(Box<str>);

impl ActionPattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn read(json: &Json) -> Result<Self, InvalidPolicy> {
        let name = match string(json)? {
            "*" => "*",
            text => match text.split_once(':') {
                Some((service, name)) if service.eq_ignore_ascii_case("ecr") => name,
                _ => return Err(Reason::NotAnAction.into()),
            },
        };
        let is_name = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'*' | b'?');
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(Reason::NotAnAction.into());
        }
        Ok(Self(name.into()))
    }
}

fn version(json: &Json) -> Result<Version, InvalidPolicy> {
    match string(json)? {
        "2008-10-17" => Ok(Version::V2008),
        "2012-10-17" => Ok(Version::V2012),
        _ => Err(Reason::UnknownVersion.into()),
    }
}

fn effect(json: &Json) -> Result<Effect, InvalidPolicy> {
    match string(json)? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        _ => Err(Reason::UnknownEffect.into()),
    }
}

/// `*`, or `arn:` and five more parts, any of which may hold wildcards.
fn resource(json: &Json) -> Result<String, InvalidPolicy> {
    let text = string(json)?;
    let mut parts = text.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.nth(4).is_some_and(|last| !last.is_empty());
    if text == "*" || is_arn { Ok(text.to_owned()) } else { Err(Reason::NotAResource.into()) }
}

/// The member or its complement; at most one of them may be there.
fn selected<T>(
    object: &Object,
    only: &'static str,
    all_but: &'static str,
    read: impl Fn(&Json) -> Result<Vec<T>, InvalidPolicy>,
) -> Result<Option<Selected<T>>, InvalidPolicy> {
    match (member(object, only, &read)?, member(object, all_but, &read)?) {
        (Some(_), Some(_)) => Err(Reason::Both(only, all_but).into()),
        (Some(list), None) => Ok(Some(Selected::Only(list))),
        (None, Some(list)) => Ok(Some(Selected::AllBut(list))),
        (None, None) => Ok(None),
    }
}

/// A member that may be absent; a fault in it says where it is.
fn member<'a, T>(
    object: &'a Object,
    name: &str,
    read: impl FnOnce(&'a Json) -> Result<T, InvalidPolicy>,
) -> Result<Option<T>, InvalidPolicy> {
    object.get(name).map(read).transpose().map_err(|invalid| invalid.in_member(name))
}

/// One value, or a list of at least one.
pub(super) fn one_or_more<'a, T>(
    json: &'a Json,
    read: impl Fn(&'a Json) -> Result<T, InvalidPolicy>,
) -> Result<Vec<T>, InvalidPolicy> {
    match json {
        Json::List(items) if items.is_empty() => Err(Reason::Empty.into()),
        _ => any_number(json, read),
    }
}

/// One value, or a list of any length.
pub(super) fn any_number<'a, T>(
    json: &'a Json,
    read: impl Fn(&'a Json) -> Result<T, InvalidPolicy>,
) -> Result<Vec<T>, InvalidPolicy> {
    match json {
        Json::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| read(item).map_err(|invalid| invalid.in_item(index)))
            .collect(),
        one => Ok(vec![read(one)?]),
    }
}

/// An object with none but the known members.
pub(super) fn object<'a>(json: &'a Json, known: &[&str]) -> Result<&'a Object, InvalidPolicy> {
    let Json::Object(object) = json else { return Err(Reason::WrongType("an object").into()) };
    match object.members().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => Err(InvalidPolicy::new(Reason::UnknownMember).in_member(name)),
        None => Ok(object),
    }
}

pub(super) fn string(json: &Json) -> Result<&str, InvalidPolicy> {
    match json {
        Json::String(text) => Ok(text),
        _ => Err(Reason::WrongType("a string").into()),
    }
}

#[cfg(test)]
mod tests;
