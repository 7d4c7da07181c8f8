//! What a client was told, and whether the server still says so.

use crate::ecr::Ecr;
use crate::http::{Answer, Body, Client, Failure};
use crate::image::{Recipe, pull_and_verify};
use acre_wire::digest::{Algorithm, Digest};
use serde_json::json;
use std::collections::BTreeMap;

/// All that one client knows, by repository.
#[derive(Debug, Default)]
pub struct Ledger {
    repositories: BTreeMap<String, Repository>,
}

/// A repository as the client knows it.
#[derive(Debug)]
pub struct Repository {
    /// Of the repository itself.
    pub presence: Presence,
    /// Its images.
    pub images: BTreeMap<Digest, Known>,
    /// For each tag, what it may lead to: one thing that was acknowledged, or two when a request got no answer.
    pub tags: BTreeMap<String, Vec<Option<Digest>>>,
}

/// Whether a thing is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Acknowledged, or seen after the last crash.
    There,
    /// Its removal was acknowledged, or its absence seen.
    Gone,
    /// The request got no answer: either, but whole.
    Unknown,
}

/// An image, and what it was made of.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whether it is there.
    pub presence: Presence,
    /// Its name inside its configuration.
    pub name: String,
    /// Its layers.
    pub recipes: Vec<Recipe>,
}

/// What [`Ledger::verify`] looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Images pulled whole.
    pub there: usize,
    /// Images that are rightly absent.
    pub gone: usize,
    /// Of both, those that were not acknowledged either way.
    pub undecided: usize,
}

impl Ledger {
    /// Whether that repository is there; one that was never heard of is not.
    pub fn presence(&self, repository: &str) -> Presence {
        self.repositories.get(repository).map_or(Presence::Gone, |known| known.presence)
    }

    /// The record of that repository, made if need be (as gone).
    pub fn repository(&mut self, name: &str) -> &mut Repository {
        let empty =
            || Repository { presence: Presence::Gone, images: BTreeMap::new(), tags: BTreeMap::new() };
        self.repositories.entry(name.into()).or_insert_with(empty)
    }

    /// The repository was removed, and all in it.
    pub fn forget(&mut self, name: &str) {
        self.repositories.remove(name);
        self.repository(name);
    }

    /// The repositories that are there.
    pub fn repositories_there(&self) -> Vec<String> {
        let there = self.repositories.iter().filter(|(_, known)| known.presence == Presence::There);
        there.map(|(name, _)| name.clone()).collect()
    }

    /// The images of that presence.
    pub fn images(&self, repository: &str, presence: Presence) -> Vec<Digest> {
        let images = self.repositories.get(repository).into_iter().flat_map(|known| &known.images);
        images.filter(|(_, known)| known.presence == presence).map(|(digest, _)| *digest).collect()
    }

    /// What an image was made of.
    pub fn recipe(&self, repository: &str, digest: &Digest) -> Option<(String, Vec<Recipe>)> {
        let known = self.repositories.get(repository)?.images.get(digest)?;
        Some((known.name.clone(), known.recipes.clone()))
    }

    /// The tags that lead to that image.
    pub fn tags_of(&self, repository: &str, digest: &Digest) -> Vec<String> {
        let tags = self.repositories.get(repository).into_iter().flat_map(|known| &known.tags);
        tags.filter(|(_, leads)| leads[..] == [Some(*digest)]).map(|(tag, _)| tag.clone()).collect()
    }

    /// The tags of which it is not known whether they lead to that image.
    pub fn tags_perhaps_of(&self, repository: &str, digest: &Digest) -> Vec<String> {
        let tags = self.repositories.get(repository).into_iter().flat_map(|known| &known.tags);
        let perhaps = tags.filter(|(_, leads)| leads.len() > 1 && leads.contains(&Some(*digest)));
        perhaps.map(|(tag, _)| tag.clone()).collect()
    }

    /// A request that changes the tag goes out: it leads where it did, or there.
    pub fn tag_may_be(&mut self, repository: &str, tag: &str, target: Option<Digest>) {
        self.repository(repository).tags.entry(tag.into()).or_insert_with(|| vec![None]).push(target);
    }

    /// Where the tag leads was acknowledged.
    pub fn tag_is(&mut self, repository: &str, tag: &str, target: Option<Digest>) {
        self.repository(repository).tags.insert(tag.into(), vec![target]);
    }

    /// Whether the image is there was acknowledged, or becomes unknown.
    pub fn image_is(&mut self, repository: &str, digest: Digest, presence: Presence) {
        if let Some(known) = self.repository(repository).images.get_mut(&digest) {
            known.presence = presence;
        }
    }

    /// Asks the server about everything: what was acknowledged must be so, what was not must be whole or absent. What is
    /// found counts as acknowledged from then on.
    pub fn verify(&mut self, ecr: &mut Ecr, client: &mut Client) -> Result<Verified, Failure> {
        let mut verified = Verified::default();
        for (name, repository) in &mut self.repositories {
            let exists = repository_exists(ecr, name)?;
            decide(&mut repository.presence, exists, || format!("repository {name}"))?;
            if !exists {
                repository.images.clear();
                repository.tags.clear();
                continue;
            }
            for (digest, known) in &mut repository.images {
                let answer = manifest(client, name, &digest.to_string())?;
                let exists = answer.status == 200;
                verified.undecided += usize::from(known.presence == Presence::Unknown);
                *if exists { &mut verified.there } else { &mut verified.gone } += 1;
                decide(&mut known.presence, exists, || format!("image {name}@{digest}"))?;
                if exists {
                    pull_and_verify(client, name, &digest.to_string(), digest)?;
                }
            }
            for (tag, leads) in &mut repository.tags {
                let answer = manifest(client, name, tag)?;
                let found = (answer.status == 200).then(|| Digest::of(Algorithm::Sha256, &answer.body));
                let image_there = found.is_none_or(|digest| {
                    repository.images.get(&digest).is_some_and(|known| known.presence == Presence::There)
                });
                if !leads.contains(&found) || !image_there {
                    let step = format!("tag {name}:{tag} (image there: {image_there})");
                    return Err(Failure::Differs {
                        step,
                        got: format!("{found:?}"),
                        wanted: format!("{leads:?}"),
                    });
                }
                *leads = vec![found];
            }
        }
        Ok(verified)
    }
}

fn decide(presence: &mut Presence, exists: bool, what: impl FnOnce() -> String) -> Result<(), Failure> {
    let found = if exists { Presence::There } else { Presence::Gone };
    if *presence != Presence::Unknown && *presence != found {
        let (got, wanted) = (format!("{found:?}"), format!("{presence:?}"));
        return Err(Failure::Differs { step: what(), got, wanted });
    }
    *presence = found;
    Ok(())
}

fn repository_exists(ecr: &mut Ecr, name: &str) -> Result<bool, Failure> {
    match ecr.expect("DescribeRepositories", &json!({ "repositoryNames": [name] })) {
        Ok(_) => Ok(true),
        Err(Failure::Unexpected { answer, .. })
            if answer.json()["__type"]
                .as_str()
                .is_some_and(|code| code.ends_with("RepositoryNotFoundException")) =>
        {
            Ok(false)
        }
        Err(other) => Err(other),
    }
}

/// 200 or 404: anything else is a failure.
fn manifest(client: &mut Client, repository: &str, reference: &str) -> Result<Answer, Failure> {
    let target = format!("/v2/{repository}/manifests/{reference}");
    match client.expect("look for a manifest", 200, ("GET", &target), &[], Body::None) {
        Err(Failure::Unexpected { answer, .. }) if answer.status == 404 => Ok(*answer),
        other => other,
    }
}
