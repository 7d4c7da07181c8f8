//! The engine and the oracle on random repositories, policies and clocks, run after run until nothing is left to do.

use super::oracle::{Fate, Kind, PlainImage, PlainRule, TagsWanted, Why, World};
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const HALF_A_DAY: i64 = A_DAY / 2;

/// From here on images have SHA-512 digests, which come after all others.
const LONG: u8 = 200;

fn named(name: u8) -> Digest {
    let length = if name < LONG { 32 } else { 64 };
    let mut bytes = vec![if name < LONG { 1 } else { 2 }];
    bytes.extend(vec![name; length]);
    Digest::from_bytes(&bytes).unwrap()
}

/// Only some names have tags that attach to them, as the oracle tries all.
fn tag_of(name: u8) -> Option<String> {
    let algorithm = if name < LONG { "sha256" } else { "sha512" };
    NAMES.contains(&name).then(|| format!("{algorithm}-{}", format!("{name:02x}").repeat(32)))
}

/// The last two are never pushed.
const NAMES: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, LONG, LONG + 1, 100, LONG + 20];
const PUSHED: usize = 10;

/// Moments at which rules turn, and a microsecond to either side.
fn moments(half_days: std::ops::Range<i64>) -> impl Strategy<Value = i64> {
    (half_days, -1..=1_i64).prop_map(|(age, off)| NOW - age * HALF_A_DAY + off)
}

fn some_tags() -> impl Strategy<Value = Vec<String>> {
    let attaching =
        (prop::sample::select(&NAMES[..]), prop::sample::select(&["", ".sig", ".att", ".sbom", ".x"][..]))
            .prop_map(|(name, suffix)| format!("{}{suffix}", tag_of(name).unwrap()));
    let plain = "[ab][ab1]{0,2}";
    prop_oneof![
        3 => Just(vec![]),
        6 => prop::collection::vec(plain, 1..4),
        1 => attaching.clone().prop_map(|tag| vec![tag]),
        1 => (attaching.clone(), attaching.clone()).prop_map(|(a, b)| vec![a, b]),
        1 => (attaching, plain).prop_map(|(a, b)| vec![a, b]),
    ]
}

fn some_image() -> impl Strategy<Value = PlainImage> {
    let clocks = (
        moments(0..14),
        prop::option::of(moments(0..14)),
        prop::option::weighted(0.2, moments(0..14)),
        prop::option::weighted(0.2, prop_oneof![moments(0..14), moments(178..188)]),
    );
    let relations = (
        prop::collection::vec(prop::sample::select(&NAMES[..]), 0..3),
        any::<bool>(),
        prop::option::weighted(0.2, prop::sample::select(&NAMES[..])),
        prop::option::weighted(0.1, moments(-2..2)),
    );
    (clocks, some_tags(), relations).prop_map(
        |((pushed, pulled, restored, archived), tags, (children, is_index, subject, pinned_until))| {
            PlainImage {
                name: 0,
                tags,
                pushed,
                pulled,
                restored,
                archived,
                children: if is_index { children } else { vec![] },
                subject,
                pinned_until,
            }
        },
    )
}

fn some_rule() -> impl Strategy<Value = PlainRule> {
    let pattern = "[ab1*]{1,3}";
    let tags = prop_oneof![
        Just(TagsWanted::Untagged),
        Just(TagsWanted::Any),
        prop::collection::vec("[ab][ab1]?", 1..3).prop_map(TagsWanted::Prefixes),
        prop::collection::vec(pattern, 1..3).prop_map(TagsWanted::Patterns),
        Just(TagsWanted::Prefixes(vec!["sha256-".into()])),
    ];
    let count = prop_oneof![
        4 => (Just(Kind::Newest), 1..5_u32),
        3 => (Just(Kind::Pushed), 1..6_u32),
        2 => (Just(Kind::Pulled), 1..6_u32),
        1 => (Just(Kind::Archived), 90..93_u32),
    ];
    (2..1000_u32, tags, count, any::<bool>()).prop_map(|(priority, tags, (kind, number), expires)| {
        PlainRule { priority, tags, archive_class: kind == Kind::Archived, kind, number, expires }
    })
}

