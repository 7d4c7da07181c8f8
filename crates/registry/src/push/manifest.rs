//! `PutImage`, for both doors (DESIGN 9, spec/oci.md 7.1-7.3, spec/ecr.md 2.40): looked at before the transaction, judged
//! inside it.

use super::AtOnce;
use crate::repositories::{find, mutability};
use crate::{Caller, Error, Registry};
use acre_policy::rules::{Mode, TagMutability};
use acre_store::blobs::{Expect, Finished, Owner, Target, UploadError, is_inline};
use acre_store::catalogue::blobs::NewBlob;
use acre_store::catalogue::history::{self, Action, Author, Entry};
use acre_store::catalogue::images::{self, NewImage};
use acre_store::catalogue::{TimeId, Tx, blobs, repositories};
use acre_store::keys::KeyVersion;
use acre_store::seal::ObjectId;
use acre_wire::digest::{Algorithm, Digest};
use acre_wire::ecr::Operation;
use acre_wire::manifest::{Kind, MAX_MANIFEST, Manifest, ManifestError};
use acre_wire::names::{RepositoryArn, Tag};
use acre_wire::oci::range::{if_match, if_none_match};
use bytes::Bytes;
use std::sync::Arc;

/// Images of one repository, and tags of one image (spec/ecr.md 3.11).
const MAX_IMAGES: u64 = 100_000;
const MAX_TAGS: u64 = 1_000;

/// A manifest as it was sent.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// Its bytes: stored and served untouched.
    pub bytes: Bytes,
    /// The media type that the request names.
    pub media_type: Option<String>,
    /// The digest by which it is pushed; None: its SHA-256.
    pub digest: Option<Digest>,
    /// The tags to set, all or none.
    pub tags: Vec<Tag>,
    /// `If-Match`: where the first tag must point now.
    pub if_match: Option<String>,
    /// `If-None-Match`: where it must not.
    pub if_none_match: Option<String>,
}

/// An image that is there now.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Its digest.
    pub digest: Digest,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// As recorded.
    pub media_type: String,
    /// The image and all the tags were there before: nothing was written.
    pub unchanged: bool,
}

/// What the transaction needs, made before it starts.
struct Plan {
    arn: RepositoryArn,
    repository: i64,
    manifest: Manifest,
    digest: Digest,
    tags: Vec<Tag>,
    if_match: Option<String>,
    if_none_match: Option<String>,
    /// The references, each once.
    blobs: Vec<Digest>,
    children: Vec<Digest>,
    /// The manifest's bytes; None when the key domain has them already.
    object: Option<NewBlob>,
}

impl Registry {
    /// `PutImage` and `PUT manifests/…`: the image with its references, the tags and what follows from them, in one
    /// transaction.
    pub async fn put_image(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        push: ManifestPush,
    ) -> Result<Pushed, Error> {
        let permit = self.authorize(caller, Operation::PutImage, &arn.registry.account, arn)?;
        permit.record(self.push_manifest(caller, arn, push).await)
    }

    /// Whether a manifest may be pushed there at all: asked before its body is taken in.
    pub fn expect_image(&self, caller: &Caller, arn: &RepositoryArn) -> Result<(), Error> {
        let permit = self.authorize(caller, Operation::PutImage, &arn.registry.account, arn)?;
        match self.store.catalogue.read(|tx| find(tx, arn)) {
            Ok(_) => permit.leave(),
            Err(error) => permit.record(Err(error))?,
        }
        Ok(())
    }

    async fn push_manifest(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        push: ManifestPush,
    ) -> Result<Pushed, Error> {
        self.store.check_reserve()?;
        let (repository, version) = self.store.catalogue.read(|tx| {
            let repository = find(tx, arn)?;
            let version = self.store.keys.newest(tx, repository.key_domain)?;
            Ok::<_, Error>((repository, version))
        })?;
        if push.bytes.len() > MAX_MANIFEST {
            return Err(Error::ManifestTooLarge);
        }
        let algorithm = push.digest.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let digest = Digest::of(algorithm, &push.bytes);
        if let Some(said) = push.digest.filter(|said| *said != digest) {
            return Err(Error::DigestMismatch { said, found: digest });
        }
        let manifest =
            Manifest::parse(&push.bytes, push.media_type.as_deref()).map_err(|error| match error {
                ManifestError::TooLarge => Error::ManifestTooLarge,
                error => Error::InvalidManifest(error),
            })?;
        let owner = Owner { principal: caller.principal.id, repository: repository.id };
        let finished = self.store_manifest(arn, owner, &version, digest, push.bytes).await?;
        let plan = Arc::new(Plan {
            arn: arn.clone(),
            repository: repository.id,
            blobs: manifest.blobs(),
            children: manifest.children(),
            manifest,
            digest,
            tags: push.tags,
            if_match: push.if_match,
            if_none_match: push.if_none_match,
            object: finished.object.clone(),
        });
        let author = self.author(caller);
        let committed = Arc::clone(&plan);
        let outcome = self.store.catalogue.write(move |tx| commit(tx, &committed, &author)).await;
        match &outcome {
            Ok(written) => self.store.settle_upload(&finished, written.object),
            Err(Error::Store(_)) => self.store.doubt_upload(&finished),
            Err(_) => self.store.settle_upload(&finished, false),
        }
        let unchanged = !outcome?.image;
        Ok(Pushed {
            digest,
            subject: plan.manifest.subject.as_ref().map(|subject| subject.digest),
            media_type: plan.manifest.media_type.as_str().to_owned(),
            unchanged,
        })
    }

