//! The rules of spec/ecr.md 4.4 once more, as slow and as plain as they are written there. It shares nothing with the
//! engine, not even how a tag is matched, so that the two can be compared.

use std::collections::{BTreeMap, BTreeSet};

const DAY: i128 = 24 * 3600 * 1_000_000;

#[derive(Clone, Debug)]
pub(super) enum TagsWanted {
    Untagged,
    Any,
    Prefixes(Vec<String>),
    Patterns(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Newest,
    Pushed,
    Pulled,
    Archived,
}

#[derive(Clone, Debug)]
pub(super) struct PlainRule {
    pub(super) priority: u32,
    pub(super) tags: TagsWanted,
    pub(super) archive_class: bool,
    pub(super) kind: Kind,
    pub(super) number: u32,
    pub(super) expires: bool,
}

/// An image is called by a number, in the order of digests.
#[derive(Clone, Debug)]
pub(super) struct PlainImage {
    pub(super) name: u8,
    pub(super) tags: Vec<String>,
    pub(super) pushed: i64,
    pub(super) pulled: Option<i64>,
    pub(super) restored: Option<i64>,
    pub(super) archived: Option<i64>,
    pub(super) children: Vec<u8>,
    pub(super) subject: Option<u8>,
    pub(super) pinned_until: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: i64,
    pub(super) families: bool,
    pub(super) rules: Vec<PlainRule>,
    pub(super) images: Vec<PlainImage>,
    /// Deleted, and when.
    pub(super) deleted: BTreeMap<u8, i64>,
    /// The beginning of the tags that attach to an image.
    pub(super) tag_of: fn(u8) -> Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Keep,
    Expire,
    Archive,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why {
    Rule(u32),
    Subject,
    Pin,
    Parent,
    Attached,
    KeptBy(u32, Option<u32>),
    Nothing,
}

impl World {
    pub(super) fn judge(&self) -> BTreeMap<u8, (Fate, Why)> {
        let mut rules = self.rules.clone();
        rules.sort_by_key(|rule| rule.priority);
        let mut claimed: BTreeSet<u8> = BTreeSet::new();
        let mut owners: BTreeMap<u8, PlainRule> = BTreeMap::new();
        let mut due: BTreeMap<u8, PlainRule> = BTreeMap::new();
        let mut shielded: BTreeMap<u8, u32> = BTreeMap::new();
        for rule in &rules {
            let matched: Vec<&PlainImage> = self.images.iter().filter(|image| meets(image, rule)).collect();
            for image in self.selected(rule, &matched) {
                if !claimed.contains(&image.name) {
                    due.insert(image.name, rule.clone());
                } else if self.protection(image, rule.expires).is_none() {
                    shielded.entry(image.name).or_insert(rule.priority);
                }
            }
            for image in matched {
                owners.entry(image.name).or_insert_with(|| rule.clone());
                claimed.insert(image.name);
            }
        }
        self.images
            .iter()
            .map(|image| {
                let name = image.name;
                let verdict = self.settle(image, due.get(&name), owners.get(&name), shielded.get(&name));
                (name, verdict)
            })
            .collect()
    }

    fn settle(
        &self,
        image: &PlainImage,
        due: Option<&PlainRule>,
        owner: Option<&PlainRule>,
        shielded: Option<&u32>,
    ) -> (Fate, Why) {
        let fate = |expires| if expires { Fate::Expire } else { Fate::Archive };
        let rule_wish = due.map(|rule| (rule.expires, Why::Rule(rule.priority)));
        let mut wishes = Vec::new();
        if due.is_some_and(|rule| rule.expires) {
            wishes.extend(rule_wish);
        }
        wishes.extend(self.subject_wish(image).map(|expires| (expires, Why::Subject)));
        if !due.is_some_and(|rule| rule.expires) {
            wishes.extend(rule_wish);
        }
        for (expires, why) in &wishes {
            if self.protection(image, *expires).is_none() {
                return (fate(*expires), *why);
            }
        }
        if let Some((expires, _)) = wishes.first() {
            return (Fate::Keep, self.protection(image, *expires).unwrap());
        }
        let Some(owner) = owner else { return (Fate::Keep, Why::Nothing) };
        if owner.kind == Kind::Newest && self.families && self.belongs(image) {
            let parent = !self.parents(image).is_empty();
            return (Fate::Keep, if parent { Why::Parent } else { Why::Attached });
        }
        (Fate::Keep, Why::KeptBy(owner.priority, shielded.copied()))
    }

