//! Where a policy that is valid does not do what its author thinks (spec/ecr.md 4.2, 4.4): several entries of a list
//! mean AND, a higher rule claims all that a lower one is about, a rule can match nothing.

mod rewrite;

use super::document::{Count, LifecyclePolicy, Rule, Tags};
use super::evaluation::Tally;
use crate::pattern::glob;
use serde_json::Value;
use std::fmt;

/// The longest tag there is.
const MAX_TAG: usize = 128;

/// What a policy was found to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// In the order of priorities.
    pub findings: Vec<Finding>,
    /// The whole policy as JSON, with all rewritten rules in the place of what they stand for, numbered anew. Nothing:
    /// no rule is to be rewritten, or the limits of a policy are too narrow for it.
    pub rewritten: Option<String>,
}

/// One rule does not do what it seems to. Its text says which, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's priority.
    pub rule: u32,
    /// What is the matter.
    pub trap: Trap,
    /// The rules that do it, as JSON, with the priorities that they have in [`Report::rewritten`]; empty: none would.
    pub rules: Vec<Value>,
}

/// A trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trap {
    /// The list has several entries: an image must meet every one of them.
    AllOfSeveral {
        /// The entries.
        entries: Vec<String>,
        /// Whether they are patterns; if not, prefixes.
        are_patterns: bool,
        /// How many images the rule keeps, if it counts: of the rules that do OR, each keeps as many.
        keeps: Option<u32>,
        /// How many images of the repository it matches as it stands, if that is known.
        matched: Option<u64>,
    },
    /// It never acts: higher rules claim every image that it is about.
    Shadowed {
        /// Their priorities.
        by: Vec<u32>,
    },
    /// It can match nothing: no tag meets this entry of its list.
    NoSuchTag {
        /// The entry.
        entry: String,
        /// Why not.
        because: Because,
    },
    /// No image of the repository has the tags and storage class that it asks for.
    MatchesNothing,
    /// It is about untagged images, of which the repository has none in that storage class.
    NothingUntagged,
    /// It is about untagged images, all of which stay with the index or the subject to which they belong.
    OnlyMembers {
        /// How many.
        images: u64,
    },
}

/// Why no tag meets a prefix or pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// A `*` in a prefix is a letter, and no tag has that letter.
    Wildcard,
    /// No tag has this letter.
    Letter(char),
    /// No tag begins with this letter.
    Start(char),
    /// It is longer than any tag.
    Length,
}

/// Looks for traps. `met` is what the rules met in the repository ([`super::evaluation::Evaluation::tallies`]), if the
/// policy was tried on one.
pub fn lint(policy: &LifecyclePolicy, met: Option<&[Tally]>) -> Report {
    let mut rules: Vec<&Rule> = policy.rules().iter().collect();
    rules.sort_unstable_by_key(|rule| rule.priority);
    let rewritten = rewrite::rewrite(&rules, policy.counts_families());
    let mut findings = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let tally = met.and_then(|met| met.iter().find(|tally| tally.rule == rule.priority));
        let higher = rules.get(..place).unwrap_or(&[]);
        for trap in traps(rule, higher, tally) {
            let is_rewritten = match &trap {
                Trap::AllOfSeveral { .. } => true,
                Trap::NoSuchTag { because, .. } => *because == Because::Wildcard,
                _ => false,
            };
            let rules =
                rewritten.iter().filter(|_| is_rewritten).flat_map(|policy| policy.rules_of(place)).collect();
            findings.push(Finding { rule: rule.priority, trap, rules });
        }
    }
    Report { findings, rewritten: rewritten.map(|policy| policy.text) }
}

fn traps(rule: &Rule, higher: &[&Rule], tally: Option<&Tally>) -> Vec<Trap> {
    let mut traps = Vec::new();
    let matched = tally.map(|tally| tally.matched);
    if let Some((entries, are_patterns)) = list(rule) {
        let distinct = rewrite::distinct(entries);
        if distinct.len() > 1 {
            let keeps = match rule.selection.count {
                Count::ImageCountMoreThan { images } => Some(images),
                _ => None,
            };
            traps.push(Trap::AllOfSeveral { entries: distinct, are_patterns, keeps, matched });
        }
        let no_such = |entry: &String| Some((entry.clone(), impossible(entry, are_patterns)?));
        traps.extend(
            entries.iter().find_map(no_such).map(|(entry, because)| Trap::NoSuchTag { entry, because }),
        );
    }
    if traps.iter().any(|trap| matches!(trap, Trap::NoSuchTag { .. })) {
        return traps;
    }
    if let Some(by) = shadow(rule, higher) {
        traps.push(Trap::Shadowed { by });
    } else if let Some(tally) = tally {
        let is_untagged = rule.selection.tags == Tags::Untagged;
        match (tally.matched, tally.alone) {
            (0, _) if is_untagged => traps.push(Trap::NothingUntagged),
            (0, _) if traps.is_empty() => traps.push(Trap::MatchesNothing),
            (images, 0) if is_untagged => traps.push(Trap::OnlyMembers { images }),
            _ => {}
        }
    }
    traps
}

