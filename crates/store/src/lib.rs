//! WHAT SURVIVES A RESTART. The only room that knows SQL, files and keys: the [`catalogue`] (all metadata, `SQLite`), the
//! [`blobs`] (sealed objects and growing uploads), the [`seal`] and the [`keys`] it works with.
//!
//! It must not know what a registry is for: no authorization, no protocol, no policy. It promises one thing: what it
//! has acknowledged survives kill -9 and power loss, and what it gives back is what was put in.
//!
//! Start reading at [`Store`], then [`catalogue::Catalogue::write`] and `blobs/upload.rs`.

pub mod blobs;
pub mod catalogue;
mod durable;
pub mod error;
pub mod keys;
mod meters;
pub mod seal;

pub use error::Error;
pub use meters::{Distribution, Measures};

use acre_wire::digest::Digest;
use blobs::sweep::Records;
use blobs::{Blobs, Expect, Finished, Owner, Source, Target, UploadError, Wanted};
use catalogue::blobs::Blob;
use catalogue::{Catalogue, Tx};
use keys::{FreshKey, KeyRing, KeyVersion, Purpose};
use seal::ObjectId;
use std::fs::{File, OpenOptions, TryLockError};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// For so long a folder is waited for that another process only asks about.
const LOCK_WITHIN: Duration = Duration::from_millis(500);

/// An open data folder. Nobody else has it open while this lives.
#[derive(Debug)]
pub struct Store {
    /// All metadata.
    pub catalogue: Catalogue,
    /// All keys.
    pub keys: KeyRing,
    blobs: Blobs,
    damaged_reads: AtomicU64,
    data: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens a data folder, making it on first start. `now` in microseconds; uploads idle for `lifetime` are removed.
    ///
    /// A power cut anywhere in a first start leaves a folder that the next start completes: each step is durable before
    /// the next one counts on it, and each is made again if it is missing. The names in the folder itself (catalogue,
    /// objects, uploads) are durable with the next file that [`Store::write_file`] puts there; a server writes one, its
    /// endpoint, before it answers anything.
    pub fn open(data: &Path, root_key: &Path, now: i64, lifetime: i64) -> Result<Self, Error> {
        durable::make_folder(data)?;
        durable::sync_folder(durable::folder_of(data))?;
        let lock = lock(data)?;
        let catalogue = Catalogue::open(data)?;
        let keys = KeyRing::open(root_key, &catalogue, now)?;
        let blobs = Blobs::open(data)?;
        let store = Self {
            catalogue,
            keys,
            blobs,
            damaged_reads: AtomicU64::new(0),
            data: data.to_path_buf(),
            _lock: lock,
        };
        store.sweep(now, lifetime)?;
        Ok(store)
    }