    /// X of 4.4.
    fn selected<'a>(&self, rule: &PlainRule, matched: &[&'a PlainImage]) -> Vec<&'a PlainImage> {
        if rule.kind == Kind::Newest {
            let mut sorted: Vec<&PlainImage> =
                matched.iter().copied().filter(|image| !self.families || !self.belongs(image)).collect();
            sorted.sort_by_key(|image| (-i128::from(effective(image)), image.name));
            return sorted.into_iter().skip(rule.number as usize).collect();
        }
        let clock = |image: &PlainImage| match rule.kind {
            Kind::Pushed => effective(image),
            Kind::Pulled => last_pull(image),
            Kind::Archived => image.archived.unwrap(),
            Kind::Newest => unreachable!(),
        };
        let too_old = |image: &&PlainImage| {
            i128::from(self.now) - i128::from(clock(image)) > i128::from(rule.number) * DAY
        };
        matched.iter().copied().filter(too_old).collect()
    }

    fn protection(&self, image: &PlainImage, expires: bool) -> Option<Why> {
        let holds =
            |holders: &[&PlainImage]| holders.iter().any(|holder| expires || holder.archived.is_none());
        if image.pinned_until.is_some_and(|until| self.now < until) {
            Some(Why::Pin)
        } else if holds(&self.parents(image)) {
            Some(Why::Parent)
        } else if holds(&self.subjects_here(image)) {
            Some(Why::Attached)
        } else {
            None
        }
    }

    /// Whether it is to be deleted (true) or archived (false) because of its subject.
    fn subject_wish(&self, image: &PlainImage) -> Option<bool> {
        let here = self.subjects_here(image);
        let came = effective(image);
        if here.is_empty() {
            let named = self.subjects(image);
            let times: Option<Vec<i64>> = named.iter().map(|name| self.deleted.get(name).copied()).collect();
            let last = times?.into_iter().max()?;
            return (came <= last).then_some(true);
        }
        if image.archived.is_some() || here.iter().any(|subject| subject.archived.is_none()) {
            return None;
        }
        let first = here.iter().min_by_key(|subject| self.position(subject)).unwrap();
        (came <= first.archived.unwrap()).then_some(false)
    }

    fn position(&self, image: &PlainImage) -> usize {
        self.images.iter().position(|other| other.name == image.name).unwrap()
    }

    fn belongs(&self, image: &PlainImage) -> bool {
        !self.parents(image).is_empty() || !self.subjects_here(image).is_empty()
    }

    fn parents(&self, image: &PlainImage) -> Vec<&PlainImage> {
        let contains = |index: &&PlainImage| index.name != image.name && index.children.contains(&image.name);
        self.images.iter().filter(contains).collect()
    }

    fn subjects_here(&self, image: &PlainImage) -> Vec<&PlainImage> {
        let named = self.subjects(image);
        self.images.iter().filter(|other| named.contains(&other.name)).collect()
    }

    fn subjects(&self, image: &PlainImage) -> BTreeSet<u8> {
        let mut named: BTreeSet<u8> = image.subject.into_iter().collect();
        let mut by_tags = BTreeSet::new();
        let mut own_tags = 0;
        for tag in &image.tags {
            let subject = (0..=u8::MAX).find(|name| {
                let Some(stem) = (self.tag_of)(*name) else { return false };
                let suffixes: &[&str] =
                    if stem.starts_with("sha256") { &["", ".sig", ".att", ".sbom"] } else { &[""] };
                suffixes.iter().any(|suffix| *tag == format!("{stem}{suffix}"))
            });
            match subject {
                Some(name) => {
                    by_tags.insert(name);
                }
                None => own_tags += 1,
            }
        }
        if own_tags == 0 {
            named.extend(by_tags);
        }
        named.remove(&image.name);
        named
    }
}

/// When it counts as pushed.
pub(super) fn effective(image: &PlainImage) -> i64 {
    match image.restored {
        Some(restored) => restored,
        None => image.pushed,
    }
}

fn last_pull(image: &PlainImage) -> i64 {
    match (image.pulled, image.restored) {
        (Some(pulled), None) => pulled,
        (Some(pulled), Some(restored)) if pulled > restored => pulled,
        _ => effective(image),
    }
}

fn meets(image: &PlainImage, rule: &PlainRule) -> bool {
    let every = |list: &Vec<String>, test: fn(&[char], &[char]) -> bool| {
        !image.tags.is_empty()
            && list.iter().all(|entry| {
                let entry: Vec<char> = entry.chars().collect();
                image.tags.iter().any(|tag| test(&entry, &tag.chars().collect::<Vec<char>>()))
            })
    };
    rule.archive_class == image.archived.is_some()
        && match &rule.tags {
            TagsWanted::Untagged => image.tags.is_empty(),
            TagsWanted::Any => true,
            TagsWanted::Prefixes(list) => every(list, is_prefix),
            TagsWanted::Patterns(list) => every(list, is_match),
        }
}

fn is_prefix(prefix: &[char], tag: &[char]) -> bool {
    prefix.len() <= tag.len() && prefix.iter().zip(tag).all(|(a, b)| a == b)
}

fn is_match(pattern: &[char], tag: &[char]) -> bool {
    match pattern.split_first() {
        None => tag.is_empty(),
        Some(('*', rest)) => (0..=tag.len()).any(|skipped| is_match(rest, &tag[skipped..])),
        Some((letter, rest)) => tag.first() == Some(letter) && is_match(rest, &tag[1..]),
    }
}
