//! The one writer: takes what has queued, runs each closure in a savepoint, commits once, answers after the commit.

use super::{Tx, connect};
use crate::error::Error;
use crate::meters::Spread;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most closures of one commit: more would only make the first wait.
const BATCH: usize = 256;
/// A log of this many pages (of 8 KiB) is written back while pushes go on.
const CHECKPOINT: i32 = 2048;
/// Pushes that never pause would never let a log start anew: at this size the writer itself writes back what is left.
const CHECKPOINT_NOW: i32 = 4 * CHECKPOINT;
/// After this long without a write the log is emptied.
const IDLE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    read_only: Arc<AtomicBool>,
    meters: Arc<Meters>,
}

/// What the writer counts.
#[derive(Debug)]
pub(crate) struct Meters {
    /// Closures that are queued or at work.
    pub(crate) waiting: AtomicU64,
    pub(crate) batches: Spread,
    pub(crate) commits: Spread,
    pub(crate) failed: AtomicU64,
    /// Statements that operations have run, readers' too.
    pub(crate) statements: AtomicU64,
}

/// A closure with somebody waiting for its answer.
trait Job: Send {
    /// Runs the closure; false means that its savepoint must be rolled back.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Answers: with the closure's own outcome, or with the failure of the commit it was part of.
    fn answer(self: Box<Self>, failed: Option<Failure>);
}

/// Why a whole commit failed; every waiting closure gets its own copy.
#[derive(Clone, Copy)]
enum Failure {
    Full,
    ReadOnly,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Full) { Self::Full } else { Self::ReadOnly }
    }
}

impl Writer {
    pub(super) fn start(connection: Connection, path: PathBuf) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel();
        let read_only = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&read_only);
        let meters = Arc::new(Meters {
            waiting: AtomicU64::new(0),
            batches: Spread::of_sizes(),
            commits: Spread::of_times(),
            failed: AtomicU64::new(0),
            statements: AtomicU64::new(0),
        });
        let counted = Arc::clone(&meters);
        let at = path.clone();
        let thread = std::thread::Builder::new()
            .name("catalogue-writer".into())
            .spawn(move || {
                let log = Arc::default();
                Loop { connection, path, read_only: shared, meters: counted, log, checkpointer: None }
                    .run(&jobs);
            })
            .map_err(|source| Error::io(&at, source))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), read_only, meters })
    }

    pub(super) fn submit<T, E, F>(&self, work: F) -> Result<oneshot::Receiver<Result<T, E>>, Error>
    where
        F: Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (waiting, answer) = oneshot::channel();
        let job = Queued { work, outcome: None, waiting };
        // Before it is sent: the writer may be done with it at once.
        self.meters.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.queue.as_ref().is_some_and(|queue| queue.send(Box::new(job)).is_ok());
        if !sent {
            self.meters.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Closed);
        }
        Ok(answer)
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.meters
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    /// Lets what is queued be committed, then closes the catalogue.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Queued<T, E, F> {
    work: F,
    outcome: Option<Result<T, E>>,
    waiting: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Queued<T, E, F>
where
    F: Fn(&Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)))
            .unwrap_or_else(|_| Err(Error::Panicked.into()));
        let stands = outcome.is_ok();
        self.outcome = Some(outcome);
        stands
    }

    fn answer(self: Box<Self>, failed: Option<Failure>) {
        let answer = match (failed, self.outcome) {
            (Some(Failure::Full), _) => Err(Error::Full.into()),
            (Some(Failure::ReadOnly), _) => Err(Error::ReadOnly.into()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(Error::Panicked.into()),
        };
        // Nobody waits any more when the client has gone; what was committed stays committed.
        let _ = self.waiting.send(answer);
    }
}

struct Loop {
    connection: Connection,
    path: PathBuf,
    read_only: Arc<AtomicBool>,
    meters: Arc<Meters>,
    /// Pages in the log after the last commit.
    log: Arc<AtomicI32>,
    checkpointer: Option<JoinHandle<()>>,
}

