//! All images of a repository, and what stands in its indexes, as a registry tells them (spec/ecr.md 2.3, 2.20).

use crate::ecr::{self, Client};
use acre_wire::digest::Digest;
use acre_wire::ecr::image::{
    BatchGetImage, BatchGetImageAnswer, DescribeImages, ImageFailureCode, ImageFilter, ImageIdentifier,
    ImageStatusFilter,
};
use acre_wire::ecr::{Input, Timestamp};
use acre_wire::manifest::{Kind, Manifest, MediaType};
use acre_wire::names::RepositoryName;
use serde::Deserialize;

/// The largest page that there is.
const PAGE: u32 = 1000;
/// The most ids of one call.
const BATCH: usize = 100;
/// A repository of 100,000 images, ECR's quota, is told in 100 pages.
const MAX_PAGES: usize = 10_000;
/// The most bytes of answers that one listing reads: a million images, or as many indexes as anybody has.
const MAX_BYTES: usize = 1 << 30;

/// An image as `DescribeImages` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its digest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// The media type of its manifest, if the registry knows.
    pub media_type: Option<String>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// When it was last pulled.
    pub pulled_at: Option<Timestamp>,
    /// When it last came back from the archive.
    pub activated_at: Option<Timestamp>,
    /// When it was last archived.
    pub archived_at: Option<Timestamp>,
    /// Whether it is in the archive now; on its way back it is not.
    pub is_archived: bool,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// Bytes: configuration and layers; of an index, its largest child.
    pub size: u64,
}

impl Image {
    /// Whether other images may stand in it. One without a media type may be anything.
    pub fn may_be_index(&self) -> bool {
        let known = self.media_type.as_deref().map(MediaType::parse);
        match known {
            Some(Some(media_type)) => media_type.kind() == Kind::Index,
            Some(None) => false,
            None => true,
        }
    }
}

/// An index whose children are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its digest.
    pub index: Digest,
    /// Why.
    pub because: Obstacle,
}

/// Why a manifest was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It must be restored first.
    #[error("it is archived")]
    Archived,
    /// It was deleted since it was listed.
    #[error("it has gone")]
    Gone,
    /// The registry refused it, or did not answer about it.
    #[error("the registry does not give it")]
    Withheld,
    /// What the registry gave is no manifest.
    #[error("its manifest is broken")]
    Broken,
}

/// A listing that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of its calls failed.
    #[error(transparent)]
    Call(#[from] ecr::Error),
    /// The pages go on and on.
    #[error("the registry lists more than can be read: {MAX_PAGES} pages, or {} GiB", MAX_BYTES >> 30)]
    TooMuch,
    /// The mark of the next page is that of the page itself.
    #[error("the registry sends the same page again and again")]
    Endless,
}

/// Lists every image of a repository, archived ones too, by digest; one that moved from page to page is told once.
/// `listed` hears how many there are so far.
pub async fn list(
    client: &Client,
    repository: &RepositoryName,
    mut listed: impl FnMut(usize),
) -> Result<Vec<Image>, Error> {
    let mut input = DescribeImages {
        filter: Some(ImageFilter { image_status: Some(ImageStatusFilter::Any), tag_status: None }),
        image_ids: None,
        max_results: Some(PAGE),
        next_token: None,
        registry_id: None,
        repository_name: repository.clone(),
    };
    let mut images = Vec::new();
    let mut left = MAX_BYTES;
    for _ in 0..MAX_PAGES {
        let (page, bytes): (Page, usize) = client.call_for(DescribeImages::OPERATION, &input).await?;
        left = left.checked_sub(bytes).ok_or(Error::TooMuch)?;
        for detail in page.image_details {
            images.push(detail.into_image().ok_or_else(|| client.foreign(200))?);
        }
        listed(images.len());
        let Some(next) = page.next_token.filter(|token| !token.is_empty()) else {
            images.sort_by_key(|image| image.digest);
            images.dedup_by_key(|image| image.digest);
            return Ok(images);
        };
        if input.next_token.as_ref() == Some(&next) {
            return Err(Error::Endless);
        }
        input.next_token = Some(next);
    }
    Err(Error::TooMuch)
}

