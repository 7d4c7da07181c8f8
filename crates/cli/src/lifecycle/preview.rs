//! `acre lifecycle preview`: which images a policy would delete or archive now, by which rule and why.

use super::{Policy, collect, connect, counted, grouped, listing_failed, now, policy_in_force};
use crate::Failure;
use crate::args::{Output, PreviewLifecycle};
use crate::calls::{Progress, block_on};
use crate::printer::{Printer, one_line};
use crate::table::{Cell, Colour, Column, Table};
use acre_client::credentials::Login;
use acre_client::ecr::Client;
use acre_client::images::{Image, Unread, list, read_indexes};
use acre_policy::lifecycle::document::StorageClass;
use acre_policy::lifecycle::evaluation::{Evaluation, Total};
use acre_policy::lifecycle::images::Repository;
use acre_policy::lifecycle::verdict::{Outcome, Verdict};
use acre_wire::digest::Digest;
use acre_wire::names::RepositoryName;
use anyhow::anyhow;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The most letters of tags in one line.
const TAGS: usize = 40;
/// Hex digits that tell images apart for people, as docker shows them.
const SHORT: usize = 12;

/// What a policy does to a repository at one moment.
struct Preview {
    repository: RepositoryName,
    /// Where it is; nothing of the credentials is shown.
    login: Login,
    now: i64,
    refused_by_ecr: Option<String>,
    /// By place.
    images: Vec<Image>,
    collected: Repository,
    indexes: Indexes,
}

/// What is known of the children of indexes.
#[derive(Debug, PartialEq, Eq)]
enum Indexes {
    /// There are none, or nothing would go: then it makes no difference.
    NotNeeded,
    /// All, but of these.
    Read(Vec<Unread>),
    /// Nothing of so many: reading them would move the clock of a rule.
    LeftAlone(usize),
}

pub(crate) fn run(arguments: &PreviewLifecycle) -> Result<(), Failure> {
    let printer = Printer(arguments.output.output);
    // A file that is no policy needs no registry.
    let tried = arguments.policy.as_deref().map(Policy::read).transpose()?;
    let (client, login) = connect()?;
    let progress = Progress::new(printer);
    progress.reach(format!("reading the policy of {}", arguments.repository));
    let preview = block_on(progress.during(judge(arguments, tried, &client, login, &progress)))?;
    match arguments.output.output {
        Output::Text => printer.data(&preview.text(arguments.all, printer.is_in_colour()), &Value::Null)?,
        Output::Json => printer.data("", &preview.json(arguments.all))?,
    }
    Ok(())
}

async fn judge(
    arguments: &PreviewLifecycle,
    tried: Option<Policy>,
    client: &Client,
    login: Login,
    progress: &Progress,
) -> Result<Preview, Failure> {
    let repository = &arguments.repository;
    let in_force = policy_in_force(client, repository).await?;
    let in_force = in_force.map(|text| Policy::of_repository(&text, repository));
    // A policy of the registry that is not understood may count pulls.
    let set_counts_pulls = match &in_force {
        Some(Ok(policy)) => policy.counts_pulls(),
        Some(Err(_)) => true,
        None => false,
    };
    let policy = match (tried, in_force) {
        (Some(policy), _) => policy,
        (None, Some(policy)) => policy?,
        (None, None) => {
            let failure = Failure::from(anyhow!("{repository} has no lifecycle policy"));
            return Err(failure.hint("try one: --policy FILE"));
        }
    };
    let say = |images| progress.reach(counted(images, "image read", "images read"));
    let images = list(client, repository, say).await.map_err(listing_failed)?;
    let mut collected = collect(&policy.policy, &images)?;
    let now = now();
    let indexes: Vec<Digest> =
        images.iter().filter(|image| image.may_be_index()).map(|image| image.digest).collect();
    let makes_a_difference =
        policy.policy.counts_families() || collected.evaluate(now).marked().next().is_some();
    let indexes = if indexes.is_empty() || !makes_a_difference {
        Indexes::NotNeeded
    } else if (policy.counts_pulls() || set_counts_pulls) && !arguments.read_indexes {
        Indexes::LeftAlone(indexes.len())
    } else {
        let of = counted(indexes.len(), "index", "indexes");
        let say = |read| progress.reach(format!("{} of {of} read", grouped(read)));
        let relate = |index: &Digest, child: &Digest| {
            if let (Some(index), Some(child)) = (collected.find(index), collected.find(child)) {
                collected.relate(index, child);
            }
        };
        let read = read_indexes(client, repository, &indexes, relate, say).await;
        Indexes::Read(read.map_err(listing_failed)?)
    };
    Ok(Preview {
        repository: repository.clone(),
        login,
        now,
        refused_by_ecr: policy.refused_by_ecr.map(|error| error.to_string()),
        images,
        collected,
        indexes,
    })
}

