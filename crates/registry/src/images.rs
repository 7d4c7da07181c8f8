//! Images by tag and digest: list, describe, get, delete (spec/ecr.md 2.2, 2.3, 2.20, 2.36; spec/oci.md 7.6).

use crate::pages::{DEFAULT_PAGE, Listing};
use crate::pull::{manifest_blob, resolve};
use crate::repositories::{COLLECT, arn_of, find};
use crate::{Caller, Error, Registry};
use acre_store::catalogue::blobs::Blob;
use acre_store::catalogue::history::{self, Action, Author, Entry};
use acre_store::catalogue::images::{self, Filter, Image};
use acre_store::catalogue::{TimeId, Tx};
use acre_wire::digest::Digest;
use acre_wire::ecr::image::{
    BatchDeleteImage, BatchDeleteImageAnswer, BatchGetImage, BatchGetImageAnswer, DescribeImages,
    DescribeImagesAnswer, Image as ShownImage, ImageDetail, ImageFailure, ImageFailureCode, ImageFilter,
    ImageIdentifier, ImageStatus, ImageStatusFilter, ListImages, ListImagesAnswer, TagStatus,
};
use acre_wire::ecr::{Operation, Timestamp};
use acre_wire::names::{RepositoryArn, Tag};
use acre_wire::oci::request::Reference;
use std::collections::HashSet;

/// Bytes of manifests that one answer may hold.
const MAX_MANIFESTS: u64 = 16 << 20;

/// Images that were found, and why others were not; their manifests are not read yet.
#[derive(Debug)]
pub struct FoundImages {
    arn: RepositoryArn,
    bytes: u64,
    found: Vec<Result<(ImageIdentifier, Blob, Image), ImageFailure>>,
}

