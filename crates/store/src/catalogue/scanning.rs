//! Which repositories of a registry are scanned, and when.

use super::{Tx, lists};
use crate::error::Error;
use acre_wire::names::RegistryName;
use rusqlite::params;

/// When the repositories that a filter matches are scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// ECR's word; at most one rule of a registry has it.
    pub frequency: String,
    /// Globs, in the order they were sent.
    pub filters: Vec<String>,
}

/// The type of a registry's scanning, ECR's word, and its rules in the order they were sent; None while nobody has set it.
pub fn configuration(tx: &Tx<'_>, registry: &RegistryName) -> Result<Option<(String, Vec<Rule>)>, Error> {
    let key = params![registry.account.as_str(), registry.region.as_str()];
    let sql = "SELECT scan_type FROM registry_scanning WHERE account = ?1 AND region = ?2";
    let scan_type = tx.one(sql, key, |row| row.get(0))?;
    let rules = tx.many(
        "SELECT frequency, filters FROM scanning_rule WHERE account = ?1 AND region = ?2 ORDER BY position",
        key,
        |row| Ok(Rule { frequency: row.get(0)?, filters: lists::read(row, 1)? }),
    )?;
    Ok(scan_type.map(|scan_type| (scan_type, rules)))
}

/// Replaces a registry's scanning configuration.
pub fn set(tx: &Tx<'_>, registry: &RegistryName, scan_type: &str, rules: &[Rule]) -> Result<(), Error> {
    let (account, region) = (registry.account.as_str(), registry.region.as_str());
    tx.execute("DELETE FROM scanning_rule WHERE account = ?1 AND region = ?2", params![account, region])?;
    tx.execute(
        "INSERT INTO registry_scanning (account, region, scan_type) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, region) DO UPDATE SET scan_type = excluded.scan_type",
        params![account, region, scan_type],
    )?;
    for (position, rule) in (0_i64..).zip(rules) {
        tx.execute(
            "INSERT INTO scanning_rule (account, region, position, frequency, filters) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![account, region, position, rule.frequency, lists::write(&rule.filters)],
        )?;
    }
    Ok(())
}
