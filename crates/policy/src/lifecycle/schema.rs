//! The first of two passes over a lifecycle policy: JSON to rules as written, with every problem that ECR's schema finds
//! (spec/ecr.md 4.1, 4.3). What only several rules, or two members of a rule, decide is `document`'s.
//!
//! As in the validator that ECR uses, the problems of an object or list hide those of what it holds, and the problems of
//! neighbours are all reported.

use super::document::{Action, Count, Dialect, MAX_RULES, StorageClass};
use crate::json::Json;
use serde_json::{Number, Value};

/// The archive must keep an image this long, so no rule may expire one earlier.
const MIN_ARCHIVE_DAYS: u32 = 90;

/// More than this many problems help nobody; the cap keeps an answer from outgrowing its question.
const MAX_PROBLEMS: usize = 50;

/// How many alternatives ECR says that it tried (spec/ecr.md 4.3). One sighting of 2026 says 4 for a selection
/// (hashicorp/terraform-provider-aws 45909), another of that year still 2 for an action.
const VARIANTS: usize = 2;

/// One thing that the schema has against the text, in the words of ECR's validator.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A value of another JSON type; `null` is one of its own.
    #[error("instance type ({found}) does not match any allowed primitive type (allowed: [\"{allowed}\"])")]
    WrongType {
        /// The type that was sent.
        found: &'static str,
        /// The type that belongs there.
        allowed: &'static str,
    },
    /// Members that must be there, by name.
    #[error("object has missing required properties ({})", list(.0))]
    Missing(Vec<&'static str>),
    /// Members that do not belong there, by name.
    #[error("object instance has properties which are not allowed by the schema: ({})", list(.0))]
    NotAllowed(Vec<String>),
    /// A word that is none of the known ones.
    #[error("instance value ({value}) not found in enum :(possible values: {})", list(.allowed))]
    NotInEnum {
        /// The word that was sent.
        value: String,
        /// The known words, by name.
        allowed: Vec<&'static str>,
    },
    /// Members that do not go together: count type, count unit, storage class and action (the table of 4.1).
    #[error("instance failed to match exactly one schema (matched 0 out of {VARIANTS})")]
    NoVariant,
    /// A number that is too small.
    #[error("numeric instance is lower than the required minimum (minimum: {minimum}, found: {found})")]
    TooSmall {
        /// The least allowed.
        minimum: u32,
        /// What was sent.
        found: Number,
    },
    /// A number that is too large.
    #[error("numeric instance is greater than the required maximum (maximum: {maximum}, found: {found})")]
    TooLarge {
        /// The most allowed.
        maximum: u32,
        /// What was sent.
        found: Number,
    },
    /// An empty list.
    #[error("array is too short: must have at least 1 elements but instance has 0 elements")]
    EmptyList,
    /// A list with too many entries.
    #[error("array is too long: must have at most {maximum} elements but instance has {found} elements")]
    TooMany {
        /// The most allowed.
        maximum: usize,
        /// How many were sent.
        found: usize,
    },
    /// An empty string.
    #[error("string \"\" is too short (length: 0, required minimum: 1)")]
    EmptyString,
}

/// A policy whose members are right one by one.
pub(super) struct WrittenPolicy {
    /// As they were written.
    pub(super) rules: Vec<Written>,
    pub(super) counts_families: bool,
}

/// A rule whose members are right one by one.
pub(super) struct Written {
    pub(super) priority: u32,
    pub(super) description: Option<String>,
    pub(super) selection: WrittenSelection,
    pub(super) action: Action,
}

/// A selection, of which the tag status and the lists may not fit yet.
pub(super) struct WrittenSelection {
    pub(super) tag_status: TagStatus,
    pub(super) prefixes: Option<Vec<String>>,
    pub(super) patterns: Option<Vec<String>>,
    pub(super) storage_class: StorageClass,
    pub(super) count: Count,
}

#[derive(Clone, Copy)]
pub(super) enum TagStatus {
    Any,
    Tagged,
    Untagged,
}

/// Reads a policy.
pub(super) fn read(policy: &Json, dialect: Dialect) -> Result<WrittenPolicy, Vec<Problem>> {
    let mut reader = Reader { dialect, problems: Vec::new() };
    reader.policy(policy).map_err(|Reported| reader.problems)
}

/// The problem is in the reader's list.
struct Reported;

struct Reader {
    dialect: Dialect,
    problems: Vec<Problem>,
}

