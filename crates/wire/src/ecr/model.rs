//! Shapes: what an input may look like, as data, and the one walk that checks a body against them (spec/ecr.md 1.4,
//! 1.7). A service that printed other texts than ECR would break the clients that match on them, so the texts live
//! here and nowhere else.

use super::ErrorCode;
use serde_json::Value;

/// What a value may be. Lengths of text count characters, those of lists members; both ends are inclusive.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A string.
    Text {
        /// Fewest characters.
        min: usize,
        /// Most characters; `usize::MAX` where the model names no bound.
        max: usize,
        /// The grammar of the text, if it has one.
        pattern: Option<Pattern>,
    },
    /// One of these strings. They are printed in this order.
    Enum(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// Bytes, in base64.
    Blob {
        /// Most bytes after decoding.
        max: usize,
    },
    /// Seconds since 1970, a number.
    Timestamp,
    /// Values of one shape.
    List {
        /// Fewest members.
        min: usize,
        /// Most members; `usize::MAX` where the model names no bound.
        max: usize,
        /// What each is.
        of: &'static Shape,
    },
    /// Texts by name.
    Map,
    /// An object of known members; others are ignored.
    Structure(&'static [Member]),
}

/// One member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// As it stands in the JSON.
    pub name: &'static str,
    /// Neither absent nor null.
    pub required: bool,
    /// What it holds.
    pub shape: Shape,
}

/// A member that must be there.
pub const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, required: true, shape }
}

/// A member that may be absent or null.
pub const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, required: false, shape }
}

/// The grammar of a text.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The regular expression as ECR prints it; it may differ from the grammar that ECR enforces.
    pub text: &'static str,
    /// The sentence it is printed in.
    pub form: Form,
    /// Whether a text obeys the grammar.
    pub matches: fn(&str) -> bool,
}

/// The sentence that ECR prints a regular expression in. It has validators of two generations, and both are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `must satisfy regular expression '…'`; lengths too are told without the word Member.
    Quoted,
    /// `must satisfy regular expression …`; lengths as above.
    Plain,
    /// `Member must satisfy regular expression pattern: …`.
    Member,
}

impl Pattern {
    /// The constraint text of a text that does not match.
    pub fn sentence(&self) -> String {
        match self.form {
            Form::Quoted => format!("must satisfy regular expression '{}'", self.text),
            Form::Plain => format!("must satisfy regular expression {}", self.text),
            Form::Member => format!("Member must satisfy regular expression pattern: {}", self.text),
        }
    }
}

/// Why an input is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Constraint {
    /// The value has the right JSON type and breaks a rule.
    #[error("Invalid parameter at '{field}' failed to satisfy constraint: '{text}'")]
    Broken {
        /// The innermost member that breaks it, first letter lower case; of a list of plain values, the list.
        field: String,
        /// The rule.
        text: String,
    },
    /// The value has another JSON type.
    #[error("{found} can not be converted to {expected} at '{field}'")]
    IllTyped {
        /// As in [`Constraint::Broken`].
        field: String,
        /// What the shape asks for.
        expected: &'static str,
        /// What was sent.
        found: &'static str,
    },
}

impl Constraint {
    /// A rule that is broken at `field`.
    pub fn broken(field: &str, text: impl Into<String>) -> Self {
        Self::Broken { field: lower_camel(field), text: text.into() }
    }

    fn ill_typed(field: &str, expected: &'static str, value: &Value) -> Self {
        let found = match value {
            Value::Null => "NULL_VALUE",
            Value::Bool(true) => "TRUE_VALUE",
            Value::Bool(false) => "FALSE_VALUE",
            Value::Number(_) => "NUMBER_VALUE",
            Value::String(_) => "STRING_VALUE",
            Value::Array(_) => "Start of list",
            Value::Object(_) => "Start of structure or map",
        };
        Self::IllTyped { field: lower_camel(field), expected, found }
    }

    /// `InvalidParameterException`, or `SerializationException` for a wrong JSON type.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Broken { .. } => ErrorCode::InvalidParameter,
            Self::IllTyped { .. } => ErrorCode::Serialization,
        }
    }
}

fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

/// Checks an object against the members it may have, in their order; the first fault is told. Null is absent, unknown
/// members are ignored.
pub fn validate(value: &Value, members: &'static [Member]) -> Result<(), Constraint> {
    validate_structure(value, members, "body")
}

