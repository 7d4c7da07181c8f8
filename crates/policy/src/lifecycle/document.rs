//! A lifecycle policy as a document: its grammar, its checks and the typed rules (spec/ecr.md 4.1 to 4.3).

pub use super::schema::Problem;
use super::schema::{self, TagStatus, Written, WrittenSelection};
use crate::json::{self, Json};
use std::collections::BTreeSet;

/// The shortest text that ECR takes, in characters (spec/ecr.md 2.43). The request's shape refuses less; this module
/// does not.
pub const MIN_CHARACTERS: usize = 100;

/// The longest text that ECR takes, in characters.
pub const MAX_CHARACTERS: usize = 30_720;

/// The most rules of one policy.
pub const MAX_RULES: usize = 50;

/// The most `*` of one entry of a `tagPatternList`.
pub const MAX_WILDCARDS: usize = 4;

/// A lifecycle policy that has passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    rules: Vec<Rule>,
    counts_families: bool,
    canonical: String,
}

impl LifecyclePolicy {
    /// Reads and checks a policy. Text beyond [`MAX_CHARACTERS`] is [`LifecycleError::Unreadable`]; the lower bound is
    /// not checked here.
    ///
    /// The schema comes first and reports all that it finds; only a policy that obeys it is checked for sense, and the
    /// first fault is the answer.
    pub fn parse(text: &str) -> Result<Self, LifecycleError> {
        Self::parse_as(Dialect::Ecr, text)
    }

    /// As [`LifecyclePolicy::parse`], for a policy that may say more than ECR's.
    pub fn parse_as(dialect: Dialect, text: &str) -> Result<Self, LifecycleError> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(LifecycleError::Unreadable);
        }
        let Ok(json @ Json::Object(_)) = json::parse(text) else { return Err(LifecycleError::Unreadable) };
        let written = schema::read(&json, dialect).map_err(LifecycleError::Schema)?;
        let rules = written.rules.into_iter().map(Rule::from_written).collect::<Result<Vec<_>, _>>()?;
        check_priorities(&rules)?;
        check_untagged(&rules)?;
        check_any(&rules)?;
        check_lists(&rules)?;
        Ok(Self { rules, counts_families: written.counts_families, canonical: json.to_string() })
    }

    /// The rules in the order in which they were written; [`Rule::priority`] says in which they apply.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether rules that count images count an index with its children, and an image with what is attached to it, as
    /// one. Only [`Dialect::Acre`] can say so.
    pub fn counts_families(&self) -> bool {
        self.counts_families
    }

    /// The document as compact JSON: the members that were sent, in their order, none added.
    pub fn canonical(&self) -> String {
        self.canonical.clone()
    }
}

/// What a policy may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// What ECR takes.
    #[default]
    Ecr,
    /// Besides: `sinceImagePulled` with the action `expire`, and beside `rules` the member
    /// `"acre": {"countFamilies": true}` ([`LifecyclePolicy::counts_families`]).
    Acre,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Unique in its policy, at least 1; the lowest applies first.
    pub priority: u32,
    /// The author's words.
    pub description: Option<String>,
    /// Which images the rule is about.
    pub selection: Selection,
    /// What happens to those that it selects.
    pub action: Action,
}

impl Rule {
    fn from_written(written: Written) -> Result<Self, LifecycleError> {
        let Written { priority, description, selection, action } = written;
        let WrittenSelection { tag_status, prefixes, patterns, storage_class, count } = selection;
        let tags = match (tag_status, prefixes, patterns) {
            (TagStatus::Tagged, Some(prefixes), None) => Tags::Prefixes(prefixes),
            (TagStatus::Tagged, None, Some(patterns)) => Tags::Patterns(patterns),
            (TagStatus::Tagged, None, None) => return Err(LifecycleError::NoTagList),
            (TagStatus::Tagged, Some(_), Some(_)) => return Err(LifecycleError::TwoTagLists),
            (TagStatus::Untagged, None, None) => Tags::Untagged,
            (TagStatus::Any, None, None) => Tags::Any,
            (TagStatus::Untagged, ..) => return Err(LifecycleError::UselessTagList { status: "UNTAGGED" }),
            (TagStatus::Any, ..) => return Err(LifecycleError::UselessTagList { status: "ANY" }),
        };
        if let Tags::Patterns(patterns) = &tags {
            let stars = |pattern: &String| pattern.bytes().filter(|byte| *byte == b'*').count();
            if let Some(found) = patterns.iter().map(stars).find(|stars| *stars > MAX_WILDCARDS) {
                return Err(LifecycleError::TooManyWildcards { found });
            }
        }
        Ok(Self { priority, description, selection: Selection { tags, storage_class, count }, action })
    }
}

/// Which images a rule is about, and how many or how old they must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// By their tags.
    pub tags: Tags,
    /// By where they are kept.
    pub storage_class: StorageClass,
    /// What makes one of them due.
    pub count: Count,
}

/// The tag status together with the list that it demands (spec/ecr.md 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// Tagged images: every prefix is the start of at least one of the image's tags.
    Prefixes(Vec<String>),
    /// Tagged images: every pattern matches at least one of the image's tags ([`crate::pattern::glob`]).
    Patterns(Vec<String>),
    /// Images without a tag.
    Untagged,
    /// Every image.
    Any,
}

/// Where an image is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageClass {
    /// At hand; what a rule means that says nothing.
    #[default]
    Standard,
    /// In the archive.
    Archive,
}

