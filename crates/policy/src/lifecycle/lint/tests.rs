use super::*;
use crate::lifecycle::document::{Dialect, StorageClass};
use crate::lifecycle::images::{Image, Images};
use acre_wire::digest::{Algorithm, Digest};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

const NOW: i64 = 1_800_000_000_000_000;
const A_DAY: i64 = 86_400_000_000;

#[expect(clippy::needless_pass_by_value, reason = "rows of literals read better without references")]
fn rule(priority: u32, tags: Value) -> Value {
    let mut selection = tags.clone();
    selection["countType"] = json!("imageCountMoreThan");
    selection["countNumber"] = json!(10);
    json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
}

fn archived(priority: u32, tags: Value) -> Value {
    let mut rule = rule(priority, tags);
    rule["selection"]["storageClass"] = json!("archive");
    rule["selection"]["countType"] = json!("sinceImageTransitioned");
    rule["selection"]["countUnit"] = json!("days");
    rule["selection"]["countNumber"] = json!(90);
    rule
}

fn prefixes(list: &[&str]) -> Value {
    json!({"tagStatus": "tagged", "tagPrefixList": list})
}

fn patterns(list: &[&str]) -> Value {
    json!({"tagStatus": "tagged", "tagPatternList": list})
}

fn policy(rules: &[Value]) -> LifecyclePolicy {
    LifecyclePolicy::parse_as(Dialect::Acre, &json!({"rules": rules}).to_string()).unwrap()
}

fn words(rules: &[Value]) -> Vec<String> {
    lint(&policy(rules), None).findings.iter().map(Finding::to_string).collect()
}

/// Seed 003: keep the last ten of `v`, `release` and `prod`, `dev` and `staging` for seven days, untagged for one.
fn seed() -> LifecyclePolicy {
    let text = json!({"rules": [
        {
            "rulePriority": 1,
            "description": "Keep last 10 production images",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["v", "release", "prod"],
                "countType": "imageCountMoreThan",
                "countNumber": 10
            },
            "action": {"type": "expire"}
        },
        {
            "rulePriority": 2,
            "description": "Remove development images after 7 days",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["dev", "staging"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 7
            },
            "action": {"type": "expire"}
        },
        {
            "rulePriority": 3,
            "description": "Remove untagged images after 1 day",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 1
            },
            "action": {"type": "expire"}
        }
    ]});
    LifecyclePolicy::parse(&text.to_string()).unwrap()
}