impl FoundImages {
    /// How many bytes the manifests have together: 16 MiB at most.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Registry {
    /// `ListImages`: pairs of digest and tag.
    pub fn list_images(&self, caller: &Caller, input: &ListImages) -> Result<ListImagesAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::ListImages, &arn.registry.account, &arn)?;
        let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
        let listing = Listing::new(Operation::ListImages, &arn.to_string(), &input.filter);
        let after: Option<([u8; 16], String)> = self.start_of_page(&listing, input.next_token.as_deref())?;
        let (image, tag) = after.unwrap_or((TimeId::FIRST.0, String::new()));
        let pairs = self.store.catalogue.read(|tx| {
            let repository = find(tx, &arn)?;
            Ok(images::pairs(tx, repository.id, filter(input.filter), (TimeId(image), &tag), limit + 1)?)
        });
        let mut pairs = permit.record(pairs)?;
        let position =
            |pair: &images::Pair| serde_json::json!([pair.image.0, pair.tag.clone().unwrap_or_default()]);
        let next_token = self.next_page(&listing, &mut pairs, limit, position)?;
        let show = |pair: images::Pair| ImageIdentifier {
            image_digest: Some(pair.digest.to_string()),
            image_tag: pair.tag,
        };
        Ok(ListImagesAnswer { image_ids: pairs.into_iter().map(show).collect(), next_token })
    }

    /// `DescribeImages`: the named ones, or a page of all.
    pub fn describe_images(
        &self,
        caller: &Caller,
        input: &DescribeImages,
    ) -> Result<DescribeImagesAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::DescribeImages, &arn.registry.account, &arn)?;
        if let Some(ids) = &input.image_ids {
            let details = self.store.catalogue.read(|tx| {
                let repository = find(tx, &arn)?;
                let detail = |id| {
                    let found = find_image(tx, repository.id, id)?.map_err(|_| image_missing(&arn, id))?;
                    show(tx, &arn, found)
                };
                let mut seen = HashSet::new();
                let details = ids.iter().map(detail).collect::<Result<Vec<_>, Error>>()?;
                Ok(details.into_iter().filter(|detail| seen.insert(detail.image_digest.clone())).collect())
            });
            return permit
                .record(details)
                .map(|image_details| DescribeImagesAnswer { image_details, next_token: None });
        }
        let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
        let listing = Listing::new(Operation::DescribeImages, &arn.to_string(), &input.filter);
        let after: Option<[u8; 16]> = self.start_of_page(&listing, input.next_token.as_deref())?;
        let after = TimeId(after.unwrap_or(TimeId::FIRST.0));
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, &arn)?;
            let mut rows = images::page(tx, repository.id, filter(input.filter), after, limit + 1)?;
            let next = self.next_page(&listing, &mut rows, limit, |row| serde_json::json!(row.id.0))?;
            let details = rows.into_iter().map(|row| show(tx, &arn, row)).collect::<Result<_, Error>>()?;
            Ok(DescribeImagesAnswer { image_details: details, next_token: next })
        });
        permit.record(found)
    }

    /// `BatchGetImage`: finds the images; the manifests are then read by [`Registry::read_images`].
    pub fn find_images(&self, caller: &Caller, input: &BatchGetImage) -> Result<FoundImages, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::BatchGetImage, &arn.registry.account, &arn)?;
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, &arn)?;
            let each = |id: &ImageIdentifier| {
                let found = find_image(tx, repository.id, id)?;
                let found = found.and_then(|image| match image.status.as_str() {
                    "ACTIVE" => Ok(image),
                    _ => Err(failure(id, ImageFailureCode::ImageInaccessible, "Requested image is archived")),
                });
                Ok(match found {
                    Ok(image) => Ok((id.clone(), manifest_blob(tx, &image)?, image)),
                    Err(failure) => Err(failure),
                })
            };
            input.image_ids.iter().map(each).collect::<Result<Vec<_>, Error>>()
        });
        let found = permit.record(found)?;
        let bytes: u64 = found.iter().flatten().map(|(_, blob, _)| blob.size).sum();
        if bytes > MAX_MANIFESTS {
            let constraint =
                format!("The manifests have more than {MAX_MANIFESTS} bytes: ask for fewer at a time");
            return Err(Error::InvalidParameter { field: "imageIds", constraint });
        }
        Ok(FoundImages { arn, bytes, found })
    }

    /// `BatchGetImage`: manifests to the letter. Each counts as a pull.
    pub async fn read_images(&self, images: FoundImages) -> Result<BatchGetImageAnswer, Error> {
        let FoundImages { arn, found, .. } = images;
        let mut answer = BatchGetImageAnswer { failures: Vec::new(), images: Vec::new() };
        for entry in found {
            let (id, blob, image) = match entry {
                Ok(found) => found,
                Err(failure) => {
                    answer.failures.push(failure);
                    continue;
                }
            };
            let bytes = self.read_whole(&blob).await?;
            let damaged = |_| acre_store::Error::Damaged(format!("the manifest {}", image.digest));
            self.count_pull(image.id);
            answer.images.push(ShownImage {
                image_id: ImageIdentifier {
                    image_digest: Some(image.digest.to_string()),
                    image_tag: id.image_tag,
                },
                image_manifest: String::from_utf8(bytes.into()).map_err(damaged)?,
                image_manifest_media_type: Some(image.media_type),
                registry_id: arn.registry.account.clone(),
                repository_name: arn.name.clone(),
            });
        }
        Ok(answer)
    }

    /// `BatchDeleteImage`: by digest the image with all its tags; by tag the tag, and with its last tag the image.
    pub async fn batch_delete_image(
        &self,
        caller: &Caller,
        input: BatchDeleteImage,
    ) -> Result<BatchDeleteImageAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::BatchDeleteImage, &arn.registry.account, &arn)?;
        let author = self.author(caller);
        let undo_until = self.undo_until(author.at);
        let deleted = self.store.catalogue.write(move |tx| {
            let deletion =
                Deletion { tx, arn: &arn, repository: find(tx, &arn)?.id, author: &author, undo_until };
            deletion.batch(&input.image_ids)
        });
        permit.record(deleted.await)
    }

    /// The data plane's DELETE: a tag is only taken off its image, a digest goes with all its tags.
    pub async fn delete_manifest(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        reference: Reference,
    ) -> Result<(), Error> {
        let permit = self.authorize(caller, Operation::BatchDeleteImage, &arn.registry.account, arn)?;
        let (arn, author) = (arn.clone(), self.author(caller));
        let undo_until = self.undo_until(author.at);
        let deleted = self.store.catalogue.write(move |tx| {
            let deletion =
                Deletion { tx, arn: &arn, repository: find(tx, &arn)?.id, author: &author, undo_until };
            let image = resolve(tx, deletion.repository, &reference)?.ok_or(Error::ImageNotFound)?;
            match &reference {
                Reference::Tag(tag) => deletion.untag(&image, tag.as_str()),
                Reference::Digest(_) if images::has_live_parent(tx, image.id)? => {
                    Err(Error::ReferencedByIndex)
                }
                Reference::Digest(_) => {
                    deletion.delete(&image)?;
                    deletion.collect_later()
                }
            }
        });
        permit.record(deleted.await)
    }
}

