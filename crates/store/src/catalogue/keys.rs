//! Key domains and their versions, sealed under the root key.

use super::Tx;
use crate::error::Error;
use acre_wire::names::RegistryName;
use rusqlite::params;

/// The domain whose keys serve the installation itself.
pub const INSTALLATION: i64 = 1;

/// Makes the installation's own domain if it is not there; it must be the first.
pub fn ensure_installation(tx: &Tx<'_>, now: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO key_domain (id, account, region, kms_key, by_default, created_at)
         VALUES (?1, '', '', '', 0, ?2) ON CONFLICT DO NOTHING",
        params![INSTALLATION, now],
    )?;
    Ok(())
}

/// The domain of a registry's AES256 repositories (`kms_key` empty) or of one named KMS key; made if it is new.
pub fn ensure_domain(tx: &Tx<'_>, registry: &RegistryName, kms_key: &str, now: i64) -> Result<i64, Error> {
    let (account, region) = (registry.account.as_str(), registry.region.as_str());
    let found = tx.one(
        "SELECT id FROM key_domain WHERE account = ?1 AND region = ?2 AND kms_key = ?3",
        params![account, region, kms_key],
        |row| row.get(0),
    )?;
    if let Some(id) = found {
        return Ok(id);
    }
    tx.execute(
        "INSERT INTO key_domain (account, region, kms_key, by_default, created_at) VALUES (?1, ?2, ?3, 0, ?4)",
        params![account, region, kms_key, now],
    )?;
    Ok(tx.last_id())
}

/// The KMS key of repositories that ask for KMS and name none: one a registry, `fresh` if none was needed before.
pub fn ensure_default_kms(
    tx: &Tx<'_>,
    registry: &RegistryName,
    fresh: &str,
    now: i64,
) -> Result<String, Error> {
    let (account, region) = (registry.account.as_str(), registry.region.as_str());
    let found = tx.one(
        "SELECT kms_key FROM key_domain WHERE account = ?1 AND region = ?2 AND by_default = 1",
        params![account, region],
        |row| row.get(0),
    )?;
    if let Some(key) = found {
        return Ok(key);
    }
    tx.execute(
        "INSERT INTO key_domain (account, region, kms_key, by_default, created_at) VALUES (?1, ?2, ?3, 1, ?4)",
        params![account, region, fresh, now],
    )?;
    Ok(fresh.to_owned())
}

/// The ARN of the registry's KMS key of that id, if a repository was made with it.
pub fn kms_key_of_id(tx: &Tx<'_>, registry: &RegistryName, id: &str) -> Result<Option<String>, Error> {
    let arn = format!("arn:{}:kms:{}:{}:key/{id}", registry.partition(), registry.region, registry.account);
    tx.one(
        "SELECT kms_key FROM key_domain WHERE account = ?1 AND region = ?2 AND kms_key = ?3",
        params![registry.account.as_str(), registry.region.as_str(), arn],
        |row| row.get(0),
    )
}

/// Every domain.
pub fn domains(tx: &Tx<'_>) -> Result<Vec<i64>, Error> {
    tx.many("SELECT id FROM key_domain ORDER BY id", [], |row| row.get(0))
}

/// The newest version of a domain's key: what new objects are sealed under. None while the domain has no key yet.
pub fn newest_version(tx: &Tx<'_>, domain: i64) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM key_version WHERE key_domain = ?1 ORDER BY id DESC LIMIT 1";
    tx.one(sql, [domain], |row| row.get(0))
}

/// A version's key, still sealed, and the domain it belongs to.
pub fn sealed_version(tx: &Tx<'_>, version: i64) -> Result<Option<(i64, Vec<u8>)>, Error> {
    let sql = "SELECT key_domain, sealed FROM key_version WHERE id = ?1";
    tx.one(sql, [version], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Adds a version: from its commit on it is the newest of its domain.
pub fn insert_version(tx: &Tx<'_>, domain: i64, sealed: &[u8], now: i64) -> Result<i64, Error> {
    tx.execute(
        "INSERT INTO key_version (key_domain, sealed, created_at) VALUES (?1, ?2, ?3)",
        params![domain, sealed, now],
    )?;
    Ok(tx.last_id())
}
