//! Where a registry's images are copied to.

use super::repositories::malformed;
use super::{Tx, lists};
use crate::error::Error;
use acre_wire::names::{AccountId, Region, RegistryName};
use rusqlite::params;
use rusqlite::types::ValueRef;

/// Which images are copied where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In the order they were sent.
    pub destinations: Vec<RegistryName>,
    /// Beginnings of repositories' names, in the order they were sent; None: all.
    pub filters: Option<Vec<String>>,
    /// Whether deletions are copied; None: nothing was said.
    pub delete_replication: Option<bool>,
}

/// A registry's rules, in the order they were sent.
pub fn rules(tx: &Tx<'_>, registry: &RegistryName) -> Result<Vec<Rule>, Error> {
    let key = params![registry.account.as_str(), registry.region.as_str()];
    let mut rules = tx.many(
        "SELECT filters, delete_replication FROM replication_rule WHERE account = ?1 AND region = ?2
         ORDER BY position",
        key,
        |row| {
            let all = row.get_ref(0)? == ValueRef::Null;
            let filters = if all { None } else { Some(lists::read(row, 0)?) };
            Ok(Rule { destinations: Vec::new(), filters, delete_replication: row.get(1)? })
        },
    )?;
    let destinations = tx.many(
        "SELECT rule, to_account, to_region FROM replication_destination WHERE account = ?1 AND region = ?2
         ORDER BY rule, position",
        key,
        |row| {
            let (account, region): (String, String) = (row.get(1)?, row.get(2)?);
            let account = AccountId::parse(&account).map_err(|error| malformed(1, error))?;
            let region = Region::parse(&region).map_err(|error| malformed(2, error))?;
            Ok((row.get::<_, usize>(0)?, RegistryName { account, region }))
        },
    )?;
    for (rule, destination) in destinations {
        if let Some(rule) = rules.get_mut(rule) {
            rule.destinations.push(destination);
        }
    }
    Ok(rules)
}

/// Replaces a registry's rules.
pub fn set(tx: &Tx<'_>, registry: &RegistryName, rules: &[Rule]) -> Result<(), Error> {
    let (account, region) = (registry.account.as_str(), registry.region.as_str());
    let key = params![account, region];
    tx.execute("DELETE FROM replication_destination WHERE account = ?1 AND region = ?2", key)?;
    tx.execute("DELETE FROM replication_rule WHERE account = ?1 AND region = ?2", key)?;
    for (number, rule) in (0_i64..).zip(rules) {
        let filters = rule.filters.as_deref().map(lists::write);
        tx.execute(
            "INSERT INTO replication_rule (account, region, position, filters, delete_replication)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![account, region, number, filters, rule.delete_replication],
        )?;
        for (position, to) in (0_i64..).zip(&rule.destinations) {
            tx.execute(
                "INSERT INTO replication_destination (account, region, rule, position, to_account, to_region)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![account, region, number, position, to.account.as_str(), to.region.as_str()],
            )?;
        }
    }
    Ok(())
}
