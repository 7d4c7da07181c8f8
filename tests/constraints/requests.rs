//! Requests that break one constraint each, and what has to be answered.

use super::facts::{PATTERNS, Sentence};
use super::notation::{Fact, Named};
use serde_json::{Map, Value, json};

/// A request, and its answer.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) input: Value,
    pub(crate) code: &'static str,
    pub(crate) text: String,
    /// Whether that is the answer, or just not the answer: the value lies on the bound.
    pub(crate) refused: bool,
}

/// An input in which nothing is wrong, with what is required and no more.
pub(crate) fn least(members: &[Named]) -> Value {
    let required = members.iter().filter(|member| member.required);
    Value::Object(required.map(|member| (member.name.clone(), good(&member.fact))).collect::<Map<_, _>>())
}

fn good(fact: &Fact) -> Value {
    match fact {
        Fact::Text { min, pattern, .. } => match pattern {
            Some(pattern) => sample(pattern).3.into(),
            None => "a".repeat((*min).max(1)).into(),
        },
        Fact::Integer { min, .. } => (*min).max(0).into(),
        Fact::Boolean => true.into(),
        Fact::Blob { .. } => "YQ==".into(),
        Fact::Enumeration(words) => words[0].clone().into(),
        Fact::List { of, .. } => json!([good(of)]),
        Fact::Structure(members) => least(members),
    }
}

fn sample(pattern: &str) -> super::facts::Pattern {
    *PATTERNS.iter().find(|known| known.0 == pattern).unwrap_or_else(|| panic!("no sample for {pattern}"))
}

/// One case for each constraint of an input, beyond each of its bounds and on it.
pub(crate) fn cases(members: &[Named]) -> Vec<Case> {
    let mut cases = Vec::new();
    break_members(&mut cases, members, &|value| value);
    cases.push(ill_typed(json!([]), "Start of list", "a structure", "body"));
    cases
}

/// All members wrong: the first is told.
pub(crate) fn all_wrong(members: &[Named]) -> Option<Case> {
    let first = members.first()?;
    let (_, found, expected) = wrong(&first.fact);
    let all = members.iter().map(|member| (member.name.clone(), wrong(&member.fact).0)).collect();
    Some(ill_typed(Value::Object(all), found, expected, &field(&first.name)))
}

/// `around` makes a whole input out of this structure.
fn break_members(cases: &mut Vec<Case>, members: &[Named], around: &dyn Fn(Value) -> Value) {
    for member in members {
        let with = |value: Value| {
            let mut structure = least(members);
            structure[&member.name] = value;
            around(structure)
        };
        let name = field(&member.name);
        if member.required {
            let mut without = least(members);
            without.as_object_mut().expect("a structure").remove(&member.name);
            for input in [around(without), with(Value::Null)] {
                cases.push(broken(input, &name, "Member must not be null", true));
            }
        }
        break_value(cases, &member.fact, &name, &with, false);
    }
}

