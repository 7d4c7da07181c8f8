//! Templates for repositories that a registry makes by itself.

use super::repositories::malformed;
use super::{Tx, lists};
use crate::error::Error;
use acre_wire::names::{RegistryName, RepositoryPrefix};
use rusqlite::{Row, params};

/// A template. It is known by its prefix's stem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// As it was sent.
    pub prefix: RepositoryPrefix,
    /// ECR's words, in the order they were sent.
    pub applied_for: Vec<String>,
    /// Sealed.
    pub description: Option<Vec<u8>>,
    /// ECR's word.
    pub encryption_type: String,
    /// As it was sent.
    pub kms_key: Option<String>,
    /// ECR's word.
    pub tag_mutability: String,
    /// Globs, in the order they were sent.
    pub exclusion_filters: Vec<String>,
    /// Keys and values, in the order they were sent.
    pub resource_tags: Vec<(String, String)>,
    /// Sealed.
    pub repository_policy: Option<Vec<u8>>,
    /// Sealed.
    pub lifecycle_policy: Option<Vec<u8>>,
    /// The role that tags and keys are set as.
    pub custom_role_arn: Option<String>,
    /// In microseconds.
    pub created_at: i64,
    /// In microseconds.
    pub updated_at: i64,
}

const SELECT: &str = "SELECT prefix, applied_for, description, encryption_type, kms_key, tag_mutability,
        exclusion_filters, resource_tags, repository_policy, lifecycle_policy, custom_role_arn, created_at, updated_at
    FROM creation_template WHERE account = ?1 AND region = ?2";

fn read(row: &Row<'_>) -> rusqlite::Result<Template> {
    let prefix: String = row.get(0)?;
    Ok(Template {
        prefix: RepositoryPrefix::parse(&prefix).map_err(|error| malformed(0, error))?,
        applied_for: lists::read(row, 1)?,
        description: row.get(2)?,
        encryption_type: row.get(3)?,
        kms_key: row.get(4)?,
        tag_mutability: row.get(5)?,
        exclusion_filters: lists::read(row, 6)?,
        resource_tags: lists::read(row, 7)?,
        repository_policy: row.get(8)?,
        lifecycle_policy: row.get(9)?,
        custom_role_arn: row.get(10)?,
        created_at: row.get(11)?,
        updated_at: row.get(12)?,
    })
}

/// The template of that stem.
pub fn find(tx: &Tx<'_>, registry: &RegistryName, stem: &str) -> Result<Option<Template>, Error> {
    let sql = [SELECT, " AND stem = ?3"].concat();
    tx.one(&sql, params![registry.account.as_str(), registry.region.as_str(), stem], read)
}

/// A registry's templates, by stem. A quota bounds them.
pub fn all(tx: &Tx<'_>, registry: &RegistryName) -> Result<Vec<Template>, Error> {
    let sql = [SELECT, " ORDER BY stem"].concat();
    tx.many(&sql, params![registry.account.as_str(), registry.region.as_str()], read)
}

/// Makes a template, or replaces the one of the same stem.
pub fn set(tx: &Tx<'_>, registry: &RegistryName, template: &Template) -> Result<(), Error> {
    let tags: Vec<_> = template.resource_tags.iter().map(|(key, value)| [key, value]).collect();
    tx.execute(
        "INSERT OR REPLACE INTO creation_template
             (account, region, stem, prefix, applied_for, description, encryption_type, kms_key, tag_mutability,
              exclusion_filters, resource_tags, repository_policy, lifecycle_policy, custom_role_arn, created_at,
              updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            registry.account.as_str(),
            registry.region.as_str(),
            template.prefix.stem(),
            template.prefix.as_str(),
            lists::write(&template.applied_for),
            template.description,
            template.encryption_type,
            template.kms_key,
            template.tag_mutability,
            lists::write(&template.exclusion_filters),
            serde_json::json!(tags).to_string(),
            template.repository_policy,
            template.lifecycle_policy,
            template.custom_role_arn,
            template.created_at,
            template.updated_at,
        ],
    )?;
    Ok(())
}

/// Removes a template; one that is not there is no error.
pub fn remove(tx: &Tx<'_>, registry: &RegistryName, stem: &str) -> Result<(), Error> {
    let sql = "DELETE FROM creation_template WHERE account = ?1 AND region = ?2 AND stem = ?3";
    tx.execute(sql, params![registry.account.as_str(), registry.region.as_str(), stem])?;
    Ok(())
}