    /// Whether another process holds the folder; the folder need not exist.
    ///
    /// Asking is sharing the lock for a moment: others may ask at the same time, and who opens the folder just then waits.
    pub fn is_locked(data: &Path) -> Result<bool, Error> {
        let (path, file) = lock_file(data)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(Error::io(&path, source)),
        }
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Puts a small file (0600) of ours into the data folder, whole and durable.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        durable::write_file(&self.data.join(name), bytes)
    }

    /// Seals a short text; see [`KeyRing::seal`].
    pub fn seal(&self, purpose: Purpose, now: i64, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.catalogue.read(|tx| self.keys.seal(tx, purpose, day(now), context, plain))
    }

    /// Opens a short text; see [`KeyRing::unseal`].
    pub fn unseal(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        self.keys.unseal(&self.catalogue, purpose, context, sealed)
    }

    /// Adds a version to every key domain: new objects are sealed under it, old ones stay readable.
    pub async fn rotate_keys(&self, now: i64) -> Result<usize, Error> {
        let domains = self.catalogue.read(catalogue::keys::domains)?;
        let fresh: Vec<(i64, FreshKey)> = domains
            .into_iter()
            .map(|domain| Ok((domain, self.keys.fresh()?)))
            .collect::<Result<_, Error>>()?;
        self.catalogue
            .write(move |tx| {
                for (domain, key) in &fresh {
                    catalogue::keys::insert_version(tx, *domain, &key.sealed, now)?;
                }
                Ok(fresh.len())
            })
            .await
    }

    /// Opens an upload; nothing is written yet.
    pub fn start_upload(&self, target: Target) -> Result<Uuid, UploadError> {
        let now = target.now;
        self.blobs.check_reserve()?;
        self.blobs.uploads.start(target, |id, head| self.seal(Purpose::Upload, now, id, head))
    }

    /// How many bytes an upload holds.
    pub async fn upload_status(&self, id: Uuid, owner: Owner, now: i64) -> Result<u64, UploadError> {
        self.blobs.take_up(id, owner, self, now).await?;
        self.blobs.uploads.status(id, owner, now)
    }

    /// Appends a body to an upload; answers how many bytes it then holds.
    pub async fn append_upload(
        &self,
        id: Uuid,
        owner: Owner,
        expect: Expect,
        source: &mut impl Source,
        now: i64,
    ) -> Result<u64, UploadError> {
        self.check_writable().await?;
        self.blobs.take_up(id, owner, self, now).await?;
        self.blobs.uploads.append(id, owner, expect, source, now).await
    }

    /// Appends a body, compares with what is wanted and makes the bytes durable. They become visible by the transaction that the
    /// caller commits next; it then calls [`Store::settle_upload`].
    pub async fn finish_upload(
        self: &Arc<Self>,
        id: Uuid,
        owner: Owner,
        expect: Expect,
        source: &mut impl Source,
        wanted: impl Into<Wanted>,
        now: i64,
    ) -> Result<Finished, UploadError> {
        self.check_writable().await?;
        self.blobs.take_up(id, owner, self.as_ref(), now).await?;
        let store = Arc::clone(self);
        let known = move |digest: &Digest| store.catalogue.read(|tx| knows(tx, owner.repository, digest));
        let finish = blobs::Finish { wanted: wanted.into(), known: Box::new(known) };
        self.blobs.uploads.finish(id, owner, expect, source, finish, now).await
    }

    /// The transaction that follows a finish has ended: with the object's row (`used`), or without need of the object.
    pub fn settle_upload(&self, finished: &Finished, used: bool) {
        self.blobs.uploads.close(finished, used);
    }

    /// The transaction that follows a finish failed in the store. Until the catalogue takes writes again, a power cut may
    /// bring its row back, which must then find its object; after that, the catalogue says what became of it.
    pub fn doubt_upload(&self, finished: &Finished) {
        self.blobs.uploads.doubt(finished);
    }

    /// Ends the doubts when it is certain: a commit that failed cannot come back once another one has followed it.
    fn settle_doubts(&self) -> Result<(), Error> {
        if self.catalogue.is_read_only() {
            return Ok(());
        }
        self.blobs.uploads.close_doubtful(|object| self.names(object))
    }

    /// Keeps a finished upload's id in mind for an hour: a client whose answer was lost asks again.
    pub fn remember_upload(&self, finished: &Finished, owner: Owner, now: i64) {
        self.blobs.uploads.remember(finished.upload, owner, finished.digest, now);
    }

    /// Ends an upload for good.
    pub async fn abort_upload(&self, id: Uuid, owner: Owner, now: i64) -> Result<(), UploadError> {
        self.blobs.take_up(id, owner, self, now).await?;
        self.blobs.uploads.abort(id, owner, now)
    }

    /// Removes uploads that nobody can or will go on with.
    pub fn sweep(&self, now: i64, lifetime: i64) -> Result<(), Error> {
        self.settle_doubts()?;
        self.blobs.sweep(self, now, lifetime)
    }

    /// Opens a range of a blob.
    pub async fn read_blob(&self, blob: &Blob, range: Range<u64>) -> Result<blobs::Content, Error> {
        let (version, sealed) = self.catalogue.read(|tx| {
            let sealed = if blob.inline { catalogue::blobs::content(tx, blob.id)? } else { None };
            Ok::<_, Error>((self.keys.version(tx, blob.key_version)?, sealed))
        })?;
        self.blobs.read(blob, &version, sealed, range).await
    }

    /// Bytes whose row cannot be written are not taken in: while commits fail nobody can tell whether an object is still
    /// needed, so each would stay.
    async fn check_writable(&self) -> Result<(), Error> {
        self.blobs.check_reserve()?;
        if self.catalogue.is_read_only() {
            // Lets the writer try again.
            self.catalogue.write(|_| Ok::<_, Error>(())).await?;
        }
        self.settle_doubts()
    }

    /// What there is and what was done, in numbers. Blocking, and short.
    pub fn measures(&self) -> Result<Measures, Error> {
        let (blobs, blob_bytes) = self.catalogue.read(catalogue::blobs::total)?;
        let writer = self.catalogue.meters();
        let disk = self.blobs.disk()?;
        let (upload_buffers_free, read_buffers_free) = self.blobs.buffers_free();
        Ok(Measures {
            uploads_open: self.blobs.uploads.count() as u64,
            writes_waiting: writer.waiting.load(Relaxed),
            batches: writer.batches.distribution(),
            commits: writer.commits.distribution(),
            failed_commits: writer.failed.load(Relaxed),
            statements: writer.statements.load(Relaxed),
            is_read_only: self.catalogue.is_read_only(),
            object_syncs: self.blobs.uploads.syncs.distribution(),
            blobs,
            blob_bytes,
            damaged_reads: self.damaged_reads.load(Relaxed),
            disk_free: disk.free,
            disk_size: disk.size,
            disk_reserve: disk.reserve,
            upload_buffers_free,
            read_buffers_free,
        })
    }

    /// Notes that a read met bytes of this object that their seal does not vouch for: the next push of its digest replaces
    /// it.
    pub async fn mark_damaged(&self, object: ObjectId) -> Result<(), Error> {
        self.damaged_reads.fetch_add(1, Relaxed);
        self.catalogue.write(move |tx| catalogue::blobs::mark_damaged(tx, object)).await
    }

    /// Fails with [`Error::Full`] when the disk has less than its reserve left.
    pub fn check_reserve(&self) -> Result<(), Error> {
        self.blobs.check_reserve()
    }
}

