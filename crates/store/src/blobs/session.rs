//! One upload: who may go on with it, how far it is, and the files that stand for it.

use super::parts::Parts;
use crate::error::Error;
use crate::keys::KeyVersion;
use crate::meters::Spread;
use crate::seal::{ObjectId, ObjectKey, SEGMENT_PLAIN};
use acre_wire::digest::{Algorithm, Digest, Hasher};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The largest layer (spec/ecr.md 3.11).
pub(super) const MAX_LAYER: u64 = 52_000 << 20;

/// Whom an upload belongs to: asked for by anybody else it does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The principal's row.
    pub principal: i64,
    /// The repository's row.
    pub repository: i64,
}

/// What is known about an upload when it starts; sealed, it is the head on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) owner: Owner,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) object: String,
    pub(super) key_domain: i64,
    pub(super) key_version: i64,
    pub(super) algorithm: String,
    /// In microseconds.
    pub(super) started_at: i64,
}

/// An upload that is open.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: Uuid,
    pub(super) owner: Owner,
    pub(super) key: ObjectKey,
    pub(super) version: Arc<KeyVersion>,
    pub(super) files: Files,
    /// The time that objects take to the disk.
    pub(super) syncs: Arc<Spread>,
    /// When it was last asked for, in microseconds.
    pub(super) touched: AtomicI64,
    pub(super) state: Arc<Mutex<State>>,
}

/// How far an upload is. `stored` says what the file holds, if there is one, and `tail` holds the bytes behind that. Between
/// requests one of the two is all of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) offset: u64,
    pub(super) hasher: Hasher,
    pub(super) tail: Vec<u8>,
    pub(super) stored: Option<Stored>,
    pub(super) parts: Parts,
    /// Set when the upload ended in one way or another while somebody still held it.
    pub(super) gone: bool,
}

/// What an upload's file holds: whole segments, and the plaintext length of a short one behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) segments: u64,
    pub(super) tail: usize,
}

impl State {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            offset: 0,
            hasher: Hasher::new(algorithm),
            tail: Vec::new(),
            stored: None,
            parts: Parts::default(),
            gone: false,
        }
    }

    /// Whether so many bytes more go into the segment that is in memory.
    pub(super) fn has_room(&self, length: usize) -> bool {
        let on_disk = self.stored.map_or(0, |stored| stored.tail);
        let room = SEGMENT_PLAIN - on_disk.saturating_add(self.tail.len()).min(SEGMENT_PLAIN);
        length <= room && self.offset.saturating_add(length as u64) <= MAX_LAYER
    }
}

/// The files of an upload. Their names need not survive a power cut: an upload may be lost until it is finished.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) data: PathBuf,
    pub(super) head: PathBuf,
    pub(super) tail: PathBuf,
    /// Where the data goes when it is finished.
    pub(super) object: PathBuf,
    pub(super) sealed_head: Vec<u8>,
}

impl Files {
    pub(super) fn new(uploads: &Path, id: Uuid, object: PathBuf, sealed_head: Vec<u8>) -> Self {
        let data = uploads.join(id.to_string());
        Self {
            head: data.with_extension("head"),
            tail: data.with_extension("tail"),
            data,
            object,
            sealed_head,
        }
    }

    /// Written before the first byte of data. Power cut here: a head without data, removed at the next start.
    pub(super) fn write_head(&self) -> Result<(), Error> {
        let open =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.head);
        open.and_then(|mut file| file.write_all(&self.sealed_head))
            .map_err(|source| Error::io(&self.head, source))
    }

    /// Removes what is there. Power cut here: what comes back is removed at the next start.
    pub(super) fn remove(&self) {
        for path in [&self.data, &self.tail, &self.head] {
            remove(path);
        }
    }
}

/// Removes a file that nobody needs any more.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file that is not needed any more could not be removed");
    }
}

/// Where in `objects/` an object's file stands: one of 256 folders by the first byte of its id.
pub(super) fn object_path(objects: &Path, id: ObjectId) -> PathBuf {
    let name = id.to_string();
    objects.join(&name[..2]).join(name)
}

/// What became of an upload that was finished, until its row is there.
#[derive(Debug)]
pub struct Finished {
    /// The upload.
    pub upload: Uuid,
    /// What its bytes hash to.
    pub digest: Digest,
    /// The new object; None when the key domain has these bytes already, so that the new ones were dropped.
    pub object: Option<crate::catalogue::blobs::NewBlob>,
    /// How many bytes.
    pub size: u64,
}
