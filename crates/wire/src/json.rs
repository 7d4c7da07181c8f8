//! One look at a JSON document before anything is built from it: is it well formed, is it flat enough, and is no
//! member of an object said twice? Two readers of a document with a repeated member would see two documents
//! (spec/oci.md 7.2).

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

/// Why [`check`] refuses a document. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are no JSON document: bad syntax, bad UTF-8, a number beyond a double, or more after the end.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line of the offence.
        line: usize,
        /// Column of the offence.
        column: usize,
    },
    /// An object has two members of the same name, escapes resolved.
    #[error("repeated member at line {line}, column {column}")]
    RepeatedMember {
        /// Line of the second one.
        line: usize,
        /// Column behind the second one.
        column: usize,
    },
    /// Arrays and objects are nested deeper than the cap.
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// The cap that was in force.
        limit: usize,
    },
}

/// The parser's own limit refuses the 128th level; ours must come first, so that the error is ours.
const DEEPEST: usize = 126;

/// Reads the whole of `bytes` as one JSON document and keeps nothing of it.
///
/// Refuses what is not JSON in UTF-8, a repeated member in any object (names compared after their escapes are resolved)
/// and arrays and objects nested deeper than `max_depth`, where `[]` has depth 1; caps above 126 count as 126.
/// Memory: 50 bytes or so for each member of the objects that are open at one time.
pub fn check(bytes: &[u8], max_depth: usize) -> Result<(), JsonError> {
    let limit = max_depth.min(DEEPEST);
    let refusal = Cell::new(None);
    let mut document = serde_json::Deserializer::from_slice(bytes);
    let read =
        Value { room: limit, refusal: &refusal }.deserialize(&mut document).and_then(|()| document.end());
    let Err(error) = read else { return Ok(()) };
    let (line, column) = (error.line(), error.column());
    Err(match refusal.get() {
        Some(Refusal::Repeated) => JsonError::RepeatedMember { line, column },
        Some(Refusal::Deep) => JsonError::TooDeep { limit },
        None => JsonError::Syntax { line, column },
    })
}

/// What a visitor objects to; the parser's own error cannot carry it.
#[derive(Clone, Copy)]
enum Refusal {
    Repeated,
    Deep,
}

/// Any value, `room` levels of nesting being left.
#[derive(Clone, Copy)]
struct Value<'a> {
    room: usize,
    refusal: &'a Cell<Option<Refusal>>,
}

impl Value<'_> {
    fn enter<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Self { room, ..self }),
            None => Err(self.refuse(Refusal::Deep)),
        }
    }

    fn refuse<E: serde::de::Error>(self, why: Refusal) -> E {
        self.refusal.set(Some(why));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.enter()?;
        let mut names = HashSet::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if !names.insert(name) {
                return Err(self.refuse(Refusal::Repeated));
            }
            map.next_value_seed(inner)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.enter()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The name of a member, escapes resolved; borrowed from the document where it has none.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn documents_that_pass() {
        let good = [
            "0",
            " null\n",
            r#""\u0000""#,
            r#"{"a":1,"b":{"a":1},"A":[{"a":-1.5e3},{"a":true}]}"#,
            r#"{"":"","é":{}}"#,
            "[]",
        ];
        for text in good {
            assert_eq!(check(text.as_bytes(), 128), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_json() {
        let bad: [&[u8]; 12] = [
            b"",
            b" ",
            b"{",
            b"{}x",
            b"{} {}",
            b"{'a':1}",
            b"[1,]",
            b"\"\xff\"",
            b"{\"\xc3\":1}",
            b"\xef\xbb\xbf{}",
            br#""\ud800""#,
            b"1e999",
        ];
        for bytes in bad {
            let found = check(bytes, 128);
            assert!(matches!(found, Err(JsonError::Syntax { .. })), "{found:?} for {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn repeated_members_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[[{"x":{"layers":[],"b":0,"layers":[]}}]]"#,
            r#"{"":0,"":0}"#,
        ] {
            let found = check(text.as_bytes(), 128);
            assert!(matches!(found, Err(JsonError::RepeatedMember { line: 1, .. })), "{found:?} for {text}");
        }
    }

    #[test]
    fn depth() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert_eq!(check(b"1", 0), Ok(()));
        assert_eq!(check(&nested(1), 0), Err(JsonError::TooDeep { limit: 0 }));
        assert_eq!(check(&nested(3), 3), Ok(()));
        assert_eq!(check(&nested(4), 3), Err(JsonError::TooDeep { limit: 3 }));
        assert_eq!(check(br#"{"a":[{"b":[]}]}"#, 3), Err(JsonError::TooDeep { limit: 3 }));
        assert_eq!(check(&nested(126), usize::MAX), Ok(()));
        for depth in [127, 128, 129, 10_000, 2_000_000] {
            assert_eq!(check(&nested(depth), 128), Err(JsonError::TooDeep { limit: 126 }), "{depth}");
        }
        assert_eq!(check(&vec![b'['; 10_000], 128), Err(JsonError::TooDeep { limit: 126 }));
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if check(&bytes, 128).is_ok() {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            }
        }

        #[test]
        fn what_looks_like_json(text in r#"[\[\]{}:,"a\\u061 -]{0,24}"#) {
            let parsed = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let refused = matches!(check(text.as_bytes(), 128), Err(JsonError::Syntax { .. }));
            // A repeated member may hide a later fault, so only one direction holds for those.
            prop_assert!(!parsed || !refused, "{text}");
        }
    }
}
