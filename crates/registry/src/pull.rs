//! Pulling: manifests by tag or digest, blobs and ranges of them; counting the pulls (spec/oci.md 5, 7.4, 9.1).

use crate::repositories::find;
use crate::{Caller, Error, Registry};
use acre_store::blobs::Content;
use acre_store::catalogue::blobs::Blob;
use acre_store::catalogue::history::{self, Action, Entry};
use acre_store::catalogue::images::{self, Image};
use acre_store::catalogue::{TimeId, Tx, blobs};
use acre_wire::digest::Digest;
use acre_wire::ecr::Operation;
use acre_wire::names::{RepositoryArn, Tag};
use acre_wire::oci::request::Reference;
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A manifest that was found.
#[derive(Clone, Debug)]
pub struct ManifestView {
    /// The digest by which it was pushed.
    pub digest: Digest,
    /// As recorded at the push.
    pub media_type: String,
    /// How many bytes.
    pub size: u64,
    blob: Blob,
}

/// A blob that the repository holds.
#[derive(Clone, Debug)]
pub struct BlobView {
    /// Its digest.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    blob: Blob,
}

impl ManifestView {
    /// Its bytes, as they were pushed: for [`Registry::read_blob`].
    pub fn bytes(&self) -> BlobView {
        BlobView { digest: self.digest, size: self.size, blob: self.blob.clone() }
    }
}

impl BlobView {
    /// Whether any part of it is read at once, so that all of it may as well be.
    pub fn is_small(&self) -> bool {
        self.blob.inline
    }
}

/// Pulls that were counted and not written yet: per image how many, and when the last.
#[derive(Debug, Default)]
pub(crate) struct Pulls {
    counted: Mutex<HashMap<TimeId, (u64, i64)>>,
}

/// The image that a reference means.
pub(crate) fn resolve(tx: &Tx<'_>, repository: i64, reference: &Reference) -> Result<Option<Image>, Error> {
    Ok(match reference {
        Reference::Tag(tag) => images::by_tag(tx, repository, tag.as_str())?,
        Reference::Digest(digest) => images::by_digest(tx, repository, digest)?,
    })
}

