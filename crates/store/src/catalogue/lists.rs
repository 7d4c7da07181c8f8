//! Lists of plain values in one column: JSON.

use super::repositories::malformed;
use rusqlite::Row;
use serde::de::DeserializeOwned;

/// What a column holds.
pub(super) fn read<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<T>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| malformed(column, error))
}

/// What a column is to hold.
pub(super) fn write(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}
