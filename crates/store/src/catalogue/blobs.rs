//! Stored objects, and which repository may see which.

use super::Tx;
use crate::error::Error;
use crate::seal::ObjectId;
use acre_wire::digest::Digest;
use acre_wire::names::RepositoryName;
use rusqlite::{Row, params};

/// A stored object's row.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Its row.
    pub id: i64,
    /// What it holds.
    pub digest: Digest,
    /// How many bytes of plaintext.
    pub size: u64,
    /// Its name on disk.
    pub object: ObjectId,
    /// The key version that seals it.
    pub key_version: i64,
    /// Binds object, digest and size.
    pub binding: Vec<u8>,
    /// Whether its sealed bytes stand in the catalogue.
    pub inline: bool,
    /// Whether a read found it damaged: a push of the same digest replaces it.
    pub damaged: bool,
}

/// An object that was made durable and is not visible yet.
#[derive(Clone, Debug)]
pub struct NewBlob {
    /// What it holds.
    pub digest: Digest,
    /// How many bytes of plaintext.
    pub size: u64,
    /// Its name on disk.
    pub object: ObjectId,
    /// The key version that seals it.
    pub key_version: i64,
    /// Binds object, digest and size.
    pub binding: [u8; 32],
    /// The sealed bytes of a small one; None when they are a file.
    pub inline: Option<Vec<u8>>,
}

const COLUMNS: &str = "b.id, b.digest, b.size, b.object, b.key_version, b.binding, b.inline, b.damaged";

fn read(row: &Row<'_>) -> rusqlite::Result<Blob> {
    let digest: Vec<u8> = row.get(1)?;
    Ok(Blob {
        id: row.get(0)?,
        digest: Digest::from_bytes(&digest).map_err(|error| super::repositories::malformed(1, error))?,
        size: row.get(2)?,
        object: ObjectId(row.get(3)?),
        key_version: row.get(4)?,
        binding: row.get(5)?,
        inline: row.get(6)?,
        damaged: row.get(7)?,
    })
}