impl Loop {
    fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        self.watch_log();
        let mut written = false;
        loop {
            let first = match jobs.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    // A drained node gets no writes that could find out that the disk takes them again.
                    if self.read_only.load(Ordering::Relaxed)
                        && let Err(error) = self.probe()
                    {
                        tracing::warn!(%error, "the catalogue still takes no writes");
                    }
                    written = written && !self.checkpoint_when_idle();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut batch = vec![first];
            batch.extend(jobs.try_iter().take(BATCH - 1));
            self.commit(batch);
            written = true;
            self.checkpoint_when_large();
        }
        self.checkpoint_when_idle();
    }

    fn watch_log(&mut self) {
        let log = Arc::clone(&self.log);
        let note = move |_: &mut rusqlite::hooks::Wal, pages| {
            log.store(pages, Ordering::Relaxed);
            Ok(())
        };
        if let Err(error) = self.connection.wal_hook(Some(note)) {
            tracing::warn!(%error, "the log's size is not watched: it is emptied only when idle");
        }
    }

    fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if self.read_only.load(Ordering::Relaxed)
            && let Err(error) = self.probe()
        {
            self.answer(batch, Some(error.into()));
            return;
        }
        let (begun, size) = (Instant::now(), batch.len());
        let transacted = self.transact(&mut batch);
        self.meters.commits.time(begun);
        self.meters.batches.count(size as u64);
        let failed = transacted.err().map(|error| {
            self.meters.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "a commit failed: writes are refused until a probe works");
            self.read_only.store(true, Ordering::Relaxed);
            error.into()
        });
        self.answer(batch, failed);
    }

    fn answer(&self, batch: Vec<Box<dyn Job>>, failed: Option<Failure>) {
        for job in batch {
            self.meters.waiting.fetch_sub(1, Ordering::Relaxed);
            job.answer(failed);
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut run = || -> Result<(), Error> {
            for job in batch.iter_mut() {
                connection.prepare_cached("SAVEPOINT job")?.execute([])?;
                let tx = Tx::new(connection, &self.meters.statements);
                if !job.run(&tx) {
                    // Some failures of a statement, a full disk's among them, end the whole transaction.
                    if connection.is_autocommit() {
                        return Err(tx.lost());
                    }
                    connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
                }
                connection.prepare_cached("RELEASE job")?.execute([])?;
            }
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        };
        // Power cut here: the log's frames lack their commit mark, so none of the batch is there; nobody was answered.
        run().inspect_err(|_| {
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
        })
    }

    /// A failed sync may have dropped pages that the system now calls clean, so the connection and its view of the log
    /// are thrown away and a fresh one must write and sync before anything is accepted again.
    ///
    /// That is enough within this process. The log's index, which stays because another connection has it open, does not
    /// count the failed commit's frames, so the probe's frames take their place: they are written anew, together with the
    /// page in which the last good frame ends, and what stands behind them no longer fits their checksums. From then on the
    /// failed commit is gone for good. Only another process would find it: see `renew_log`. Writing back into the
    /// database needs no such care: `SQLite` copies the same pages again until a sync of them works.
    fn probe(&mut self) -> Result<(), Error> {
        // The old connection goes first: if it could not roll back, it still holds the lock that the write needs.
        self.connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        self.watch_log();
        let probe = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        probe.execute("UPDATE probe SET at = at + 1", [])?;
        probe.commit()?;
        self.read_only.store(false, Ordering::Relaxed);
        tracing::info!("the catalogue takes writes again");
        Ok(())
    }

    /// Writes a large log back beside the pushes, on a connection and thread of its own.
    fn checkpoint_when_large(&mut self) {
        let log = self.log.load(Ordering::Relaxed);
        if log < CHECKPOINT || self.checkpointer.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        if log >= CHECKPOINT_NOW {
            checkpoint(&self.path, "PASSIVE");
            return;
        }
        let path = self.path.clone();
        self.checkpointer = std::thread::Builder::new()
            .name("catalogue-checkpoint".into())
            .spawn(move || _ = checkpoint(&path, "PASSIVE"))
            .inspect_err(|error| tracing::warn!(%error, "no thread for a checkpoint"))
            .ok();
    }

    /// False when a reader or the disk was in the way, so that it is to be repeated.
    fn checkpoint_when_idle(&mut self) -> bool {
        if let Some(thread) = self.checkpointer.take() {
            let _ = thread.join();
        }
        checkpoint(&self.path, "TRUNCATE")
    }
}

/// Moves committed pages from the log into the database. Power cut here: the log still holds every page until it was
/// synced into the database, so nothing is lost. False when somebody was in the way, or the disk.
fn checkpoint(path: &Path, mode: &str) -> bool {
    let run = || -> Result<bool, Error> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Readers never stay long; an emptying that finds one is repeated.
        connection.busy_timeout(Duration::from_millis(100))?;
        Ok(connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            row.get(0).map(|busy: bool| !busy)
        })?)
    };
    run().unwrap_or_else(|error| {
        tracing::warn!(%error, mode, "a checkpoint failed; the log grows until one works");
        false
    })
}

#[cfg(test)]
mod tests;
