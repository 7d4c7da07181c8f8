//! Ids whose byte order is the order of time: `UUIDv7`.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use std::cell::Cell;
use std::fmt;

/// The id of an image or of a row of history, a job, an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeId(pub [u8; 16]);

impl TimeId {
    /// Before every other id: where the first page starts.
    pub const FIRST: Self = Self([0; 16]);
    /// Behind every other id: where the first page of a list starts that goes back in time.
    pub const LAST: Self = Self([0xff; 16]);
}

impl fmt::Debug for TimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&acre_wire::digest::hex(&self.0))
    }
}

impl ToSql for TimeId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for TimeId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| FromSqlError::InvalidBlobSize { expected_size: 16, blob_size: bytes.len() })
    }
}

/// The ids of one operation's rows: made before its transaction starts, handed out in order inside it.
#[derive(Clone, Debug)]
pub struct TimeIds {
    next: Cell<u128>,
}

impl TimeIds {
    /// Ids that follow a fresh `UUIDv7`. Its random bits keep two operations of one moment apart.
    pub fn after(uuid: [u8; 16]) -> Self {
        Self { next: Cell::new(u128::from_be_bytes(uuid)) }
    }

    /// The next id. Running a closure again takes new ones; they are never given twice.
    pub fn next(&self) -> TimeId {
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        TimeId(id.to_be_bytes())
    }
}