/// An image, and what becomes of it.
struct Row<'a> {
    image: &'a Image,
    verdict: Verdict,
    storage_class: StorageClass,
    why: String,
}

impl Preview {
    /// What goes, the oldest first; then, if all are wanted, what stays, the newest first.
    fn rows<'a>(&'a self, evaluation: &Evaluation<'_>, all: bool) -> Vec<Row<'a>> {
        let row = |(place, verdict): (u32, Verdict)| {
            let explained = evaluation.explain(place);
            let why = explained.split_once(": ").map_or(explained.as_str(), |(_, why)| why).to_owned();
            let storage_class = self.collected.storage_class(place);
            Some(Row { image: self.images.get(place as usize)?, verdict, storage_class, why })
        };
        let mut rows: Vec<Row<'a>> = evaluation.marked().filter_map(row).collect();
        if all {
            let is_kept = |(_, verdict): &(u32, Verdict)| verdict.outcome == Outcome::Keep;
            let mut kept: Vec<Row<'a>> = evaluation.verdicts().filter(is_kept).filter_map(row).collect();
            kept.sort_by_key(|row| (std::cmp::Reverse(row.image.pushed_at), row.image.digest));
            rows.extend(kept);
        }
        rows
    }

    fn text(&self, all: bool, in_colour: bool) -> String {
        let evaluation = self.collected.evaluate(self.now);
        let mut table = Table::new([
            Column::text("IMAGE"),
            Column::text("TAGS"),
            Column::text("PUSHED (UTC)"),
            Column::number("SIZE"),
            Column::text("RESULT"),
            Column::number("RULE"),
            Column::text("WHY"),
        ]);
        for Row { image, verdict, why, .. } in self.rows(&evaluation, all) {
            let (word, colour) = match verdict.outcome {
                Outcome::Keep => ("kept", Colour::Green),
                Outcome::Expire => ("expires", Colour::Red),
                Outcome::Transition => ("archives", Colour::Yellow),
            };
            let rule = verdict.reason.rule().map_or_else(String::new, |rule| rule.to_string());
            table.push([
                Cell::new(&short(&image.digest)),
                Cell::new(&tags(&image.tags)),
                Cell::new(&minute(image.pushed_at.micros())),
                Cell::new(&size(image.size)),
                Cell::new(word).coloured(colour),
                Cell::new(&rule),
                Cell::new(&with_short_digests(&why)),
            ]);
        }
        let mut text = table.render(in_colour);
        if !text.is_empty() {
            text.push('\n');
        }
        self.write_end(&mut text, &evaluation, all);
        text
    }

    /// What it comes to, and what it does not know.
    fn write_end(&self, text: &mut String, evaluation: &Evaluation<'_>, all: bool) {
        let summary = evaluation.summary();
        let total = |total: Total, one: &str, several: &str| {
            let images = usize::try_from(total.images).unwrap_or(usize::MAX);
            format!("{} ({})", counted(images, one, several), size(total.bytes))
        };
        let mut parts = vec![total(summary.expiring, "image would expire", "images would expire")];
        if summary.transitioning.images > 0 {
            parts.push(total(summary.transitioning, "would be archived", "would be archived"));
        }
        parts.push(total(summary.kept, "is kept", "are kept"));
        let hint = if all || summary.kept.images == 0 { "" } else { " (--all shows what is kept)" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}{hint}", parts.join(", "));
        let Login { endpoint, region, .. } = &self.login;
        let (endpoint, now) = (one_line(endpoint), minute(self.now));
        let _ = writeln!(text, "{} in {region} at {endpoint}, judged {now} UTC", self.repository);
        if summary.expiring.images > 0 {
            text.push_str(
                "Sizes are those of whole images: a layer that several share is counted in each, so fewer bytes may be \
                 freed.\n",
            );
        }
        if let Some(error) = &self.refused_by_ecr {
            let _ = writeln!(text, "Only acre takes this policy; ECR refuses it: {}", one_line(error));
        }
        match &self.indexes {
            Indexes::LeftAlone(number) => {
                let _ = writeln!(
                    text,
                    "{}: reading one counts as a pull, and a rule counts from the last pull. Images that stand in \
                     them may be shown as going although they stay (--read-indexes reads them).",
                    counted(*number, "index was not read", "indexes were not read")
                );
            }
            Indexes::Read(unread) => {
                for Unread { index, because } in unread {
                    let _ = writeln!(
                        text,
                        "index {} could not be read: {because}. Images that stand in it may be shown as going although \
                         they stay.",
                        short(index)
                    );
                }
            }
            Indexes::NotNeeded => {}
        }
    }

