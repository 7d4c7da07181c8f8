//! What happens to an image and why, as values and in words.

use super::document::Action;
use std::fmt;

/// What happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays as it is.
    Keep,
    /// It is deleted with all its tags.
    Expire,
    /// It moves to the archive.
    Transition,
}

impl From<Action> for Outcome {
    fn from(action: Action) -> Self {
        match action {
            Action::Expire => Self::Expire,
            Action::Transition => Self::Transition,
        }
    }
}

/// What happens to an image, and why. Its text says both, without names and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happens.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The priority of the first rule that would act, were the image not kept by a higher one.
    pub shielded_from: Option<u32>,
}

/// Why an image is kept or not. Rules are named by their priority, images by their place, times are microseconds since
/// 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Acted on: of the images that the rule counts, newest first, it comes too late.
    CountedOut {
        /// The rule.
        rule: u32,
        /// Its number, from 1.
        rank: u32,
        /// How many are kept.
        keep: u32,
    },
    /// Acted on: more days have passed than the rule gives.
    Aged {
        /// The rule.
        rule: u32,
        /// What the days are counted from.
        clock: Clock,
        /// When that was.
        since: i64,
        /// How many days the rule gives.
        days: u32,
    },
    /// Acted on, by no rule: what it is attached to was deleted.
    SubjectDeleted {
        /// When.
        at: i64,
    },
    /// Acted on, by no rule: what it is attached to was archived.
    SubjectArchived {
        /// The subject.
        subject: u32,
    },
    /// Kept by a pin ([`pinned`](super::images::Repository::pinned)).
    Pinned {
        /// The rule that would act; nothing: it would follow its subject.
        rule: Option<u32>,
    },
    /// Kept because it stands in an index.
    ChildOf {
        /// The index; it may have more.
        index: u32,
        /// The rule that would act; nothing: it would follow its subject, or it is counted with its index.
        rule: Option<u32>,
    },
    /// Kept because it is attached to an image that is here.
    AttachedTo {
        /// The subject.
        subject: u32,
        /// The rule that would act; nothing: it is counted with its subject.
        rule: Option<u32>,
    },
    /// Kept by the first rule that it meets.
    AmongNewest {
        /// The rule.
        rule: u32,
        /// Its number, from 1.
        rank: u32,
        /// How many are kept.
        keep: u32,
    },
    /// Kept by the first rule that it meets: not yet old enough.
    Within {
        /// The rule.
        rule: u32,
        /// What the days are counted from.
        clock: Clock,
        /// The last moment at which it is kept.
        until: i64,
        /// How many days the rule gives.
        days: u32,
    },
    /// Kept: no rule is about it.
    NoRule,
}

impl Reason {
    /// The rule that acted, or that would have, or that keeps the image: what a table shows beside it.
    pub fn rule(&self) -> Option<u32> {
        match *self {
            Self::CountedOut { rule, .. }
            | Self::Aged { rule, .. }
            | Self::AmongNewest { rule, .. }
            | Self::Within { rule, .. } => Some(rule),
            Self::Pinned { rule } | Self::ChildOf { rule, .. } | Self::AttachedTo { rule, .. } => rule,
            Self::SubjectDeleted { .. } | Self::SubjectArchived { .. } | Self::NoRule => None,
        }
    }
}

/// What the days of a rule are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// When it was pushed or, if later it was restored, that.
    Pushed,
    /// When it was last pulled, or restored, or pushed.
    Pulled,
    /// When it was archived.
    Archived,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.outcome {
            Outcome::Keep => "kept",
            Outcome::Expire => "expired",
            Outcome::Transition => "archived",
        })?;
        write!(f, "{}", self.reason)?;
        match self.shielded_from {
            Some(rule) => write!(f, "; that shields it from rule {rule}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passive = |f: &mut fmt::Formatter<'_>, rule: Option<u32>| match rule {
            Some(rule) => write!(f, "; rule {rule} would act on it"),
            None => Ok(()),
        };
        match *self {
            Self::CountedOut { rule, rank, keep } | Self::AmongNewest { rule, rank, keep } => {
                write!(f, " by rule {rule}: number {rank} from the newest, {keep} are kept")
            }
            Self::Aged { rule, clock, days, .. } => {
                write!(f, " by rule {rule}: {clock} more than {days} {} ago", day(days))
            }
            Self::SubjectDeleted { .. } => f.write_str(": what it is attached to was deleted"),
            Self::SubjectArchived { .. } => f.write_str(": what it is attached to was archived"),
            Self::Pinned { rule } => {
                f.write_str(": pinned")?;
                passive(f, rule)
            }
            Self::ChildOf { rule, .. } => {
                f.write_str(": stands in an index")?;
                passive(f, rule)
            }
            Self::AttachedTo { rule, .. } => {
                f.write_str(": attached to another image")?;
                passive(f, rule)
            }
            Self::Within { rule, clock, days, .. } => {
                write!(f, " by rule {rule}: {clock} no more than {days} {} ago", day(days))
            }
            Self::NoRule => f.write_str(": no rule is about it"),
        }
    }
}

fn day(days: u32) -> &'static str {
    if days == 1 { "day" } else { "days" }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pushed => "pushed or restored",
            Self::Pulled => "last pulled, restored or pushed",
            Self::Archived => "archived",
        })
    }
}
