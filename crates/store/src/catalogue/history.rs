//! What happened, and what must follow from it: history rows, jobs and events, written in the transaction of the change.

use super::Tx;
use super::time_id::{TimeId, TimeIds};
use crate::error::Error;
use acre_wire::digest::Digest;
use acre_wire::names::RegistryName;
use rusqlite::params;

/// What happened to a repository, a tag or an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A repository was created.
    CreateRepository,
    /// A repository was deleted, with all that it held.
    DeleteRepository,
    /// An image was pushed that was not there.
    PushImage,
    /// A tag was set on an image; `previous` is where it pointed before.
    SetTag,
    /// A tag was removed; `previous` is where it pointed.
    RemoveTag,
    /// An image was deleted.
    DeleteImage,
    /// A repository gave up its claim on a blob.
    DeleteBlob,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::CreateRepository => "create-repository",
            Self::DeleteRepository => "delete-repository",
            Self::PushImage => "push-image",
            Self::SetTag => "set-tag",
            Self::RemoveTag => "remove-tag",
            Self::DeleteImage => "delete-image",
            Self::DeleteBlob => "delete-blob",
        }
    }
}

/// Who did it, when, and by which request: the same for all rows of one operation.
#[derive(Clone, Debug)]
pub struct Author {
    /// The principal's ARN.
    pub principal: String,
    /// The request's id.
    pub request: String,
    /// When the operation started, in microseconds.
    pub at: i64,
    /// The ids of the rows that it writes.
    pub ids: TimeIds,
}

/// One row to be.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The repository's row.
    pub repository: i64,
    /// What happened.
    pub action: Action,
    /// The digest it happened to.
    pub digest: Option<&'a Digest>,
    /// The tag it happened to.
    pub tag: Option<&'a str>,
    /// The image it happened to.
    pub image: Option<TimeId>,
    /// Where a moved or removed tag pointed.
    pub previous: Option<TimeId>,
}

impl Entry<'_> {
    /// An entry about a repository as a whole.
    pub fn of(repository: i64, action: Action) -> Self {
        Self { repository, action, digest: None, tag: None, image: None, previous: None }
    }
}

/// Writes one row of history.
pub fn insert(tx: &Tx<'_>, author: &Author, entry: Entry<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO history (id, repository, at, principal, request, action, digest, tag, image, previous)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            author.ids.next(),
            entry.repository,
            author.at,
            author.principal,
            author.request,
            entry.action.name(),
            entry.digest.map(Digest::to_bytes),
            entry.tag,
            entry.image,
            entry.previous,
        ],
    )?;
    Ok(())
}

/// Puts an event into the outbox (spec/ecr.md 9). `detail` is JSON.
pub fn insert_event(
    tx: &Tx<'_>,
    author: &Author,
    registry: &RegistryName,
    detail_type: &str,
    detail: &str,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO event (id, at, account, region, detail_type, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            author.ids.next(),
            author.at,
            registry.account.as_str(),
            registry.region.as_str(),
            detail_type,
            detail
        ],
    )?;
    Ok(())
}

/// Enqueues work that is due at `run_at`.
pub fn insert_job(
    tx: &Tx<'_>,
    author: &Author,
    kind: &str,
    repository: Option<i64>,
    payload: &str,
    run_at: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO job (id, kind, repository, payload, run_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![author.ids.next(), kind, repository, payload, run_at],
    )?;
    Ok(())
}
