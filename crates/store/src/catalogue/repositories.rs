//! Repositories: their settings, documents, tags and counts.

use super::history::Author;
use super::{Tx, lists};
use crate::error::Error;
use acre_wire::names::{RegistryName, RepositoryArn, RepositoryName};
use rusqlite::types::Type;
use rusqlite::{Row, params};

/// A live repository's row.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its row; never used again, not even for a repository of the same name.
    pub id: i64,
    /// Its name in its registry.
    pub name: RepositoryName,
    /// What seals its blobs, and with whom it shares them.
    pub key_domain: i64,
    /// The KMS key's ARN; empty for AES256.
    pub kms_key: String,
    /// The settings that ECR shows.
    pub settings: Settings,
    /// How many live images it has.
    pub images: u64,
    /// In microseconds.
    pub created_at: i64,
}

/// What the owner chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// ECR's word: AES256, KMS or `KMS_DSSE`.
    pub encryption_type: String,
    /// ECR's word.
    pub tag_mutability: String,
    /// Globs, in the order they were sent.
    pub exclusion_filters: Vec<String>,
    /// Whether a push starts a scan.
    pub scan_on_push: bool,
}

const COLUMNS: &str = "r.id, r.name, r.key_domain, d.kms_key, r.encryption_type, r.tag_mutability,
    r.exclusion_filters, r.scan_on_push, r.images, r.created_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Repository> {
    let name: String = row.get(1)?;
    Ok(Repository {
        id: row.get(0)?,
        name: RepositoryName::parse(&name).map_err(|error| malformed(1, error))?,
        key_domain: row.get(2)?,
        kms_key: row.get(3)?,
        settings: Settings {
            encryption_type: row.get(4)?,
            tag_mutability: row.get(5)?,
            exclusion_filters: lists::read(row, 6)?,
            scan_on_push: row.get(7)?,
        },
        images: row.get(8)?,
        created_at: row.get(9)?,
    })
}

