//! Open uploads: start, append, status, finish, abort.

use super::body::{Source, SourceError};
use super::parts::Wanted;
use super::pool::Pool;
use super::recovery::recover;
use super::session::{Files, Finished, Head, MAX_LAYER, Owner, Session, State, object_path};
use crate::catalogue::blobs::NewBlob;
use crate::durable;
use crate::error::Error;
use crate::keys::KeyVersion;
use crate::meters::Spread;
use crate::seal::{ObjectId, sealed_length};
use acre_wire::digest::{Algorithm, Digest, Hasher};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

/// Uploads that are open at all; a client that only opens more is told to wait.
const MAX_OPEN: usize = 100_000;
/// Finished uploads that are remembered for a repeated last request.
const REMEMBERED: usize = 65_536;
/// For how long they are, in microseconds.
const REMEMBER: i64 = 3_600_000_000;

/// What a request says about the bytes that it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The first byte's position in the blob; None: wherever the upload stands.
    pub first: Option<u64>,
    /// How many bytes; None: as many as come.
    pub length: Option<u64>,
    /// How many bytes the transport will bring, if it has said so: too many are refused before they come.
    pub announced: Option<u64>,
    /// Whether they are a part, to be judged with the others when the upload is ended by its parts.
    pub is_part: bool,
}

/// For whom and under which key an upload is started.
#[derive(Clone, Debug)]
pub struct Target {
    /// Who may go on with it.
    pub owner: Owner,
    /// The registry's account.
    pub account: String,
    /// The registry's Region.
    pub region: String,
    /// The key that will seal it.
    pub version: Arc<KeyVersion>,
    /// What it is hashed with while it comes in.
    pub algorithm: Algorithm,
    /// In microseconds.
    pub now: i64,
}

/// Why an upload cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such upload of this owner.
    #[error("no such upload")]
    Unknown,
    /// It was finished, as this, less than an hour ago.
    #[error("the upload is finished")]
    Done(Digest),
    /// Another request is writing it.
    #[error("another request is writing this upload")]
    Busy,
    /// The bytes do not start where the upload stands; nothing was stored.
    #[error("first byte is {said} instead of {held}")]
    OutOfOrder {
        /// Where the request says they start.
        said: u64,
        /// Where the upload stands.
        held: u64,
    },
    /// More or fewer bytes came than the request said; the upload stands where it stood before.
    #[error("the body's length differs from what the request says")]
    Length,
    /// The layer would grow beyond the quota: the upload stays when that was announced, and is gone when it happened.
    #[error("the layer is too large")]
    TooLarge,
    /// It has as many parts as there may be; nothing was stored.
    #[error("the upload has as many parts as it may have")]
    TooManyParts,
    /// It is to be ended and has no bytes; it stays open.
    #[error("the upload has no bytes")]
    Empty,
    /// One of its parts, and not the last, is smaller than 5 MiB; it stays open.
    #[error("a part of the upload is too small")]
    PartTooSmall,
    /// The bytes hash to something else; the upload is gone.
    #[error("the bytes hash to {0}")]
    Mismatch(Digest),
    /// The connection broke; what arrived is kept.
    #[error(transparent)]
    Broken(#[from] SourceError),
    /// Too many uploads are open.
    #[error("too many uploads are open")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// All open uploads of a data folder.
#[derive(Debug)]
pub(crate) struct Uploads {
    folder: PathBuf,
    objects: PathBuf,
    pub(super) pool: Pool,
    pub(crate) syncs: Arc<Spread>,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) open: HashMap<Uuid, Arc<Session>>,
    /// Finished as files whose rows are on their way: their heads and objects are nobody's to remove.
    pub(super) settling: HashSet<Uuid>,
    /// Of those, the ones whose transaction failed in the store: a power cut may bring the row back.
    pub(super) doubtful: Vec<(Uuid, ObjectId)>,
    done: HashMap<Uuid, (Owner, Digest, i64)>,
    done_order: VecDeque<Uuid>,
}

