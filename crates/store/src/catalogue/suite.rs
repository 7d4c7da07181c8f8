//! What every engine of the catalogue must do. The functions of `rows`, `objects`, `registry`, `listings` and `commits` ask for an open
//! [`Catalogue`] and nothing else; what is particular to `SQLite` is in `plans` and beside the writer.

mod commits;
mod listings;
mod objects;
mod plans;
mod registry;
mod rows;

pub(crate) use plans::note;

use super::blobs::NewBlob;
use super::history::Author;
use super::images::NewImage;
use super::repositories::Settings;
use super::{Catalogue, TimeId, TimeIds, Tx, blobs, images, keys, repositories};
use crate::error::Error;
use crate::seal::ObjectId;
use acre_wire::digest::{Algorithm, Digest};
use acre_wire::names::{AccountId, Region, RegistryName, RepositoryArn, RepositoryName};
use std::sync::Arc;
use tempfile::TempDir;

/// An open catalogue in a folder that goes with it.
pub(crate) struct Opened {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) folder: TempDir,
}

pub(crate) fn open() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    Opened { catalogue: Arc::new(Catalogue::open(folder.path()).unwrap()), folder }
}

/// Runs each of these functions against a catalogue of its own.
macro_rules! conform {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let opened = super::open();
            on_any_engine::$name(&opened.catalogue);
        })*
    };
}
pub(crate) use conform;

/// Writes, and expects that it works.
pub(crate) fn write<T: Send + 'static>(
    catalogue: &Catalogue,
    work: impl Fn(&Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> T {
    catalogue.write_blocking(work).unwrap()
}

/// Writes, and expects that it fails and that nothing of it stays.
pub(crate) fn refuse(catalogue: &Catalogue, work: impl Fn(&Tx<'_>) -> Result<(), Error> + Send + 'static) {
    let refused = catalogue.write_blocking(work);
    assert!(matches!(refused, Err(Error::Sql(_))), "{refused:?}");
    assert!(!catalogue.is_read_only(), "a statement that fails is its closure's affair");
}

/// Reads, and expects that it works.
pub(crate) fn read<T>(catalogue: &Catalogue, work: impl FnOnce(&Tx<'_>) -> Result<T, Error>) -> T {
    catalogue.read(work).unwrap()
}

/// One number that a statement of the suite asks for.
pub(crate) fn number(tx: &Tx<'_>, sql: &str) -> Result<i64, Error> {
    Ok(tx.one(sql, [], |row| row.get(0))?.unwrap_or(-1))
}

pub(crate) fn registry() -> RegistryName {
    registry_in("eu-central-1")
}

pub(crate) fn registry_in(region: &str) -> RegistryName {
    RegistryName {
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse(region).unwrap(),
    }
}

pub(crate) fn arn(name: &str) -> RepositoryArn {
    registry().repository(RepositoryName::parse(name).unwrap())
}

pub(crate) fn digest(of: &str) -> Digest {
    Digest::of(Algorithm::Sha256, of.as_bytes())
}

pub(crate) fn image_id(number: u128) -> TimeId {
    TimeId((number << 64).to_be_bytes())
}

pub(crate) fn author(at: i64) -> Author {
    Author {
        principal: "arn:aws:iam::111122223333:root".into(),
        request: "request".into(),
        at,
        ids: TimeIds::after(uuid::Uuid::now_v7().into_bytes()),
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        encryption_type: "AES256".into(),
        tag_mutability: "MUTABLE".into(),
        exclusion_filters: vec!["v*".into(), "\"quoted\"".into()],
        scan_on_push: true,
    }
}

/// The registry's key domain and its newest version, made if they are not there.
pub(crate) fn domain(tx: &Tx<'_>) -> Result<(i64, i64), Error> {
    let domain = keys::ensure_domain(tx, &registry(), "", 1)?;
    let version = match keys::newest_version(tx, domain)? {
        Some(version) => version,
        None => keys::insert_version(tx, domain, b"sealed key", 1)?,
    };
    Ok((domain, version))
}

pub(crate) fn repository(tx: &Tx<'_>, name: &str) -> Result<i64, Error> {
    let (domain, _) = domain(tx)?;
    repositories::insert(tx, &arn(name), domain, &settings(), &author(1))
}

pub(crate) fn new_blob(of: &str, version: i64, inline: bool) -> NewBlob {
    NewBlob {
        digest: digest(of),
        size: of.len() as u64,
        object: ObjectId::random().unwrap(),
        key_version: version,
        binding: [7; 32],
        inline: inline.then(|| of.as_bytes().to_vec()),
    }
}

/// An object that the repository sees.
pub(crate) fn blob(tx: &Tx<'_>, repository: i64, of: &str) -> Result<i64, Error> {
    let (domain, version) = domain(tx)?;
    let id = match blobs::in_domain(tx, domain, &digest(of))? {
        Some(blob) => blob.id,
        None => blobs::insert(tx, domain, &new_blob(of, version, true), 1)?,
    };
    blobs::claim(tx, repository, &digest(of), id)?;
    Ok(id)
}

/// An image with one layer, whose digest and manifest come from its name.
pub(crate) fn image(tx: &Tx<'_>, repository: i64, name: &str, id: TimeId) -> Result<TimeId, Error> {
    let manifest = blob(tx, repository, name)?;
    let layer = blob(tx, repository, "layer")?;
    let digest = digest(name);
    images::insert(
        tx,
        &NewImage {
            id,
            repository,
            digest: &digest,
            manifest,
            media_type: "application/vnd.oci.image.manifest.v1+json",
            artifact_type: None,
            subject: None,
            size: 5,
            pushed_at: 1,
            blobs: &[layer],
            children: &[],
        },
    )?;
    Ok(id)
}
