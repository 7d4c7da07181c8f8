//! Who: the principals that a statement names, read by syntax alone (spec/ecr.md 6.1).

use super::document::{object, one_or_more, string};
use super::invalid::{InvalidPolicy, Reason};
use crate::json::Json;
use acre_wire::names::AccountId;

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// `*`: everybody, also without credentials where an operation allows that.
    Anyone,
    /// An account as a whole: its id or the ARN of its root.
    Account(AccountId),
    /// An IAM user.
    User(Identity),
    /// An IAM role.
    Role(Identity),
    /// One session of an assumed role.
    AssumedRole {
        /// The role's account.
        account: AccountId,
        /// The role's name, without a path.
        role: String,
        /// The session's name.
        session: String,
    },
    /// A user federated by STS.
    FederatedUser {
        /// The account that federated the user.
        account: AccountId,
        /// The name that it gave.
        name: String,
    },
    /// A user (`AIDA…`) or role (`AROA…`) by its unique id, which no later one of the same name has.
    UniqueId(String),
    /// An AWS service by its host name.
    Service(String),
    /// An identity provider: a host name, or the ARN of one that an account knows.
    Federated(String),
    /// An account by its canonical id: 64 hexadecimal digits.
    CanonicalUser(String),
}

/// An IAM user or role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where it lives.
    pub account: AccountId,
    /// Its path, `/` or `/…/`. It is not part of the name.
    pub path: String,
    /// Its name, unique in the account without regard to case.
    pub name: String,
}

/// Reads `Principal` or `NotPrincipal`: `"*"`, or an object of kinds.
pub(super) fn read(json: &Json) -> Result<Vec<Principal>, InvalidPolicy> {
    if let Json::String(text) = json {
        return if text == "*" { Ok(vec![Principal::Anyone]) } else { Err(Reason::NotAPrincipal.into()) };
    }
    let mut principals = Vec::new();
    for (kind, json) in object(json, &["AWS", "Service", "Federated", "CanonicalUser"])?.members() {
        let parse = match kind {
            "AWS" => parse_aws,
            "Service" => parse_service,
            "Federated" => parse_federated,
            _ => parse_canonical_user,
        };
        let read = |json| parse(string(json)?).ok_or_else(|| Reason::NotAPrincipal.into());
        principals.extend(one_or_more(json, read).map_err(|invalid| invalid.in_member(kind))?);
    }
    if principals.is_empty() { Err(Reason::Empty.into()) } else { Ok(principals) }
}

fn parse_aws(text: &str) -> Option<Principal> {
    if text == "*" {
        return Some(Principal::Anyone);
    }
    if let Ok(account) = AccountId::parse(text) {
        return Some(Principal::Account(account));
    }
    if text.starts_with("AIDA") || text.starts_with("AROA") {
        let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        return ((16..=128).contains(&text.len()) && text.bytes().all(is_id))
            .then(|| Principal::UniqueId(text.to_owned()));
    }
    let Arn { service, account, resource } = Arn::parse(text)?;
    match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => Some(Principal::Account(account)),
        ("iam", Some(("user", rest))) => Some(Principal::User(Identity::parse(account, rest)?)),
        ("iam", Some(("role", rest))) => Some(Principal::Role(Identity::parse(account, rest)?)),
        ("sts", Some(("assumed-role", rest))) => {
            let (role, session) = rest.split_once('/')?;
            (is_name(role, 1..=64) && is_name(session, 2..=64)).then(|| Principal::AssumedRole {
                account,
                role: role.to_owned(),
                session: session.to_owned(),
            })
        }
        ("sts", Some(("federated-user", name))) => {
            is_name(name, 2..=32).then(|| Principal::FederatedUser { account, name: name.to_owned() })
        }
        _ => None,
    }
}

fn parse_service(text: &str) -> Option<Principal> {
    is_host(text).then(|| Principal::Service(text.to_owned()))
}

fn parse_federated(text: &str) -> Option<Principal> {
    let is_provider = || {
        let Arn { service, resource, .. } = Arn::parse(text)?;
        let (kind, name) = resource.split_once('/')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !is_wildcard(byte));
        (service == "iam" && matches!(kind, "saml-provider" | "oidc-provider") && is_name).then_some(())
    };
    (is_host(text) || is_provider().is_some()).then(|| Principal::Federated(text.to_owned()))
}

fn parse_canonical_user(text: &str) -> Option<Principal> {
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| Principal::CanonicalUser(text.to_owned()))
}

impl Identity {
    /// Reads `[<path>/]<name>`; no wildcards, as in IAM.
    fn parse(account: AccountId, text: &str) -> Option<Self> {
        let (path, name) = match text.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), text),
        };
        let is_path = path.len() <= 512
            && !path.contains("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && !is_wildcard(byte));
        (is_path && is_name(name, 1..=64)).then(|| Self { account, path, name: name.to_owned() })
    }
}

/// `arn:<partition>:<service>::<account>:<resource>`: principals belong to no Region.
struct Arn<'a> {
    service: &'a str,
    account: AccountId,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (arn, partition, service, region) = (next()?, next()?, next()?, next()?);
        let account = AccountId::parse(next()?).ok()?;
        let resource = next()?;
        (arn == "arn" && is_partition(partition) && region.is_empty()).then_some(Self {
            service,
            account,
            resource,
        })
    }
}

/// `aws`, or `aws-` and lower-case words: there are more partitions than this project names Regions of.
fn is_partition(text: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some("aws")
        && words.all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// The characters that names of users, roles and sessions are made of.
fn is_name(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    length.contains(&text.len()) && text.bytes().all(is_word)
}

fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'*' | b'?')
}

/// A host name of at least two labels, in lower case as AWS writes them.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}