/// A rule's list, and whether it is one of patterns.
fn list(rule: &Rule) -> Option<(&[String], bool)> {
    match &rule.selection.tags {
        Tags::Prefixes(list) => Some((list, false)),
        Tags::Patterns(list) => Some((list, true)),
        Tags::Untagged | Tags::Any => None,
    }
}

/// Why no tag meets an entry: a tag has 1 to 128 of `A-Z a-z 0-9 _ . -` and does not begin with `.` or `-`.
fn impossible(entry: &str, is_pattern: bool) -> Option<Because> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let mut letters = entry.chars().filter(|letter| !is_pattern || *letter != '*');
    match letters.clone().find(|letter| !is_letter(*letter)) {
        Some('*') => return Some(Because::Wildcard),
        Some(letter) => return Some(Because::Letter(letter)),
        None => {}
    }
    match entry.chars().next() {
        Some(first @ ('.' | '-')) => Some(Because::Start(first)),
        _ => letters.nth(MAX_TAG).map(|_| Because::Length),
    }
}

/// The higher rules that leave a rule nothing to act on, if there are such.
fn shadow(rule: &Rule, higher: &[&Rule]) -> Option<Vec<u32>> {
    let peers =
        || higher.iter().filter(|other| other.selection.storage_class == rule.selection.storage_class);
    if let Some(other) = peers().find(|other| covers(&other.selection.tags, &rule.selection.tags)) {
        return Some(vec![other.priority]);
    }
    if rule.selection.tags != Tags::Any {
        return None;
    }
    // All images are those with tags and those without.
    let all_tagged = Tags::Patterns(vec!["*".to_owned()]);
    let tagged = peers().find(|other| covers(&other.selection.tags, &all_tagged))?;
    let untagged = peers().find(|other| other.selection.tags == Tags::Untagged)?;
    let mut by = vec![tagged.priority, untagged.priority];
    by.sort_unstable();
    Some(by)
}

/// Whether every image that `lower` is about is one that `higher` is about. For two lists: each entry of the higher is
/// met by whatever meets some entry of the lower; otherwise tags could be found that meet the lower one only.
fn covers(higher: &Tags, lower: &Tags) -> bool {
    match (globs(higher), globs(lower)) {
        (Some(higher), Some(lower)) => {
            higher.iter().all(|higher| lower.iter().any(|lower| includes(higher, lower)))
        }
        _ => *higher == Tags::Any || higher == lower,
    }
}

/// A list as patterns. A `*` of a prefix is a letter that no tag has, and no pattern matches it but by `*`.
fn globs(tags: &Tags) -> Option<Vec<String>> {
    match tags {
        Tags::Prefixes(list) => Some(list.iter().map(|prefix| prefix.replace('*', LETTER) + "*").collect()),
        Tags::Patterns(list) => Some(list.clone()),
        Tags::Untagged | Tags::Any => None,
    }
}

/// No tag has it, nor does a policy that anything matches.
const LETTER: &str = "\u{1}";

/// Whether all that `inner` matches, `outer` matches: then `outer` matches `inner` itself, its `*` taken for letters
/// that stand nowhere else, and what stands for those letters stands under a `*` of `outer`.
fn includes(outer: &str, inner: &str) -> bool {
    glob(outer, &inner.replace('*', "\u{0}"))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        match &self.trap {
            Trap::AllOfSeveral { entries, are_patterns, keeps, matched } => {
                let what = if *are_patterns { "patterns" } else { "prefixes" };
                write!(
                    f,
                    "rule {rule}: several {what} in one rule mean AND: an image must have a tag for each of {}",
                    entries.join(", ")
                )?;
                match matched {
                    Some(1) => f.write_str(". In this repository 1 image has")?,
                    Some(images) => write!(f, ". In this repository {images} images have")?,
                    None => {}
                }
                f.write_str(". For OR, give each a rule of its own")?;
                match keeps {
                    Some(images) => write!(f, "; each then keeps {images}"),
                    None => Ok(()),
                }
            }
            Trap::Shadowed { by } => {
                let by: Vec<String> = by.iter().map(|rule| format!("rule {rule}")).collect();
                write!(
                    f,
                    "rule {rule} never acts: all that it is about is claimed before by {}. Give it a lower number",
                    by.join(" and ")
                )
            }
            Trap::NoSuchTag { entry, because } => {
                write!(f, "rule {rule} can match nothing: no tag meets {entry:?}, because {because}")
            }
            Trap::MatchesNothing => write!(f, "rule {rule} matches no image of this repository"),
            Trap::NothingUntagged => {
                write!(f, "rule {rule} is about untagged images, and this repository has none")
            }
            Trap::OnlyMembers { images } => write!(
                f,
                "rule {rule} is about untagged images, and all that this repository has ({images}) stay with the index \
                 or image to which they belong"
            ),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wildcard => f.write_str("* is a letter in tagPrefixList; tagPatternList has wildcards"),
            Self::Letter(letter) => write!(f, "no tag has the letter {letter:?}"),
            Self::Start(letter) => write!(f, "no tag begins with {letter:?}"),
            Self::Length => write!(f, "no tag is longer than {MAX_TAG} letters"),
        }
    }
}

#[cfg(test)]
mod tests;
