//! What earlier processes left in `uploads/`: taken up again when somebody asks for it, removed when nobody can.

use super::Blobs;
use super::session::{Head, Owner, object_path, remove};
use super::upload::UploadError;
use crate::error::Error;
use crate::keys::KeyVersion;
use crate::seal::ObjectId;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use uuid::Uuid;

/// A head that nobody can have sealed is not read.
const MAX_HEAD: u64 = 4096;

/// What the sweep has to ask of the rest of the store.
pub(crate) trait Records {
    /// Opens a sealed head of that upload; None when it is damaged.
    fn open_head(&self, context: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Whether the catalogue names that object.
    fn names(&self, object: ObjectId) -> Result<bool, Error>;
    /// That version of a key.
    fn key_version(&self, id: i64) -> Result<Arc<KeyVersion>, Error>;
}

impl Blobs {
    /// Takes up an upload that is on disk and not open. Unknown, damaged, finished ones and those of other owners are left
    /// alone: they do not exist.
    pub(crate) async fn take_up(
        &self,
        id: Uuid,
        owner: Owner,
        records: &impl Records,
        now: i64,
    ) -> Result<(), UploadError> {
        if self.uploads.is_open(id) {
            return Ok(());
        }
        let data = self.uploads.folder().join(id.to_string());
        if !data.exists() {
            return Ok(());
        }
        let Some((head, sealed, object)) = read_head(&data.with_extension("head"), id, records)? else {
            return Ok(());
        };
        if head.owner != owner || records.names(object)? {
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
            let id =
                path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Uuid>().ok());
            let Some(id) = id else {
                remove(&path);
                continue;
            };
            if self.uploads.is_open(id) {
                continue;
            }
            match self.is_resumable(&path, id, records, now - lifetime) {
                // Asked once more: judging it took a while.
                Ok(false) if !self.uploads.is_open(id) => remove(&path),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "what an upload left could not be judged");
                }
            }
        }
        Ok(())
    }

    fn is_resumable(
        &self,
        path: &Path,
        id: Uuid,
        records: &impl Records,
        before: i64,
    ) -> Result<bool, Error> {
        let Some((head, _, object)) = read_head(&path.with_extension("head"), id, records)? else {
            return Ok(false);
        };
        if records.names(object)? {
            return Ok(false);
        }
        let data = path.with_extension("");
        let written = match std::fs::metadata(&data) {
            Ok(metadata) => metadata.modified().map_err(|source| Error::io(&data, source))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // The data was renamed into place. Asked once more, in this order: a client may have taken the upload up and
                // finished it since the head was read; without data nobody can take it up any more.
                if self.uploads.is_open(id) || records.names(object)? {
                    return Ok(true);
                }
                remove(&object_path(self.uploads.objects(), object));
                return Ok(false);
            }
            Err(source) => return Err(Error::io(&data, source)),
        };
        let written = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Ok(head.started_at.max(i64::try_from(written).unwrap_or(i64::MAX)) >= before)
    }
}

/// A head that is there and whole. That it could not be read just now does not make it nobody's.
fn read_head(
    path: &Path,
    id: Uuid,
    records: &impl Records,
) -> Result<Option<(Head, Vec<u8>, ObjectId)>, Error> {
    let sealed = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= MAX_HEAD => std::fs::read(path),
        Ok(_) => return Ok(None),
        Err(error) => Err(error),
    };
    let sealed = match sealed {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io(path, source)),
    };
    let Some(plain) = records.open_head(id.as_bytes(), &sealed)? else { return Ok(None) };
    Ok(parse_head(&plain).map(|(head, object)| (head, sealed, object)))
}

fn parse_head(plain: &[u8]) -> Option<(Head, ObjectId)> {
    let head: Head = serde_json::from_slice(plain).ok()?;
    let object = u128::from_str_radix(&head.object, 16).ok()?;
    Some((head, ObjectId(object.to_be_bytes())))
}