/// Deleting inside one transaction.
struct Deletion<'a> {
    tx: &'a Tx<'a>,
    arn: &'a RepositoryArn,
    repository: i64,
    author: &'a Author,
    undo_until: i64,
}

impl Deletion<'_> {
    /// Every entry is judged by what stood when the call began; a later one may then find its image gone.
    fn batch(&self, ids: &[ImageIdentifier]) -> Result<BatchDeleteImageAnswer, Error> {
        let mut answer = BatchDeleteImageAnswer { failures: Vec::new(), image_ids: Vec::new() };
        let mut held = HashSet::new();
        let mut found = Vec::new();
        for id in ids {
            match find_image(self.tx, self.repository, id)? {
                Ok(image) => {
                    if images::has_live_parent(self.tx, image.id)? {
                        held.insert(image.id);
                    }
                    found.push((id, image));
                }
                Err(failure) => answer.failures.push(failure),
            }
        }
        for (id, image) in found {
            let Some(now) = images::by_digest(self.tx, self.repository, &image.digest)? else { continue };
            let is_last = match &id.image_tag {
                Some(tag) if !images::tags_of(self.tx, now.id)?.contains(tag) => continue,
                Some(_) => now.tags == 1,
                None => true,
            };
            if is_last && held.contains(&image.id) {
                let code = ImageFailureCode::ImageReferencedByManifestList;
                answer.failures.push(failure(id, code, "Requested image referenced by manifest list"));
                continue;
            }
            match &id.image_tag {
                Some(tag) if !is_last => {
                    self.untag(&now, tag)?;
                    answer.image_ids.push(pair(&now.digest, Some(tag.clone())));
                }
                _ => {
                    let tags = self.delete(&now)?;
                    if tags.is_empty() {
                        answer.image_ids.push(pair(&now.digest, None));
                    }
                    answer.image_ids.extend(tags.into_iter().map(|tag| pair(&now.digest, Some(tag))));
                }
            }
        }
        if !answer.image_ids.is_empty() {
            self.collect_later()?;
        }
        Ok(answer)
    }

    /// Enqueues, with the deletion itself, what must follow when it can no longer be undone.
    fn collect_later(&self) -> Result<(), Error> {
        let repository = Some(self.repository);
        Ok(history::insert_job(self.tx, self.author, COLLECT, repository, "{}", self.undo_until)?)
    }

    fn untag(&self, image: &Image, tag: &str) -> Result<(), Error> {
        let previous = images::remove_tag(self.tx, self.repository, tag)?;
        self.note(Action::RemoveTag, image, Some(tag), previous)?;
        self.event(image, Some(tag))
    }

    /// Deletes an image with its tags; answers these.
    fn delete(&self, image: &Image) -> Result<Vec<String>, Error> {
        let tags = images::tags_of(self.tx, image.id)?;
        for tag in &tags {
            self.untag(image, tag)?;
        }
        images::delete(self.tx, self.repository, image.id, self.author.at, self.undo_until)?;
        self.note(Action::DeleteImage, image, None, None)?;
        if tags.is_empty() {
            self.event(image, None)?;
        }
        Ok(tags)
    }

    fn note(
        &self,
        action: Action,
        image: &Image,
        tag: Option<&str>,
        previous: Option<TimeId>,
    ) -> Result<(), Error> {
        let entry = Entry {
            repository: self.repository,
            action,
            digest: Some(&image.digest),
            tag,
            image: Some(image.id),
            previous,
        };
        Ok(history::insert(self.tx, self.author, entry)?)
    }

    /// The event of a deletion (spec/ecr.md 9, number 2).
    fn event(&self, image: &Image, tag: Option<&str>) -> Result<(), Error> {
        let mut detail = serde_json::json!({
            "result": "SUCCESS",
            "repository-name": self.arn.name,
            "image-digest": image.digest,
            "action-type": "DELETE",
        });
        if let (Some(tag), Some(members)) = (tag, detail.as_object_mut()) {
            members.insert("image-tag".into(), tag.into());
        }
        let registry = &self.arn.registry;
        Ok(history::insert_event(self.tx, self.author, registry, "ECR Image Action", &detail.to_string())?)
    }
}

fn pair(digest: &Digest, tag: Option<String>) -> ImageIdentifier {
    ImageIdentifier { image_digest: Some(digest.to_string()), image_tag: tag }
}