/// A stored value that its own parser refuses.
pub(super) fn malformed(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// The live repository of that name.
pub fn find(tx: &Tx<'_>, arn: &RepositoryArn) -> Result<Option<Repository>, Error> {
    let sql = const_format(
        "SELECT ",
        " FROM repository r JOIN key_domain d ON d.id = r.key_domain
         WHERE r.account = ?1 AND r.region = ?2 AND r.name = ?3 AND r.deleted_at IS NULL",
    );
    let RegistryName { account, region } = &arn.registry;
    tx.one(&sql, params![account.as_str(), region.as_str(), arn.name.as_str()], read)
}

/// The key domain of that repository, while it is live.
pub fn key_domain(tx: &Tx<'_>, id: i64) -> Result<Option<i64>, Error> {
    tx.one("SELECT key_domain FROM repository WHERE id = ?1 AND deleted_at IS NULL", [id], |row| row.get(0))
}

/// One page of a registry's repositories, by name bytes, from the first name behind `after`.
pub fn page(tx: &Tx<'_>, registry: &RegistryName, after: &str, limit: u32) -> Result<Vec<Repository>, Error> {
    let sql = const_format(
        "SELECT ",
        " FROM repository r JOIN key_domain d ON d.id = r.key_domain
         WHERE r.account = ?1 AND r.region = ?2 AND r.deleted_at IS NULL AND r.name > ?3
         ORDER BY r.name LIMIT ?4",
    );
    tx.many(&sql, params![registry.account.as_str(), registry.region.as_str(), after, limit], read)
}

fn const_format(head: &str, tail: &str) -> String {
    [head, COLUMNS, tail].concat()
}

/// How many live repositories a registry has.
pub fn count(tx: &Tx<'_>, registry: &RegistryName) -> Result<u64, Error> {
    let sql = "SELECT repositories FROM registry WHERE account = ?1 AND region = ?2";
    let found =
        tx.one(sql, params![registry.account.as_str(), registry.region.as_str()], |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

/// Makes a repository; the name must be free (a live one of that name is the caller's to look for first).
pub fn insert(
    tx: &Tx<'_>,
    arn: &RepositoryArn,
    key_domain: i64,
    settings: &Settings,
    author: &Author,
) -> Result<i64, Error> {
    let RegistryName { account, region } = &arn.registry;
    tx.execute(
        "INSERT INTO repository
             (account, region, name, key_domain, encryption_type, tag_mutability, exclusion_filters, scan_on_push, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            account.as_str(),
            region.as_str(),
            arn.name.as_str(),
            key_domain,
            settings.encryption_type,
            settings.tag_mutability,
            lists::write(&settings.exclusion_filters),
            settings.scan_on_push,
            author.at,
        ],
    )?;
    let id = tx.last_id();
    tx.execute(
        "INSERT INTO registry (account, region, repositories) VALUES (?1, ?2, 1)
         ON CONFLICT (account, region) DO UPDATE SET repositories = repositories + 1",
        params![account.as_str(), region.as_str()],
    )?;
    Ok(id)
}

/// Deletes a repository with all that it holds: one row, so that the whole can come back until `undo_until`.
pub fn delete(tx: &Tx<'_>, arn: &RepositoryArn, id: i64, now: i64, undo_until: i64) -> Result<(), Error> {
    let sql = "UPDATE repository SET deleted_at = ?2, undo_until = ?3 WHERE id = ?1 AND deleted_at IS NULL";
    if tx.execute(sql, params![id, now, undo_until])? == 1 {
        tx.execute(
            "UPDATE registry SET repositories = repositories - 1 WHERE account = ?1 AND region = ?2",
            params![arn.registry.account.as_str(), arn.registry.region.as_str()],
        )?;
    }
    Ok(())
}

/// Sets who may move which tags.
pub fn set_tag_mutability(tx: &Tx<'_>, id: i64, mode: &str, filters: &[String]) -> Result<(), Error> {
    let sql = "UPDATE repository SET tag_mutability = ?2, exclusion_filters = ?3 WHERE id = ?1";
    tx.execute(sql, params![id, mode, lists::write(filters)])?;
    Ok(())
}

/// Sets whether a push starts a scan.
pub fn set_scan_on_push(tx: &Tx<'_>, id: i64, scan_on_push: bool) -> Result<(), Error> {
    tx.execute("UPDATE repository SET scan_on_push = ?2 WHERE id = ?1", params![id, scan_on_push])?;
    Ok(())
}

/// A document that stands beside a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The repository policy.
    Policy,
    /// The lifecycle policy.
    LifecyclePolicy,
}

/// A document as it was sealed, and when the lifecycle policy last ran (0: never).
pub fn document(tx: &Tx<'_>, id: i64, document: Document) -> Result<Option<(Vec<u8>, i64)>, Error> {
    let sql = match document {
        Document::Policy => "SELECT policy, lifecycle_evaluated_at FROM repository WHERE id = ?1",
        Document::LifecyclePolicy => {
            "SELECT lifecycle_policy, lifecycle_evaluated_at FROM repository WHERE id = ?1"
        }
    };
    let found = tx.one(sql, [id], |row| Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get(1)?)))?;
    Ok(found.and_then(|(sealed, evaluated_at)| Some((sealed?, evaluated_at))))
}

/// Sets or removes a document; a lifecycle policy starts as never evaluated.
pub fn set_document(tx: &Tx<'_>, id: i64, document: Document, sealed: Option<&[u8]>) -> Result<(), Error> {
    let sql = match document {
        Document::Policy => "UPDATE repository SET policy = ?2 WHERE id = ?1",
        Document::LifecyclePolicy => {
            "UPDATE repository SET lifecycle_policy = ?2, lifecycle_evaluated_at = 0 WHERE id = ?1"
        }
    };
    tx.execute(sql, params![id, sealed])?;
    Ok(())
}

/// A repository's own tags, by key bytes.
pub fn resource_tags(tx: &Tx<'_>, id: i64) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT key, value FROM resource_tag WHERE repository = ?1 ORDER BY key";
    tx.many(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Sets one of a repository's own tags.
pub fn set_resource_tag(tx: &Tx<'_>, id: i64, key: &str, value: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO resource_tag (repository, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (repository, key) DO UPDATE SET value = excluded.value",
        params![id, key, value],
    )?;
    Ok(())
}

/// Removes one of a repository's own tags; one that is not there is no error.
pub fn remove_resource_tag(tx: &Tx<'_>, id: i64, key: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM resource_tag WHERE repository = ?1 AND key = ?2", params![id, key])?;
    Ok(())
}