fn validate_structure(value: &Value, members: &'static [Member], field: &str) -> Result<(), Constraint> {
    let Value::Object(object) = value else { return Err(Constraint::ill_typed(field, "a structure", value)) };
    for member in members {
        match object.get(member.name) {
            None | Some(Value::Null) if member.required => {
                return Err(Constraint::broken(member.name, "Member must not be null"));
            }
            None | Some(Value::Null) => {}
            Some(value) => validate_value(value, &member.shape, member.name)?,
        }
    }
    Ok(())
}

fn validate_value(value: &Value, shape: &Shape, field: &str) -> Result<(), Constraint> {
    let ill_typed = |expected| Constraint::ill_typed(field, expected, value);
    match *shape {
        Shape::Text { min, max, pattern } => {
            let text = value.as_str().ok_or_else(|| ill_typed("a String"))?;
            validate_text(text, min, max, pattern, field)
        }
        Shape::Enum(values) => {
            let text = value.as_str().ok_or_else(|| ill_typed("a String"))?;
            if values.contains(&text) {
                return Ok(());
            }
            let set = values.join(", ");
            Err(Constraint::broken(field, format!("Member must satisfy enum value set: [{set}]")))
        }
        Shape::Integer { min, max } => {
            let number = value.as_i64().ok_or_else(|| ill_typed("an Integer"))?;
            validate_bounds("Member must have value", number, min, max, field)
        }
        Shape::Boolean => value.as_bool().map(|_| ()).ok_or_else(|| ill_typed("a Boolean")),
        Shape::Timestamp => value.as_f64().map(|_| ()).ok_or_else(|| ill_typed("a Timestamp")),
        Shape::Blob { max } => {
            let text = value.as_str().filter(|text| is_base64(text)).ok_or_else(|| ill_typed("a Blob"))?;
            let digits = text.trim_end_matches('=').len();
            validate_bounds("Member must have length", digits / 4 * 3 + digits % 4 * 3 / 4, 0, max, field)
        }
        Shape::List { min, max, of } => {
            let list = value.as_array().ok_or_else(|| ill_typed("a list"))?;
            validate_bounds("Member must have length", list.len(), min, max, field)?;
            list.iter().try_for_each(|element| validate_element(element, of, field))
        }
        Shape::Map => {
            let map = value.as_object().ok_or_else(|| ill_typed("a map"))?;
            map.values().try_for_each(|value| validate_value(value, &ANY_TEXT, field))
        }
        Shape::Structure(members) => validate_structure(value, members, field),
    }
}

/// Letters and padding, in fours.
fn is_base64(text: &str) -> bool {
    let letters = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let is_letter = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    text.len().is_multiple_of(4) && letters.bytes().all(is_letter)
}

const ANY_TEXT: Shape = Shape::Text { min: 0, max: usize::MAX, pattern: None };

fn validate_text(
    text: &str,
    min: usize,
    max: usize,
    pattern: Option<Pattern>,
    field: &str,
) -> Result<(), Constraint> {
    let what = match pattern {
        Some(Pattern { form: Form::Quoted | Form::Plain, .. }) => "must have length",
        _ => "Member must have length",
    };
    validate_bounds(what, text.chars().count(), min, max, field)?;
    match pattern {
        Some(pattern) if !(pattern.matches)(text) => Err(Constraint::broken(field, pattern.sentence())),
        _ => Ok(()),
    }
}

fn validate_bounds<T: Copy + PartialOrd + std::fmt::Display>(
    what: &str,
    is: T,
    min: T,
    max: T,
    field: &str,
) -> Result<(), Constraint> {
    if is < min {
        Err(Constraint::broken(field, format!("{what} greater than or equal to {min}")))
    } else if is > max {
        Err(Constraint::broken(field, format!("{what} less than or equal to {max}")))
    } else {
        Ok(())
    }
}

/// A plain value is told as a constraint of its list, a structure by the member of its own that is wrong.
fn validate_element(value: &Value, shape: &Shape, field: &str) -> Result<(), Constraint> {
    if value.is_null() {
        return Err(Constraint::broken(field, "Member must satisfy constraint: [Member must not be null]"));
    }
    match (validate_value(value, shape, field), shape) {
        (
            Err(Constraint::Broken { field, text }),
            Shape::Text { .. } | Shape::Enum(_) | Shape::Integer { .. },
        ) => Err(Constraint::Broken { field, text: format!("Member must satisfy constraint: [{text}]") }),
        (outcome, _) => outcome,
    }
}

#[cfg(test)]
mod tests;