fn failure(id: &ImageIdentifier, code: ImageFailureCode, reason: &str) -> ImageFailure {
    ImageFailure { failure_code: code, failure_reason: reason.to_owned(), image_id: id.clone() }
}

/// The live image that an identifier names, or ECR's word why there is none (spec/ecr.md 2.2).
fn find_image(
    tx: &Tx<'_>,
    repository: i64,
    id: &ImageIdentifier,
) -> Result<Result<Image, ImageFailure>, Error> {
    let refuse = |code, reason| Ok(Err(failure(id, code, reason)));
    let Ok(digest) = id.image_digest.as_deref().map(read_digest).transpose() else {
        return refuse(
            ImageFailureCode::InvalidImageDigest,
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        );
    };
    let Ok(tag) = id.image_tag.as_deref().map(Tag::parse).transpose() else {
        return refuse(
            ImageFailureCode::InvalidImageTag,
            "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
        );
    };
    let found = match (&digest, &tag) {
        (None, None) => {
            return refuse(
                ImageFailureCode::MissingDigestAndTag,
                "Invalid request parameters: both tag and digest cannot be null",
            );
        }
        (_, Some(tag)) => images::by_tag(tx, repository, tag.as_str())?,
        (Some(Some(digest)), None) => images::by_digest(tx, repository, digest)?,
        // Well formed for ECR, but of no algorithm that anything was ever stored by.
        (Some(None), None) => None,
    };
    match (found, digest) {
        (None, _) => refuse(ImageFailureCode::ImageNotFound, "Requested image not found"),
        (Some(image), Some(digest)) if digest != Some(image.digest) => refuse(
            ImageFailureCode::ImageTagDoesNotMatchDigest,
            "Requested image tag does not match the requested image digest",
        ),
        (Some(image), _) => Ok(Ok(image)),
    }
}

/// A digest by ECR's pattern, which is wider than ours.
pub(crate) fn read_digest(text: &str) -> Result<Option<Digest>, ()> {
    let (algorithm, hex) = text.split_once(':').ok_or(())?;
    let is_algorithm = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'+' | b'.');
    let well_formed = !algorithm.is_empty()
        && algorithm.bytes().all(is_algorithm)
        && !hex.is_empty()
        && hex.bytes().all(|c| c.is_ascii_hexdigit());
    if well_formed { Ok(Digest::parse(text).ok()) } else { Err(()) }
}

fn image_missing(arn: &RepositoryArn, id: &ImageIdentifier) -> Error {
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".into());
    Error::ImageMissing { digest: said(&id.image_digest), tag: said(&id.image_tag), repository: arn.clone() }
}

/// ECR's word for a row's status.
pub(crate) fn status(text: &str) -> ImageStatus {
    match text {
        "ARCHIVED" => ImageStatus::Archived,
        "ACTIVATING" => ImageStatus::Activating,
        _ => ImageStatus::Active,
    }
}

fn filter(sent: Option<ImageFilter>) -> Filter<'static> {
    let sent = sent.unwrap_or_default();
    Filter {
        tagged: match sent.tag_status {
            Some(TagStatus::Tagged) => Some(true),
            Some(TagStatus::Untagged) => Some(false),
            Some(TagStatus::Any) | None => None,
        },
        status: match sent.image_status {
            Some(ImageStatusFilter::Active) | None => Some("ACTIVE"),
            Some(ImageStatusFilter::Archived) => Some("ARCHIVED"),
            Some(ImageStatusFilter::Activating) => Some("ACTIVATING"),
            Some(ImageStatusFilter::Any) => None,
        },
    }
}

fn show(tx: &Tx<'_>, arn: &RepositoryArn, image: Image) -> Result<ImageDetail, Error> {
    let tags = if image.tags > 0 { images::tags_of(tx, image.id)? } else { Vec::new() };
    Ok(ImageDetail {
        artifact_media_type: image.artifact_type,
        image_digest: image.digest.to_string(),
        image_manifest_media_type: Some(image.media_type),
        image_pushed_at: Timestamp::from_micros(image.pushed_at),
        image_size_in_bytes: image.size,
        image_status: Some(status(&image.status)),
        image_tags: Some(tags).filter(|tags| !tags.is_empty()),
        last_recorded_pull_time: image.pulled_at.map(Timestamp::from_micros),
        registry_id: arn.registry.account.clone(),
        repository_name: arn.name.clone(),
        subject_manifest_digest: image.subject.map(|subject| subject.to_string()),
    })
}
