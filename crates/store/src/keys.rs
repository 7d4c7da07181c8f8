//! The key ring: versions of the key domains' keys, sealed under one root key, and the keys derived from them (DESIGN 8).

use crate::catalogue::{Catalogue, Tx, keys as rows};
use crate::durable;
use crate::error::Error;
use crate::seal::{Damaged, NoRandomness, ObjectId, ObjectKey, open_text, seal_text};
use acre_wire::digest::hex;
use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// What a derived key is for; a text sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Authorization tokens of the data plane.
    Token,
    /// Page tokens of the control plane.
    Page,
    /// Secrets of access keys.
    Secret,
    /// Policies.
    Document,
    /// Heads of upload sessions.
    Upload,
    /// URLs of layers.
    Layer,
}

impl Purpose {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Token => b"token",
            Self::Page => b"page",
            Self::Secret => b"secret",
            Self::Document => b"document",
            Self::Upload => b"upload",
            Self::Layer => b"layer",
        }
    }
}

/// One version of a key domain's key.
pub struct KeyVersion {
    /// Its row, as objects name it.
    pub id: i64,
    /// The domain that it belongs to.
    pub domain: i64,
    secret: hkdf::Prk,
}

impl KeyVersion {
    /// The keys of one object under this version.
    pub fn object(&self, id: ObjectId) -> Result<ObjectKey, Damaged> {
        ObjectKey::derive(&self.secret, id)
    }

    fn purpose(&self, purpose: Purpose, day: u32) -> Result<LessSafeKey, Damaged> {
        let day = day.to_be_bytes();
        let info: [&[u8]; 4] = [b"acre/1 ", purpose.name(), b" ", &day];
        let key = self.secret.expand(&info, &AES_256_GCM).map_err(|_| Damaged)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl fmt::Debug for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVersion({} of domain {})", self.id, self.domain)
    }
}

/// A new key version's secret, sealed, ready for its row.
#[derive(Clone, Debug)]
pub struct FreshKey {
    /// What the row holds.
    pub sealed: Vec<u8>,
}

/// The open ring. Versions never change once made, so those that were read are kept.
pub struct KeyRing {
    root: LessSafeKey,
    versions: RwLock<HashMap<i64, Arc<KeyVersion>>>,
}

impl KeyRing {
    /// Reads the root key, or makes one if the catalogue holds no key yet, and opens the installation's own domain.
    ///
    /// A power cut between the root key's file and the first key's row leaves a root key that nothing uses yet; the next
    /// start takes it.
    pub fn open(path: &Path, catalogue: &Catalogue, now: i64) -> Result<Self, Error> {
        let newest = catalogue.read(|tx| rows::newest_version(tx, rows::INSTALLATION))?;
        let secret = match std::fs::read_to_string(path) {
            Ok(text) => parse_root(&text).ok_or_else(|| Error::WrongRootKey(path.to_path_buf()))?,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(path, error)),
            Err(_) if newest.is_some() => return Err(Error::NoRootKey(path.to_path_buf())),
            Err(_) => {
                let secret = random_secret()?;
                durable::write_file(path, format!("{ROOT_PREFIX}{}\n", hex(&*secret)).as_bytes())?;
                secret
            }
        };
        let extracted = extract(&*secret);
        let root = extracted.expand(&[b"acre/1 ring"], &AES_256_GCM).map_err(|_| Damaged)?;
        let ring = Self { root: LessSafeKey::new(UnboundKey::from(root)), versions: RwLock::default() };
        if let Some(version) = newest {
            catalogue.read(|tx| ring.version(tx, version)).map_err(|error| match error {
                Error::Damaged(_) => Error::WrongRootKey(path.to_path_buf()),
                error => error,
            })?;
        } else {
            let fresh = ring.fresh()?;
            catalogue.write_blocking(move |tx| {
                rows::ensure_installation(tx, now)?;
                rows::insert_version(tx, rows::INSTALLATION, &fresh.sealed, now)
            })?;
        }
        Ok(ring)
    }

    /// A new random key, for a new domain or a rotation; made before the transaction that stores it.
    pub fn fresh(&self) -> Result<FreshKey, NoRandomness> {
        let secret = random_secret()?;
        Ok(FreshKey { sealed: seal_text(&self.root, b"", &*secret)? })
    }

    /// That version of a key.
    pub fn version(&self, tx: &Tx<'_>, id: i64) -> Result<Arc<KeyVersion>, Error> {
        if let Some(known) = self.versions.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(known));
        }
        let missing = || Error::Damaged(format!("key version {id} is missing"));
        let (domain, sealed) = rows::sealed_version(tx, id)?.ok_or_else(missing)?;
        let secret = Zeroizing::new(open_text(&self.root, b"", &sealed)?);
        let version = Arc::new(KeyVersion { id, domain, secret: extract(&secret) });
        self.versions.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&version));
        Ok(version)
    }

    /// The version under which a domain's new objects are sealed.
    pub fn newest(&self, tx: &Tx<'_>, domain: i64) -> Result<Arc<KeyVersion>, Error> {
        let missing = || Error::Damaged(format!("key domain {domain} has no key"));
        self.version(tx, rows::newest_version(tx, domain)?.ok_or_else(missing)?)
    }

    /// Seals a short text for a purpose and day under the installation's newest key. `context` must be said again to
    /// open it. The result names its key: `version (4) | day (4) | sealed`.
    pub fn seal(
        &self,
        tx: &Tx<'_>,
        purpose: Purpose,
        day: u32,
        context: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let version = self.newest(tx, rows::INSTALLATION)?;
        let id = u32::try_from(version.id).map_err(|_| Damaged)?;
        let sealed = seal_text(&version.purpose(purpose, day)?, context, plain)?;
        Ok([&id.to_be_bytes(), &day.to_be_bytes(), sealed.as_slice()].concat())
    }

    /// Opens what [`KeyRing::seal`] sealed for the same purpose and context. Of a version opened before, nothing is read.
    pub fn unseal(
        &self,
        catalogue: &Catalogue,
        purpose: Purpose,
        context: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let (id, rest) = text.split_first_chunk::<4>().ok_or(Damaged)?;
        let (day, sealed) = rest.split_first_chunk::<4>().ok_or(Damaged)?;
        let id = i64::from(u32::from_be_bytes(*id));
        let known = self.versions.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let version = match known {
            Some(version) => version,
            None => catalogue.read(|tx| self.version(tx, id))?,
        };
        if version.domain != rows::INSTALLATION {
            return Err(Damaged.into());
        }
        Ok(open_text(&version.purpose(purpose, u32::from_be_bytes(*day))?, context, sealed)?)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")
    }
}

const ROOT_PREFIX: &str = "acre-root-key-1 ";

fn parse_root(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits = text.strip_prefix(ROOT_PREFIX)?.trim_end();
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut secret = Zeroizing::new([0; 32]);
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(secret)
}

/// Bytes from the system's random source.
pub fn random_bytes(length: usize) -> Result<Vec<u8>, NoRandomness> {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

fn random_secret() -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
    let mut secret = Zeroizing::new([0; 32]);
    rand::fill(&mut *secret).map_err(|_| NoRandomness)?;
    Ok(secret)
}

fn extract(secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret)
}