/// When an image is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// It is not among the newest.
    ImageCountMoreThan {
        /// How many are kept.
        images: u32,
    },
    /// It was pushed longer ago than this.
    SinceImagePushed {
        /// Days of 24 hours.
        days: u32,
    },
    /// It was last pulled longer ago than this; only with [`Action::Transition`], but in [`Dialect::Acre`].
    SinceImagePulled {
        /// Days of 24 hours.
        days: u32,
    },
    /// It was archived longer ago than this; only with [`StorageClass::Archive`] and [`Action::Expire`].
    SinceImageTransitioned {
        /// Days of 24 hours, at least 90.
        days: u32,
    },
}

/// What happens to an image that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is deleted with all its tags.
    Expire,
    /// It moves to the archive.
    Transition,
}

/// Why a policy is refused. Its text is what follows `Lifecycle policy validation failure: ` in ECR's answer
/// (spec/ecr.md 4.3).
///
/// No source gives ECR's texts for these; the wording is chosen, in that of their neighbours:
/// - [`RepeatedPriority`](Self::RepeatedPriority), [`TwoTagLists`](Self::TwoTagLists),
///   [`UselessTagList`](Self::UselessTagList), [`RepeatedTagList`](Self::RepeatedTagList),
///   [`TooManyWildcards`](Self::TooManyWildcards);
/// - no rules or an empty list ([`Problem::EmptyList`]), more than 50 rules ([`Problem::TooMany`]), an empty prefix or
///   pattern ([`Problem::EmptyString`]), a number beyond 2,147,483,647 ([`Problem::TooLarge`]), fewer than 90 days in the
///   archive ([`Problem::TooSmall`]), an unknown storage class of a selection ([`Problem::NotInEnum`]): the validator's
///   own words for such things;
/// - an action that the count type does not allow ([`Problem::NoVariant`]);
/// - a repeated member, a document of more than 16 levels or too many characters ([`Unreadable`](Self::Unreadable)).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LifecycleError {
    /// Not a JSON object, or one that two readers would understand differently.
    #[error("Could not map policyString into LifecyclePolicy.")]
    Unreadable,
    /// The members are not those of a policy: at least one problem, at most 50, one a line.
    #[error("{}", lines(.0))]
    Schema(Vec<Problem>),
    /// A rule for tagged images does not say for which.
    #[error("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")]
    NoTagList,
    /// A rule has both a list of prefixes and one of patterns.
    #[error("Must not specify both tagPrefixList and tagPatternList.")]
    TwoTagLists,
    /// A rule that does not look at tags has a list of them.
    #[error("Must not specify tagPrefixList or tagPatternList when tagStatus={status}.")]
    UselessTagList {
        /// The rule's tag status in capitals.
        status: &'static str,
    },
    /// An entry of a list of patterns has too many `*`.
    #[error(
        "Must not specify more than {MAX_WILDCARDS} wildcards (*) per string in tagPatternList (found: {found})."
    )]
    TooManyWildcards {
        /// How many it has.
        found: usize,
    },
    /// Two rules have the same priority.
    #[error("Only one rule can have rulePriority {priority}")]
    RepeatedPriority {
        /// Their priority.
        priority: u32,
    },
    /// Two rules select the untagged images of one storage class.
    #[error("Only one rule can select Untagged images per storage class")]
    TwoUntagged,
    /// A rule would never apply, because one for all images of its storage class comes first.
    #[error("Rule for tagStatus=ANY must have the lowest priority per storage class")]
    AnyNotLast,
    /// Two rules of one storage class have the same set of prefixes, or of patterns.
    #[error("Only one rule can select the same tagPrefixList or tagPatternList per storage class")]
    RepeatedTagList,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

fn check_priorities(rules: &[Rule]) -> Result<(), LifecycleError> {
    let mut seen = BTreeSet::new();
    match rules.iter().map(|rule| rule.priority).find(|priority| !seen.insert(*priority)) {
        Some(priority) => Err(LifecycleError::RepeatedPriority { priority }),
        None => Ok(()),
    }
}

fn check_untagged(rules: &[Rule]) -> Result<(), LifecycleError> {
    let mut untagged = rules.iter().map(|rule| &rule.selection).filter(|s| s.tags == Tags::Untagged);
    let mut seen = BTreeSet::new();
    if untagged.all(|s| seen.insert(s.storage_class)) { Ok(()) } else { Err(LifecycleError::TwoUntagged) }
}

fn check_any(rules: &[Rule]) -> Result<(), LifecycleError> {
    let is_last = |any: &Rule| {
        rules
            .iter()
            .filter(|other| other.selection.storage_class == any.selection.storage_class)
            .all(|other| other.priority <= any.priority)
    };
    let mut any = rules.iter().filter(|rule| rule.selection.tags == Tags::Any);
    if any.all(is_last) { Ok(()) } else { Err(LifecycleError::AnyNotLast) }
}

fn check_lists(rules: &[Rule]) -> Result<(), LifecycleError> {
    let mut seen = BTreeSet::new();
    for selection in rules.iter().map(|rule| &rule.selection) {
        let (is_pattern, list) = match &selection.tags {
            Tags::Prefixes(list) => (false, list),
            Tags::Patterns(list) => (true, list),
            Tags::Untagged | Tags::Any => continue,
        };
        if !seen.insert((selection.storage_class, is_pattern, list.iter().collect::<BTreeSet<_>>())) {
            return Err(LifecycleError::RepeatedTagList);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
