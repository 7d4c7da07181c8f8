//! What a lifecycle policy does to the images of a repository at one moment, and why (spec/ecr.md 4.4).
//!
//! An image can only be acted on by the first rule whose tags and storage class it meets, its owner: every lower rule
//! finds it claimed. But lower rules still count it, so each rule that counts ranks all that it meets. All verdicts are
//! about the repository as it was; what a run sets free (an index's children, a subject's signatures) is the next run's.

use super::document::{Count, Rule};
use super::images::{Repository, Subject};
use super::verdict::{Clock, Outcome, Reason, Verdict};

/// Microseconds.
const DAY: i128 = 24 * 60 * 60 * 1_000_000;

/// How many images, and their sizes added up: layers that they share are counted in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub images: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What stays.
    pub kept: Total,
    /// What is deleted.
    pub expiring: Total,
    /// What is archived.
    pub transitioning: Total,
}

/// What one rule met in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Its priority.
    pub rule: u32,
    /// Images whose tags and storage class it meets.
    pub matched: u64,
    /// Of those, the ones that are neither in an index nor attached to an image that is here.
    pub alone: u64,
    /// Of those that it matched, the ones that no higher rule claims.
    pub owned: u64,
    /// Images that it acts on.
    pub acted: u64,
}

impl Repository {
    /// Judges every image at `now` (microseconds since 1970).
    pub fn evaluate(&self, now: i64) -> Evaluation<'_> {
        let mut evaluation = Evaluation {
            repository: self,
            now,
            ranks: Vec::new(),
            counted_out: Vec::new(),
            marked: Vec::new(),
            summary: Summary::default(),
            tallies: Vec::new(),
            next_due: None,
        };
        evaluation.rank();
        evaluation.mark();
        evaluation
    }
}

/// The verdicts of one policy on one repository at one moment.
pub struct Evaluation<'a> {
    repository: &'a Repository,
    now: i64,
    /// By image, its number in its owner, if that counts; 0: it is not counted. Empty if no rule counts.
    ranks: Vec<u32>,
    /// By image, the rules below its owner that it is too late for; as `ranks`.
    counted_out: Vec<u64>,
    marked: Vec<u32>,
    summary: Summary,
    tallies: Vec<Tally>,
    next_due: Option<i64>,
}