impl Registry {
    /// Looks a manifest up; its bytes are [`ManifestView::bytes`]. `counts`: a GET is a pull, a HEAD is not.
    pub fn manifest(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        reference: &Reference,
        counts: bool,
    ) -> Result<ManifestView, Error> {
        let permit = self.authorize(caller, Operation::BatchGetImage, &arn.registry.account, arn)?;
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, arn)?;
            let image = resolve(tx, repository.id, reference)?.filter(|image| image.status == "ACTIVE");
            let image = image.ok_or(Error::ImageNotFound)?;
            let blob = manifest_blob(tx, &image)?;
            Ok((image, blob))
        });
        let (image, blob) = permit.record(found)?;
        if counts {
            self.count_pull(image.id);
        }
        Ok(ManifestView { digest: image.digest, media_type: image.media_type, size: blob.size, blob })
    }

    pub(crate) async fn read_whole(&self, blob: &Blob) -> Result<Bytes, Error> {
        match self.open_blob(blob, 0..blob.size).await? {
            Content::Whole(bytes) => Ok(bytes),
            Content::Stream(mut reader) => {
                let mut whole = BytesMut::with_capacity(usize::try_from(blob.size).unwrap_or(0));
                while let Some(frame) = std::future::poll_fn(|cx| reader.poll_next(cx)).await {
                    match frame {
                        Ok(frame) => whole.extend_from_slice(&frame),
                        Err(error) => return Err(self.note_damage(blob, error).await),
                    }
                }
                Ok(whole.freeze())
            }
        }
    }

    /// Looks a blob up in a repository; what other repositories hold is not there.
    pub fn blob(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        digest: &Digest,
        operation: Operation,
    ) -> Result<BlobView, Error> {
        let permit = self.authorize(caller, operation, &arn.registry.account, arn)?;
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, arn)?;
            let blob = blobs::repository_blob(tx, repository.id, digest)?;
            // Pushers ask before they send: what is known to be damaged must be sent again, so it is not there for them.
            blob.filter(|blob| !blob.damaged || operation != Operation::BatchCheckLayerAvailability)
                .ok_or(Error::BlobNotFound(*digest))
        });
        let blob = permit.record(found)?;
        Ok(BlobView { digest: *digest, size: blob.size, blob })
    }

    /// Opens a range of a blob. Damage at its start is an error here, further on one of the stream.
    pub async fn read_blob(&self, view: &BlobView, range: Range<u64>) -> Result<Content, Error> {
        self.open_blob(&view.blob, range).await
    }

    async fn open_blob(&self, blob: &Blob, range: Range<u64>) -> Result<Content, Error> {
        match self.store.read_blob(blob, range).await {
            Ok(content) => Ok(content),
            Err(error) => Err(self.note_damage(blob, error).await),
        }
    }

    /// A damaged object is marked, so that the next push of its digest replaces it.
    async fn note_damage(&self, blob: &Blob, error: acre_store::Error) -> Error {
        if let acre_store::Error::Damaged(what) = &error {
            tracing::error!(digest = %blob.digest, what, "stored bytes are damaged");
            if let Err(error) = self.store.mark_damaged(blob.object).await {
                tracing::warn!(%error, "the damaged object could not be marked");
            }
        }
        error.into()
    }

    /// As [`Registry::read_blob`] found damage while a stream was on its way.
    pub async fn report_damage(&self, view: &BlobView, error: acre_store::Error) {
        let _ = self.note_damage(&view.blob, error).await;
    }

    /// The repository gives up a blob that no live image of it needs.
    pub async fn delete_blob(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        digest: Digest,
    ) -> Result<(), Error> {
        let permit = self.authorize(caller, Operation::BatchDeleteImage, &arn.registry.account, arn)?;
        let (arn, author) = (arn.clone(), self.author(caller));
        let deleted = self.store.catalogue.write(move |tx| {
            let repository = find(tx, &arn)?;
            let blob =
                blobs::repository_blob(tx, repository.id, &digest)?.ok_or(Error::BlobNotFound(digest))?;
            if blobs::is_referenced(tx, repository.id, blob.id)? {
                return Err(Error::BlobInUse(digest));
            }
            blobs::release(tx, repository.id, &digest)?;
            let entry = Entry { digest: Some(&digest), ..Entry::of(repository.id, Action::DeleteBlob) };
            Ok(history::insert(tx, &author, entry)?)
        });
        permit.record(deleted.await)
    }

    /// One page of tags by name bytes, behind `last`; true when more remain.
    pub fn tags(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        last: &str,
        limit: u32,
    ) -> Result<(Vec<Tag>, bool), Error> {
        let permit = self.authorize(caller, Operation::ListImages, &arn.registry.account, arn)?;
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, arn)?;
            Ok(images::tag_page(tx, repository.id, last, limit.saturating_add(1))?)
        });
        let mut names = permit.record(found)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = names.len() > limit;
        names.truncate(limit);
        let damaged = |_| acre_store::Error::Damaged(format!("a tag of {arn}"));
        let tags: Result<Vec<_>, _> = names.iter().map(|name| Tag::parse(name).map_err(damaged)).collect();
        // With n=0 the page is empty and has no successor.
        Ok((tags?, more && limit > 0))
    }

    pub(crate) fn count_pull(&self, image: TimeId) {
        let now = self.now();
        let mut counted = self.pulls.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = counted.entry(image).or_insert((0, now));
        *entry = (entry.0 + 1, now);
    }

    /// Writes what was counted. A crash loses at most the counts of a few seconds, never a pull.
    pub(crate) async fn flush_pulls(&self) {
        let counted = {
            let mut counted = self.pulls.counted.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *counted)
        };
        if counted.is_empty() {
            return;
        }
        let rows: Vec<_> = counted.into_iter().collect();
        for chunk in rows.chunks(500) {
            let chunk = chunk.to_vec();
            let written = self.store.catalogue.write(move |tx| {
                for (image, (pulls, last)) in &chunk {
                    images::count_pulls(tx, *image, i64::from(acre_store::day(*last)), *pulls, *last)?;
                }
                Ok::<_, acre_store::Error>(())
            });
            if let Err(error) = written.await {
                tracing::warn!(%error, "pulls of the last seconds were not counted");
            }
        }
    }
}

pub(crate) fn manifest_blob(tx: &Tx<'_>, image: &Image) -> Result<Blob, Error> {
    let missing = || acre_store::Error::Damaged(format!("the manifest of image {:?}", image.id));
    Ok(blobs::by_id(tx, image.manifest)?.ok_or_else(missing)?)
}
