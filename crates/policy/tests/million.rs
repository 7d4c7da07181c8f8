//! The engine alone on a policy of 10 rules over 1,000,000 images: how long it takes and what it holds.
//!
//! `cargo test -p acre-policy --release --test million -- --ignored --nocapture`

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use acre_policy::lifecycle::document::{LifecyclePolicy, StorageClass};
use acre_policy::lifecycle::images::{Image, Images};
use acre_wire::digest::Digest;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Instant;

const IMAGES: u64 = 1_000_000;
const DAY: i64 = 86_400_000_000;
const NOW: i64 = 1_800_000_000_000_000;

#[test]
#[ignore = "a figure: it wants a release build and a quiet machine"]
fn a_million_images() {
    let policy = LifecyclePolicy::parse(&policy().to_string()).unwrap();
    let before = peak();
    // Making the rows is not the engine's work.
    let mut watch = Watch { since: worked(), steps: vec![] };
    let mut tag = String::new();
    let sum: usize = (0..IMAGES).map(|row| fill(row, &mut tag).tags as usize + tag.len()).sum();
    assert!(sum > 0);
    watch.step("making the rows (once more below)");

    let clock = Instant::now();
    let mut images = Images::new(&policy);
    images.reserve(u32::try_from(IMAGES).unwrap());
    for row in 0..IMAGES {
        let image = fill(row, &mut tag);
        images.add(&image, tag.split_terminator('\n')).unwrap();
    }
    watch.step("adding");
    let mut repository = images.complete().unwrap();
    watch.step("finding subjects");
    for row in (0..IMAGES).filter(|row| row.is_multiple_of(10)) {
        let index = repository.find(&digest(row)).unwrap();
        for child in [row + 1, row + 2] {
            let child = repository.find(&digest(child)).unwrap();
            repository.relate(index, child);
        }
    }
    watch.step("200,000 children");
    let evaluation = repository.evaluate(NOW);
    watch.step("judging");
    let marked = evaluation.marked().filter(|(_, verdict)| verdict.reason.rule().is_some()).count();
    watch.step("reading the verdicts");
    let clock = clock.elapsed();
    let whole: u64 = watch.steps.iter().skip(1).map(|(_, micros)| micros).sum();
    println!(
        "{IMAGES} images, 10 rules, {marked} acted on: {whole} us of a processor, {clock:?} by the clock"
    );
    println!("{:?}\n{} KiB at the peak, {before} KiB before", watch.steps, peak());
    println!("{:?}\n{:?}", evaluation.summary(), evaluation.tallies());
    assert!(whole < 1_000_000, "{whole} us");
    assert!(peak() < 200 << 10, "{} KiB", peak());
}

/// What each step took, in microseconds of a processor: what others do on the machine does not count.
struct Watch {
    since: u64,
    steps: Vec<(&'static str, u64)>,
}

impl Watch {
    fn step(&mut self, name: &'static str) {
        let now = worked();
        self.steps.push((name, now - self.since));
        self.since = now;
    }
}

/// For how many microseconds this thread had a processor.
fn worked() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<u64>().unwrap() / 1000
}

/// The most memory that this process held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Six rules that count, three by age, one for the archive; prefixes, patterns with several stars, lists of two.
fn policy() -> Value {
    let rules: Vec<Value> = [
        json!({"tagStatus": "tagged", "tagPrefixList": ["prod-"], "countType": "imageCountMoreThan", "countNumber": 1000}),
        json!({"tagStatus": "tagged", "tagPatternList": ["*-release-*-final*"], "countType": "imageCountMoreThan", "countNumber": 500}),
        json!({"tagStatus": "tagged", "tagPrefixList": ["staging-", "web-"], "countType": "imageCountMoreThan", "countNumber": 100}),
        json!({"tagStatus": "tagged", "tagPatternList": ["dev-*", "*-amd64"], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}),
        json!({"tagStatus": "tagged", "tagPrefixList": ["dev-"], "countType": "imageCountMoreThan", "countNumber": 10_000}),
        json!({"tagStatus": "tagged", "tagPatternList": ["*pr-*"], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}),
        json!({"tagStatus": "tagged", "tagPatternList": ["v*.*.*"], "countType": "imageCountMoreThan", "countNumber": 200_000}),
        json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}),
        json!({"tagStatus": "any", "storageClass": "archive", "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90}),
        json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 900_000}),
    ]
    .into_iter()
    .zip(1..)
    .map(|(selection, priority)| json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}))
    .collect();
    json!({"rules": rules})
}

/// Digests in their order, as a catalogue's index gives them.
fn digest(row: u64) -> Digest {
    let mut bytes = [0; 33];
    bytes[0] = 1;
    bytes[1..9].copy_from_slice(&(row * (u64::MAX / IMAGES)).to_be_bytes());
    bytes[9..17].copy_from_slice(&scatter(row).to_be_bytes());
    Digest::from_bytes(&bytes).unwrap()
}

fn scatter(row: u64) -> u64 {
    let mixed = (row ^ (row >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 1
}

/// One image of ten is an index with two children; one of twenty is a signature, by subject or by tag.
fn fill(row: u64, tags: &mut String) -> Image {
    let chance = scatter(row);
    let age =
        i64::try_from(chance % 400).unwrap() * DAY + i64::try_from(chance % 86_399).unwrap() * 1_000_000;
    tags.clear();
    let number = chance % 1000;
    let mut subject = None;
    match row % 20 {
        0 | 10 => write!(tags, "v1.{number}.{row}\nlatest-{number}").unwrap(),
        1 | 2 | 11 | 12 => {}
        3 if chance.is_multiple_of(2) => subject = Some(digest(row - 3)),
        3 => {
            let digest = digest(row - 3).to_string();
            write!(tags, "sha256-{}.sig", digest.trim_start_matches("sha256:")).unwrap();
        }
        4 | 5 => write!(tags, "prod-{row}").unwrap(),
        6 => write!(tags, "web-{row}\nstaging-{number}").unwrap(),
        7 | 8 => write!(tags, "dev-{number}-amd64").unwrap(),
        9 => write!(tags, "web-release-{row}-final-{number}").unwrap(),
        13 | 14 => write!(tags, "build-pr-{number}").unwrap(),
        _ => write!(tags, "{chance:016x}").unwrap(),
    }
    let is_archived = row % 50 == 17;
    Image {
        digest: digest(row),
        tags: u32::try_from(tags.split_terminator('\n').count()).unwrap(),
        pushed_at: NOW - age,
        pulled_at: (chance.is_multiple_of(3)).then_some(NOW - age / 2),
        activated_at: (chance.is_multiple_of(40)).then_some(NOW - age / 3),
        archived_at: is_archived.then_some(NOW - age / 4),
        storage_class: if is_archived { StorageClass::Archive } else { StorageClass::Standard },
        subject,
        size: chance % 500_000_000,
    }
}