/// A repository of images with at most one tag each: name, tag, age in days.
fn tried<T>(
    policy: &LifecyclePolicy,
    rows: &[(String, i64)],
    judge: impl Fn(&crate::lifecycle::evaluation::Evaluation<'_>) -> T,
) -> T {
    let mut images = Images::new(policy);
    for (row, (tag, age)) in rows.iter().enumerate() {
        let image = Image {
            digest: Digest::of(Algorithm::Sha256, &row.to_le_bytes()),
            tags: u32::from(!tag.is_empty()),
            pushed_at: NOW - age * A_DAY,
            pulled_at: None,
            activated_at: None,
            archived_at: None,
            storage_class: StorageClass::Standard,
            subject: None,
            size: 1,
        };
        images.add(&image, (!tag.is_empty()).then_some(tag.as_str())).unwrap();
    }
    judge(&images.complete().unwrap().evaluate(NOW))
}

fn expired(policy: &LifecyclePolicy, rows: &[(String, i64)]) -> Vec<String> {
    let mut expired = tried(policy, rows, |evaluation| {
        evaluation.marked().map(|(image, _)| rows[image as usize].0.clone()).collect::<Vec<_>>()
    });
    expired.sort();
    expired
}

/// A year of seed 003's work.
fn year() -> Vec<(String, i64)> {
    let mut rows = vec![("prod".to_owned(), 300), (String::new(), 2), (String::new(), 0)];
    rows.extend((1..=15).map(|number| (format!("v1.{number:02}"), 100 - number)));
    rows.extend((1..=12).map(|number| (format!("release-{number:02}"), 200 - number)));
    rows.extend([3, 6, 7, 8, 9].map(|age| (format!("dev-{age}"), age)));
    rows.extend([7, 8].map(|age| (format!("staging-{age}"), age)));
    rows
}

#[test]
fn seed_003_does_what_it_means_after_the_rewrite() {
    let seed = seed();
    assert_eq!(expired(&seed, &year()), [""]);

    let report = tried(&seed, &year(), |evaluation| lint(&seed, Some(evaluation.tallies())));
    let words: Vec<String> = report.findings.iter().map(Finding::to_string).collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    rule 1: several prefixes in one rule mean AND: an image must have a tag for each of v, release, prod. In this repository 0 images have. For OR, give each a rule of its own; each then keeps 10
    rule 2: several prefixes in one rule mean AND: an image must have a tag for each of dev, staging. In this repository 0 images have. For OR, give each a rule of its own
    ");
    let rewritten = LifecyclePolicy::parse(&report.rewritten.unwrap()).unwrap();
    assert_eq!(
        expired(&rewritten, &year()),
        [
            "",
            "dev-8",
            "dev-9",
            "release-01",
            "release-02",
            "staging-8",
            "v1.01",
            "v1.02",
            "v1.03",
            "v1.04",
            "v1.05"
        ]
    );
    let again = tried(&rewritten, &year(), |evaluation| lint(&rewritten, Some(evaluation.tallies())));
    assert_eq!(again, Report { findings: vec![], rewritten: None });
}

#[test]
fn the_rules_that_do_or() {
    let report = lint(&seed(), None);
    let rules: Vec<(u32, Vec<String>)> = report
        .findings
        .iter()
        .map(|finding| (finding.rule, finding.rules.iter().map(Value::to_string).collect()))
        .collect();
    let of_one = |prefix: &str, priority: u32| {
        json!({
            "rulePriority": priority,
            "description": "Keep last 10 production images",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": [prefix],
                "countType": "imageCountMoreThan",
                "countNumber": 10
            },
            "action": {"type": "expire"}
        })
        .to_string()
    };
    assert_eq!(rules[0], (1, vec![of_one("v", 1), of_one("release", 2), of_one("prod", 3)]));
    assert_eq!((rules[1].0, rules[1].1.len(), rules.len()), (2, 2, 2));
    let rewritten = LifecyclePolicy::parse(&report.rewritten.unwrap()).unwrap();
    let priorities: Vec<u32> = rewritten.rules().iter().map(|rule| rule.priority).collect();
    assert_eq!(priorities, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_is_rewritten_is_a_policy() {
    // A list that is there already is not written twice.
    let report = lint(
        &policy(&[
            rule(5, prefixes(&["v", "prod", "v"])),
            rule(7, prefixes(&["prod"])),
            archived(8, prefixes(&["v", "prod"])),
            rule(9, json!({"tagStatus": "any"})),
        ]),
        None,
    );
    let rewritten = LifecyclePolicy::parse(&report.rewritten.unwrap()).unwrap();
    let lists: Vec<&Tags> = rewritten.rules().iter().map(|rule| &rule.selection.tags).collect();
    let one = |prefix: &str| Tags::Prefixes(vec![prefix.into()]);
    assert_eq!(lists, [&one("v"), &one("prod"), &one("v"), &one("prod"), &Tags::Any]);
    // Patterns and wildcards that stand among prefixes.
    let report = lint(&policy(&[rule(1, prefixes(&["dev*", "pr"])), rule(2, patterns(&["a*b", "c"]))]), None);
    let rewritten = LifecyclePolicy::parse(&report.rewritten.unwrap()).unwrap();
    let lists: Vec<&Tags> = rewritten.rules().iter().map(|rule| &rule.selection.tags).collect();
    let one = |pattern: &str| Tags::Patterns(vec![pattern.into()]);
    assert_eq!(lists, [&one("dev*"), &one("pr*"), &one("a*b"), &one("c")]);
    // Too many rules: it says so, and offers none.
    let many: Vec<String> = (0..51).map(|number| format!("p{number}-")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let report = lint(&policy(&[rule(1, prefixes(&many))]), None);
    assert_eq!((report.findings.len(), report.rewritten), (1, None));
    assert_eq!(report.findings[0].rules, Vec::<Value>::new());
    // Acre's own members stay.
    let own = json!({"rules": [rule(1, prefixes(&["a", "b"]))], "acre": {"countFamilies": true}});
    let own = LifecyclePolicy::parse_as(Dialect::Acre, &own.to_string()).unwrap();
    let rewritten = lint(&own, None).rewritten.unwrap();
    assert!(LifecyclePolicy::parse_as(Dialect::Acre, &rewritten).unwrap().counts_families());
    assert!(LifecyclePolicy::parse(&rewritten).is_err());
}

#[test]
fn shadows() {
    let any = || json!({"tagStatus": "any"});
    let untagged = || json!({"tagStatus": "untagged"});
    for (higher, lower, shadowed) in [
        (prefixes(&["prod"]), prefixes(&["prod-eu"]), true),
        (prefixes(&["prod-eu"]), prefixes(&["prod"]), false),
        (prefixes(&["prod"]), patterns(&["prod*"]), true),
        (patterns(&["prod*"]), prefixes(&["prod"]), true),
        (patterns(&["*"]), prefixes(&["v"]), true),
        (patterns(&["*a*"]), patterns(&["b*a", "c"]), true),
        (patterns(&["*a*"]), patterns(&["b*c"]), false),
        (patterns(&["a*b"]), patterns(&["a*"]), false),
        (patterns(&["a*"]), patterns(&["a"]), true),
        (prefixes(&["a", "b"]), prefixes(&["a"]), false),
        (prefixes(&["a"]), prefixes(&["b", "a1"]), true),
        (prefixes(&["a", "b"]), prefixes(&["b1", "a1", "c"]), true),
        (untagged(), any(), false),
        (untagged(), prefixes(&["v"]), false),
        (patterns(&["*"]), untagged(), false),
        (patterns(&["*"]), any(), false),
    ] {
        let rules = [rule(3, higher.clone()), rule(8, lower.clone())];
        let traps: Vec<Trap> = lint(&policy(&rules), None)
            .findings
            .into_iter()
            .filter(|found| found.rule == 8)
            .map(|found| found.trap)
            .collect();
        let found = traps.contains(&Trap::Shadowed { by: vec![3] });
        assert_eq!(found, shadowed, "{higher} {lower}");
        let rules = [archived(3, higher), rule(8, lower)];
        assert!(!words(&rules).iter().any(|words| words.contains("never acts")), "another storage class");
    }
    assert_eq!(
        words(&[rule(1, untagged()), rule(2, patterns(&["v*"])), rule(3, patterns(&["*"])), rule(4, any())]),
        [
            "rule 4 never acts: all that it is about is claimed before by rule 1 and rule 3. Give it a lower number"
        ]
    );
}

#[test]
fn tags_that_do_not_exist() {
    for (list, expected) in [
        (
            prefixes(&["prod*"]),
            r#"no tag meets "prod*", because * is a letter in tagPrefixList; tagPatternList has wildcards"#,
        ),
        (prefixes(&["feature/"]), r#"no tag meets "feature/", because no tag has the letter '/'"#),
        (patterns(&["v[0-9]*"]), r#"no tag meets "v[0-9]*", because no tag has the letter '['"#),
        (patterns(&["-rc*"]), r#"no tag meets "-rc*", because no tag begins with '-'"#),
        (prefixes(&[".x"]), r#"no tag meets ".x", because no tag begins with '.'"#),
    ] {
        assert_eq!(words(&[rule(1, list)]), [format!("rule 1 can match nothing: {expected}")]);
    }
    let long = "a".repeat(129);
    for (list, found) in [
        (prefixes(&[&long]), 1),
        (prefixes(&[&long[1..]]), 0),
        (patterns(&[&format!("*{}*", &long[1..])]), 0),
        (patterns(&[&format!("*{long}")]), 1),
        (patterns(&["*-rc", "*"][..1]), 0),
        (patterns(&["v1._-*"]), 0),
    ] {
        assert_eq!(words(&[rule(1, list.clone())]).len(), found, "{list}");
    }
    let report = lint(&policy(&[rule(1, prefixes(&["prod*"]))]), None);
    assert_eq!(report.findings[0].rules[0]["selection"]["tagPatternList"], json!(["prod*"]));
    assert_eq!(lint(&policy(&[rule(1, prefixes(&["a/"]))]), None).rewritten, None);
}

#[test]
fn what_a_repository_does_not_have() {
    let policy = policy(&[
        rule(1, prefixes(&["v"])),
        rule(2, prefixes(&["dev"])),
        rule(3, json!({"tagStatus": "untagged"})),
        archived(4, json!({"tagStatus": "any"})),
    ]);
    let rows = [("v1".to_owned(), 1), ("web".to_owned(), 1)];
    let found = |rows: &[(String, i64)]| -> BTreeMap<u32, Trap> {
        tried(&policy, rows, |evaluation| {
            let report = lint(&policy, Some(evaluation.tallies()));
            report.findings.into_iter().map(|found| (found.rule, found.trap)).collect()
        })
    };
    let nothing = [(2, Trap::MatchesNothing), (3, Trap::NothingUntagged), (4, Trap::MatchesNothing)];
    assert_eq!(found(&rows), nothing.into());
    assert_eq!(lint(&policy, None).findings, []);
    let with_untagged = [rows[0].clone(), (String::new(), 5)];
    assert_eq!(found(&with_untagged), [(2, Trap::MatchesNothing), (4, Trap::MatchesNothing)].into());
    let tally = |matched, alone| [Tally { rule: 3, matched, alone, owned: matched, acted: 0 }];
    let words: Vec<String> =
        lint(&policy, Some(&tally(4, 0))).findings.iter().map(Finding::to_string).collect();
    assert_eq!(
        words,
        [
            "rule 3 is about untagged images, and all that this repository has (4) stay with the index or image to which \
          they belong"
        ]
    );
}

proptest! {
    /// What is said to be included is: checked on all short tags.
    #[test]
    fn inclusion(outer in "[ab*]{1,4}", inner in "[ab*]{1,4}") {
        let letters = ["", "a", "b", "c"];
        let mut tags = vec![String::new()];
        for _ in 0..5 {
            tags = tags.iter().flat_map(|tag| letters.map(|letter| format!("{tag}{letter}"))).collect();
            tags.sort();
            tags.dedup();
        }
        let is_included = tags.iter().filter(|tag| glob(&inner, tag)).all(|tag| glob(&outer, tag));
        prop_assert_eq!(includes(&outer, &inner), is_included);
    }

    /// A shadowed rule owns nothing, whatever the repository.
    #[test]
    fn shadowed_rules_own_nothing(
        lists in prop::collection::btree_set(prop::collection::btree_set("[ab*]{1,3}", 1..3), 2..4),
        rows in prop::collection::vec(("[ab]{0,3}", 0..5_i64), 0..8),
    ) {
        let rules: Vec<Value> = lists
            .iter()
            .zip(1..)
            .map(|(list, priority)| rule(priority, json!({"tagStatus": "tagged", "tagPatternList": list})))
            .collect();
        let policy = policy(&rules);
        let report = lint(&policy, None);
        let tallies = tried(&policy, &rows, |evaluation| evaluation.tallies().to_vec());
        for finding in report.findings {
            if let Trap::Shadowed { .. } = finding.trap {
                let tally = tallies.iter().find(|tally| tally.rule == finding.rule).unwrap();
                prop_assert_eq!((tally.owned, tally.acted), (0, 0));
            }
        }
    }
}
