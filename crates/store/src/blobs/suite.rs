//! What every place for blobs must do, seen through [`Store`]: what was put in comes out, or an error does; what was
//! acknowledged is there after the process is gone. Some of it looks at the files, too.

mod bodies;
mod reads;
mod recovery;
mod sequences;
mod sweeping;
mod turns;
mod uploads;

use super::{Content, Expect, Finished, Owner, Source, SourceError, Target, UploadError};
use crate::Store;
use crate::catalogue::blobs::{self, Blob};
use crate::catalogue::suite::{arn, author, settings};
use crate::catalogue::{accounts, keys, repositories};
use crate::error::Error;
use acre_wire::digest::{Algorithm, Digest};
use bytes::Bytes;
use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Uploads idle for this long are removed.
const LIFETIME: i64 = 7 * DAY;
const DAY: i64 = 86_400_000_000;
/// Nothing here takes this long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Sizes where segments begin and end.
const EDGES: [usize; 11] = [0, 1, 65_507, 65_508, 65_509, 65_535, 65_536, 65_537, 131_015, 131_016, 131_017];

/// An open store with one repository, in a folder that goes with it.
struct World {
    store: Option<Arc<Store>>,
    owner: Owner,
    domain: i64,
    now: i64,
    folder: TempDir,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let now = i64::try_from(now).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let store = Arc::new(open(&folder, now));
        let fresh = store.keys.fresh().unwrap();
        let made = store.catalogue.write_blocking(move |tx| {
            accounts::insert(tx, "111122223333", 1)?;
            let principal = accounts::insert_root(tx, "111122223333", "arn:aws:iam::111122223333:root", 1)?;
            let domain = keys::ensure_domain(tx, &arn("app").registry, "", 1)?;
            keys::insert_version(tx, domain, &fresh.sealed, 1)?;
            let repository = repositories::insert(tx, &arn("app"), domain, &settings(), &author(1))?;
            Ok::<_, Error>((Owner { principal, repository }, domain))
        });
        let (owner, domain) = made.unwrap();
        Self { store: Some(store), owner, domain, now, folder, runtime }
    }

    fn store(&self) -> &Arc<Store> {
        self.store.as_ref().unwrap()
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("it hangs") })
    }

    /// What a kill leaves: nothing is finished, closed or synced by us, the files are as they are.
    fn close(&mut self) {
        let store = Arc::try_unwrap(self.store.take().unwrap());
        drop(store.expect("somebody still works with the store"));
    }

    fn reopen(&mut self) {
        if self.store.is_some() {
            self.close();
        }
        self.store = Some(Arc::new(open(&self.folder, self.now)));
    }

    fn start(&self, algorithm: Algorithm) -> Uuid {
        self.start_as(self.owner, algorithm)
    }

    fn start_as(&self, owner: Owner, algorithm: Algorithm) -> Uuid {
        let store = self.store();
        let version = store.catalogue.read(|tx| store.keys.newest(tx, self.domain)).unwrap();
        let target = Target {
            owner,
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            version,
            algorithm,
            now: self.now,
        };
        store.start_upload(target).unwrap()
    }

    async fn status(&self, id: Uuid) -> Result<u64, UploadError> {
        self.store().upload_status(id, self.owner, self.now).await
    }

    async fn append(&self, id: Uuid, expect: Expect, mut body: Body) -> Result<u64, UploadError> {
        self.store().append_upload(id, self.owner, expect, &mut body, self.now).await
    }

    async fn finish(
        &self,
        id: Uuid,
        expect: Expect,
        mut body: Body,
        digest: Digest,
    ) -> Result<Finished, UploadError> {
        self.store().finish_upload(id, self.owner, expect, &mut body, digest, self.now).await
    }

    /// The transaction that follows a finish, as the registry makes it.
    async fn commit(&self, finished: Finished) -> Blob {
        let (domain, repository, now) = (self.domain, self.owner.repository, self.now);
        let (digest, object) = (finished.digest, finished.object.clone());
        let store = self.store();
        let committed = store.catalogue.write(move |tx| {
            let (blob, used) =
                match (blobs::in_domain(tx, domain, &digest)?.filter(|blob| !blob.damaged), &object) {
                    (Some(blob), _) => (blob.id, false),
                    (None, Some(object)) => (blobs::insert(tx, domain, object, now)?, true),
                    (None, None) => return Err(Error::Closed),
                };
            blobs::claim(tx, repository, &digest, blob)?;
            Ok((blobs::by_id(tx, blob)?, used))
        });
        let (blob, used) = committed.await.unwrap();
        store.settle_upload(&finished, used);
        store.remember_upload(&finished, self.owner, self.now);
        blob.unwrap()
    }

    /// A blob of these bytes, by one request.
    async fn push(&self, content: &[u8]) -> Blob {
        let id = self.start(Algorithm::Sha256);
        let digest = Digest::of(Algorithm::Sha256, content);
        let finished = self.finish(id, Expect::default(), Body::of(content, 100_000), digest).await.unwrap();
        self.commit(finished).await
    }

    /// All bytes of a range; with an error, those that came before it.
    async fn read(&self, blob: &Blob, range: Range<u64>) -> Result<Vec<u8>, (Vec<u8>, Error)> {
        let content = self.store().read_blob(blob, range).await.map_err(|error| (Vec::new(), error))?;
        let mut reader = match content {
            Content::Whole(bytes) => return Ok(bytes.into()),
            Content::Stream(reader) => reader,
        };
        let mut read = Vec::new();
        loop {
            match std::future::poll_fn(|cx| reader.poll_next(cx)).await {
                Some(Ok(bytes)) => {
                    assert!(!bytes.is_empty() && bytes.len() <= crate::seal::SEGMENT_PLAIN);
                    read.extend_from_slice(&bytes);
                }
                Some(Err(error)) => {
                    assert!(
                        std::future::poll_fn(|cx| reader.poll_next(cx)).await.is_none(),
                        "an error ends it"
                    );
                    return Err((read, error));
                }
                None => return Ok(read),
            }
        }
    }

    async fn read_all(&self, blob: &Blob) -> Vec<u8> {
        self.read(blob, 0..blob.size).await.unwrap()
    }

    /// An upload's files: `""` for the data, else the extension.
    fn file(&self, id: Uuid, extension: &str) -> PathBuf {
        self.folder.path().join("uploads").join(id.to_string()).with_extension(extension)
    }

    /// What is in `uploads/`.
    fn upload_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("uploads")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The objects' files.
    fn object_files(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.folder.path().join("objects")).unwrap();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }

    fn object_file(&self, blob: &Blob) -> PathBuf {
        super::object_path(&self.folder.path().join("objects"), blob.object)
    }

    /// Waits for all the buffers of uploads at once: nobody else holds one.
    async fn all_buffers_are_free(&self) {
        let mut buffers = Vec::new();
        for _ in 0..super::WRITERS {
            buffers.push(self.store().blobs.uploads.pool.take().await.unwrap());
        }
    }
}