impl Reader {
    fn policy(&mut self, json: &Json) -> Result<WrittenPolicy, Reported> {
        let ([rules], own) = match self.dialect {
            Dialect::Ecr => self.object(json, ["rules"], []).map(|(rules, [])| (rules, None))?,
            Dialect::Acre => self.object(json, ["rules"], ["acre"]).map(|(rules, [own])| (rules, own))?,
        };
        let rules = self.list(rules, MAX_RULES, Self::rule);
        let counts_families = own.map_or(Ok(false), |own| self.own(own));
        Ok(WrittenPolicy { rules: rules?, counts_families: counts_families? })
    }

    /// What only acre's dialect knows: whether families count as one.
    fn own(&mut self, json: &Json) -> Result<bool, Reported> {
        let ([], [families]) = self.object(json, [], ["countFamilies"])?;
        match families {
            None => Ok(false),
            Some(Json::Bool(families)) => Ok(*families),
            Some(other) => self.wrong_type(other, "boolean"),
        }
    }

    fn rule(&mut self, json: &Json) -> Result<Written, Reported> {
        let ([action, priority, selection], [description]) =
            self.object(json, ["action", "rulePriority", "selection"], ["description"])?;
        let priority = self.integer(priority, 1);
        let description = description.map(|json| self.string(json)).transpose();
        let selection = self.selection(selection);
        let action = self.action(action);
        let rule = Written {
            priority: priority?,
            description: description?.map(str::to_owned),
            selection: selection?,
            action: action?,
        };
        match (rule.selection.count, rule.action) {
            (Count::SinceImagePulled { .. }, Action::Expire) if self.dialect == Dialect::Ecr => {
                self.report(Problem::NoVariant)
            }
            (Count::SinceImageTransitioned { .. }, Action::Transition) => self.report(Problem::NoVariant),
            _ => Ok(rule),
        }
    }

    fn selection(&mut self, json: &Json) -> Result<WrittenSelection, Reported> {
        let ([number, count_type, tag_status], [unit, patterns, prefixes, class]) = self.object(
            json,
            ["countNumber", "countType", "tagStatus"],
            ["countUnit", "tagPatternList", "tagPrefixList", "storageClass"],
        )?;
        if !fits(count_type, unit, class) {
            return self.report(Problem::NoVariant);
        }
        let count = self.count(number, count_type);
        let unit = unit.map(|json| self.word(json, [("days", ())])).transpose();
        let tag_status = self.word(
            tag_status,
            [("any", TagStatus::Any), ("tagged", TagStatus::Tagged), ("untagged", TagStatus::Untagged)],
        );
        let patterns = patterns.map(|json| self.list(json, usize::MAX, Self::tag)).transpose();
        let prefixes = prefixes.map(|json| self.list(json, usize::MAX, Self::tag)).transpose();
        let classes = [("archive", StorageClass::Archive), ("standard", StorageClass::Standard)];
        let class = class.map(|json| self.word(json, classes)).transpose();
        unit?;
        Ok(WrittenSelection {
            tag_status: tag_status?,
            prefixes: prefixes?,
            patterns: patterns?,
            storage_class: class?.unwrap_or_default(),
            count: count?,
        })
    }

    fn count(&mut self, number: &Json, count_type: &Json) -> Result<Count, Reported> {
        let name = self.string(count_type);
        let minimum = if matches!(name, Ok("sinceImageTransitioned")) { MIN_ARCHIVE_DAYS } else { 1 };
        let number = self.integer(number, minimum);
        let (name, number) = (name?, number?);
        match name {
            "imageCountMoreThan" => Ok(Count::ImageCountMoreThan { images: number }),
            "sinceImagePushed" => Ok(Count::SinceImagePushed { days: number }),
            "sinceImagePulled" => Ok(Count::SinceImagePulled { days: number }),
            "sinceImageTransitioned" => Ok(Count::SinceImageTransitioned { days: number }),
            _ => self.report(Problem::NoVariant),
        }
    }

    fn action(&mut self, json: &Json) -> Result<Action, Reported> {
        let ([kind], [target]) = self.object(json, ["type"], ["targetStorageClass"])?;
        let kind = self.word(kind, [("expire", Action::Expire), ("transition", Action::Transition)])?;
        match (kind, target) {
            (Action::Expire, None) => Ok(kind),
            (Action::Transition, Some(Json::String(class))) if class == "archive" => Ok(kind),
            _ => self.report(Problem::NoVariant),
        }
    }

    fn tag(&mut self, json: &Json) -> Result<String, Reported> {
        match self.string(json)? {
            "" => self.report(Problem::EmptyString),
            text => Ok(text.to_owned()),
        }
    }

