//! Mounting a blob of another repository of the registry (spec/oci.md 6.7): one more claim on the same stored object.

use crate::repositories::find;
use crate::{Caller, Error, Registry};
use acre_store::catalogue::{Tx, blobs, repositories};
use acre_wire::ecr::Operation;
use acre_wire::names::{RepositoryArn, RepositoryName};
use acre_wire::oci::request::{Mount, MountSource};

/// Repositories that are looked at when none is named.
const SOURCES: u32 = 32;
/// A row that there is not: what is absent is looked for by the same statements as what is forbidden.
const NO_ROW: i64 = -1;

enum Source {
    /// The repository sees the blob already.
    Here,
    /// That one does, and the caller may pull from it.
    Repository(i64),
    /// None that may be told of.
    Nowhere,
}

impl Registry {
    /// Makes a blob visible that the caller may pull from another repository of the same key domain. False: it is not to
    /// be had, for a reason that nobody is told; the client uploads it. When this answers true, it is durable.
    pub async fn mount_blob(
        &self,
        caller: &Caller,
        arn: &RepositoryArn,
        mount: &Mount,
    ) -> Result<bool, Error> {
        let permit = self.authorize(caller, Operation::InitiateLayerUpload, &arn.registry.account, arn)?;
        let source = match self.store.catalogue.read(|tx| self.find_source(tx, caller, arn, mount))? {
            Source::Here => return permit.record(Ok(true)),
            Source::Nowhere => return permit.record(Ok(false)),
            Source::Repository(source) => source,
        };
        let (arn, digest, now) = (arn.clone(), mount.digest, self.now());
        let mounted = self.store.catalogue.write(move |tx| {
            let repository = find(tx, &arn)?;
            // What was true when it was looked up may have ended since.
            let is_near = repositories::key_domain(tx, source)? == Some(repository.key_domain);
            let is_enabled = Self::blob_mounting(tx, &arn.registry)?;
            let held = blobs::repository_blob(tx, source, &digest)?.filter(|blob| !blob.damaged);
            let Some(blob) = held.filter(|_| is_near && is_enabled) else { return Ok(false) };
            blobs::touch(tx, blob.id, now)?;
            blobs::claim(tx, repository.id, &digest, blob.id)?;
            Ok(true)
        });
        match mounted.await {
            Ok(false) => permit.record(Ok(false)),
            mounted => permit.has_changed().record(mounted),
        }
    }

    fn find_source(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        arn: &RepositoryArn,
        mount: &Mount,
    ) -> Result<Source, Error> {
        let repository = find(tx, arn)?;
        // A damaged object is to be pushed again: that mends it.
        let here = blobs::repository_blob(tx, repository.id, &mount.digest)?;
        if here.is_some_and(|blob| !blob.damaged) {
            return Ok(Source::Here);
        }
        let is_enabled = Self::blob_mounting(tx, &arn.registry)?;
        let may_read = |name: &RepositoryName| {
            let source = arn.registry.repository(name.clone());
            let operation = Operation::GetDownloadUrlForLayer;
            self.allows(caller, operation, &source.registry.account, &source.to_string())
        };
        let found = match &mount.from {
            MountSource::Nowhere => None,
            MountSource::Repository(name) => {
                let source = repositories::find(tx, &arn.registry.repository(name.clone()))?;
                let is_near = source.as_ref().is_some_and(|row| row.key_domain == repository.key_domain);
                let row = source.map_or(NO_ROW, |row| row.id);
                let held = blobs::repository_blob(tx, row, &mount.digest)?;
                let is_allowed = may_read(name);
                held.filter(|blob| is_near && is_allowed && !blob.damaged).map(|_| row)
            }
            MountSource::Anywhere => {
                let held = blobs::in_domain(tx, repository.key_domain, &mount.digest)?;
                let blob = held.filter(|blob| !blob.damaged).map_or(NO_ROW, |blob| blob.id);
                let holders = blobs::holders(tx, blob, SOURCES)?;
                holders.into_iter().find(|(_, name)| may_read(name)).map(|(row, _)| row)
            }
        };
        Ok(found.filter(|_| is_enabled).map_or(Source::Nowhere, Source::Repository))
    }
}
