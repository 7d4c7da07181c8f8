//! Settings of a registry by name: those that were set.

use super::Tx;
use crate::error::Error;
use acre_wire::names::RegistryName;
use rusqlite::params;

/// What a setting was set to.
pub fn value(tx: &Tx<'_>, registry: &RegistryName, name: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT value FROM account_setting WHERE account = ?1 AND region = ?2 AND name = ?3";
    tx.one(sql, params![registry.account.as_str(), registry.region.as_str(), name], |row| row.get(0))
}

/// Sets a setting.
pub fn set(tx: &Tx<'_>, registry: &RegistryName, name: &str, value: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO account_setting (account, region, name, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account, region, name) DO UPDATE SET value = excluded.value",
        params![registry.account.as_str(), registry.region.as_str(), name, value],
    )?;
    Ok(())
}
