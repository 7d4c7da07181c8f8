//! Policies of registries.

use super::Tx;
use crate::error::Error;
use acre_wire::names::RegistryName;
use rusqlite::params;

/// A registry's policy as it was sealed.
pub fn policy(tx: &Tx<'_>, registry: &RegistryName) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT policy FROM registry_policy WHERE account = ?1 AND region = ?2";
    tx.one(sql, params![registry.account.as_str(), registry.region.as_str()], |row| row.get(0))
}

/// Sets a registry's policy.
pub fn set(tx: &Tx<'_>, registry: &RegistryName, sealed: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO registry_policy (account, region, policy) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, region) DO UPDATE SET policy = excluded.policy",
        params![registry.account.as_str(), registry.region.as_str(), sealed],
    )?;
    Ok(())
}

/// Removes a registry's policy; one that is not there is no error.
pub fn remove(tx: &Tx<'_>, registry: &RegistryName) -> Result<(), Error> {
    let sql = "DELETE FROM registry_policy WHERE account = ?1 AND region = ?2";
    tx.execute(sql, params![registry.account.as_str(), registry.region.as_str()])?;
    Ok(())
}
