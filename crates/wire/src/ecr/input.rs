//! From the bytes of a body to a typed input: read what the shape knows, check it, make the struct.

use super::model::{self, Constraint, Member, Shape};
use super::{ErrorCode, Operation};
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, Serialize};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The input of one operation, and what is answered to it.
pub trait Input: Serialize + DeserializeOwned {
    /// The operation it belongs to.
    const OPERATION: Operation;

    /// What a success answers.
    type Answer: Serialize + DeserializeOwned;

    /// The rules that tie members to each other. [`parse_input`] has called it.
    fn check(&self) -> Result<(), Constraint> {
        Ok(())
    }
}

/// Why a body is no input.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It is not JSON.
    #[error("The request body is not valid JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A member breaks a rule or has the wrong type.
    #[error(transparent)]
    Constraint(#[from] Constraint),
}

impl InputError {
    /// The exception to answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Json(_) => ErrorCode::Serialization,
            Self::Constraint(constraint) => constraint.code(),
        }
    }
}

/// Reads the body of a call: an empty one is `{}`, null is absent, unknown members are ignored; then the constraints of
/// the operation's shape, then those of [`Input::check`]. Memory stays within a small multiple of what the shape
/// allows, whatever the body nests or repeats.
pub fn parse_input<T: Input>(body: &[u8]) -> Result<T, InputError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let value = read(body, T::OPERATION.input()).map_err(InputError::Json)?;
    model::validate(&value, T::OPERATION.input())?;
    // The shape is stricter than the struct; a test holds the two together.
    let input: T = serde_json::from_value(value).map_err(InputError::Json)?;
    input.check()?;
    Ok(input)
}

fn read(body: &[u8], members: &'static [Member]) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = Known(Shape::Structure(members)).deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Reads a JSON value and keeps what the shape knows. Where another type stands, an empty value of that type is
/// kept, so that validation can name the member; of a list that is too long, one element too many.
#[derive(Clone, Copy)]
struct Known(Shape);

impl<'de> DeserializeSeed<'de> for Known {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Known {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        if let Shape::List { max, of, .. } = self.0 {
            while list.len() <= max
                && let Some(element) = sequence.next_element_seed(Known(*of))?
            {
                list.push(element);
            }
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let shape = match self.0 {
                Shape::Structure(members) => members.iter().find(|m| m.name == name).map(|m| m.shape),
                Shape::Map => Some(Shape::Text { min: 0, max: usize::MAX, pattern: None }),
                _ => None,
            };
            match shape {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(shape) => match map.next_value_seed(Known(shape))? {
                    Value::Null => drop(object.remove(&name)),
                    value => drop(object.insert(name, value)),
                },
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
