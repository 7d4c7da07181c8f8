mod agreement;
mod oracle;

use super::*;
use crate::lifecycle::document::{Dialect, LifecyclePolicy, StorageClass};
use crate::lifecycle::images::{Image, Images, Pin, RepeatedImage};
use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, json};
use std::convert::Infallible;

const NOW: i64 = 1_800_000_000_000_000;
const A_DAY: i64 = 86_400_000_000;

/// A moment so many days ago.
#[expect(clippy::cast_possible_truncation, reason = "ages of a few hundred days")]
fn ago(days: f64) -> i64 {
    NOW - (days * 86_400_000_000.0) as i64
}

fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

/// An image of a table: ages in days.
#[derive(Clone, Default)]
struct Row {
    name: &'static str,
    tags: Vec<String>,
    pushed: f64,
    pulled: Option<f64>,
    restored: Option<f64>,
    archived: Option<f64>,
    children: &'static [&'static str],
    subject: Option<&'static str>,
}

fn image(name: &'static str, tags: &[&str], pushed: f64) -> Row {
    Row { name, tags: tags.iter().map(|tag| (*tag).into()).collect(), pushed, ..Row::default() }
}

fn collect(policy: &LifecyclePolicy, rows: &[Row]) -> Repository {
    let mut images = Images::new(policy);
    for row in rows {
        let image = Image {
            digest: digest(row.name),
            tags: u32::try_from(row.tags.len()).unwrap(),
            pushed_at: ago(row.pushed),
            pulled_at: row.pulled.map(ago),
            activated_at: row.restored.map(ago),
            archived_at: row.archived.map(ago),
            storage_class: if row.archived.is_some() {
                StorageClass::Archive
            } else {
                StorageClass::Standard
            },
            subject: row.subject.map(digest),
            size: 100,
        };
        images.add(&image, row.tags.iter().map(String::as_str)).unwrap();
    }
    let mut repository = images.complete().unwrap();
    for row in rows {
        for child in row.children {
            let place = |name| repository.find(&digest(name)).unwrap();
            let (index, child) = (place(row.name), place(child));
            repository.relate(index, child);
        }
    }
    repository
}

/// What is acted on, by name: `expire A by 1`, or `by subject`.
fn acted(repository: &Repository, rows: &[Row]) -> Vec<String> {
    let mut acted: Vec<_> = repository
        .evaluate(NOW)
        .marked()
        .map(|(image, verdict)| {
            let name =
                rows.iter().find(|row| Some(digest(row.name)) == repository.digest(image)).unwrap().name;
            let verb = if verdict.outcome == Outcome::Expire { "expire" } else { "archive" };
            let by = verdict.reason.rule().map_or("subject".into(), |rule| rule.to_string());
            format!("{verb} {name} by {by}")
        })
        .collect();
    acted.sort();
    acted
}

fn policy(rules: &[Value]) -> LifecyclePolicy {
    let rules: Vec<Value> = rules
        .iter()
        .zip(1..)
        .map(|(rule, priority)| {
            let mut rule = rule.clone();
            let archives = rule.as_object_mut().unwrap().remove("archive").is_some();
            let action = if archives {
                json!({"type": "transition", "targetStorageClass": "archive"})
            } else {
                json!({"type": "expire"})
            };
            json!({"rulePriority": priority, "selection": rule, "action": action})
        })
        .collect();
    LifecyclePolicy::parse_as(Dialect::Ecr, &json!({"rules": rules}).to_string()).unwrap()
}

fn keep(tags: Value, images: u32) -> Value {
    with(tags, json!({"countType": "imageCountMoreThan", "countNumber": images}))
}

fn since(what: &str, tags: Value, days: u32) -> Value {
    with(tags, json!({"countType": what, "countUnit": "days", "countNumber": days}))
}

fn pushed(tags: Value, days: u32) -> Value {
    since("sinceImagePushed", tags, days)
}

fn with(mut value: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("no object") };
    value.as_object_mut().unwrap().extend(members);
    value
}

fn every() -> Value {
    json!({"tagStatus": "any"})
}

fn untagged() -> Value {
    json!({"tagStatus": "untagged"})
}

fn prefix(list: &[&str]) -> Value {
    json!({"tagStatus": "tagged", "tagPrefixList": list})
}

fn archive(rule: Value) -> Value {
    with(rule, json!({"archive": true}))
}

