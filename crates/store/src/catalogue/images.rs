//! Images and the tags that point at them.

use super::blobs::hex_list;
use super::repositories::malformed;
use super::{TimeId, Tx};
use crate::error::Error;
use acre_wire::digest::Digest;
use rusqlite::{Row, ToSql, params};

/// A live image's row.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its row; pushing the same manifest again after a deletion makes a new one.
    pub id: TimeId,
    /// The digest by which it was pushed.
    pub digest: Digest,
    /// The object that holds its manifest.
    pub manifest: i64,
    /// As recorded at the push.
    pub media_type: String,
    /// The effective artifact type: its own, else an image's config media type.
    pub artifact_type: Option<String>,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// Config and layers as stored; of an index the largest child.
    pub size: u64,
    /// In microseconds.
    pub pushed_at: i64,
    /// When it was last pulled, in microseconds.
    pub pulled_at: Option<i64>,
    /// How many tags point here.
    pub tags: u64,
    /// ECR's word: ACTIVE, ARCHIVED, ACTIVATING.
    pub status: String,
}

const COLUMNS: &str =
    "i.id, i.digest, i.manifest, i.media_type, i.artifact_type, i.subject, i.size, i.pushed_at,
    i.pulled_at, i.tags, i.status";

fn read(row: &Row<'_>) -> rusqlite::Result<Image> {
    let subject: Option<Vec<u8>> = row.get(5)?;
    Ok(Image {
        id: row.get(0)?,
        digest: digest(row, 1)?,
        manifest: row.get(2)?,
        media_type: row.get(3)?,
        artifact_type: row.get(4)?,
        subject: subject
            .map(|raw| Digest::from_bytes(&raw).map_err(|error| malformed(5, error)))
            .transpose()?,
        size: row.get(6)?,
        pushed_at: row.get(7)?,
        pulled_at: row.get(8)?,
        tags: row.get(9)?,
        status: row.get(10)?,
    })
}

fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    let raw: Vec<u8> = row.get(column)?;
    Digest::from_bytes(&raw).map_err(|error| malformed(column, error))
}

/// The live image of that digest.
pub fn by_digest(tx: &Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<Image>, Error> {
    let sql = [
        "SELECT ",
        COLUMNS,
        " FROM image i WHERE i.repository = ?1 AND i.digest = ?2 AND i.deleted_at IS NULL",
    ]
    .concat();
    tx.one(&sql, params![repository, digest.to_bytes()], read)
}

/// The image that the tag points at, read anew every time.
pub fn by_tag(tx: &Tx<'_>, repository: i64, tag: &str) -> Result<Option<Image>, Error> {
    let sql = [
        "SELECT ",
        COLUMNS,
        " FROM tag t JOIN image i ON i.id = t.image WHERE t.repository = ?1 AND t.name = ?2",
    ]
    .concat();
    tx.one(&sql, params![repository, tag], read)
}

/// Which images a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only with (true) or only without (false) tags; None for both.
    pub tagged: Option<bool>,
    /// Only of this status; None for all.
    pub status: Option<&'a str>,
}

impl Filter<'_> {
    /// The condition, and the index that makes a page cost what a page holds.
    fn sql(self) -> (&'static str, &'static str) {
        match (self.status.is_some(), self.tagged) {
            (true, None) => ("image_page", "i.status = ?4"),
            (true, Some(false)) => ("image_page_untagged", "i.status = ?4 AND i.tags = 0"),
            (true, Some(true)) => ("image_page_tagged", "i.status = ?4 AND i.tags > 0"),
            (false, None) => ("image_page_any", "?4 IS NULL"),
            (false, Some(false)) => ("image_page_any", "?4 IS NULL AND i.tags = 0"),
            (false, Some(true)) => ("image_page_any", "?4 IS NULL AND i.tags > 0"),
        }
    }
}

/// One page of images in the order of their push, from the first behind `after`.
pub fn page(
    tx: &Tx<'_>,
    repository: i64,
    filter: Filter<'_>,
    after: TimeId,
    limit: u32,
) -> Result<Vec<Image>, Error> {
    let (index, condition) = filter.sql();
    let sql = format!(
        "SELECT {COLUMNS} FROM image i INDEXED BY {index}
         WHERE i.repository = ?1 AND i.deleted_at IS NULL AND i.id > ?2 AND {condition} ORDER BY i.id LIMIT ?3"
    );
    tx.many(&sql, params![repository, after, limit, filter.status], read)
}