impl Sessions {
    /// Whether the files of that upload are somebody's.
    fn know(&self, id: Uuid) -> bool {
        self.open.contains_key(&id) || self.settling.contains(&id) || self.done.contains_key(&id)
    }
}

impl Uploads {
    pub(super) fn new(folder: PathBuf, objects: PathBuf, pool: Pool) -> Self {
        let syncs = Arc::new(Spread::of_times());
        Self { folder, objects, pool, syncs, sessions: Mutex::default() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn objects(&self) -> &Path {
        &self.objects
    }

    /// Opens an upload. Nothing is written: `seal_head` seals what is to be written when the first segment is full.
    pub(crate) fn start(
        &self,
        target: Target,
        seal_head: impl FnOnce(&[u8], &[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<Uuid, UploadError> {
        if self.count() >= MAX_OPEN {
            return Err(UploadError::TooMany);
        }
        let id = Uuid::new_v4();
        let object = ObjectId::random().map_err(Error::from)?;
        let head = Head {
            owner: target.owner,
            account: target.account,
            region: target.region,
            object: object.to_string(),
            key_domain: target.version.domain,
            key_version: target.version.id,
            algorithm: target.algorithm.name().to_owned(),
            started_at: target.now,
        };
        let head = serde_json::to_vec(&head).map_err(|_| Error::Closed)?;
        let files = Files::new(
            &self.folder,
            id,
            object_path(&self.objects, object),
            seal_head(id.as_bytes(), &head)?,
        );
        let session = Session {
            id,
            owner: target.owner,
            key: target.version.object(object).map_err(Error::from)?,
            version: target.version,
            files,
            syncs: Arc::clone(&self.syncs),
            touched: AtomicI64::new(target.now),
            state: Arc::new(tokio::sync::Mutex::new(State::new(target.algorithm))),
        };
        self.lock().open.insert(id, Arc::new(session));
        Ok(id)
    }

    /// Takes up an upload that an earlier process left: its segments are read, verified and hashed again. Its session is
    /// there from the start, held by the job that does it: recovering one file twice at a time would cut off what the
    /// faster one's client has already appended.
    pub(super) async fn recover(
        &self,
        id: Uuid,
        head: Head,
        sealed_head: Vec<u8>,
        object: ObjectId,
        version: Arc<KeyVersion>,
        now: i64,
    ) -> Result<(), UploadError> {
        let algorithm = Algorithm::from_name(&head.algorithm).ok_or(UploadError::Unknown)?;
        let files = Files::new(&self.folder, id, object_path(&self.objects, object), sealed_head);
        let key = version.object(object).map_err(Error::from)?;
        let mut buffer = self.pool.take().await.ok_or(Error::Closed)?;
        let state = Arc::new(tokio::sync::Mutex::new(State::new(algorithm)));
        let mut held = Arc::clone(&state).try_lock_owned().map_err(|_| UploadError::Busy)?;
        held.gone = true;
        let (syncs, touched) = (Arc::clone(&self.syncs), AtomicI64::new(now));
        let session = Session { id, owner: head.owner, key, version, files, syncs, touched, state };
        let session = Arc::new(session);
        {
            let mut sessions = self.lock();
            if sessions.know(id) {
                return Ok(());
            }
            sessions.open.insert(id, Arc::clone(&session));
        }
        let work = move || {
            recover(&mut held, &session.key, &session.files, &mut buffer)?;
            held.gone = false;
            Ok(())
        };
        match tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::Closed)
            .and_then(|recovered| recovered)
        {
            Ok(()) => Ok(()),
            Err(error) => {
                self.lock().open.remove(&id);
                match error {
                    // It ended between the look at its files and now.
                    Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                        Err(UploadError::Unknown)
                    }
                    error => Err(error.into()),
                }
            }
        }
    }

    pub(super) fn is_open(&self, id: Uuid) -> bool {
        self.lock().know(id)
    }

    /// How many bytes the upload holds.
    pub(crate) fn status(&self, id: Uuid, owner: Owner, now: i64) -> Result<u64, UploadError> {
        let session = self.find(id, owner, now)?;
        let state = session.state.try_lock().map_err(|_| UploadError::Busy)?;
        if state.gone { Err(UploadError::Unknown) } else { Ok(state.offset) }
    }

    /// Appends a body; answers how many bytes the upload then holds.
    pub(crate) async fn append(
        &self,
        id: Uuid,
        owner: Owner,
        expect: Expect,
        source: &mut impl Source,
        now: i64,
    ) -> Result<u64, UploadError> {
        let session = self.find(id, owner, now)?;
        let state = hold(&session, expect)?;
        if expect.is_part {
            state.parts.check_count()?;
        }
        match self.receive(&session, state, expect, source, None).await? {
            Received::Paused(offset) => Ok(offset),
            Received::Ended(_) => Err(UploadError::Unknown),
        }
    }

    /// Appends a body and finishes: the bytes are hashed, compared, and durable when this answers, but not yet visible.
    /// `known` says whether the key domain has the digest already; then the new bytes are dropped.
    pub(crate) async fn finish(
        &self,
        id: Uuid,
        owner: Owner,
        expect: Expect,
        source: &mut impl Source,
        finish: Finish,
        now: i64,
    ) -> Result<Finished, UploadError> {
        let session = self.find(id, owner, now)?;
        let state = hold(&session, expect)?;
        if finish.wanted.by_parts {
            state.parts.judge(state.offset)?;
        }
        match self.receive(&session, state, expect, source, Some(finish)).await? {
            Received::Ended(finished) => Ok(*finished),
            Received::Paused(_) => Err(UploadError::Unknown),
        }
    }

    /// Ends an upload for good.
    pub(crate) fn abort(&self, id: Uuid, owner: Owner, now: i64) -> Result<(), UploadError> {
        let session = self.find(id, owner, now)?;
        let mut state = session.state.try_lock().map_err(|_| UploadError::Busy)?;
        if state.gone {
            return Err(UploadError::Unknown);
        }
        self.forget(&session, &mut state);
        Ok(())
    }

    /// The finished upload's row is committed: remember its id for a client that did not get the answer.
    pub(crate) fn remember(&self, id: Uuid, owner: Owner, digest: Digest, now: i64) {
        let mut sessions = self.lock();
        sessions.done.insert(id, (owner, digest, now));
        sessions.done_order.push_back(id);
        while let Some(oldest) = sessions.done_order.front().copied() {
            let stays = sessions.done.get(&oldest).is_some_and(|(_, _, at)| now - at < REMEMBER);
            if stays && sessions.done_order.len() <= REMEMBERED {
                break;
            }
            sessions.done_order.pop_front();
            sessions.done.remove(&oldest);
        }
    }

    /// Ends uploads that nobody asked for since `before`.
    pub(super) fn expire(&self, before: i64) {
        let is_idle = |session: &Arc<Session>| session.touched.load(Ordering::Relaxed) < before;
        let idle: Vec<_> =
            self.lock().open.values().filter(|session| is_idle(session)).map(Arc::clone).collect();
        for session in idle {
            // One that was finished or asked for in between stays as it is.
            if let Ok(mut state) = session.state.try_lock()
                && is_idle(&session)
                && self.lock().open.contains_key(&session.id)
            {
                self.forget(&session, &mut state);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn session(&self, id: Uuid) -> Option<Arc<Session>> {
        self.lock().open.get(&id).cloned()
    }

    fn find(&self, id: Uuid, owner: Owner, now: i64) -> Result<Arc<Session>, UploadError> {
        let sessions = self.lock();
        if let Some(session) = sessions.open.get(&id) {
            if session.owner != owner {
                return Err(UploadError::Unknown);
            }
            session.touched.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(session));
        }
        match sessions.done.get(&id) {
            Some((who, digest, at)) if *who == owner && now - at < REMEMBER => {
                Err(UploadError::Done(*digest))
            }
            _ => Err(UploadError::Unknown),
        }
    }

    /// Ends an upload, whoever still knows its session.
    pub(super) fn forget(&self, session: &Session, state: &mut State) {
        state.gone = true;
        self.remove(session);
    }

    /// The files first: a session that is not open and has files would be taken up again.
    pub(super) fn remove(&self, session: &Session) {
        session.files.remove();
        self.lock().open.remove(&session.id);
    }

    /// How many uploads are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().open.len()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How to end an upload.
pub(crate) struct Finish {
    /// What it must be.
    pub(crate) wanted: Wanted,
    /// Whether the key domain keeps these bytes already.
    pub(crate) known: Known,
}

type Known = Box<dyn Fn(&Digest) -> Result<bool, Error> + Send>;

/// What became of a body.
pub(super) enum Received {
    Paused(u64),
    Ended(Box<Finished>),
}

/// The upload's state, if nobody else holds it and the bytes start where it stands.
fn hold(session: &Session, expect: Expect) -> Result<OwnedMutexGuard<State>, UploadError> {
    let state = Arc::clone(&session.state).try_lock_owned().map_err(|_| UploadError::Busy)?;
    if state.gone {
        return Err(UploadError::Unknown);
    }
    match expect.first {
        Some(said) if said != state.offset => Err(UploadError::OutOfOrder { said, held: state.offset }),
        _ if expect.announced.is_some_and(|more| more > MAX_LAYER.saturating_sub(state.offset)) => {
            Err(UploadError::TooLarge)
        }
        _ => Ok(state),
    }
}

/// Ends an upload that is a file: digest, sync, name, sync of the name.
pub(super) fn finish_file(
    session: &Session,
    file: &File,
    digest: Digest,
    size: u64,
    plan: &Finish,
) -> Result<Finished, UploadError> {
    if !plan.wanted.holds(&digest) {
        return Err(UploadError::Mismatch(digest));
    }
    if (plan.known)(&digest)? {
        return Ok(Finished { upload: session.id, digest, object: None, size });
    }
    let Files { data, object, .. } = &session.files;
    let length = file.metadata().map_err(|source| Error::io(data, source))?.len();
    if length != sealed_length(size) {
        // Never to be: but what is acknowledged next must be readable, so it is looked at.
        return Err(Error::Damaged(format!("the upload of object {}", session.key.id())).into());
    }
    let begun = Instant::now();
    // Power cut before this sync: an upload that is lost in part or whole; nobody was told that it is finished.
    file.sync_data().map_err(|source| Error::io(data, source))?;
    // Power cut before the folder's sync: the object under its old or new name, without a row; removed at the next start.
    std::fs::rename(data, object).map_err(|source| Error::io(object, source))?;
    durable::sync_folder(durable::folder_of(object))?;
    session.syncs.time(begun);
    Ok(Finished { upload: session.id, digest, object: Some(new_blob(session, digest, size, None)), size })
}

/// Ends an upload that never left memory: it becomes a row.
pub(super) fn finish_small(
    session: &Session,
    state: &mut State,
    plan: &Finish,
) -> Result<Finished, UploadError> {
    let plain = std::mem::take(&mut state.tail);
    let algorithm = plan.wanted.algorithm;
    let running = std::mem::replace(&mut state.hasher, Hasher::new(algorithm));
    let digest =
        if running.algorithm() == algorithm { running.finish() } else { Digest::of(algorithm, &plain) };
    if !plan.wanted.holds(&digest) {
        return Err(UploadError::Mismatch(digest));
    }
    let size = plain.len() as u64;
    if (plan.known)(&digest)? {
        return Ok(Finished { upload: session.id, digest, object: None, size });
    }
    let sealed = session.key.seal_inline(&plain).map_err(Error::from)?;
    Ok(Finished {
        upload: session.id,
        digest,
        object: Some(new_blob(session, digest, size, Some(sealed))),
        size,
    })
}

fn new_blob(session: &Session, digest: Digest, size: u64, inline: Option<Vec<u8>>) -> NewBlob {
    NewBlob {
        digest,
        size,
        object: session.key.id(),
        key_version: session.version.id,
        binding: session.key.bind(&digest, size),
        inline,
    }
}
