//! `acre lifecycle lint`: where a policy does not do what its author thinks, and the rules that do.

use super::{Policy, collect, connect, counted, listing_failed, now, policy_in_force};
use crate::Failure;
use crate::args::{LintLifecycle, Output};
use crate::calls::{Progress, block_on};
use crate::printer::{Printer, one_line};
use acre_client::images::list;
use acre_policy::lifecycle::document::{Dialect, LifecyclePolicy, MAX_CHARACTERS, MAX_RULES};
use acre_policy::lifecycle::lint::{Because, Report, Trap, lint};
use acre_wire::names::RepositoryName;
use anyhow::anyhow;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::metadata;
use std::io::ErrorKind;
use std::path::Path;

/// Whether there were any.
pub(crate) enum Findings {
    Some,
    None,
}

/// What was looked at, and what was found.
struct Linted {
    subject: String,
    /// Of a repository.
    images: Option<usize>,
    refused_by_ecr: Option<String>,
    report: Report,
}

pub(crate) fn run(arguments: &LintLifecycle) -> Result<Findings, Failure> {
    let printer = Printer(arguments.output.output);
    let linted = if is_file(&arguments.subject) {
        of_file(Path::new(&arguments.subject))?
    } else {
        of_repository(&arguments.subject, printer)?
    };
    match arguments.output.output {
        Output::Text => printer.data(&linted.text(), &Value::Null)?,
        Output::Json => printer.data("", &linted.json())?,
    }
    Ok(if linted.report.findings.is_empty() { Findings::None } else { Findings::Some })
}

/// What cannot be looked at counts as a file: opening it says why.
fn is_file(subject: &OsStr) -> bool {
    match metadata(subject) {
        Ok(found) => !found.is_dir(),
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
        ),
    }
}

fn of_file(path: &Path) -> Result<Linted, Failure> {
    let Policy { policy, refused_by_ecr } = Policy::read(path)?;
    Ok(Linted {
        subject: path.display().to_string(),
        images: None,
        refused_by_ecr: refused_by_ecr.map(|error| error.to_string()),
        report: lint(&policy, None),
    })
}

fn of_repository(subject: &OsStr, printer: Printer) -> Result<Linted, Failure> {
    let text = subject.to_string_lossy();
    let repository = RepositoryName::parse(&text).map_err(|error| {
        Failure::from(anyhow!("{text:?} is no file, and no repository: {}", error.rule)).usage()
    })?;
    let (client, _) = connect().map_err(|failure| {
        let set = failure.hint.clone().unwrap_or_default();
        failure.hint(format!("there is no file {repository}, so it is taken for a repository; {set}"))
    })?;
    let progress = Progress::new(printer);
    progress.reach(format!("reading the policy of {repository}"));
    let (text, listed) = block_on(progress.during(async {
        let Some(text) = policy_in_force(&client, &repository).await? else {
            return Err(Failure::from(anyhow!("{repository} has no lifecycle policy")));
        };
        let say = |images| progress.reach(counted(images, "image read", "images read"));
        let listed = list(&client, &repository, say).await.map_err(listing_failed)?;
        Ok((text, listed))
    }))?;
    let Policy { policy, refused_by_ecr } = Policy::of_repository(&text, &repository)?;
    let collected = collect(&policy, &listed)?;
    let evaluation = collected.evaluate(now());
    // Of a repository that is empty yet, every rule would be said to match nothing.
    let met = Some(evaluation.tallies()).filter(|_| !listed.is_empty());
    Ok(Linted {
        subject: repository.to_string(),
        images: Some(listed.len()),
        refused_by_ecr: refused_by_ecr.map(|error| error.to_string()),
        report: lint(&policy, met),
    })
}

impl Linted {
    /// For people. Nothing of it moves a terminal's cursor, whatever the policy holds.
    fn text(&self) -> String {
        let Report { findings, rewritten } = &self.report;
        let subject = one_line(&self.subject);
        // Writing to a String cannot fail.
        let mut text = match findings.len() {
            0 => format!("{subject}: no findings\n"),
            number => format!("{subject}: {}\n", counted(number, "finding", "findings")),
        };
        if let Some(error) = &self.refused_by_ecr {
            let _ = writeln!(text, "\nonly acre takes this policy; ECR refuses it: {}", one_line(error));
        }
        for finding in findings {
            let _ = writeln!(text, "\n{}", one_line(&finding.to_string()));
            for rule in &finding.rules {
                let _ = writeln!(text, "  {}", escaped(&rule.to_string()));
            }
        }
        match rewritten.as_deref().map(serde_json::from_str::<Value>) {
            Some(Ok(policy)) => {
                // Before the policy, so that it is the end of what is printed.
                for finding in self.after_rewriting() {
                    let _ = writeln!(text, "\nin the policy below, {}", one_line(&finding));
                }
                let _ = write!(
                    text,
                    "\nThe whole policy with these rules:\n\n{}\n",
                    escaped(&format!("{policy:#}"))
                );
            }
            _ if findings.iter().any(|finding| is_rewritable(&finding.trap)) => {
                let _ = writeln!(
                    text,
                    "\nThe rules that do what was meant do not go into one policy: it has at most {MAX_RULES} rules and \
                     {MAX_CHARACTERS} characters."
                );
            }
            _ => {}
        }
        text
    }

    /// What is still the matter with the rewritten policy: a rule of OR may claim what a lower rule is about.
    fn after_rewriting(&self) -> Vec<String> {
        let rewritten = self.report.rewritten.as_deref();
        let policy = rewritten.and_then(|text| LifecyclePolicy::parse_as(Dialect::Acre, text).ok());
        let report = policy.map(|policy| lint(&policy, None));
        report.into_iter().flat_map(|report| report.findings).map(|finding| finding.to_string()).collect()
    }

    fn json(&self) -> Value {
        let Report { findings, rewritten } = &self.report;
        let findings: Vec<Value> = findings
            .iter()
            .map(|finding| {
                json!({
                    "rule": finding.rule,
                    "trap": name(&finding.trap),
                    "text": finding.to_string(),
                    "rules": finding.rules,
                })
            })
            .collect();
        let rewritten = rewritten.as_deref().and_then(|policy| serde_json::from_str::<Value>(policy).ok());
        json!({
            "subject": self.subject,
            "images": self.images,
            "refusedByEcr": self.refused_by_ecr,
            "findings": findings,
            "rewritten": rewritten,
            "rewrittenFindings": self.after_rewriting(),
        })
    }
}

/// Whether there are rules that do what was meant.
fn is_rewritable(trap: &Trap) -> bool {
    matches!(trap, Trap::AllOfSeveral { .. } | Trap::NoSuchTag { because: Because::Wildcard, .. })
}

fn name(trap: &Trap) -> &'static str {
    match trap {
        Trap::AllOfSeveral { .. } => "allOfSeveral",
        Trap::Shadowed { .. } => "shadowed",
        Trap::NoSuchTag { .. } => "noSuchTag",
        Trap::MatchesNothing => "matchesNothing",
        Trap::NothingUntagged => "nothingUntagged",
        Trap::OnlyMembers { .. } => "onlyMembers",
    }
}

/// The same JSON, with every control character escaped that it leaves as it is.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_control() && letter != '\n' {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(letter));
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests;