prop_compose! {
    fn some_world()(
        families in any::<bool>(),
        own_dialect in any::<bool>(),
        rules in prop::collection::vec(some_rule(), 1..6),
        images in prop::collection::vec(some_image(), 0..PUSHED),
        order in Just((0..PUSHED).collect::<Vec<_>>()).prop_shuffle(),
        deleted in prop::collection::btree_map(prop::sample::select(&NAMES[PUSHED..]), moments(0..14), 0..3),
    ) -> (World, Dialect) {
        let dialect = if own_dialect { Dialect::Acre } else { Dialect::Ecr };
        let images = images
            .into_iter()
            .zip(&order)
            .map(|(image, at)| PlainImage { name: NAMES[*at], ..image })
            .collect();
        let families = families && own_dialect;
        (World { now: NOW, families, rules: valid(rules, dialect), images, deleted, tag_of }, dialect)
    }
}

/// Makes the rules a policy that is accepted: leaves out and turns over what is not.
fn valid(rules: Vec<PlainRule>, dialect: Dialect) -> Vec<PlainRule> {
    let mut taken = BTreeSet::new();
    let mut priorities = BTreeSet::new();
    let mut rules: Vec<PlainRule> = rules
        .into_iter()
        .filter(|rule| {
            let lists = match &rule.tags {
                TagsWanted::Untagged => ("untagged", BTreeSet::new()),
                TagsWanted::Any => ("any", BTreeSet::new()),
                TagsWanted::Prefixes(list) => ("prefixes", list.iter().cloned().collect()),
                TagsWanted::Patterns(list) => ("patterns", list.iter().cloned().collect()),
            };
            priorities.insert(rule.priority) && taken.insert((rule.archive_class, lists))
        })
        .collect();
    for rule in &mut rules {
        match rule.kind {
            Kind::Archived => rule.expires = true,
            Kind::Pulled if dialect == Dialect::Ecr => rule.expires = false,
            _ => {}
        }
        if matches!(rule.tags, TagsWanted::Any) {
            rule.priority += 1000;
        }
    }
    rules
}

fn written(world: &World, dialect: Dialect) -> LifecyclePolicy {
    let rules: Vec<Value> = world
        .rules
        .iter()
        .map(|rule| {
            let mut selection = match &rule.tags {
                TagsWanted::Untagged => untagged(),
                TagsWanted::Any => super::every(),
                TagsWanted::Prefixes(list) => json!({"tagStatus": "tagged", "tagPrefixList": list}),
                TagsWanted::Patterns(list) => json!({"tagStatus": "tagged", "tagPatternList": list}),
            };
            if rule.archive_class {
                selection["storageClass"] = json!("archive");
            }
            let selection = match rule.kind {
                Kind::Newest => keep(selection, rule.number),
                Kind::Pushed => pushed(selection, rule.number),
                Kind::Pulled => since("sinceImagePulled", selection, rule.number),
                Kind::Archived => since("sinceImageTransitioned", selection, rule.number),
            };
            let action = if rule.expires {
                json!({"type": "expire"})
            } else {
                json!({"type": "transition", "targetStorageClass": "archive"})
            };
            json!({"rulePriority": rule.priority, "selection": selection, "action": action})
        })
        .collect();
    let mut policy = json!({"rules": rules});
    if dialect == Dialect::Acre {
        policy["acre"] = json!({"countFamilies": world.families});
    }
    LifecyclePolicy::parse_as(dialect, &policy.to_string()).unwrap()
}

fn collected(world: &World, policy: &LifecyclePolicy) -> Repository {
    let mut images = Images::new(policy);
    let names = images.reads_tags();
    for image in &world.images {
        let row = Image {
            digest: named(image.name),
            tags: u32::try_from(image.tags.len()).unwrap(),
            pushed_at: image.pushed,
            pulled_at: image.pulled,
            activated_at: image.restored,
            archived_at: image.archived,
            storage_class: if image.archived.is_some() {
                StorageClass::Archive
            } else {
                StorageClass::Standard
            },
            subject: image.subject.map(named),
            size: 1,
        };
        let tags = image.tags.iter().map(String::as_str);
        images
            .add(&row, tags.filter(|tag| names || tag.starts_with("sha256-") || tag.starts_with("sha512-")))
            .unwrap();
    }
    let mut repository = images.complete().unwrap();
    for image in &world.images {
        let place = repository.find(&named(image.name)).unwrap();
        for child in &image.children {
            if let Some(child) = repository.find(&named(*child)) {
                repository.relate(place, child);
            }
        }
        if let Some(until) = image.pinned_until {
            repository.pin(place, pin(Some(until)));
        }
    }
    let deleted: BTreeMap<Vec<u8>, i64> =
        world.deleted.iter().map(|(name, at)| (named(*name).to_bytes()[..33].to_vec(), *at)).collect();
    repository.ask_for_deleted(|key| Ok::<_, Infallible>(deleted.get(&key[..]).copied())).unwrap();
    repository
}

