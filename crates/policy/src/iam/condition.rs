//! When: the conditions of a statement. Operators are IAM's; keys and values are read as written.

use super::document::{any_number, string};
use super::invalid::{InvalidPolicy, Reason};
use crate::json::{Json, Object};

/// One key that is compared with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How to compare.
    pub operator: Operator,
    /// Which value of the request, as written: `<prefix>:<name>`. Keys compare without regard to case.
    pub key: String,
    /// With what: booleans and numbers as their JSON text. An empty list matches nothing.
    pub values: Vec<String>,
}

/// How a condition compares: `[ForAllValues:|ForAnyValue:]<comparison>[IfExists]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// How many of the request's values must match, where a key has several.
    pub quantifier: Option<Quantifier>,
    /// The comparison.
    pub comparison: Comparison,
    /// Whether a request without the key matches.
    pub if_exists: bool,
}

/// How many of the request's values must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// Every one, also when there is none.
    ForAllValues,
    /// At least one.
    ForAnyValue,
}

/// One enum of names that are spelled as in a policy.
macro_rules! comparisons {
    ($($name:ident)*) => {
        /// IAM's comparisons, named as in a policy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Comparison {
            $(#[doc = concat!("`", stringify!($name), "`.")] $name,)*
        }

        impl Comparison {
            /// Every comparison.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in a policy.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

comparisons! {
    StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike
    NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals
    DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals
    Bool BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike Null
}

impl Operator {
    /// Reads an operator's name; nothing where IAM has no such operator. `Null` takes neither prefix nor `IfExists`,
    /// as it asks itself whether there is a value.
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let comparison = *Comparison::ALL.iter().find(|comparison| comparison.as_str() == name)?;
        let is_bare = quantifier.is_none() && !if_exists;
        (comparison != Comparison::Null || is_bare).then_some(Self { quantifier, comparison, if_exists })
    }
}

impl Condition {
    /// Reads `Condition`: an object of operators, each an object of keys.
    pub(super) fn read_all(json: &Json) -> Result<Vec<Self>, InvalidPolicy> {
        let mut conditions = Vec::new();
        for (name, keys) in object(json)?.members() {
            let within = |invalid: InvalidPolicy| invalid.in_member(name);
            let operator = Operator::parse(name).ok_or(Reason::UnknownOperator);
            let operator = operator.map_err(InvalidPolicy::new).map_err(within)?;
            for (key, values) in object(keys).map_err(within)?.members() {
                let condition = Self::read(operator, key, values);
                conditions.push(condition.map_err(|invalid| within(invalid.in_member(key)))?);
            }
        }
        Ok(conditions)
    }

    fn read(operator: Operator, key: &str, values: &Json) -> Result<Self, InvalidPolicy> {
        match key.split_once(':') {
            Some((prefix, name)) if !prefix.is_empty() && !name.is_empty() => {}
            _ => return Err(Reason::NotAConditionKey.into()),
        }
        Ok(Self { operator, key: key.to_owned(), values: any_number(values, value)? })
    }
}

fn value(json: &Json) -> Result<String, InvalidPolicy> {
    match json {
        Json::Bool(_) | Json::Number(_) => Ok(json.to_string()),
        _ => string(json).map(str::to_owned),
    }
}

fn object(json: &Json) -> Result<&Object, InvalidPolicy> {
    match json {
        Json::Object(object) => Ok(object),
        _ => Err(Reason::WrongType("an object").into()),
    }
}
