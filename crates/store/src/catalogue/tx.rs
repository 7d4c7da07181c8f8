//! The transaction as operations see it. What speaks SQL is visible inside this room only.

use crate::error::Error;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One transaction, for the closure that it was lent to.
#[derive(Debug)]
pub struct Tx<'c> {
    connection: &'c Connection,
    /// Whether a statement found no room: that may have ended the whole transaction.
    full: Cell<bool>,
    /// How many statements it has run, and where they are added up at its end.
    ran: Cell<u64>,
    statements: &'c AtomicU64,
}

impl<'c> Tx<'c> {
    pub(super) fn new(connection: &'c Connection, statements: &'c AtomicU64) -> Self {
        Self { connection, full: Cell::new(false), ran: Cell::new(0), statements }
    }

    /// Why the transaction is not open any more, after a statement of it failed.
    pub(super) fn lost(&self) -> Error {
        if self.full.get() { Error::Full } else { Error::ReadOnly }
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        let run = || self.prepare(sql)?.query_row(params, read).optional();
        run().map_err(|error| self.note(error))
    }

    /// All rows; callers bound them by a LIMIT or by what they asked for.
    pub(crate) fn many<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let run = || self.prepare(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>();
        run().map_err(|error| self.note(error))
    }

    /// Runs a statement; answers how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        let run = || self.prepare(sql)?.execute(params);
        run().map_err(|error| self.note(error))
    }

    /// The id of the row that the last INSERT made.
    pub(crate) fn last_id(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        #[cfg(test)]
        super::suite::note(sql);
        self.ran.set(self.ran.get() + 1);
        self.connection.prepare_cached(sql)
    }

    fn note(&self, error: rusqlite::Error) -> Error {
        let error = Error::from(error);
        if matches!(error, Error::Full) {
            self.full.set(true);
        }
        error
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        self.statements.fetch_add(self.ran.get(), Relaxed);
    }
}