/// Number, images, rules, what is acted on.
type Example = (u32, Vec<Row>, Vec<Value>, Vec<&'static str>);

/// Spec/ecr.md 4.7, by number.
#[expect(clippy::too_many_lines, reason = "one table")]
fn examples() -> Vec<Example> {
    let third = || {
        vec![
            image("A", &["beta-1", "prod-1"], 10.0),
            image("B", &["beta-2", "prod-2"], 9.0),
            image("C", &["beta-3"], 8.0),
        ]
    };
    let pulled = |row: Row, days: f64| Row { pulled: Some(days), ..row };
    let restored = |row: Row, days: f64| Row { restored: Some(days), ..row };
    let archived = |row: Row, days: f64| Row { archived: Some(days), ..row };
    vec![
        (
            1,
            vec![
                image("A", &[], 20.0),
                image("B", &[], 14.5),
                image("C", &[], 13.0),
                image("D", &["v1"], 30.0),
            ],
            vec![pushed(untagged(), 14)],
            vec!["expire A by 1", "expire B by 1"],
        ),
        (
            2,
            vec![image("A", &[], 3.0), image("B", &[], 2.0), image("C", &[], 1.0), image("D", &["x"], 9.0)],
            vec![keep(untagged(), 1)],
            vec!["expire A by 1", "expire B by 1"],
        ),
        (3, third(), vec![keep(prefix(&["prod"]), 1), keep(prefix(&["beta"]), 1)], vec!["expire A by 1"]),
        (
            4,
            third(),
            vec![keep(prefix(&["beta"]), 1), keep(prefix(&["prod"]), 1)],
            vec!["expire A by 1", "expire B by 1"],
        ),
        (
            5,
            vec![
                image("A", &["alpha-1"], 12.0),
                image("B", &["beta-1"], 11.0),
                image("C", &["alpha-2", "beta-2"], 10.0),
                image("D", &["alpha-3"], 4.0),
                image("E", &["beta-3"], 3.0),
                image("F", &["alpha-4", "beta-4"], 2.0),
            ],
            vec![pushed(prefix(&["alpha", "beta"]), 5)],
            vec!["expire C by 1"],
        ),
        (
            6,
            vec![
                image("A", &["alpha-1", "beta-1", "gamma-1"], 10.0),
                image("B", &["alpha-2", "beta-2"], 9.0),
                image("C", &["alpha-3", "beta-3", "gamma-2"], 8.0),
            ],
            vec![keep(prefix(&["alpha", "beta"]), 1)],
            vec!["expire A by 1", "expire B by 1"],
        ),
        (
            7,
            vec![
                image("A", &["alpha-1"], 4.0),
                image("B", &["beta-1"], 3.0),
                image("C", &[], 2.0),
                image("D", &["alpha-2"], 1.0),
            ],
            vec![keep(every(), 1)],
            vec!["expire A by 1", "expire B by 1", "expire C by 1"],
        ),
        (
            8,
            vec![
                image("A", &["alpha-1", "beta-1"], 4.0),
                image("B", &[], 3.0),
                image("C", &["alpha-2"], 2.0),
                image("D", &["git-hash"], 1.0),
                image("E", &[], 0.99),
            ],
            vec![keep(prefix(&["alpha"]), 1), pushed(untagged(), 1), keep(every(), 1)],
            vec!["expire A by 1", "expire B by 2", "expire D by 3"],
        ),
        (
            9,
            vec![
                image("A", &["prod-1-release"], 40.0),
                image("B", &["prod-2"], 39.0),
                image("C", &["x-prod-3-release"], 38.0),
                image("D", &["prod-9", "9-release"], 37.0),
            ],
            vec![pushed(json!({"tagStatus": "tagged", "tagPatternList": ["prod*", "*release"]}), 30)],
            vec!["expire A by 1", "expire D by 1"],
        ),
        (
            10,
            vec![
                image("P", &["release-1"], 100.0),
                image("Q", &["release-2"], 50.0),
                image("S", &["feature-x"], 100.0),
                image("T", &[], 100.0),
            ],
            vec![keep(prefix(&["release"]), 9999), pushed(every(), 30)],
            vec!["expire S by 2", "expire T by 2"],
        ),
        (
            11,
            vec![
                Row { children: &["m1", "m2"], ..image("X", &["v1"], 20.0) },
                image("m1", &[], 20.0),
                image("m2", &[], 20.0),
                image("O", &[], 20.0),
                image("N", &[], 2.0),
            ],
            vec![pushed(untagged(), 7)],
            vec!["expire O by 1"],
        ),
        (
            12,
            vec![
                Row { children: &["m1", "m2"], ..image("X", &["v1"], 40.0) },
                image("m1", &[], 40.0),
                image("m2", &[], 40.0),
                Row { children: &["n1"], ..image("Y", &["v2"], 5.0) },
                image("n1", &[], 5.0),
            ],
            vec![pushed(every(), 30)],
            vec!["expire X by 1"],
        ),
        (
            13,
            vec![
                pulled(image("A", &["v1"], 200.0), 5.0),
                image("B", &["v2"], 200.0),
                restored(pulled(image("C", &["v3"], 200.0), 150.0), 20.0),
                pulled(image("D", &["v4"], 200.0), 100.0),
                image("E", &["v5"], 10.0),
            ],
            vec![archive(since("sinceImagePulled", every(), 90))],
            vec!["archive B by 1", "archive D by 1"],
        ),
        (
            14,
            vec![
                archived(image("A", &["v1"], 500.0), 120.0),
                archived(image("B", &["v2"], 500.0), 60.0),
                pulled(image("C", &["v3"], 400.0), 200.0),
                image("D", &["v4"], 10.0),
            ],
            vec![
                archive(since("sinceImagePulled", every(), 90)),
                since("sinceImageTransitioned", with(every(), json!({"storageClass": "archive"})), 90),
            ],
            vec!["archive C by 1", "expire A by 2"],
        ),
        (
            15,
            vec![
                restored(image("A", &["v1"], 100.0), 1.0),
                image("B", &["v2"], 50.0),
                image("C", &["v3"], 10.0),
                archived(image("D", &["v4"], 60.0), 3.0),
            ],
            vec![keep(every(), 2)],
            vec!["expire B by 1"],
        ),
        (
            16,
            vec![
                image("A", &["dev-1", "prod-1"], 60.0),
                image("B", &["dev-2"], 60.0),
                image("C", &["dev-3"], 2.0),
            ],
            vec![keep(prefix(&["prod"]), 5), pushed(prefix(&["dev"]), 14)],
            vec!["expire B by 2"],
        ),
    ]
}

#[test]
fn worked_examples() {
    for (number, rows, rules, expected) in examples() {
        let policy = policy(&rules);
        assert_eq!(acted(&collect(&policy, &rows), &rows), expected, "example {number}");
        let backwards: Vec<Row> = rows.iter().rev().cloned().collect();
        assert_eq!(acted(&collect(&policy, &backwards), &backwards), expected, "example {number} backwards");
    }
    assert_eq!(examples().len(), 16);
}

/// Example 12 goes on: what a run deleted sets others free.
#[test]
fn index_first_then_its_children() {
    let (_, mut rows, rules, _) = examples().remove(11);
    let policy = policy(&rules);
    assert_eq!(collect(&policy, &rows).evaluate(NOW).next_due(), Some(NOW));
    rows.retain(|row| row.name != "X");
    let repository = collect(&policy, &rows);
    assert_eq!(acted(&repository, &rows), ["expire m1 by 1", "expire m2 by 1"]);
    rows.retain(|row| !row.name.starts_with('m'));
    let repository = collect(&policy, &rows);
    let evaluation = repository.evaluate(NOW);
    assert_eq!(evaluation.marked().len(), 0);
    // Y is next, n1 waits for it.
    assert_eq!(evaluation.next_due(), Some(ago(5.0) + 30 * A_DAY + 1));
}

#[test]
fn nested_indexes_go_from_the_outside() {
    let mut rows = vec![
        image("m", &[], 40.0),
        Row { children: &["m"], ..image("inner", &[], 40.0) },
        Row { children: &["inner"], ..image("outer", &["v1"], 40.0) },
    ];
    let policy = policy(&[pushed(every(), 30)]);
    for expected in ["outer", "inner", "m"] {
        assert_eq!(acted(&collect(&policy, &rows), &rows), [format!("expire {expected} by 1")]);
        rows.retain(|row| row.name != expected);
        for row in &mut rows {
            row.children = if row.children == [expected] { &[] } else { row.children };
        }
    }
    assert!(rows.is_empty());
}

#[test]
fn exactly_n_days_is_not_more() {
    let policy = policy(&[pushed(every(), 1)]);
    for (offset, expected) in [(0, Outcome::Keep), (-1, Outcome::Expire), (1, Outcome::Keep)] {
        let repository = collect(&policy, &[image("A", &[], 1.0)]);
        assert_eq!(repository.evaluate(NOW - offset).verdict(0).outcome, expected, "{offset}");
    }
    let repository = collect(&policy, &[image("A", &[], 1.0)]);
    assert_eq!(repository.evaluate(NOW).next_due(), Some(NOW + 1));
}

#[test]
fn clocks_do_not_overflow() {
    let policy = policy(&[
        pushed(prefix(&["a"]), 2_147_483_647),
        since("sinceImageTransitioned", with(every(), json!({"storageClass": "archive"})), 2_147_483_647),
        archive(since("sinceImagePulled", every(), 1)),
    ]);
    let mut images = Images::new(&policy);
    for (name, pushed_at, class) in [
        ("1", i64::MIN, StorageClass::Standard),
        ("2", i64::MAX, StorageClass::Standard),
        ("3", 0, StorageClass::Archive),
    ] {
        let image = Image {
            digest: digest(name),
            tags: 1,
            pushed_at,
            pulled_at: None,
            activated_at: None,
            archived_at: None,
            storage_class: class,
            subject: None,
            size: u64::MAX,
        };
        images.add(&image, ["a"]).unwrap();
    }
    let repository = images.complete().unwrap();
    for now in [i64::MIN, 0, i64::MAX] {
        let evaluation = repository.evaluate(now);
        assert_eq!(evaluation.marked().len(), 0, "{now}");
        assert_eq!(evaluation.next_due(), None, "{now}");
        assert_eq!(evaluation.summary().kept, Total { images: 3, bytes: u64::MAX });
    }
}

/// A tie goes to the smaller digest: it counts as the newer one.
#[test]
fn ties_go_by_digest() {
    let policy = policy(&[keep(every(), 2)]);
    let mut rows =
        vec![image("A", &[], 1.0), image("B", &[], 1.0), image("C", &[], 1.0), image("D", &[], 1.0)];
    let mut names = ["A", "B", "C", "D"];
    names.sort_by_key(|name| digest(name));
    let mut expected = [format!("expire {} by 1", names[2]), format!("expire {} by 1", names[3])];
    expected.sort();
    for _ in 0..4 {
        rows.rotate_left(1);
        assert_eq!(acted(&collect(&policy, &rows), &rows), expected);
    }
}

#[test]
fn the_oldest_are_marked_first() {
    let rows = [image("A", &[], 5.0), image("B", &[], 7.0), image("C", &[], 6.0), image("D", &[], 1.0)];
    let policy = policy(&[keep(every(), 1)]);
    let repository = collect(&policy, &rows);
    let marked: Vec<_> = repository.evaluate(NOW).marked().map(|(image, _)| image).collect();
    assert_eq!(marked, [1, 2, 0]);
}

fn attached(name: &'static str, subject: &'static str, pushed: f64) -> Row {
    Row { subject: Some(subject), ..image(name, &[], pushed) }
}

fn cosign(name: &'static str, subject: &str, suffix: &str, pushed: f64) -> Row {
    let tag = format!("sha256-{}{suffix}", acre_wire::digest::hex(digest(subject).hash()));
    Row { tags: vec![tag], ..image(name, &[], pushed) }
}

fn say_deleted(repository: &mut Repository, name: &str, days: f64) {
    let key = digest(name).to_bytes();
    repository
        .ask_for_deleted(|subject| Ok::<_, Infallible>((subject[..] == key[..]).then(|| ago(days))))
        .unwrap();
}

/// What is attached to an image stays with it, goes after it, and stays if that was never here.
#[test]
fn attachments_follow_their_subject() {
    let policy = policy(&[pushed(untagged(), 1), pushed(every(), 30)]);
    let mut rows = vec![
        image("S", &["v1"], 10.0),
        attached("sbom", "S", 10.0),
        attached("signature of the sbom", "sbom", 10.0),
        cosign("sig", "S", ".sig", 40.0),
        cosign("att", "S", ".att", 40.0),
        cosign("fallback", "S", "", 40.0),
    ];
    assert_eq!(acted(&collect(&policy, &rows), &rows), Vec::<String>::new());
    // The subject is gone, but nobody says that it was ever here: what is attached is an image like any other.
    rows.remove(0);
    let mut repository = collect(&policy, &rows);
    assert_eq!(
        acted(&repository, &rows),
        ["expire att by 2", "expire fallback by 2", "expire sbom by 1", "expire sig by 2"]
    );
    let young = [attached("sbom", "S", 0.5), cosign("sig", "S", ".sig", 0.5)];
    let mut fresh = collect(&policy, &young);
    assert_eq!(acted(&fresh, &young), Vec::<String>::new());
    say_deleted(&mut fresh, "S", 0.1);
    assert_eq!(acted(&fresh, &young), ["expire sbom by subject", "expire sig by subject"]);
    // What came after its subject was deleted was not deleted with it.
    say_deleted(&mut fresh, "S", 0.6);
    assert_eq!(acted(&fresh, &young), Vec::<String>::new());
    // A rule that is due has the say before.
    say_deleted(&mut repository, "S", 0.1);
    assert_eq!(
        acted(&repository, &rows),
        ["expire att by 2", "expire fallback by 2", "expire sbom by 1", "expire sig by 2"]
    );
}

#[test]
fn a_tag_of_its_own_makes_an_attachment_an_image() {
    let policy = policy(&[pushed(every(), 30)]);
    let mut sig = cosign("sig", "S", ".sig", 40.0);
    let rows = [image("S", &["v1"], 10.0), sig.clone()];
    assert_eq!(acted(&collect(&policy, &rows), &rows), Vec::<String>::new());
    sig.tags.push("prod".into());
    let rows = [image("S", &["v1"], 10.0), sig];
    assert_eq!(acted(&collect(&policy, &rows), &rows), ["expire sig by 1"]);
}

/// The names of signatures' tags are enough where no rule asks for names.
#[test]
fn only_what_is_read_is_asked_for() {
    assert!(!Images::new(&policy(&[pushed(every(), 30), keep(untagged(), 1)][1..])).reads_tags());
    assert!(Images::new(&policy(&[keep(prefix(&["v"]), 1)])).reads_tags());
}

#[test]
fn archiving_and_what_belongs_together() {
    let transition = policy(&[archive(pushed(every(), 30))]);
    let expire = policy(&[pushed(every(), 30)]);
    let mut rows = vec![
        Row { children: &["m"], ..image("X", &["v1"], 40.0) },
        image("m", &[], 40.0),
        attached("sbom", "X", 40.0),
        attached("late", "X", 1.0),
    ];
    assert_eq!(acted(&collect(&transition, &rows), &rows), ["archive X by 1"]);
    // The index is archived: its children may be too, and what is attached to it is; nothing of it is deleted.
    rows[0].archived = Some(2.0);
    assert_eq!(acted(&collect(&transition, &rows), &rows), ["archive m by 1", "archive sbom by subject"]);
    assert_eq!(acted(&collect(&expire, &rows), &rows), ["archive sbom by subject"]);
    rows[1].archived = Some(100.0);
    rows[2].archived = Some(100.0);
    let purge =
        policy(&[since("sinceImageTransitioned", with(every(), json!({"storageClass": "archive"})), 90)]);
    assert_eq!(acted(&collect(&purge, &rows), &rows), Vec::<String>::new());
    rows[0].archived = Some(100.0);
    assert_eq!(acted(&collect(&purge, &rows), &rows), ["expire X by 1"]);
}

#[test]
fn of_two_indexes_the_one_at_hand_holds() {
    let policy = policy(&[archive(pushed(every(), 30))]);
    for archived in [["X", "Y"], ["Y", "X"]] {
        let index = |name| Row {
            archived: (name == archived[0]).then_some(50.0),
            children: &["m"],
            ..image(name, &["v"], 1.0)
        };
        let rows = [index("X"), index("Y"), image("m", &[], 40.0)];
        let repository = collect(&policy, &rows);
        let holder = repository.find(&digest(archived[1])).unwrap();
        assert_eq!(
            repository.evaluate(NOW).verdict(2),
            Verdict {
                outcome: Outcome::Keep,
                reason: Reason::ChildOf { index: holder, rule: Some(1) },
                shielded_from: None
            }
        );
    }
}

fn pin(until: Option<i64>) -> Pin {
    Pin { name: "cluster-1".into(), reason: "runs in web/api".into(), until }
}

#[test]
fn pins() {
    let policy = policy(&[pushed(every(), 30)]);
    let rows = [image("A", &["v1"], 40.0), image("B", &["v2"], 40.0), image("C", &["v3"], 5.0)];
    let mut repository = collect(&policy, &rows);
    repository.pin(0, pin(Some(NOW + 5)));
    repository.pin(0, pin(Some(NOW + 9)));
    repository.pin(0, pin(Some(NOW + 7)));
    repository.pin(1, pin(Some(NOW)));
    repository.pin(2, pin(None));
    repository.pin(99, pin(None));
    assert_eq!(acted(&repository, &rows), ["expire B by 1"]);
    let evaluation = repository.evaluate(NOW);
    assert_eq!(evaluation.explain(0), "kept: pinned by cluster-1 (runs in web/api); rule 1 would act on it");
    let tally = evaluation.tallies()[0];
    assert_eq!(tally, Tally { rule: 1, matched: 3, alone: 3, owned: 3, acted: 1 });
    let after = |now| repository.evaluate(now).verdict(0).outcome;
    assert_eq!([after(NOW + 8), after(NOW + 9)], [Outcome::Keep, Outcome::Expire]);
    // It follows its subject no more than a rule.
    let rows = [attached("sbom", "S", 1.0), image("B", &["v2"], 5.0)];
    let mut repository = collect(&policy, &rows);
    say_deleted(&mut repository, "S", 0.5);
    repository.pin(0, pin(Some(NOW + 9)));
    assert_eq!(repository.evaluate(NOW).verdict(0).reason, Reason::Pinned { rule: None });
    assert_eq!(repository.evaluate(NOW).next_due(), Some(NOW + 9));
}

/// Acre's own: an index counts once, with its children and what is attached to it.
#[test]
fn families_count_as_one() {
    let text = |families: bool| {
        json!({
            "rules": [{"rulePriority": 1, "selection": keep(every(), 2), "action": {"type": "expire"}}],
            "acre": {"countFamilies": families}
        })
        .to_string()
    };
    assert!(LifecyclePolicy::parse(&text(true)).is_err());
    let rows = [
        image("A", &["v1"], 30.0),
        Row { children: &["m", "n"], ..image("B", &["v2"], 20.0) },
        image("m", &[], 20.0),
        image("n", &[], 20.0),
        image("C", &["v3"], 10.0),
        attached("sbom", "C", 9.0),
        cosign("sig", "C", ".sig", 9.0),
    ];
    for (families, expected) in [(true, &["expire A by 1"][..]), (false, &["expire A by 1", "expire B by 1"])]
    {
        let policy = LifecyclePolicy::parse_as(Dialect::Acre, &text(families)).unwrap();
        assert_eq!(policy.counts_families(), families);
        let mut expected = expected.to_vec();
        if !families {
            // C is the third: its signature and bill count before it.
            expected.push("expire C by 1");
        }
        assert_eq!(acted(&collect(&policy, &rows), &rows), expected);
    }
}

/// Acre's own: deleting what nobody pulls.
#[test]
fn expire_by_last_pull() {
    let rule = json!({
        "rulePriority": 1,
        "selection": since("sinceImagePulled", every(), 30),
        "action": {"type": "expire"}
    });
    let text = json!({"rules": [rule]}).to_string();
    assert!(LifecyclePolicy::parse(&text).is_err());
    let policy = LifecyclePolicy::parse_as(Dialect::Acre, &text).unwrap();
    let rows = [
        Row { pulled: Some(31.0), ..image("A", &["v1"], 90.0) },
        Row { pulled: Some(29.0), ..image("B", &["v2"], 90.0) },
        image("C", &["v3"], 31.0),
        Row { restored: Some(3.0), pulled: Some(31.0), ..image("D", &["v4"], 90.0) },
        Row { restored: Some(33.0), pulled: Some(31.0), ..image("E", &["v5"], 90.0) },
    ];
    assert_eq!(acted(&collect(&policy, &rows), &rows), ["expire A by 1", "expire C by 1", "expire E by 1"]);
}

#[test]
fn own_members_are_checked() {
    for (own, expected) in [
        (json!({}), None),
        (json!({"countFamilies": false}), None),
        (
            json!(1),
            Some("instance type (integer) does not match any allowed primitive type (allowed: [\"object\"])"),
        ),
        (
            json!({"countFamilies": null}),
            Some("instance type (null) does not match any allowed primitive type (allowed: [\"boolean\"])"),
        ),
        (
            json!({"other": true}),
            Some("object instance has properties which are not allowed by the schema: ([\"other\"])"),
        ),
    ] {
        let rule = json!({"rulePriority": 1, "selection": keep(every(), 2), "action": {"type": "expire"}});
        let text = json!({"rules": [rule], "acre": own}).to_string();
        let found = LifecyclePolicy::parse_as(Dialect::Acre, &text).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected, "{own}");
    }
}

