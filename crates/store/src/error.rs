//! What can go wrong below the operations, named by what the caller can do about it.

use crate::seal::{Damaged, NoRandomness};
use std::io;
use std::path::{Path, PathBuf};

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk has no room left, or less than its reserve: pulls and deletions still work.
    #[error("storage is full")]
    Full,
    /// An earlier commit failed and the probe that follows it has not worked yet.
    #[error("the catalogue is read-only until the disk takes writes again")]
    ReadOnly,
    /// The server is stopping.
    #[error("the catalogue is closed")]
    Closed,
    /// Stored bytes are not what was written: a flipped bit, a cut file, a wrong key.
    #[error("stored bytes are damaged: {0}")]
    Damaged(String),
    /// Another process holds the data folder.
    #[error("{} is in use by another acre", .0.display())]
    Locked(PathBuf),
    /// The data folder was written by a newer acre.
    #[error(
        "the data folder has format {found}, this acre knows {known}: start the newer acre that wrote it"
    )]
    Newer {
        /// The folder's format.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The folder has a catalogue but not the root key that sealed its keys.
    #[error("{} is missing: without this root key nothing in the data folder can be read; put it back", .0.display())]
    NoRootKey(PathBuf),
    /// The root key file does not hold a root key, or holds another installation's.
    #[error("{} does not hold this data folder's root key", .0.display())]
    WrongRootKey(PathBuf),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `SQLite` failed.
    #[error("catalogue: {0}")]
    Sql(#[source] rusqlite::Error),
    /// A closure of the writer panicked; its transaction was rolled back.
    #[error("an operation failed inside the catalogue")]
    Panicked,
    /// No random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Error {
    /// An I/O error with the path that it befell; a full disk is [`Error::Full`].
    pub fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { path: path.to_path_buf(), source },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            // The index of the log could not grow: no room for it (sqlite.org/rescode.html).
            _ if code == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Self::Full,
            _ => Self::Sql(error),
        }
    }
}

impl From<Damaged> for Error {
    fn from(_: Damaged) -> Self {
        Self::Damaged("a sealed text of the catalogue does not open".into())
    }
}
