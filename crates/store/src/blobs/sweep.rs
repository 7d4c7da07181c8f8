//! What earlier processes left in `uploads/`: taken up again when somebody asks for it, removed when nobody can.

use super::Blobs;
use super::session::{Head, object_path, remove};
use super::upload::UploadError;
use crate::error::Error;
use crate::keys::KeyVersion;
use crate::seal::ObjectId;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// A head that nobody can have sealed is not read.
const MAX_HEAD: u64 = 4096;

/// What the sweep has to ask of the rest of the store.
pub(crate) trait Records {
    /// Opens a sealed head of that upload; None when it does not open.
    fn open_head(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
    /// Whether the catalogue names that object.
    fn names(&self, object: ObjectId) -> Result<bool, Error>;
    /// That version of a key.
    fn key_version(&self, id: i64) -> Result<Arc<KeyVersion>, Error>;
}

impl Blobs {
    /// Takes up an upload that is on disk and not open. Unknown, damaged, finished ones are left alone: they do not exist.
    pub(crate) async fn take_up(&self, id: Uuid, records: &impl Records, now: i64) -> Result<(), UploadError> {
        if self.uploads.is_open(id) {
            return Ok(());
        }
        let data = self.uploads.folder().join(id.to_string());
        if !data.exists() {
            return Ok(());
        }
        let Some((head, sealed, object)) = read_head(&data.with_extension("head"), id, records) else {
            return Ok(());
        };
        if records.names(object)? {
            return Ok(());
        }
        let version = records.key_version(head.key_version)?;
        self.uploads.recover(id, head, sealed, object, version, now).await
    }

    /// Removes from `uploads/` what no upload can go on with: ended ones, expired ones, halves. At start `uploads` has no
    /// open session; later, files of open sessions are theirs.
    pub(crate) fn sweep(&self, records: &impl Records, now: i64, lifetime: i64) -> Result<(), Error> {
        self.uploads.expire(now - lifetime);
        let folder = self.uploads.folder();
        let entries = std::fs::read_dir(folder).map_err(|source| Error::io(folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| Error::io(folder, source))?.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Uuid>().ok());
            let Some(id) = id else {
                remove(&path);
                continue;
            };
            if self.uploads.is_open(id) || self.is_resumable(&path, id, records, now - lifetime)? {
                continue;
            }
            remove(&path);
        }
        Ok(())
    }

    fn is_resumable(&self, path: &Path, id: Uuid, records: &impl Records, before: i64) -> Result<bool, Error> {
        let Some((head, _, object)) = read_head(&path.with_extension("head"), id, records) else { return Ok(false) };
        if records.names(object)? {
            return Ok(false);
        }
        if !path.with_extension("").exists() {
            // The data was renamed into place, but its row was never committed.
            remove(&object_path(self.uploads.objects(), object));
            return Ok(false);
        }
        Ok(head.started_at >= before)
    }
}

fn read_head(path: &Path, id: Uuid, records: &impl Records) -> Option<(Head, Vec<u8>, ObjectId)> {
    let length = std::fs::metadata(path).ok()?.len();
    let sealed = if length <= MAX_HEAD { std::fs::read(path).ok()? } else { return None };
    let head: Head = serde_json::from_slice(&records.open_head(id.as_bytes(), &sealed)?).ok()?;
    let object = u128::from_str_radix(&head.object, 16).ok()?;
    Some((head, sealed, ObjectId(object.to_be_bytes())))
}
