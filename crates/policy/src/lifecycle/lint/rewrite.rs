//! The same policy with OR where it says AND: a rule for each entry of a list, and patterns where prefixes have `*`.

use crate::lifecycle::document::{Action, Count, Dialect, LifecyclePolicy, Rule, StorageClass, Tags};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A policy of other rules.
pub(super) struct Rewritten {
    pub(super) text: String,
    /// The place of the rule for which each stands, and itself.
    rules: Vec<(usize, Value)>,
}

impl Rewritten {
    /// What stands for the rule at this place.
    pub(super) fn rules_of(&self, place: usize) -> impl Iterator<Item = Value> {
        self.rules.iter().filter(move |(of, _)| *of == place).map(|(_, rule)| rule.clone())
    }
}

/// Rewrites rules that come by priority. Nothing: there is nothing to rewrite, or the result is no policy, because it
/// has too many rules or letters.
pub(super) fn rewrite(rules: &[&Rule], counts_families: bool) -> Option<Rewritten> {
    let mut taken = BTreeSet::new();
    let mut written = Vec::new();
    let mut is_changed = false;
    for (place, rule) in rules.iter().enumerate() {
        let alternatives = alternatives(&rule.selection.tags);
        is_changed |= alternatives != [rule.selection.tags.clone()];
        for tags in alternatives {
            // Of two rules with one list only the first would act, and a policy must not have both.
            if !taken.insert((rule.selection.storage_class, key(&tags))) {
                continue;
            }
            written.push((place, to_json(written.len() + 1, rule, &tags)));
        }
    }
    let all: Vec<&Value> = written.iter().map(|(_, rule)| rule).collect();
    let mut policy = json!({"rules": all});
    if counts_families {
        policy["acre"] = json!({"countFamilies": true});
    }
    let text = policy.to_string();
    let is_policy = is_changed && LifecyclePolicy::parse_as(Dialect::Acre, &text).is_ok();
    is_policy.then_some(Rewritten { text, rules: written })
}

/// Each entry once, in their order.
pub(super) fn distinct(list: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    list.iter().filter(|entry| seen.insert(*entry)).cloned().collect()
}

/// The selections that together are what the author of this one wants; itself, if it is.
fn alternatives(tags: &Tags) -> Vec<Tags> {
    let (list, make): (_, fn(Vec<String>) -> Tags) = match tags {
        Tags::Prefixes(list) if list.iter().any(|prefix| prefix.contains('*')) => {
            let pattern =
                |prefix: &String| if prefix.contains('*') { prefix.clone() } else { format!("{prefix}*") };
            (list.iter().map(pattern).collect(), Tags::Patterns)
        }
        Tags::Prefixes(list) => (list.clone(), Tags::Prefixes),
        Tags::Patterns(list) => (list.clone(), Tags::Patterns),
        Tags::Untagged | Tags::Any => return vec![tags.clone()],
    };
    match distinct(&list) {
        several if several.len() > 1 => several.into_iter().map(|entry| make(vec![entry])).collect(),
        _ => vec![make(list)],
    }
}

/// What must be unique among the rules of one storage class.
fn key(tags: &Tags) -> (u8, BTreeSet<String>) {
    match tags {
        Tags::Untagged => (0, BTreeSet::new()),
        Tags::Any => (1, BTreeSet::new()),
        Tags::Prefixes(list) => (2, list.iter().cloned().collect()),
        Tags::Patterns(list) => (3, list.iter().cloned().collect()),
    }
}

fn to_json(priority: usize, rule: &Rule, tags: &Tags) -> Value {
    let mut selection = Map::new();
    let (status, list) = match tags {
        Tags::Untagged => ("untagged", None),
        Tags::Any => ("any", None),
        Tags::Prefixes(list) => ("tagged", Some(("tagPrefixList", list))),
        Tags::Patterns(list) => ("tagged", Some(("tagPatternList", list))),
    };
    selection.insert("tagStatus".into(), status.into());
    if let Some((name, list)) = list {
        selection.insert(name.into(), list.clone().into());
    }
    if rule.selection.storage_class == StorageClass::Archive {
        selection.insert("storageClass".into(), "archive".into());
    }
    let (count, number) = match rule.selection.count {
        Count::ImageCountMoreThan { images } => ("imageCountMoreThan", images),
        Count::SinceImagePushed { days } => ("sinceImagePushed", days),
        Count::SinceImagePulled { days } => ("sinceImagePulled", days),
        Count::SinceImageTransitioned { days } => ("sinceImageTransitioned", days),
    };
    selection.insert("countType".into(), count.into());
    if !matches!(rule.selection.count, Count::ImageCountMoreThan { .. }) {
        selection.insert("countUnit".into(), "days".into());
    }
    selection.insert("countNumber".into(), number.into());
    let action = match rule.action {
        Action::Expire => json!({"type": "expire"}),
        Action::Transition => json!({"type": "transition", "targetStorageClass": "archive"}),
    };
    let mut whole = json!({"rulePriority": priority, "selection": selection, "action": action});
    if let Some(description) = &rule.description {
        whole["description"] = description.clone().into();
    }
    whole
}
