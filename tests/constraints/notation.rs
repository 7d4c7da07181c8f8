//! The notation of spec/ecr.md, read; and the server's own table, as far as the two can be compared: line by line.

use super::facts::{OPERATIONS, SHAPES};
use acre_wire::ecr::Operation;
use acre_wire::ecr::model::{Member, Shape};
use std::fmt::Write as _;

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Text { min: usize, max: Option<usize>, pattern: Option<String> },
    Integer { min: i64, max: Option<i64> },
    Boolean,
    Blob { max: usize },
    Enumeration(Vec<String>),
    List { min: usize, max: Option<usize>, of: Box<Fact> },
    Structure(Vec<Named>),
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) fact: Fact,
}

/// The members of an operation's input.
pub(crate) fn members(operation: &str) -> Vec<Named> {
    let found = OPERATIONS.iter().find(|(name, _)| *name == operation);
    let (_, text) = found.unwrap_or_else(|| panic!("facts.rs has no {operation}"));
    let mut reader = Reader { rest: text };
    let members = if text.is_empty() { Vec::new() } else { reader.members(';') };
    assert_eq!(reader.rest, "", "{operation}");
    members
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn members(&mut self, separator: char) -> Vec<Named> {
        let mut members = Vec::new();
        loop {
            let name = self.word();
            let required = self.takes('*');
            self.expect(':');
            let fact = self.fact();
            members.push(Named { name: name.into(), required, fact });
            if !self.takes(separator) {
                return members;
            }
        }
    }

    fn fact(&mut self) -> Fact {
        if self.takes('{') {
            let members = self.members(',');
            self.expect('}');
            return Fact::Structure(members);
        }
        if self.takes('(') {
            let mut words = vec![self.word().to_owned()];
            while self.takes('/') {
                words.push(self.word().to_owned());
            }
            self.expect(')');
            return Fact::Enumeration(words);
        }
        match self.word() {
            "str" => {
                let (min, max) = self.bounds();
                Fact::Text { min: min.unwrap_or(0), max, pattern: self.pattern() }
            }
            "int" => {
                let (min, max) = self.bounds();
                Fact::Integer { min: min.unwrap_or(i64::MIN), max }
            }
            "bool" => Fact::Boolean,
            "blob" => Fact::Blob { max: self.bounds::<usize>().1.expect("a blob has an upper bound") },
            "list" => {
                self.expect('<');
                let of = Box::new(self.fact());
                self.expect('>');
                let (min, max) = self.bounds();
                Fact::List { min: min.unwrap_or(0), max, of }
            }
            name => {
                let found = SHAPES.iter().find(|(known, _)| *known == name);
                let (_, text) = found.unwrap_or_else(|| panic!("facts.rs has no shape {name}"));
                let mut reader = Reader { rest: text };
                let fact = reader.fact();
                assert_eq!(reader.rest, "", "{name}");
                fact
            }
        }
    }

    fn bounds<T: std::str::FromStr>(&mut self) -> (Option<T>, Option<T>) {
        if !self.takes('[') {
            return (None, None);
        }
        let (inside, rest) = self.rest.split_once(']').expect("bounds end");
        self.rest = rest;
        let (min, max) = inside.split_once("..").expect("two bounds");
        let number = |text: &str| (!text.is_empty()).then(|| text.parse().ok().expect("a number"));
        (number(min), number(max))
    }

    fn pattern(&mut self) -> Option<String> {
        self.takes('`').then(|| {
            let (pattern, rest) = self.rest.split_once('`').expect("a pattern ends");
            self.rest = rest;
            pattern.to_owned()
        })
    }

    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        assert!(!word.is_empty(), "a word at {rest:?}");
        self.rest = rest;
        word
    }

    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: char) {
        assert!(self.takes(sign), "{sign} at {:?}", self.rest);
    }
}

/// One line for each member, at any depth, of the facts.
pub(crate) fn lines_of_facts(operation: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for member in members(operation) {
        tell_member(&mut lines, operation, &member);
    }
    lines
}

fn tell_member(lines: &mut Vec<String>, place: &str, member: &Named) {
    let required = if member.required { "*" } else { "" };
    tell(lines, &format!("{place}.{}{required}", member.name), &member.fact);
}

fn tell(lines: &mut Vec<String>, place: &str, fact: &Fact) {
    let bounds = |min: &dyn ToString, max: Option<String>| {
        format!("[{}..{}]", min.to_string(), max.unwrap_or_default())
    };
    let text = match fact {
        Fact::Text { min, max, pattern } => {
            let pattern = pattern.as_ref().map(|pattern| format!(" `{pattern}`")).unwrap_or_default();
            format!("str{}{pattern}", bounds(min, max.map(|max| max.to_string())))
        }
        Fact::Integer { min, max } => format!("int{}", bounds(min, max.map(|max| max.to_string()))),
        Fact::Boolean => "bool".into(),
        Fact::Blob { max } => format!("blob[..{max}]"),
        Fact::Enumeration(words) => format!("({})", words.join(" / ")),
        Fact::List { min, max, of } => {
            lines.push(format!("{place} list{}", bounds(min, max.map(|max| max.to_string()))));
            return tell(lines, &format!("{place}[]"), of);
        }
        Fact::Structure(members) => {
            lines.push(format!("{place} {{}}"));
            return members.iter().for_each(|member| tell_member(lines, place, member));
        }
    };
    lines.push(format!("{place} {text}"));
}

/// The same of the server's own table.
pub(crate) fn lines_of_model(operation: Operation) -> Vec<String> {
    let mut lines = Vec::new();
    for member in operation.input() {
        show_member(&mut lines, operation.name(), member);
    }
    lines
}

fn show_member(lines: &mut Vec<String>, place: &str, member: &Member) {
    let required = if member.required { "*" } else { "" };
    show(lines, &format!("{place}.{}{required}", member.name), &member.shape);
}

fn show(lines: &mut Vec<String>, place: &str, shape: &Shape) {
    let upper = |max: usize| if max == usize::MAX { String::new() } else { max.to_string() };
    let mut text = String::new();
    let written = match shape {
        Shape::Text { min, max, pattern } => {
            let pattern = pattern.map(|pattern| format!(" `{}`", pattern.text)).unwrap_or_default();
            write!(text, "str[{min}..{}]{pattern}", upper(*max))
        }
        Shape::Integer { min, max } => {
            let max = if *max == i64::MAX { String::new() } else { max.to_string() };
            write!(text, "int[{min}..{max}]")
        }
        Shape::Boolean => write!(text, "bool"),
        Shape::Blob { max } => write!(text, "blob[..{max}]"),
        Shape::Enum(words) => write!(text, "({})", words.join(" / ")),
        Shape::Timestamp => write!(text, "ts"),
        Shape::Map => write!(text, "map"),
        Shape::List { min, max, of } => {
            lines.push(format!("{place} list[{min}..{}]", upper(*max)));
            return show(lines, &format!("{place}[]"), of);
        }
        Shape::Structure(members) => {
            lines.push(format!("{place} {{}}"));
            return members.iter().for_each(|member| show_member(lines, place, member));
        }
    };
    written.expect("a String takes everything");
    lines.push(format!("{place} {text}"));
}