/// Reads the manifests of indexes and tells `child` of each pair of index and child. Answers the indexes that it could
/// not read. `read` hears how many are done so far.
///
/// The registry counts each as a pull.
pub async fn read_indexes(
    client: &Client,
    repository: &RepositoryName,
    indexes: &[Digest],
    mut child: impl FnMut(&Digest, &Digest),
    mut read: impl FnMut(usize),
) -> Result<Vec<Unread>, Error> {
    // The last is the next: large manifests do not go into one answer, then a batch is halved.
    let mut batches: Vec<&[Digest]> = indexes.chunks(BATCH).rev().collect();
    let mut unread = Vec::new();
    let (mut done, mut left) = (0, MAX_BYTES);
    while let Some(batch) = batches.pop() {
        let answer = match call(client, repository, batch).await {
            Ok((answer, bytes)) => {
                left = left.checked_sub(bytes).ok_or(Error::TooMuch)?;
                answer
            }
            Err(error) if batch.len() > 1 && is_too_much(&error) => {
                let (first, second) = batch.split_at(batch.len() / 2);
                batches.extend([second, first]);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for index in batch {
            if let Err(because) = children(&answer, index, &mut child) {
                unread.push(Unread { index: *index, because });
            }
        }
        done += batch.len();
        read(done);
    }
    Ok(unread)
}

async fn call(
    client: &Client,
    repository: &RepositoryName,
    batch: &[Digest],
) -> Result<(BatchGetImageAnswer, usize), ecr::Error> {
    let id = |index: &Digest| ImageIdentifier { image_digest: Some(index.to_string()), image_tag: None };
    let input = BatchGetImage {
        // All that are accepted at all: nothing is to be translated.
        accepted_media_types: Some(MediaType::ALL.map(|known| known.as_str().to_owned()).to_vec()),
        image_ids: batch.iter().map(id).collect(),
        registry_id: None,
        repository_name: repository.clone(),
    };
    client.call_for(BatchGetImage::OPERATION, &input).await
}

/// Whether fewer manifests at a time may go through: the answer is beyond what is read here, or what the registry gives.
fn is_too_much(error: &ecr::Error) -> bool {
    match error {
        ecr::Error::TooLong { .. } => true,
        ecr::Error::Refused { code, .. } => code == "InvalidParameterException",
        _ => false,
    }
}

/// Tells the children of one index of a batch.
fn children(
    answer: &BatchGetImageAnswer,
    index: &Digest,
    child: &mut impl FnMut(&Digest, &Digest),
) -> Result<(), Obstacle> {
    let text = index.to_string();
    let is_meant = |id: &ImageIdentifier| id.image_digest.as_deref() == Some(text.as_str());
    let Some(image) = answer.images.iter().find(|image| is_meant(&image.image_id)) else {
        let failure = answer.failures.iter().find(|failure| is_meant(&failure.image_id));
        return Err(match failure.map(|failure| failure.failure_code) {
            Some(ImageFailureCode::ImageInaccessible) => Obstacle::Archived,
            Some(ImageFailureCode::ImageNotFound) => Obstacle::Gone,
            _ => Obstacle::Withheld,
        });
    };
    let bytes = image.image_manifest.as_bytes();
    if Digest::of(index.algorithm(), bytes) != *index {
        return Err(Obstacle::Broken);
    }
    let manifest =
        Manifest::parse(bytes, image.image_manifest_media_type.as_deref()).map_err(|_| Obstacle::Broken)?;
    for of_index in manifest.children() {
        child(index, &of_index);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    image_details: Vec<Detail>,
    next_token: Option<String>,
}

/// What is read of an image. AWS knows more than acre does: times of archiving, states that may yet come.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    image_digest: String,
    image_manifest_media_type: Option<String>,
    image_pushed_at: Timestamp,
    image_size_in_bytes: Option<u64>,
    image_status: Option<String>,
    image_tags: Option<Vec<String>>,
    last_activated_at: Option<Timestamp>,
    last_archived_at: Option<Timestamp>,
    last_recorded_pull_time: Option<Timestamp>,
    subject_manifest_digest: Option<String>,
}

impl Detail {
    /// Nothing: its digest is none.
    fn into_image(self) -> Option<Image> {
        Some(Image {
            digest: Digest::parse(&self.image_digest).ok()?,
            tags: self.image_tags.unwrap_or_default(),
            media_type: self.image_manifest_media_type,
            pushed_at: self.image_pushed_at,
            pulled_at: self.last_recorded_pull_time,
            activated_at: self.last_activated_at,
            archived_at: self.last_archived_at,
            is_archived: self.image_status.as_deref() == Some("ARCHIVED"),
            subject: self.subject_manifest_digest.and_then(|text| Digest::parse(&text).ok()),
            size: self.image_size_in_bytes.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
