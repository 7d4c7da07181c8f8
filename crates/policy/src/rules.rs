//! The rules of one repository about its tags: which of them may move (spec/ecr.md 3.12).

use crate::pattern::glob;

/// A repository's tag mutability: the mode and, for the two modes with exclusions, the filters that name the exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagMutability {
    /// The rule.
    pub mode: Mode,
    /// The exceptions: whole-tag globs. Only the `WITH_EXCLUSION` modes look at them.
    pub filters: Vec<String>,
}

impl TagMutability {
    /// Whether `tag`, which names one image already, may be moved to another. New tags are always allowed, so this is
    /// asked only where the tag exists and points elsewhere.
    pub fn may_move(&self, tag: &str) -> bool {
        let excluded = || self.filters.iter().any(|filter| glob(filter, tag));
        match self.mode {
            Mode::Mutable => true,
            Mode::Immutable => false,
            Mode::ImmutableWithExclusion => excluded(),
            Mode::MutableWithExclusion => !excluded(),
        }
    }
}

/// ECR's four modes of tag mutability. A repository for which nothing was said is mutable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every tag may move.
    #[default]
    Mutable,
    /// No tag may move.
    Immutable,
    /// Only tags that match a filter may move.
    ImmutableWithExclusion,
    /// Only tags that match no filter may move.
    MutableWithExclusion,
}

impl Mode {
    /// Every mode, in the order of ECR's model.
    pub const ALL: [Self; 4] =
        [Self::Mutable, Self::Immutable, Self::ImmutableWithExclusion, Self::MutableWithExclusion];

    /// Reads ECR's word; nothing for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// ECR's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mutable => "MUTABLE",
            Self::Immutable => "IMMUTABLE",
            Self::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
            Self::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
        }
    }

    /// Whether the mode needs filters; the other modes must come without any (spec/ecr.md 2.7).
    pub const fn takes_filters(self) -> bool {
        matches!(self, Self::ImmutableWithExclusion | Self::MutableWithExclusion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.as_str()), Some(mode));
        }
        for bad in ["", "mutable", "IMMUTABLE_WITH_EXCLUSIONS"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_may_move() {
        let filters = ["latest", "dev-*"];
        for (mode, latest, dev, release) in [
            (Mode::Mutable, true, true, true),
            (Mode::Immutable, false, false, false),
            (Mode::ImmutableWithExclusion, true, true, false),
            (Mode::MutableWithExclusion, false, false, true),
        ] {
            let rule = TagMutability { mode, filters: filters.map(String::from).to_vec() };
            assert_eq!(rule.may_move("latest"), latest, "{mode:?}");
            assert_eq!(rule.may_move("dev-1"), dev, "{mode:?}");
            assert_eq!(rule.may_move("1.0"), release, "{mode:?}");
            assert_eq!(rule.may_move("latest-1"), release, "{mode:?}");
        }
        assert!(TagMutability::default().may_move("any"));
    }
}