    /// The members of an object: those that must be there and those that may.
    fn object<'a, const R: usize, const O: usize>(
        &mut self,
        json: &'a Json,
        required: [&'static str; R],
        optional: [&'static str; O],
    ) -> Result<([&'a Json; R], [Option<&'a Json>; O]), Reported> {
        let Json::Object(object) = json else { return self.wrong_type(json, "object") };
        let missing: Vec<_> = required.into_iter().filter(|name| object.get(name).is_none()).collect();
        let mut unknown: Vec<_> = object
            .members()
            .map(|(name, _)| name)
            .filter(|name| !required.contains(name) && !optional.contains(name))
            .map(str::to_owned)
            .collect();
        unknown.sort_unstable();
        let mut checked = Ok(());
        if !missing.is_empty() {
            checked = self.report(Problem::Missing(missing));
        }
        if !unknown.is_empty() {
            checked = self.report(Problem::NotAllowed(unknown));
        }
        checked.map(|()| {
            (
                required.map(|name| object.get(name).unwrap_or(&Json::Null)),
                optional.map(|name| object.get(name)),
            )
        })
    }

    /// A list of one to `maximum` entries, each of which is read even where another has a problem.
    fn list<'a, T>(
        &mut self,
        json: &'a Json,
        maximum: usize,
        read: fn(&mut Self, &'a Json) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        match json {
            Json::List(items) if items.is_empty() => self.report(Problem::EmptyList),
            Json::List(items) if items.len() > maximum => {
                self.report(Problem::TooMany { maximum, found: items.len() })
            }
            Json::List(items) => {
                let read: Vec<_> = items.iter().map(|item| read(self, item)).collect();
                read.into_iter().collect()
            }
            _ => self.wrong_type(json, "array"),
        }
    }

    /// One of the known words, which come by name.
    fn word<T, const N: usize>(&mut self, json: &Json, words: [(&'static str, T); N]) -> Result<T, Reported> {
        let text = self.string(json)?;
        let allowed = words.iter().map(|(word, _)| *word).collect();
        match words.into_iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(meaning),
            None => self.report(Problem::NotInEnum { value: text.to_owned(), allowed }),
        }
    }

    /// A whole number of at least `minimum` and at most a Java integer's largest.
    fn integer(&mut self, json: &Json, minimum: u32) -> Result<u32, Reported> {
        let number = match json {
            Json::Number(number) if !number.is_f64() => number,
            _ => return self.wrong_type(json, "integer"),
        };
        let maximum = i32::MAX.unsigned_abs();
        match number.as_u64().map(u32::try_from) {
            Some(Ok(value)) if (minimum..=maximum).contains(&value) => Ok(value),
            Some(Ok(value)) if value < minimum => {
                self.report(Problem::TooSmall { minimum, found: number.clone() })
            }
            Some(_) => self.report(Problem::TooLarge { maximum, found: number.clone() }),
            None => self.report(Problem::TooSmall { minimum, found: number.clone() }),
        }
    }

    fn string<'a>(&mut self, json: &'a Json) -> Result<&'a str, Reported> {
        match json {
            Json::String(text) => Ok(text),
            _ => self.wrong_type(json, "string"),
        }
    }

    fn wrong_type<T>(&mut self, json: &Json, allowed: &'static str) -> Result<T, Reported> {
        let found = match json {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(number) if number.is_f64() => "number",
            Json::Number(_) => "integer",
            Json::String(_) => "string",
            Json::List(_) => "array",
            Json::Object(_) => "object",
        };
        self.report(Problem::WrongType { found, allowed })
    }

    fn report<T>(&mut self, problem: Problem) -> Result<T, Reported> {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
        Err(Reported)
    }
}

/// Whether the members of a selection go together (the table of 4.1). Members that are wrong by themselves, other than
/// an unknown count type, are left to their own check.
fn fits(count_type: &Json, unit: Option<&Json>, class: Option<&Json>) -> bool {
    let Json::String(count_type) = count_type else { return true };
    let (needs_unit, needs_class) = match count_type.as_str() {
        "imageCountMoreThan" => (false, "standard"),
        "sinceImagePushed" | "sinceImagePulled" => (true, "standard"),
        "sinceImageTransitioned" => (true, "archive"),
        _ => return false,
    };
    let class_fits = match class {
        None => needs_class == "standard",
        Some(Json::String(class)) if class == "standard" || class == "archive" => class == needs_class,
        Some(_) => true,
    };
    needs_unit == unit.is_some() && class_fits
}

/// Names as a compact JSON list.
fn list<T: Clone + Into<Value>>(names: &[T]) -> Value {
    names.to_vec().into()
}