/// The blob as that repository sees it: the only question a door may ask about existence.
pub fn repository_blob(tx: &Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<Blob>, Error> {
    let sql = [
        "SELECT ",
        COLUMNS,
        " FROM repository_blob rb JOIN blob b ON b.id = rb.blob WHERE rb.repository = ?1 AND rb.digest = ?2",
    ]
    .concat();
    tx.one(&sql, params![repository, digest.to_bytes()], read)
}

/// The object that a key domain keeps for a digest: for storing it once, never for telling a client.
pub fn in_domain(tx: &Tx<'_>, key_domain: i64, digest: &Digest) -> Result<Option<Blob>, Error> {
    let sql = ["SELECT ", COLUMNS, " FROM blob b WHERE b.key_domain = ?1 AND b.digest = ?2"].concat();
    tx.one(&sql, params![key_domain, digest.to_bytes()], read)
}

/// The object of that row.
pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Blob>, Error> {
    let sql = ["SELECT ", COLUMNS, " FROM blob b WHERE b.id = ?1"].concat();
    tx.one(&sql, [id], read)
}

/// How many objects there are, and how many bytes of plaintext they hold. The row is always there: none is a catalogue
/// that was tampered with, not an empty one.
pub fn total(tx: &Tx<'_>) -> Result<(u64, u64), Error> {
    let total = tx
        .one("SELECT blobs, bytes FROM blob_total WHERE one = 1", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    total.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}

/// Whether the catalogue names that object.
pub fn is_named(tx: &Tx<'_>, object: ObjectId) -> Result<bool, Error> {
    Ok(tx.one("SELECT 1 FROM blob WHERE object = ?1", [object.0], |_| Ok(()))?.is_some())
}

/// The sealed bytes of an inline object.
pub fn content(tx: &Tx<'_>, id: i64) -> Result<Option<Vec<u8>>, Error> {
    tx.one("SELECT sealed FROM blob_content WHERE blob = ?1", [id], |row| row.get(0))
}

/// Makes an object visible to its key domain. The digest must be new there, or what stands there damaged: then its
/// object is exchanged, and the old one's file is left to the collector.
pub fn insert(tx: &Tx<'_>, key_domain: i64, blob: &NewBlob, now: i64) -> Result<i64, Error> {
    let damaged = in_domain(tx, key_domain, &blob.digest)?;
    let id = if let Some(old) = damaged {
        tx.execute(
            "UPDATE blob SET object = ?2, key_version = ?3, binding = ?4, inline = ?5, size = ?6, damaged = 0, touched_at = ?7
             WHERE id = ?1",
            params![
                old.id,
                blob.object.0,
                blob.key_version,
                blob.binding,
                blob.inline.is_some(),
                blob.size,
                now
            ],
        )?;
        tx.execute("DELETE FROM blob_content WHERE blob = ?1", [old.id])?;
        if !old.inline {
            tx.execute(
                "INSERT INTO dead_object (object, since) VALUES (?1, ?2)",
                params![old.object.0, now],
            )?;
        }
        old.id
    } else {
        tx.execute(
            "INSERT INTO blob (key_domain, digest, size, object, key_version, binding, inline, touched_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                key_domain,
                blob.digest.to_bytes(),
                blob.size,
                blob.object.0,
                blob.key_version,
                blob.binding,
                blob.inline.is_some(),
                now,
            ],
        )?;
        tx.last_id()
    };
    if let Some(sealed) = &blob.inline {
        tx.execute("INSERT INTO blob_content (blob, sealed) VALUES (?1, ?2)", params![id, sealed])?;
    }
    Ok(id)
}

/// Notes that somebody was told of the object, so that the collector waits its grace time.
pub fn touch(tx: &Tx<'_>, id: i64, now: i64) -> Result<(), Error> {
    tx.execute("UPDATE blob SET touched_at = ?2 WHERE id = ?1 AND touched_at < ?2", params![id, now])?;
    Ok(())
}

/// Notes that a read of this very object failed its seal: the next push of its digest replaces it.
pub fn mark_damaged(tx: &Tx<'_>, object: ObjectId) -> Result<(), Error> {
    tx.execute("UPDATE blob SET damaged = 1 WHERE object = ?1", [object.0])?;
    Ok(())
}

/// Gives a repository sight of an object; false when it had it already.
pub fn claim(tx: &Tx<'_>, repository: i64, digest: &Digest, blob: i64) -> Result<bool, Error> {
    let sql =
        "INSERT INTO repository_blob (repository, digest, blob) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![repository, digest.to_bytes(), blob])? == 1)
}

/// Takes a repository's sight of an object away; false when it had none.
pub fn release(tx: &Tx<'_>, repository: i64, digest: &Digest) -> Result<bool, Error> {
    let sql = "DELETE FROM repository_blob WHERE repository = ?1 AND digest = ?2";
    Ok(tx.execute(sql, params![repository, digest.to_bytes()])? == 1)
}

/// Whether a live image of the repository needs the object.
pub fn is_referenced(tx: &Tx<'_>, repository: i64, blob: i64) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM image_blob ib CROSS JOIN image i
        WHERE ib.blob = ?2 AND ib.repository = ?1 AND i.id = ib.image AND i.deleted_at IS NULL LIMIT 1";
    Ok(tx.one(sql, params![repository, blob], |_| Ok(()))?.is_some())
}

/// The live repositories that see an object, newest first: row and name.
pub fn holders(tx: &Tx<'_>, blob: i64, limit: u32) -> Result<Vec<(i64, RepositoryName)>, Error> {
    tx.many(
        "SELECT r.id, r.name FROM repository_blob rb CROSS JOIN repository r
         WHERE rb.blob = ?1 AND r.id = rb.repository AND r.deleted_at IS NULL ORDER BY rb.repository DESC LIMIT ?2",
        params![blob, limit],
        |row| {
            let name: String = row.get(1)?;
            let name = RepositoryName::parse(&name).map_err(|error| super::repositories::malformed(1, error))?;
            Ok((row.get(0)?, name))
        },
    )
}

/// Of `digests`, those that the repository sees, each with its row and stored size. One statement for any number.
pub fn visible(tx: &Tx<'_>, repository: i64, digests: &[Digest]) -> Result<Vec<(Digest, i64, u64)>, Error> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    tx.many(
        // The order of a CROSS JOIN is kept: what is wanted drives, never the table.
        "SELECT rb.digest, b.id, b.size FROM json_each(?2) wanted CROSS JOIN repository_blob rb CROSS JOIN blob b
         WHERE rb.repository = ?1 AND rb.digest = unhex(wanted.value) AND b.id = rb.blob",
        params![repository, hex_list(digests)],
        |row| {
            let digest: Vec<u8> = row.get(0)?;
            let digest = Digest::from_bytes(&digest).map_err(|error| super::repositories::malformed(0, error))?;
            Ok((digest, row.get(1)?, row.get(2)?))
        },
    )
}

/// Digests as a JSON list of hex texts, for `json_each` and `unhex`.
pub(super) fn hex_list(digests: &[Digest]) -> String {
    let texts: Vec<String> =
        digests.iter().map(|digest| acre_wire::digest::hex(&digest.to_bytes())).collect();
    serde_json::Value::from(texts).to_string()
}