    fn json(&self, all: bool) -> Value {
        let evaluation = self.collected.evaluate(self.now);
        let images: Vec<Value> = self
            .rows(&evaluation, all)
            .into_iter()
            .map(|Row { image, verdict, storage_class, why }| {
                json!({
                    "digest": image.digest.to_string(),
                    "tags": image.tags,
                    "pushedAt": moment(image.pushed_at.micros()),
                    "sizeInBytes": image.size,
                    "storageClass": match storage_class {
                        StorageClass::Standard => "standard",
                        StorageClass::Archive => "archive",
                    },
                    "outcome": match verdict.outcome {
                        Outcome::Keep => "keep",
                        Outcome::Expire => "expire",
                        Outcome::Transition => "transition",
                    },
                    "rule": verdict.reason.rule(),
                    "why": why,
                    "shieldedFrom": verdict.shielded_from,
                })
            })
            .collect();
        let summary = evaluation.summary();
        let total = |total: Total| json!({ "images": total.images, "bytes": total.bytes });
        let (unread, left_alone) = match &self.indexes {
            Indexes::NotNeeded => (&[][..], 0),
            Indexes::Read(unread) => (unread.as_slice(), 0),
            Indexes::LeftAlone(number) => (&[][..], *number),
        };
        let unread: Vec<Value> = unread
            .iter()
            .map(|Unread { index, because }| {
                json!({ "digest": index.to_string(), "because": because.to_string() })
            })
            .collect();
        json!({
            "repository": self.repository,
            "region": self.login.region,
            "endpoint": self.login.endpoint,
            "evaluatedAt": moment(self.now),
            "refusedByEcr": self.refused_by_ecr,
            "images": images,
            "summary": {
                "keep": total(summary.kept),
                "expire": total(summary.expiring),
                "transition": total(summary.transitioning),
                "sharedLayersAreCountedInEachImage": true,
            },
            "unreadIndexes": unread,
            "indexesLeftAlone": left_alone,
        })
    }
}

/// As many tags as go into a line, and how many there are besides.
fn tags(tags: &[String]) -> String {
    let mut text = String::new();
    for (at, tag) in tags.iter().enumerate() {
        let rest = tags.len() - at;
        if at > 0 && text.chars().count() + 2 + tag.chars().count() > TAGS {
            // Writing to a String cannot fail.
            let _ = write!(text, " +{rest}");
            break;
        }
        if at > 0 {
            text.push_str(", ");
        }
        text.extend(tag.chars().take(TAGS));
        if tag.chars().count() > TAGS {
            text.push('…');
        }
    }
    text
}

fn short(digest: &Digest) -> String {
    let text = digest.to_string();
    text.split(':').next_back().unwrap_or_default().chars().take(SHORT).collect()
}

/// Every digest of a sentence, short.
fn with_short_digests(sentence: &str) -> String {
    let shorten = |word: &str| {
        let bare = word.trim_end_matches([',', ';']);
        let end = word.get(bare.len()..).unwrap_or_default();
        Digest::parse(bare).map_or_else(|_| word.to_owned(), |digest| short(&digest) + end)
    };
    sentence.split(' ').map(shorten).collect::<Vec<_>>().join(" ")
}

/// `1.5 KiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded, so that no division is left to a float.
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "";
    for name in UNITS {
        tenths = (tenths + 512) / 1024;
        unit = name;
        if tenths < 10_240 {
            break;
        }
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `2026-11-21 20:10`; a time that no calendar has is left out.
fn minute(micros: i64) -> String {
    let text = moment(micros).unwrap_or_default();
    text.get(..16).unwrap_or_default().replace('T', " ")
}

/// As RFC 3339, in UTC.
fn moment(micros: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(micros).ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests;