fn plain(verdict: &Verdict) -> (Fate, Why) {
    let fate = match verdict.outcome {
        Outcome::Keep => Fate::Keep,
        Outcome::Expire => Fate::Expire,
        Outcome::Transition => Fate::Archive,
    };
    let why = match verdict.reason {
        Reason::CountedOut { rule, .. } | Reason::Aged { rule, .. } => Why::Rule(rule),
        Reason::SubjectDeleted { .. } | Reason::SubjectArchived { .. } => Why::Subject,
        Reason::Pinned { .. } => Why::Pin,
        Reason::ChildOf { .. } => Why::Parent,
        Reason::AttachedTo { .. } => Why::Attached,
        Reason::AmongNewest { rule, .. } | Reason::Within { rule, .. } => {
            Why::KeptBy(rule, verdict.shielded_from)
        }
        Reason::NoRule => Why::Nothing,
    };
    (fate, why)
}

fn outcomes(repository: &Repository, now: i64) -> Vec<Outcome> {
    repository.evaluate(now).verdicts().map(|(_, verdict)| verdict.outcome).collect()
}

/// One run: compared, then done. Answers whether anything was.
fn run(world: &mut World, dialect: Dialect, later: i64) -> Result<bool, TestCaseError> {
    let policy = written(world, dialect);
    let repository = collected(world, &policy);
    let evaluation = repository.evaluate(world.now);
    let expected = world.judge();
    let mut marked: BTreeSet<u32> = evaluation.marked().map(|(image, _)| image).collect();
    let mut summary = Summary::default();
    for (image, (at, verdict)) in world.images.iter().zip(evaluation.verdicts()) {
        prop_assert_eq!(repository.digest(at), Some(named(image.name)));
        prop_assert_eq!(plain(&verdict), expected[&image.name], "{:?}: {:?}", image, verdict);
        let total = match verdict.outcome {
            Outcome::Keep => &mut summary.kept,
            Outcome::Expire => &mut summary.expiring,
            Outcome::Transition => &mut summary.transitioning,
        };
        *total = Total { images: total.images + 1, bytes: total.bytes + 1 };
        prop_assert_eq!(marked.remove(&at), verdict.outcome != Outcome::Keep);
    }
    prop_assert!(marked.is_empty());
    prop_assert_eq!(evaluation.summary(), summary);
    match evaluation.next_due() {
        Some(due) if due > world.now => {
            let between = world.now + later.rem_euclid(due - world.now);
            prop_assert_eq!(outcomes(&repository, between), outcomes(&repository, world.now), "{}", between);
        }
        Some(_) => prop_assert!(evaluation.marked().len() > 0),
        None => {
            prop_assert_eq!(
                outcomes(&repository, world.now + 1000 * A_DAY),
                outcomes(&repository, world.now)
            );
        }
    }
    // A rule before all others that meets nothing changes nothing.
    let mut with_one_more = world.clone();
    with_one_more.rules.push(PlainRule {
        priority: 1,
        tags: TagsWanted::Prefixes(vec!["zzz".into()]),
        archive_class: false,
        kind: Kind::Newest,
        number: 1,
        expires: true,
    });
    let policy = written(&with_one_more, dialect);
    prop_assert_eq!(
        outcomes(&collected(&with_one_more, &policy), world.now),
        outcomes(&repository, world.now)
    );

    let now = world.now;
    let fate = |image: &PlainImage| expected[&image.name].0;
    let gone: Vec<u8> =
        world.images.iter().filter(|image| fate(image) == Fate::Expire).map(|image| image.name).collect();
    for image in &mut world.images {
        if fate(image) == Fate::Archive {
            image.archived = Some(now);
        }
    }
    world.images.retain(|image| !gone.contains(&image.name));
    world.deleted.extend(gone.iter().map(|name| (*name, now)));
    Ok(summary.expiring.images + summary.transitioning.images > 0)
}

/// 10,000 unless the environment says otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]
    #[test]
    fn the_engine_is_the_oracle((mut world, dialect) in some_world(), later in any::<i64>()) {
        let mut runs = 0;
        while run(&mut world, dialect, later)? {
            runs += 1;
            prop_assert!(runs < 40, "it never ends");
        }
    }
}