/// Which referrers a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferrerFilter<'a> {
    /// Only of this effective artifact type; None for all.
    pub artifact_type: Option<&'a str>,
    /// Only of this status; None for all.
    pub status: Option<&'a str>,
}

/// One page of the live images that have `subject` as their subject, the newest first, from the first older than `before`.
pub fn referrers(
    tx: &Tx<'_>,
    repository: i64,
    subject: &Digest,
    filter: ReferrerFilter<'_>,
    before: TimeId,
    limit: u32,
) -> Result<Vec<Image>, Error> {
    let (index, condition) = match filter.artifact_type {
        Some(_) => ("image_referrer", "i.artifact_type = ?5"),
        None => ("image_subject", "?5 IS NULL"),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM image i INDEXED BY {index}
         WHERE i.repository = ?1 AND i.subject = ?2 AND i.deleted_at IS NULL AND i.id < ?3 AND {condition}
            AND (?6 IS NULL OR i.status = ?6)
         ORDER BY i.id DESC LIMIT ?4"
    );
    let parameters =
        params![repository, subject.to_bytes(), before, limit, filter.artifact_type, filter.status];
    tx.many(&sql, parameters, read)
}

/// The first live image of the repository that needs an object.
pub fn first_with(tx: &Tx<'_>, repository: i64, blob: i64) -> Result<Option<Image>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM image_blob ib CROSS JOIN image i
         WHERE ib.blob = ?2 AND ib.repository = ?1 AND i.id = ib.image AND i.deleted_at IS NULL
         ORDER BY ib.image LIMIT 1"
    );
    tx.one(&sql, params![repository, blob], read)
}

/// One (image, tag) pair of a listing; an untagged image is one pair without a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The image.
    pub image: TimeId,
    /// Its digest.
    pub digest: Digest,
    /// One of its tags.
    pub tag: Option<String>,
}

/// One page of pairs by image, then tag, from the first behind `after`.
pub fn pairs(
    tx: &Tx<'_>,
    repository: i64,
    filter: Filter<'_>,
    after: (TimeId, &str),
    limit: u32,
) -> Result<Vec<Pair>, Error> {
    let (index, condition) = filter.sql();
    let sql = format!(
        "SELECT i.id, i.digest, t.name FROM image i INDEXED BY {index} LEFT JOIN tag t ON t.image = i.id
         WHERE i.repository = ?1 AND i.deleted_at IS NULL AND i.id >= ?2 AND (i.id > ?2 OR t.name > ?5) AND {condition}
         ORDER BY i.id, t.name LIMIT ?3"
    );
    tx.many(&sql, params![repository, after.0, limit, filter.status, after.1], |row| {
        Ok(Pair { image: row.get(0)?, digest: digest(row, 1)?, tag: row.get(2)? })
    })
}

/// The tags that point at an image, by name bytes.
pub fn tags_of(tx: &Tx<'_>, image: TimeId) -> Result<Vec<String>, Error> {
    tx.many("SELECT name FROM tag WHERE image = ?1 ORDER BY name", [image], |row| row.get(0))
}

/// One page of a repository's tags by name bytes, from the first behind `after`.
pub fn tag_page(tx: &Tx<'_>, repository: i64, after: &str, limit: u32) -> Result<Vec<String>, Error> {
    let sql = "SELECT name FROM tag WHERE repository = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    tx.many(sql, params![repository, after, limit], |row| row.get(0))
}

/// Of `digests`, those that are live images of the repository: digest, row, size.
pub fn live(tx: &Tx<'_>, repository: i64, digests: &[Digest]) -> Result<Vec<(Digest, TimeId, u64)>, Error> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    tx.many(
        "SELECT i.digest, i.id, i.size FROM json_each(?2) wanted CROSS JOIN image i
         WHERE i.repository = ?1 AND i.digest = unhex(wanted.value) AND i.deleted_at IS NULL",
        params![repository, hex_list(digests)],
        |row| Ok((digest(row, 0)?, row.get(1)?, row.get(2)?)),
    )
}

/// Whether a live index holds the image.
pub fn has_live_parent(tx: &Tx<'_>, image: TimeId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM image_child c JOIN image i ON i.id = c.image
        WHERE c.child = ?1 AND i.deleted_at IS NULL LIMIT 1";
    Ok(tx.one(sql, [image], |_| Ok(()))?.is_some())
}