    /// The manifest's bytes as an object: sealed for the catalogue if small, else a durable file. Power cut behind a file:
    /// an object without a row, removed at the next start by the head that still stands beside it.
    async fn store_manifest(
        &self,
        arn: &RepositoryArn,
        owner: Owner,
        version: &Arc<KeyVersion>,
        digest: Digest,
        bytes: Bytes,
    ) -> Result<Finished, Error> {
        let size = bytes.len() as u64;
        if is_inline(size) {
            let object = ObjectId::random().map_err(acre_store::Error::from)?;
            let key = version.object(object).map_err(acre_store::Error::from)?;
            let object = NewBlob {
                digest,
                size,
                object,
                key_version: version.id,
                binding: key.bind(&digest, size),
                inline: Some(key.seal_inline(&bytes).map_err(acre_store::Error::from)?),
            };
            return Ok(Finished { upload: uuid::Uuid::nil(), digest, object: Some(object), size });
        }
        let now = self.now();
        let target = Target {
            owner,
            account: arn.registry.account.to_string(),
            region: arn.registry.region.to_string(),
            version: Arc::clone(version),
            algorithm: digest.algorithm(),
            now,
        };
        let upload = self.store.start_upload(target)?;
        let mut source = AtOnce::from(bytes);
        Ok(self.store.finish_upload(upload, owner, Expect::default(), &mut source, digest, now).await?)
    }
}

/// What a push wrote.
struct Written {
    /// The image or a tag of it.
    image: bool,
    /// The row of the manifest's object: else the object is not needed.
    object: bool,
}

/// Everything that must hold at the moment of the push, then everything that the push writes.
fn commit(tx: &Tx<'_>, plan: &Plan, author: &Author) -> Result<Written, Error> {
    let repository = find(tx, &plan.arn)?;
    if repository.id != plan.repository {
        // Deleted and made anew while the manifest was on its way.
        return Err(Error::RepositoryNotFound(plan.arn.clone()));
    }
    let existing = images::by_digest(tx, repository.id, &plan.digest)?;
    let mut moves = Vec::new();
    for (at, tag) in plan.tags.iter().enumerate() {
        let current = images::by_tag(tx, repository.id, tag.as_str())?;
        if at == 0 {
            check_conditions(plan, current.as_ref().map(|image| &image.digest))?;
        }
        if current.as_ref().is_some_and(|image| image.digest == plan.digest) {
            continue;
        }
        if current.is_some() && !rules(&repository.settings).may_move(tag.as_str()) {
            return Err(Error::TagImmutable { tag: tag.to_string(), repository: plan.arn.name.clone() });
        }
        moves.push(tag);
    }
    let is_new = existing.is_none();
    let (image, object) = match existing {
        Some(image) => {
            let object = mend(tx, plan, &repository, author)?;
            if moves.is_empty() {
                return Ok(Written { image: false, object });
            }
            if image.tags + moves.len() as u64 > MAX_TAGS {
                return Err(too_many_tags(plan));
            }
            (image.id, object)
        }
        None => insert(tx, plan, &repository, author)?,
    };
    if is_new {
        let entry = Entry {
            image: Some(image),
            digest: Some(&plan.digest),
            ..Entry::of(repository.id, Action::PushImage)
        };
        history::insert(tx, author, entry)?;
    }
    for tag in &moves {
        let previous = images::set_tag(tx, repository.id, tag.as_str(), image)?;
        let entry = Entry {
            repository: repository.id,
            action: Action::SetTag,
            digest: Some(&plan.digest),
            tag: Some(tag.as_str()),
            image: Some(image),
            previous,
        };
        history::insert(tx, author, entry)?;
        event(tx, plan, author, Some(tag.as_str()))?;
    }
    if moves.is_empty() {
        event(tx, plan, author, None)?;
    }
    Ok(Written { image: true, object })
}