fn open(folder: &TempDir, now: i64) -> Store {
    let data = folder.path();
    Store::open(data, &data.join("root.key"), now, LIFETIME).unwrap()
}

/// Bytes that differ at each position, so that none can stand in for another.
fn content(length: usize) -> &'static [u8] {
    static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        (0..4 << 17).flat_map(|_| next()).collect()
    });
    &CONTENT[..length]
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn at(first: usize) -> Expect {
    Expect { first: Some(first as u64), ..Expect::default() }
}

fn of_length(length: usize) -> Expect {
    Expect { length: Some(length as u64), ..Expect::default() }
}

/// What a body does next.
enum Step {
    Frame(Bytes),
    /// Tells that all before it was taken.
    Tell(oneshot::Sender<()>),
    /// Sends nothing until it is told to go on.
    Quiet(oneshot::Receiver<()>),
    Broken,
}

#[derive(Default)]
struct Body(VecDeque<Step>);

impl Body {
    fn empty() -> Self {
        Self::default()
    }

    /// These bytes in frames of at most `frame`.
    fn of(bytes: &[u8], frame: usize) -> Self {
        Self(bytes.chunks(frame).map(|frame| Step::Frame(Bytes::copy_from_slice(frame))).collect())
    }

    fn and(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    fn and_broken(self) -> Self {
        self.and(Self([Step::Broken].into()))
    }

    /// Stays quiet behind what it has; answers how to know that it does and how to let it go on.
    fn and_quiet(self) -> (Self, oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (tell, told) = oneshot::channel();
        let (release, released) = oneshot::channel();
        (self.and(Self([Step::Tell(tell), Step::Quiet(released)].into())), told, release)
    }
}

impl Source for Body {
    // Cancel safe, as a connection's body is: a step is taken off only when nothing more is awaited.
    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        loop {
            if let Some(Step::Quiet(released)) = self.0.front_mut() {
                let _ = released.await;
            }
            match self.0.pop_front()? {
                Step::Frame(bytes) => return Some(Ok(bytes)),
                Step::Broken => return Some(Err(SourceError::Broken)),
                Step::Tell(tell) => _ = tell.send(()),
                Step::Quiet(_) => {}
            }
        }
    }
}