/// An image that is about to be.
#[derive(Clone, Debug)]
pub struct NewImage<'a> {
    /// Its id: the time of the push.
    pub id: TimeId,
    /// The repository's row.
    pub repository: i64,
    /// The digest by which it is pushed.
    pub digest: &'a Digest,
    /// The object that holds its manifest.
    pub manifest: i64,
    /// As it was sent.
    pub media_type: &'a str,
    /// The effective artifact type.
    pub artifact_type: Option<&'a str>,
    /// What it refers to.
    pub subject: Option<&'a Digest>,
    /// See [`Image::size`].
    pub size: u64,
    /// In microseconds.
    pub pushed_at: i64,
    /// The objects that it needs, each once.
    pub blobs: &'a [i64],
    /// The images that it holds, each once.
    pub children: &'a [TimeId],
}

/// Makes an image with its references; its digest must not be live in the repository.
pub fn insert(tx: &Tx<'_>, image: &NewImage<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO image (id, repository, digest, manifest, media_type, artifact_type, subject, size, pushed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            image.id,
            image.repository,
            image.digest.to_bytes(),
            image.manifest,
            image.media_type,
            image.artifact_type,
            image.subject.map(Digest::to_bytes),
            image.size,
            image.pushed_at,
        ],
    )?;
    for blob in image.blobs {
        let sql = "INSERT INTO image_blob (image, blob, repository) VALUES (?1, ?2, ?3)";
        tx.execute(sql, params![image.id, blob, image.repository])?;
    }
    for child in image.children {
        tx.execute("INSERT INTO image_child (image, child) VALUES (?1, ?2)", params![image.id, child])?;
    }
    count(tx, image.repository, 1)
}

/// Deletes an image: its row stays restorable until `undo_until`, its tags must be gone already.
pub fn delete(tx: &Tx<'_>, repository: i64, image: TimeId, now: i64, undo_until: i64) -> Result<(), Error> {
    let sql = "UPDATE image SET deleted_at = ?2, undo_until = ?3 WHERE id = ?1 AND deleted_at IS NULL";
    if tx.execute(sql, params![image, now, undo_until])? == 1 {
        count(tx, repository, -1)?;
    }
    Ok(())
}

fn count(tx: &Tx<'_>, repository: i64, change: i64) -> Result<(), Error> {
    tx.execute("UPDATE repository SET images = images + ?2 WHERE id = ?1", params![repository, change])?;
    Ok(())
}

/// Points a tag at an image; answers where it pointed before.
pub fn set_tag(tx: &Tx<'_>, repository: i64, tag: &str, image: TimeId) -> Result<Option<TimeId>, Error> {
    let previous = remove_tag(tx, repository, tag)?;
    let sql = "INSERT INTO tag (repository, name, image) VALUES (?1, ?2, ?3)";
    tx.execute(sql, params![repository, tag, image])?;
    tx.execute("UPDATE image SET tags = tags + 1 WHERE id = ?1", [image])?;
    Ok(previous)
}

/// Removes a tag; answers where it pointed.
pub fn remove_tag(tx: &Tx<'_>, repository: i64, tag: &str) -> Result<Option<TimeId>, Error> {
    let sql = "DELETE FROM tag WHERE repository = ?1 AND name = ?2 RETURNING image";
    let previous: Option<TimeId> = tx.one(sql, params![repository, tag], |row| row.get(0))?;
    if let Some(image) = &previous {
        tx.execute("UPDATE image SET tags = tags - 1 WHERE id = ?1", [image as &dyn ToSql])?;
    }
    Ok(previous)
}

/// Adds counted pulls to an image's day and moves its last pull forward. A deleted image's counts are kept too.
pub fn count_pulls(tx: &Tx<'_>, image: TimeId, day: i64, pulls: u64, last: i64) -> Result<(), Error> {
    let moved = tx.execute(
        "UPDATE image SET pulled_at = ?2 WHERE id = ?1 AND (pulled_at IS NULL OR pulled_at < ?2)",
        params![image, last],
    )?;
    if moved == 1 || tx.one("SELECT 1 FROM image WHERE id = ?1", [image], |_| Ok(()))?.is_some() {
        tx.execute(
            "INSERT INTO pull (image, day, pulls) VALUES (?1, ?2, ?3)
             ON CONFLICT (image, day) DO UPDATE SET pulls = pulls + excluded.pulls",
            params![image, day, pulls],
        )?;
    }
    Ok(())
}
