//! Uploads of blobs: start, append, status, finish, cancel (spec/oci.md 6). Bytes, then row.

use crate::repositories::find;
use crate::{Caller, Error, Registry};
use acre_store::blobs::{Expect, Finished, Owner, Source, Target, UploadError, Wanted};
use acre_store::catalogue::{Tx, blobs, repositories};
use acre_wire::digest::{Algorithm, Digest};
use acre_wire::ecr::Operation;
use acre_wire::names::RepositoryArn;
use uuid::Uuid;

/// A blob that is visible in its repository now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// What its bytes hash to.
    pub digest: Digest,
    /// Whether the repository did not have it before.
    pub is_new: bool,
}

impl Registry {
    /// Opens an upload. Nothing is written until a segment has arrived.
    pub fn start_upload(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        algorithm: Algorithm,
    ) -> Result<Uuid, Error> {
        let permit = self.authorize(caller, Operation::InitiateLayerUpload, &arn.registry.account, arn)?;
        let (repository, version) = self.store.catalogue.read(|tx| {
            let repository = find(tx, arn)?;
            let version = self.store.keys.newest(tx, repository.key_domain)?;
            Ok::<_, Error>((repository, version))
        })?;
        let id = self.store.start_upload(Target {
            owner: Owner { principal: caller.principal.id, repository: repository.id },
            account: arn.registry.account.to_string(),
            region: arn.registry.region.to_string(),
            version,
            algorithm,
            now: self.now(),
        });
        permit.record(id.map_err(Error::from))
    }

    /// Appends a body; answers how many bytes the upload then holds.
    pub async fn append_upload(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        id: Uuid,
        expect: Expect,
        source: &mut impl Source,
    ) -> Result<u64, Error> {
        let permit = self.authorize(caller, Operation::UploadLayerPart, &arn.registry.account, arn)?;
        let owner = self.owner(caller, arn)?;
        let appended = self.store.append_upload(id, owner, expect, source, self.now()).await;
        permit.record(appended.map_err(Error::from))
    }

    /// How many bytes an upload holds.
    pub async fn upload_status(&self, caller: &Caller, arn: &RepositoryArn, id: Uuid) -> Result<u64, Error> {
        let permit = self.authorize(caller, Operation::UploadLayerPart, &arn.registry.account, arn)?;
        let owner = self.owner(caller, arn)?;
        permit.record(self.store.upload_status(id, owner, self.now()).await.map_err(Error::from))
    }

    /// Ends an upload for good; its bytes are dropped.
    pub async fn cancel_upload(&self, caller: &Caller, arn: &RepositoryArn, id: Uuid) -> Result<(), Error> {
        let permit = self.authorize(caller, Operation::InitiateLayerUpload, &arn.registry.account, arn)?;
        let owner = self.owner(caller, arn)?;
        permit.record(self.store.abort_upload(id, owner, self.now()).await.map_err(Error::from))
    }

    /// Appends the last bytes, if any, and makes the blob visible in its repository. When this answers, it is durable.
    pub async fn finish_upload(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        id: Uuid,
        expect: Expect,
        source: &mut impl Source,
        wanted: impl Into<Wanted>,
    ) -> Result<Landed, Error> {
        let permit = self.authorize(caller, Operation::CompleteLayerUpload, &arn.registry.account, arn)?;
        let (now, wanted) = (self.now(), wanted.into());
        let outcome = async {
            let owner = self.owner(caller, arn)?;
            match self.store.finish_upload(id, owner, expect, source, wanted.clone(), now).await {
                // The answer to this very request was lost, and the client asks again.
                Err(UploadError::Done(digest)) if wanted.holds(&digest) => {
                    Ok(Landed { digest, is_new: true })
                }
                Err(UploadError::Done(_)) => Err(UploadError::Unknown.into()),
                Err(error) => Err(error.into()),
                Ok(finished) => self.make_visible(owner, finished).await,
            }
        };
        permit.record(outcome.await)
    }

    /// The transaction that follows the bytes: object row, unless the key domain has one, and the repository's claim.
    async fn make_visible(&self, owner: Owner, finished: Finished) -> Result<Landed, Error> {
        let now = self.now();
        let (digest, object) = (finished.digest, finished.object.clone());
        let commit = move |tx: &Tx<'_>| {
            let gone = || Error::from(UploadError::Unknown);
            let domain = repositories::key_domain(tx, owner.repository)?.ok_or_else(gone)?;
            let stored = blobs::in_domain(tx, domain, &digest)?.filter(|blob| !blob.damaged);
            let (blob, used) = match (stored, &object) {
                (Some(blob), _) => {
                    blobs::touch(tx, blob.id, now)?;
                    (blob.id, false)
                }
                (None, Some(object)) => (blobs::insert(tx, domain, object, now)?, true),
                // What the key domain kept was found damaged in between, and these bytes are gone: clients repeat after this.
                (None, None) => {
                    let text = format!("the object that was kept for {digest}");
                    return Err(Error::Store(acre_store::Error::Damaged(text)));
                }
            };
            let is_new = blobs::claim(tx, owner.repository, &digest, blob)?;
            Ok((used, is_new))
        };
        match self.store.catalogue.write(commit).await {
            Ok((used, is_new)) => {
                self.store.settle_upload(&finished, used);
                self.store.remember_upload(&finished, owner, now);
                Ok(Landed { digest, is_new })
            }
            Err(error) => {
                if matches!(error, Error::Store(_)) {
                    self.store.doubt_upload(&finished);
                } else {
                    self.store.settle_upload(&finished, false);
                }
                Err(error)
            }
        }
    }

    /// Whom uploads into that repository belong to.
    fn owner(&self, caller: &Caller, arn: &RepositoryArn) -> Result<Owner, Error> {
        let repository = self.store.catalogue.read(|tx| find(tx, arn))?;
        Ok(Owner { principal: caller.principal.id, repository: repository.id })
    }
}