/// `listed`: the value stands in a list, whose constraint it is then.
fn break_value(cases: &mut Vec<Case>, fact: &Fact, name: &str, with: &dyn Fn(Value) -> Value, listed: bool) {
    let (value, found, expected) = wrong(fact);
    cases.push(ill_typed(with(value), found, expected, name));
    let mut refuse = |value: Value, text: &str, refused: bool| {
        let text = if listed { format!("Member must satisfy constraint: [{text}]") } else { text.to_owned() };
        cases.push(broken(with(value), name, &text, refused));
    };
    match fact {
        Fact::Text { min, max, pattern } => {
            let pattern = pattern.as_deref().map(sample);
            let sentence = pattern.map(|(_, alone, in_list, ..)| if listed { in_list } else { alone });
            let what = match sentence {
                Some(Sentence::Quoted | Sentence::Plain) => "must have length",
                _ => "Member must have length",
            };
            let text = |length: usize| Value::from(stretch(pattern.map_or("a", |known| known.3), length));
            if let Some(beyond) = min.checked_sub(1) {
                let rule = format!("{what} greater than or equal to {min}");
                refuse(text(beyond), &rule, true);
                refuse(text(*min), &rule, false);
            }
            if let Some(max) = max {
                let rule = format!("{what} less than or equal to {max}");
                refuse(text(max + 1), &rule, true);
                refuse(text(*max), &rule, false);
            }
            if let (Some((printed, _, _, good, bad)), Some(sentence)) = (pattern, sentence) {
                let rule = match sentence {
                    Sentence::Quoted => format!("must satisfy regular expression '{printed}'"),
                    Sentence::Plain => format!("must satisfy regular expression {printed}"),
                    Sentence::Member => format!("Member must satisfy regular expression pattern: {printed}"),
                };
                refuse(bad.into(), &rule, true);
                refuse(good.into(), &rule, false);
            }
        }
        Fact::Integer { min, max } => {
            let rule = format!("Member must have value greater than or equal to {min}");
            refuse((min - 1).into(), &rule, true);
            refuse((*min).into(), &rule, false);
            if let Some(max) = max {
                let rule = format!("Member must have value less than or equal to {max}");
                refuse((max + 1).into(), &rule, true);
                refuse((*max).into(), &rule, false);
            }
        }
        Fact::Boolean => {}
        Fact::Blob { max } => {
            let rule = format!("Member must have length less than or equal to {max}");
            refuse(base64(max + 1).into(), &rule, true);
            refuse(base64(*max).into(), &rule, false);
        }
        Fact::Enumeration(words) => {
            let rule = format!("Member must satisfy enum value set: [{}]", words.join(", "));
            refuse(format!("{} ", words[0]).into(), &rule, true);
            refuse("none of them".into(), &rule, true);
            for word in words {
                refuse(word.clone().into(), &rule, false);
            }
        }
        Fact::List { min, max, of } => {
            let list = |length: usize| Value::from(vec![good(of); length]);
            if let Some(beyond) = min.checked_sub(1) {
                let rule = format!("Member must have length greater than or equal to {min}");
                refuse(list(beyond), &rule, true);
                refuse(list(*min), &rule, false);
            }
            if let Some(max) = max {
                let rule = format!("Member must have length less than or equal to {max}");
                refuse(list(max + 1), &rule, true);
                refuse(list(*max), &rule, false);
            }
            let null = "Member must satisfy constraint: [Member must not be null]";
            cases.push(broken(with(json!([Value::Null])), name, null, true));
            let is_plain = !matches!(**of, Fact::Structure(_) | Fact::List { .. });
            // Not the first of them, so that all are looked at.
            let inside = |value: Value| with(json!([good(of), value]));
            let alone = |value: Value| with(json!([value]));
            let fits = max.is_none_or(|max| max > 1);
            break_value(cases, of, name, if fits { &inside } else { &alone }, is_plain);
        }
        Fact::Structure(members) => break_members(cases, members, with),
    }
}

/// A value of another JSON type, and how it is told.
fn wrong(fact: &Fact) -> (Value, &'static str, &'static str) {
    match fact {
        Fact::Text { .. } | Fact::Enumeration(_) => (json!(1), "NUMBER_VALUE", "a String"),
        Fact::Integer { .. } => (json!("1"), "STRING_VALUE", "an Integer"),
        Fact::Boolean => (json!("true"), "STRING_VALUE", "a Boolean"),
        Fact::Blob { .. } => (json!("*"), "STRING_VALUE", "a Blob"),
        Fact::List { .. } => (json!({}), "Start of structure or map", "a list"),
        Fact::Structure(_) => (json!(false), "FALSE_VALUE", "a structure"),
    }
}

/// A text of that length that obeys the pattern of `start` if one so long can: short ones are cut.
fn stretch(start: &str, length: usize) -> String {
    start.chars().chain(std::iter::repeat('a')).take(length).collect()
}

/// That many zero bytes.
fn base64(length: usize) -> String {
    let mut text = "AAAA".repeat(length / 3);
    text.push_str(["", "AA==", "AAA="][length % 3]);
    text
}

fn broken(input: Value, field: &str, rule: &str, refused: bool) -> Case {
    let text = format!("Invalid parameter at '{field}' failed to satisfy constraint: '{rule}'");
    Case { input, code: "InvalidParameterException", text, refused }
}

fn ill_typed(input: Value, found: &str, expected: &str, field: &str) -> Case {
    let text = format!("{found} can not be converted to {expected} at '{field}'");
    Case { input, code: "SerializationException", text, refused: true }
}

/// Lower camel case (1.4).
fn field(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_lowercase() + rest
}
