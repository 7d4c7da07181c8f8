//! Accounts, their principals and access keys.

use super::Tx;
use crate::error::Error;
use rusqlite::{Row, params};

/// A principal that can sign requests, with the access key that proves it.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    /// The access key's id, as it stands in a signature.
    pub access_key: String,
    /// The secret, sealed under the installation's keys.
    pub sealed_secret: Vec<u8>,
    /// The principal's row.
    pub principal: i64,
    /// Its account.
    pub account: String,
    /// Its ARN.
    pub arn: String,
    /// Its unique id, as `GetCallerIdentity` says it.
    pub unique_id: String,
}

/// Makes an account; false when it is there already.
pub fn insert(tx: &Tx<'_>, account: &str, now: i64) -> Result<bool, Error> {
    let sql = "INSERT INTO account (id, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![account, now])? == 1)
}

/// Makes an account's root principal; answers its row.
pub fn insert_root(tx: &Tx<'_>, account: &str, arn: &str, now: i64) -> Result<i64, Error> {
    tx.execute(
        "INSERT INTO principal (account, arn, unique_id, kind, created_at) VALUES (?1, ?2, ?1, 'root', ?3)",
        params![account, arn, now],
    )?;
    Ok(tx.last_id())
}

/// Gives a principal an access key.
pub fn insert_access_key(
    tx: &Tx<'_>,
    principal: i64,
    access_key: &str,
    sealed_secret: &[u8],
    now: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO access_key (id, principal, secret, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![access_key, principal, sealed_secret, now],
    )?;
    Ok(())
}

/// Every access key there is, oldest principal first: the snapshot that requests are identified by.
pub fn key_holders(tx: &Tx<'_>) -> Result<Vec<KeyHolder>, Error> {
    tx.many(
        "SELECT k.id, k.secret, p.id, p.account, p.arn, p.unique_id
         FROM access_key k JOIN principal p ON p.id = k.principal ORDER BY p.id, k.id",
        [],
        read_key_holder,
    )
}

fn read_key_holder(row: &Row<'_>) -> rusqlite::Result<KeyHolder> {
    Ok(KeyHolder {
        access_key: row.get(0)?,
        sealed_secret: row.get(1)?,
        principal: row.get(2)?,
        account: row.get(3)?,
        arn: row.get(4)?,
        unique_id: row.get(5)?,
    })
}