impl Evaluation<'_> {
    /// The images that are acted on, the oldest first.
    pub fn marked(&self) -> impl ExactSizeIterator<Item = (u32, Verdict)> {
        self.marked.iter().map(|image| (*image, self.verdict(*image)))
    }

    /// Every image, in the order in which they were added.
    pub fn verdicts(&self) -> impl Iterator<Item = (u32, Verdict)> {
        (0..self.repository.len()).map(|image| (image, self.verdict(image)))
    }

    /// What happens to an image and why; a place where none is, no rule is about.
    pub fn verdict(&self, image: u32) -> Verdict {
        let owner = self.owner(image);
        let by_rule = owner.and_then(|(_, rule)| {
            let reason = self.due(image, rule)?;
            Some((Outcome::from(rule.action), reason))
        });
        let by_subject = self.follow(image);
        // Deleting settles archiving, whichever asks for it.
        let candidates = match by_rule {
            Some((Outcome::Expire, _)) => [by_rule, by_subject],
            _ => [by_subject, by_rule],
        };
        let mut kept = None;
        for (outcome, reason) in candidates.into_iter().flatten() {
            match self.protection(image, outcome, reason.rule()) {
                Some(protection) => kept = kept.or(Some(protection)),
                None => return Verdict { outcome, reason, shielded_from: None },
            }
        }
        if let Some(reason) = kept {
            return Verdict { outcome: Outcome::Keep, reason, shielded_from: None };
        }
        let Some((index, rule)) = owner else {
            return Verdict { outcome: Outcome::Keep, reason: Reason::NoRule, shielded_from: None };
        };
        let shielded_from = self.first_below(image, index);
        Verdict { outcome: Outcome::Keep, reason: self.keeping(image, rule), shielded_from }
    }

    /// What the run comes to.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// What each rule met, in the order of priorities.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// When the outcomes may next be others, although nothing is pushed, pulled, tagged, pinned, restored, archived or
    /// deleted: then the repository has to be judged again. At once if something is acted on, since that may set
    /// others free. Nothing: not before something changes.
    pub fn next_due(&self) -> Option<i64> {
        self.next_due
    }

    /// A verdict in words, with the names of what it is about.
    pub fn explain(&self, image: u32) -> String {
        let verdict = self.verdict(image);
        let digest =
            |image| self.repository.digest(image).map_or_else(String::new, |digest| format!(" {digest}"));
        let rule = |rule: Option<u32>| {
            rule.map_or_else(String::new, |rule| format!("; rule {rule} would act on it"))
        };
        match verdict.reason {
            Reason::Pinned { rule: by } => match self.repository.pinned(image, self.now) {
                Some(pin) => format!("kept: pinned by {} ({}){}", pin.name, pin.reason, rule(by)),
                None => verdict.to_string(),
            },
            Reason::ChildOf { index, rule: by } => {
                format!("kept: stands in index{}{}", digest(index), rule(by))
            }
            Reason::AttachedTo { subject, rule: by } => {
                format!("kept: attached to{}{}", digest(subject), rule(by))
            }
            Reason::SubjectArchived { subject } => {
                format!("archived:{}, to which it is attached, was archived", digest(subject))
            }
            _ => verdict.to_string(),
        }
    }

    /// Ranks the images of every rule that counts, in one walk from the newest to the oldest; of one age, in the order
    /// of digests.
    fn rank(&mut self) {
        let repository = self.repository;
        let mut counting = 0_u64;
        for (index, rule) in repository.rules.iter().enumerate() {
            counting |= u64::from(matches!(rule.selection.count, Count::ImageCountMoreThan { .. })) << index;
        }
        if counting == 0 {
            return;
        }
        let counted = |image: &u32| {
            repository.mask(*image) & counting != 0
                && !(repository.counts_families && repository.is_member(*image))
        };
        let mut order: Vec<(i64, u32)> =
            (0..repository.len()).filter(counted).map(|image| (repository.pushed(image), image)).collect();
        order.sort_unstable_by(|(a_pushed, a), (b_pushed, b)| {
            b_pushed.cmp(a_pushed).then_with(|| repository.key(*a).cmp(&repository.key(*b)))
        });
        self.ranks = vec![0; repository.len() as usize];
        self.counted_out = vec![0; repository.len() as usize];
        let mut met = vec![0_u32; repository.rules.len()];
        for (_, image) in order {
            let mask = repository.mask(image);
            let (Some(rank), Some(counted_out)) =
                (self.ranks.get_mut(image as usize), self.counted_out.get_mut(image as usize))
            else {
                continue;
            };
            for index in bits(mask & counting) {
                let (Some(met), Some(rule)) = (met.get_mut(usize::from(index)), rule(repository, index))
                else {
                    continue;
                };
                *met += 1;
                let Count::ImageCountMoreThan { images } = rule.selection.count else { continue };
                if u32::from(index) == mask.trailing_zeros() {
                    *rank = *met;
                } else if *met > images {
                    *counted_out |= 1 << index;
                }
            }
        }
    }

    /// Judges every image once: what is acted on, the sums, and when to look again.
    fn mark(&mut self) {
        let repository = self.repository;
        let tally = |rule: &Rule| Tally { rule: rule.priority, matched: 0, alone: 0, owned: 0, acted: 0 };
        let mut tallies: Vec<Tally> = repository.rules.iter().map(tally).collect();
        let mut marked = Vec::new();
        let mut summary = Summary::default();
        let mut next_due: Option<i64> = None;
        for (image, verdict) in self.verdicts() {
            let mask = repository.mask(image);
            let total = match verdict.outcome {
                Outcome::Keep => &mut summary.kept,
                Outcome::Expire => &mut summary.expiring,
                Outcome::Transition => &mut summary.transitioning,
            };
            total.images += 1;
            total.bytes = total.bytes.saturating_add(repository.size(image));
            let acts = verdict.outcome != Outcome::Keep;
            let is_alone = mask != 0 && !repository.is_member(image);
            for index in bits(mask) {
                let Some(tally) = tallies.get_mut(usize::from(index)) else { continue };
                let owns = u32::from(index) == mask.trailing_zeros();
                tally.matched += 1;
                tally.alone += u64::from(is_alone);
                tally.owned += u64::from(owns);
                tally.acted += u64::from(owns && acts && verdict.reason.rule().is_some());
            }
            if acts {
                marked.push((repository.pushed(image).max(archived(repository, image)), image));
            } else if let Some(due) = self.due_at(image, verdict.reason) {
                next_due = Some(next_due.map_or(due, |next| next.min(due)));
            }
        }
        marked.sort_unstable_by(|(a_age, a), (b_age, b)| {
            a_age.cmp(b_age).then_with(|| repository.key(*b).cmp(&repository.key(*a)))
        });
        self.next_due = if marked.is_empty() { next_due } else { Some(self.now) };
        self.marked = marked.into_iter().map(|(_, image)| image).collect();
        self.summary = summary;
        self.tallies = tallies;
    }

    /// When time alone may change what happens to an image that is kept: its owner comes due, or its pin ends.
    fn due_at(&self, image: u32, reason: Reason) -> Option<i64> {
        let owner = self.owner(image).and_then(|(_, rule)| {
            let until = self.until(image, rule).filter(|until| *until >= self.now)?;
            if self.holder(image, rule.action.into(), None).is_some() { None } else { until.checked_add(1) }
        });
        let pin = match reason {
            Reason::Pinned { .. } => self.repository.pinned(image, self.now).and_then(|pin| pin.until),
            _ => None,
        };
        owner.into_iter().chain(pin).min()
    }

    /// The only rule that can act on an image.
    fn owner(&self, image: u32) -> Option<(u8, &Rule)> {
        let index = bits(self.repository.mask(image)).next()?;
        Some((index, rule(self.repository, index)?))
    }

    /// Why a rule is due for an image; counting rules know only the images that they own.
    fn due(&self, image: u32, rule: &Rule) -> Option<Reason> {
        if let Count::ImageCountMoreThan { images: keep } = rule.selection.count {
            let rank = self.ranks.get(image as usize).copied()?;
            return (rank > keep).then_some(Reason::CountedOut { rule: rule.priority, rank, keep });
        }
        let (clock, since, days) = self.age(image, rule)?;
        let is_due = i128::from(self.now) - i128::from(since) > i128::from(days) * DAY;
        is_due.then_some(Reason::Aged { rule: rule.priority, clock, since, days })
    }

    /// From when on, and for how many days, a rule by age keeps an image.
    fn age(&self, image: u32, rule: &Rule) -> Option<(Clock, i64, u32)> {
        match rule.selection.count {
            Count::ImageCountMoreThan { .. } => None,
            Count::SinceImagePushed { days } => Some((Clock::Pushed, self.repository.pushed(image), days)),
            Count::SinceImagePulled { days } => Some((Clock::Pulled, self.repository.pulled(image), days)),
            Count::SinceImageTransitioned { days } => {
                Some((Clock::Archived, self.repository.archived(image), days))
            }
        }
    }

    /// The last moment at which a rule by age keeps an image.
    fn until(&self, image: u32, rule: &Rule) -> Option<i64> {
        let (_, since, days) = self.age(image, rule)?;
        Some(i64::try_from(i128::from(since) + i128::from(days) * DAY).unwrap_or(i64::MAX))
    }

    /// Whether an image goes where its subject went. What came or was restored after that stays.
    fn follow(&self, image: u32) -> Option<(Outcome, Reason)> {
        let came = self.repository.pushed(image);
        match self.repository.subject(image) {
            Subject::Deleted { at } if came <= at => Some((Outcome::Expire, Reason::SubjectDeleted { at })),
            Subject::Archived { subject, at } if came <= at && !self.repository.is_archived(image) => {
                Some((Outcome::Transition, Reason::SubjectArchived { subject }))
            }
            _ => None,
        }
    }

    /// What keeps an image although it is due.
    fn protection(&self, image: u32, outcome: Outcome, rule: Option<u32>) -> Option<Reason> {
        match self.repository.pinned(image, self.now) {
            Some(_) => Some(Reason::Pinned { rule }),
            None => self.holder(image, outcome, rule),
        }
    }

    /// The image to which it belongs. An archived one lets it into the archive, but it is still there to be restored,
    /// so nothing of it is deleted.
    fn holder(&self, image: u32, outcome: Outcome, rule: Option<u32>) -> Option<Reason> {
        let repository = self.repository;
        let holds = |holder: u32| outcome == Outcome::Expire || !repository.is_archived(holder);
        if let Some(index) = repository.parent(image).filter(|index| holds(*index)) {
            return Some(Reason::ChildOf { index, rule });
        }
        match repository.subject(image) {
            Subject::Present { subject } | Subject::Archived { subject, .. } if holds(subject) => {
                Some(Reason::AttachedTo { subject, rule })
            }
            _ => None,
        }
    }

    /// How its owner keeps an image that is not due.
    fn keeping(&self, image: u32, rule: &Rule) -> Reason {
        let Count::ImageCountMoreThan { images: keep } = rule.selection.count else {
            let (Some((clock, _, days)), Some(until)) = (self.age(image, rule), self.until(image, rule))
            else {
                return Reason::NoRule;
            };
            return Reason::Within { rule: rule.priority, clock, until, days };
        };
        match self.ranks.get(image as usize).copied().unwrap_or(0) {
            0 => match (self.repository.parent(image), self.repository.subject(image)) {
                (Some(index), _) => Reason::ChildOf { index, rule: None },
                (None, Subject::Present { subject } | Subject::Archived { subject, .. }) => {
                    Reason::AttachedTo { subject, rule: None }
                }
                (None, Subject::None | Subject::Deleted { .. }) => Reason::NoRule,
            },
            rank => Reason::AmongNewest { rule: rule.priority, rank, keep },
        }
    }

    /// The first rule below the owner that would act on an image that nothing else protects.
    fn first_below(&self, image: u32, owner: u8) -> Option<u32> {
        let counted_out = self.counted_out.get(image as usize).copied().unwrap_or(0);
        let below = bits(self.repository.mask(image)).filter(|index| *index > owner);
        below
            .filter_map(|index| Some((index, rule(self.repository, index)?)))
            .find(|(index, rule)| {
                let is_due = match rule.selection.count {
                    Count::ImageCountMoreThan { .. } => counted_out >> *index & 1 == 1,
                    _ => self.due(image, rule).is_some(),
                };
                is_due && self.protection(image, rule.action.into(), None).is_none()
            })
            .map(|(_, rule)| rule.priority)
    }
}

fn rule(repository: &Repository, index: u8) -> Option<&Rule> {
    repository.rules.get(usize::from(index))
}

/// When it was archived; the beginning of time if it was not, or nobody knows when.
fn archived(repository: &Repository, image: u32) -> i64 {
    match repository.archived(image) {
        i64::MAX => i64::MIN,
        at => at,
    }
}

/// The places of the bits of a mask, lowest first.
fn bits(mut mask: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let bit = u8::try_from(mask.trailing_zeros()).ok().filter(|_| mask != 0)?;
        mask &= mask - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests;
