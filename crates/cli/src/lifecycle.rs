//! `acre lifecycle`: what a policy does to a repository, judged here on what a registry tells.

pub(crate) mod lint;
pub(crate) mod preview;

use crate::calls::failed;
use crate::{Failure, variable};
use acre_client::credentials::{Login, from_aws_environment};
use acre_client::ecr::{self, Client};
use acre_client::images;
use acre_policy::lifecycle::document::{
    Count, Dialect, LifecycleError, LifecyclePolicy, MAX_CHARACTERS, StorageClass,
};
use acre_policy::lifecycle::images::{Image, Images, Repository};
use acre_wire::ecr::Timestamp;
use acre_wire::ecr::policy::GetLifecyclePolicy;
use acre_wire::names::RepositoryName;
use anyhow::{Context as _, anyhow};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A policy, and why ECR refuses it if only acre takes it.
struct Policy {
    policy: LifecyclePolicy,
    refused_by_ecr: Option<LifecycleError>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self, LifecycleError> {
        match LifecyclePolicy::parse(text) {
            Ok(policy) => Ok(Self { policy, refused_by_ecr: None }),
            Err(error) => match LifecyclePolicy::parse_as(Dialect::Acre, text) {
                Ok(policy) => Ok(Self { policy, refused_by_ecr: Some(error) }),
                Err(_) => Err(error),
            },
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_file(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::parse(&text).with_context(|| path.display().to_string())?)
    }

    /// The one that is set on a repository, as it was told.
    fn of_repository(text: &str, repository: &RepositoryName) -> Result<Self, Failure> {
        Ok(Self::parse(text).with_context(|| format!("the policy of {repository}"))?)
    }

    fn counts_pulls(&self) -> bool {
        let rules = self.policy.rules().iter();
        rules.map(|rule| rule.selection.count).any(|count| matches!(count, Count::SinceImagePulled { .. }))
    }
}

/// No policy has more bytes than four for each character.
fn read_file(path: &Path) -> anyhow::Result<String> {
    let longest = 4 * MAX_CHARACTERS;
    let mut bytes = Vec::new();
    File::open(path)?.take(longest as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > longest {
        return Err(anyhow!("a lifecycle policy has at most {MAX_CHARACTERS} characters"));
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("it is not UTF-8"))
}

/// The registry that the environment names.
fn connect() -> Result<(Client, Login), Failure> {
    let login = from_aws_environment(variable)
        .map_err(|error| Failure::from(error).hint("set all that is needed with: eval \"$(acre env)\""))?;
    Ok((Client::new(login.clone())?, login))
}

/// The policy that is set on a repository, if one is.
async fn policy_in_force(client: &Client, repository: &RepositoryName) -> Result<Option<String>, Failure> {
    let input = GetLifecyclePolicy { registry_id: None, repository_name: repository.clone() };
    match client.call_operation(&input).await {
        Ok(answer) => Ok(Some(answer.lifecycle_policy_text)),
        Err(ecr::Error::Refused { code, .. }) if code == "LifecyclePolicyNotFoundException" => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn listing_failed(error: images::Error) -> Failure {
    match error {
        images::Error::Call(error) => failed(error),
        error => error.into(),
    }
}

/// The images as the engine takes them: each has the place that it has in the list.
fn collect(policy: &LifecyclePolicy, listed: &[images::Image]) -> Result<Repository, Failure> {
    let mut collected = Images::new(policy);
    collected.reserve(u32::try_from(listed.len())?);
    for image in listed {
        let storage_class = if image.is_archived { StorageClass::Archive } else { StorageClass::Standard };
        let one = Image {
            digest: image.digest,
            tags: u32::try_from(image.tags.len())?,
            pushed_at: image.pushed_at.micros(),
            pulled_at: image.pulled_at.map(Timestamp::micros),
            activated_at: image.activated_at.map(Timestamp::micros),
            archived_at: image.archived_at.map(Timestamp::micros),
            storage_class,
            subject: image.subject,
            size: image.size,
        };
        collected.add(&one, image.tags.iter().map(String::as_str))?;
    }
    Ok(collected.complete()?)
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// `1 image`, `2 images`.
fn counted(number: usize, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

/// `12,345`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