#[test]
fn words() {
    let policy = policy(&[
        keep(prefix(&["v"]), 1),
        pushed(prefix(&["dev"]), 1),
        archive(since("sinceImagePulled", every(), 14)),
    ]);
    let mut rows = vec![
        image("A", &["v1"], 30.0),
        image("B", &["v2"], 29.0),
        image("C", &["dev1"], 2.0),
        image("D", &["dev2"], 0.5),
        Row { pulled: Some(20.0), children: &["m"], ..image("E", &["e"], 90.0) },
        image("m", &[], 90.0),
        attached("sbom", "A", 90.0),
        attached("orphan", "gone", 1.0),
        attached("late", "G", 5.0),
        Row { archived: Some(3.0), ..image("G", &["g"], 90.0) },
    ];
    rows[4].pulled = Some(15.0);
    let mut repository = collect(&policy, &rows);
    say_deleted(&mut repository, "gone", 0.5);
    let evaluation = repository.evaluate(NOW);
    let words: Vec<_> = (0..repository.len()).map(|image| evaluation.explain(image)).collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    expired by rule 1: number 2 from the newest, 1 are kept
    kept by rule 1: number 1 from the newest, 1 are kept; that shields it from rule 3
    expired by rule 2: pushed or restored more than 1 day ago
    kept by rule 2: pushed or restored no more than 1 day ago
    archived by rule 3: last pulled, restored or pushed more than 14 days ago
    kept: stands in index sha256:a9f51566bd6705f7ea6ad54bb9deb449f795582d6529a0e22207b8981233ec58; rule 3 would act on it
    kept: attached to sha256:559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd; rule 3 would act on it
    expired: what it is attached to was deleted
    archived: sha256:333e0a1e27815d0ceee55c473fe3dc93d56c63e3bee2b3b4aee8eed6d70191a3, to which it is attached, was archived
    kept: no rule is about it
    ");
    assert_eq!(
        evaluation.summary(),
        Summary {
            kept: Total { images: 5, bytes: 500 },
            expiring: Total { images: 3, bytes: 300 },
            transitioning: Total { images: 2, bytes: 200 },
        }
    );
    let nowhere = evaluation.verdict(99);
    assert_eq!((nowhere.outcome, nowhere.reason), (Outcome::Keep, Reason::NoRule));
}

#[test]
fn the_same_image_twice_is_refused() {
    let policy = policy(&[pushed(every(), 30)]);
    for order in [["A", "B", "A"], ["A", "A", "B"], ["B", "A", "A"]] {
        let mut images = Images::new(&policy);
        for name in order {
            let image = Image {
                digest: digest(name),
                tags: 0,
                pushed_at: 0,
                pulled_at: None,
                activated_at: None,
                archived_at: None,
                storage_class: StorageClass::Standard,
                subject: None,
                size: 0,
            };
            images.add(&image, []).unwrap();
        }
        assert_eq!(images.complete().err(), Some(RepeatedImage(digest("A"))));
    }
}

#[test]
fn relations_to_nowhere_are_ignored() {
    let policy = policy(&[pushed(every(), 30)]);
    let rows = [image("A", &[], 40.0), attached("self", "self", 40.0)];
    let mut repository = collect(&policy, &rows);
    for (index, child) in [(0, 0), (0, 2), (2, 0), (u32::MAX, 0)] {
        repository.relate(index, child);
    }
    assert_eq!(acted(&repository, &rows), ["expire A by 1", "expire self by 1"]);
    assert_eq!(repository.digest(2), None);
}
