//! The catalogue: all metadata, in `SQLite` (DESIGN 9). One writer thread commits what has queued as one transaction;
//! readers read beside it. An operation is a synchronous closure over [`Tx`].
//!
//! The closures are written in `registry` and call the functions of this module's children, one child a family of
//! tables; SQL text stands nowhere else.

pub mod account_settings;
pub mod accounts;
pub mod blobs;
pub mod cache_rules;
pub mod history;
pub mod images;
pub mod keys;
mod lists;
mod migrate;
pub mod registry_policies;
pub mod replication;
pub mod repositories;
pub mod scanning;
#[cfg(test)]
pub(crate) mod suite;
pub mod templates;
mod time_id;
mod tx;
mod writer;

pub use time_id::{TimeId, TimeIds};
pub use tx::Tx;

use crate::durable;
use crate::error::Error;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use writer::Writer;

/// Readers that stay open for the next reads: each may cache 16 MiB. What a rush needs beyond them is closed behind it.
const READERS: usize = 16;

/// The open catalogue. Cheap to share by reference; closing is dropping it.
#[derive(Debug)]
pub struct Catalogue {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
}

impl Catalogue {
    /// Opens (and on first start makes) `<data>/catalogue.sqlite` and brings its schema up to date.
    ///
    /// A power cut in here leaves no catalogue, an empty one, or one of the formats between: the next start goes on.
    pub fn open(data: &Path) -> Result<Self, Error> {
        let path = data.join("catalogue.sqlite");
        renew_log(&data.join("catalogue.sqlite-wal"))?;
        let mut connection =
            connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        migrate::migrate(&mut connection, &path)?;
        let writer = Writer::start(connection, path.clone())?;
        Ok(Self { path, writer, readers: Mutex::new(Vec::new()) })
    }

    /// Runs `work` in the next commit and answers once that is durable. If `work` fails, nothing of it stays; if the
    /// commit fails, every closure of it fails. `work` may be run again and must depend on nothing but the transaction.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.submit(work)?.await.map_err(|_| Error::Closed)?
    }

    /// As [`Catalogue::write`], for callers that may block: start-up and jobs, never a runtime thread.
    pub fn write_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.submit(work)?.blocking_recv().map_err(|_| Error::Closed)?
    }

    /// Runs `work` on one consistent state, now, on this thread. Keep it to what one page needs: a read that stays
    /// open holds back the log.
    pub fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E>,
        E: From<Error>,
    {
        let reader = lock(&self.readers).pop();
        let reader = match reader {
            Some(reader) => reader,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let run = |sql| Ok::<_, Error>(reader.prepare_cached(sql)?.execute([])?);
        let answer = run("BEGIN DEFERRED")
            .map_err(E::from)
            .and_then(|_| work(&Tx::new(&reader, &self.meters().statements)));
        let is_idle = run("COMMIT").is_ok() || reader.is_autocommit();
        let mut readers = lock(&self.readers);
        let surplus = if is_idle && readers.len() < READERS {
            readers.push(reader);
            None
        } else {
            Some(reader)
        };
        drop(readers);
        // Closing takes a moment: beside the lock.
        drop(surplus);
        answer
    }

    /// What the writer has counted.
    pub(crate) fn meters(&self) -> &writer::Meters {
        self.writer.meters()
    }

    /// Whether writes are refused since a commit failed.
    pub fn is_read_only(&self) -> bool {
        self.writer.is_read_only()
    }
}

/// Makes every byte of the log that a killed process left durable, before one of its commits counts and others are written
/// behind it: a sync of it that failed may have left frames in the cache alone. `SQLite` would take them for committed,
/// and a power cut would take them away, and with them all that was acknowledged behind them.
fn renew_log(path: &Path) -> Result<(), Error> {
    let log = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        log => log.map_err(|source| Error::io(path, source))?,
    };
    durable::write_anew(&log).and_then(|()| log.sync_data()).map_err(|source| Error::io(path, source))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Plans do not look at bound values: else every statement is prepared anew whenever its values change, which costs
    // ten times what it does.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A checkpoint or recovery may hold the log for a moment.
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0;",
    )?;
    Ok(connection)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole after every statement, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