impl Records for Store {
    fn open_head(&self, context: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.unseal(Purpose::Upload, context, sealed) {
            Ok(head) => Ok(Some(head)),
            Err(Error::Damaged(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self, object: ObjectId) -> Result<bool, Error> {
        self.catalogue.read(|tx| catalogue::blobs::is_named(tx, object))
    }

    fn key_version(&self, id: i64) -> Result<Arc<KeyVersion>, Error> {
        self.catalogue.read(|tx| self.keys.version(tx, id))
    }
}

/// Whether the repository's key domain keeps these bytes already.
fn knows(tx: &Tx<'_>, repository: i64, digest: &Digest) -> Result<bool, Error> {
    let Some(domain) = catalogue::repositories::key_domain(tx, repository)? else { return Ok(false) };
    Ok(catalogue::blobs::in_domain(tx, domain, digest)?.is_some_and(|blob| !blob.damaged))
}

/// The day of a time in microseconds, as keys are derived for it.
pub fn day(now: i64) -> u32 {
    u32::try_from(now / 86_400_000_000).unwrap_or(0)
}

/// Takes the folder for this process. The lock goes with the process, however it ends.
fn lock(data: &Path) -> Result<File, Error> {
    let (path, file) = lock_file(data)?;
    let asked = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if asked.elapsed() < LOCK_WITHIN => {
                std::thread::sleep(LOCK_WITHIN / 20);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Locked(data.to_path_buf())),
            Err(TryLockError::Error(source)) => return Err(Error::io(&path, source)),
        }
    }
}

fn lock_file(data: &Path) -> Result<(PathBuf, File), Error> {
    let path = data.join("lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = open.map_err(|source| Error::io(&path, source))?;
    Ok((path, file))
}

#[cfg(test)]
mod tests;
