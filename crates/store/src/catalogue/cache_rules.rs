//! Pull-through cache rules.

use super::Tx;
use super::repositories::malformed;
use crate::error::Error;
use acre_wire::names::{RegistryName, RepositoryPrefix};
use rusqlite::{Row, params};

/// A rule. It is known by its prefix's stem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRule {
    /// Which repositories cache the upstream's, as it was sent.
    pub prefix: RepositoryPrefix,
    /// The upstream's host, as it was sent.
    pub upstream_url: String,
    /// Which of the upstream's repositories, as it was sent.
    pub upstream_prefix: Option<RepositoryPrefix>,
    /// The secret that the upstream asks for.
    pub credential_arn: Option<String>,
    /// The role that the upstream asks for.
    pub custom_role_arn: Option<String>,
    /// In microseconds.
    pub created_at: i64,
    /// In microseconds.
    pub updated_at: i64,
}

const SELECT: &str =
    "SELECT prefix, upstream_url, upstream_prefix, credential_arn, custom_role_arn, created_at,
        updated_at
    FROM cache_rule WHERE account = ?1 AND region = ?2";

fn read(row: &Row<'_>) -> rusqlite::Result<CacheRule> {
    let parse =
        |column, text: String| RepositoryPrefix::parse(&text).map_err(|error| malformed(column, error));
    let upstream_prefix = row.get::<_, Option<String>>(2)?;
    Ok(CacheRule {
        prefix: parse(0, row.get(0)?)?,
        upstream_url: row.get(1)?,
        upstream_prefix: upstream_prefix.map(|text| parse(2, text)).transpose()?,
        credential_arn: row.get(3)?,
        custom_role_arn: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
    })
}

/// The rule of that stem.
pub fn find(tx: &Tx<'_>, registry: &RegistryName, stem: &str) -> Result<Option<CacheRule>, Error> {
    let sql = [SELECT, " AND stem = ?3"].concat();
    tx.one(&sql, params![registry.account.as_str(), registry.region.as_str(), stem], read)
}

/// A registry's rules, by stem. A quota bounds them.
pub fn all(tx: &Tx<'_>, registry: &RegistryName) -> Result<Vec<CacheRule>, Error> {
    let sql = [SELECT, " ORDER BY stem"].concat();
    tx.many(&sql, params![registry.account.as_str(), registry.region.as_str()], read)
}

/// Makes a rule, or replaces the one of the same stem.
pub fn set(tx: &Tx<'_>, registry: &RegistryName, rule: &CacheRule) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO cache_rule
             (account, region, stem, prefix, upstream_url, upstream_prefix, credential_arn, custom_role_arn,
              created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            registry.account.as_str(),
            registry.region.as_str(),
            rule.prefix.stem(),
            rule.prefix.as_str(),
            rule.upstream_url,
            rule.upstream_prefix.as_ref().map(RepositoryPrefix::as_str),
            rule.credential_arn,
            rule.custom_role_arn,
            rule.created_at,
            rule.updated_at,
        ],
    )?;
    Ok(())
}

/// Removes a rule; one that is not there is no error.
pub fn remove(tx: &Tx<'_>, registry: &RegistryName, stem: &str) -> Result<(), Error> {
    let sql = "DELETE FROM cache_rule WHERE account = ?1 AND region = ?2 AND stem = ?3";
    tx.execute(sql, params![registry.account.as_str(), registry.region.as_str(), stem])?;
    Ok(())
}