/// Compares with where the tag points at the moment of the push: of two racing writers one is refused.
fn check_conditions(plan: &Plan, current: Option<&Digest>) -> Result<(), Error> {
    let met = plan.if_match.as_ref().is_none_or(|condition| if_match(condition, current))
        && plan.if_none_match.as_ref().is_none_or(|condition| if_none_match(condition, current));
    if met { Ok(()) } else { Err(Error::PreconditionFailed) }
}

/// Exchanges the bytes of an image that is there already, if a read found them damaged, for those that came. True when
/// it did.
fn mend(
    tx: &Tx<'_>,
    plan: &Plan,
    repository: &repositories::Repository,
    author: &Author,
) -> Result<bool, Error> {
    let stored = blobs::in_domain(tx, repository.key_domain, &plan.digest)?;
    match &plan.object {
        Some(object) if stored.is_some_and(|blob| blob.damaged) => {
            blobs::insert(tx, repository.key_domain, object, author.at)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn insert(
    tx: &Tx<'_>,
    plan: &Plan,
    repository: &repositories::Repository,
    author: &Author,
) -> Result<(TimeId, bool), Error> {
    if repository.images >= MAX_IMAGES {
        let text = format!(
            "The repository with name '{}' in registry with id '{}' already has the maximum number of images, {MAX_IMAGES}",
            plan.arn.name, plan.arn.registry.account
        );
        return Err(Error::LimitExceeded(text));
    }
    if plan.tags.len() as u64 > MAX_TAGS {
        return Err(too_many_tags(plan));
    }
    let held = blobs::visible(tx, repository.id, &plan.blobs)?;
    if held.len() < plan.blobs.len() {
        let digests = missing(&plan.blobs, |digest| held.iter().any(|(found, ..)| found == digest));
        return Err(Error::LayersMissing { digests, repository: plan.arn.clone() });
    }
    let children = images::live(tx, repository.id, &plan.children)?;
    if children.len() < plan.children.len() {
        let digests = missing(&plan.children, |digest| children.iter().any(|(found, ..)| found == digest));
        return Err(Error::ImagesMissing { digests, repository: plan.arn.clone() });
    }
    let stored = blobs::in_domain(tx, repository.key_domain, &plan.digest)?.filter(|blob| !blob.damaged);
    let (manifest, used) = match (stored, &plan.object) {
        (Some(blob), _) => (blob.id, false),
        (None, Some(object)) => (blobs::insert(tx, repository.key_domain, object, author.at)?, true),
        // What the key domain kept was collected in between: the client pushes again.
        (None, None) => return Err(UploadError::Unknown.into()),
    };
    let size = match plan.manifest.kind() {
        Kind::Image => held.iter().map(|(.., size)| size).sum(),
        Kind::Index => children.iter().map(|(.., size)| *size).max().unwrap_or(0),
    };
    let id = author.ids.next();
    images::insert(
        tx,
        &NewImage {
            id,
            repository: repository.id,
            digest: &plan.digest,
            manifest,
            media_type: plan.manifest.media_type.as_str(),
            artifact_type: plan.manifest.effective_artifact_type(),
            subject: plan.manifest.subject.as_ref().map(|subject| &subject.digest),
            size,
            pushed_at: author.at,
            blobs: &held.iter().map(|(_, blob, _)| *blob).collect::<Vec<_>>(),
            children: &children.iter().map(|(_, child, _)| *child).collect::<Vec<_>>(),
        },
    )?;
    Ok((id, used))
}

fn missing(wanted: &[Digest], is_held: impl Fn(&Digest) -> bool) -> Vec<Digest> {
    wanted.iter().filter(|digest| !is_held(digest)).copied().collect()
}

fn too_many_tags(plan: &Plan) -> Error {
    Error::LimitExceeded(format!(
        "The image with digest '{}' already has the maximum number of tags, {MAX_TAGS}",
        plan.digest
    ))
}

/// Which tags may move, by the row that was read inside the transaction.
fn rules(settings: &repositories::Settings) -> TagMutability {
    TagMutability {
        mode: Mode::parse(mutability(settings).as_str()).unwrap_or(Mode::Immutable),
        filters: settings.exclusion_filters.clone(),
    }
}

/// The event of a push (spec/ecr.md 9, number 1).
fn event(tx: &Tx<'_>, plan: &Plan, author: &Author, tag: Option<&str>) -> Result<(), Error> {
    let mut detail = serde_json::json!({
        "result": "SUCCESS",
        "repository-name": plan.arn.name,
        "image-digest": plan.digest,
        "action-type": "PUSH",
    });
    if let (Some(tag), Some(members)) = (tag, detail.as_object_mut()) {
        members.insert("image-tag".into(), tag.into());
    }
    Ok(history::insert_event(tx, author, &plan.arn.registry, "ECR Image Action", &detail.to_string())?)
}
