//! Sealed objects (DESIGN 8): AES-256-GCM in segments of exactly 64 KiB, a key of its own for each object.
//!
//! A segment on disk is `nonce (12) | ciphertext | tag (16)`; all but the last hold [`SEGMENT_PLAIN`] bytes of plaintext.
//! The nonce is random, because a resumed upload seals the same segment number again with other content. Version,
//! object and number are associated data, so that segments cannot be swapped, moved or replayed; digest and length are
//! bound by an HMAC that stands in the object's row, so that an object cannot be cut short or exchanged.

use acre_wire::digest::{Digest, hex};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac, rand};
use std::fmt;

/// Bytes of a whole segment on disk.
pub const SEGMENT: usize = 65_536;
/// Bytes of plaintext in a whole segment; also the largest blob that lives inside the catalogue.
pub const SEGMENT_PLAIN: usize = SEGMENT - OVERHEAD;
/// What sealing adds to a segment: the nonce before it and the tag behind it.
pub const OVERHEAD: usize = NONCE_LEN + TAG;

const TAG: usize = 16;
const VERSION: u8 = 1;

/// The random name of an object; never used twice, so that collecting an old object cannot hit a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId(pub [u8; 16]);

impl ObjectId {
    /// A new name from the system's random source.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| NoRandomness)?;
        Ok(Self(id))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The system has no random bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source failed")]
pub struct NoRandomness;

/// Sealed bytes do not open: they were changed, cut, moved or belong to another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes are damaged")]
pub struct Damaged;

/// How many bytes `plain` bytes of plaintext take on disk.
pub const fn sealed_length(plain: u64) -> u64 {
    let whole = plain / SEGMENT_PLAIN as u64;
    let rest = plain % SEGMENT_PLAIN as u64;
    whole * SEGMENT as u64 + if rest > 0 || whole == 0 { rest + OVERHEAD as u64 } else { 0 }
}

/// The keys of one object: one seals its segments, one binds its digest and length.
pub struct ObjectKey {
    id: ObjectId,
    seal: LessSafeKey,
    bind: hmac::Key,
}

impl ObjectKey {
    /// Derives an object's keys from a key version's extracted secret.
    pub(crate) fn derive(secret: &hkdf::Prk, id: ObjectId) -> Result<Self, Damaged> {
        let seal_info: [&[u8]; 2] = [b"acre/1 seal", &id.0];
        let seal = secret.expand(&seal_info, &AES_256_GCM).map_err(|_| Damaged)?;
        let bind_info: [&[u8]; 2] = [b"acre/1 bind", &id.0];
        let bind = secret.expand(&bind_info, hmac::HMAC_SHA256).map_err(|_| Damaged)?;
        Ok(Self { id, seal: LessSafeKey::new(UnboundKey::from(seal)), bind: hmac::Key::from(bind) })
    }

    /// Which object these keys are of.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Seals one segment in place. `segment` is room for the nonce, the plaintext, and room for the tag.
    pub fn seal(&self, number: u64, segment: &mut [u8]) -> Result<(), NoRandomness> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| NoRandomness)?;
        let (head, rest) = segment.split_at_mut(NONCE_LEN);
        let (text, tag) = rest.split_at_mut(rest.len() - TAG);
        head.copy_from_slice(&nonce);
        let sealed = self
            .seal
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.position(number)),
                text,
            )
            .map_err(|_| NoRandomness)?;
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }

    /// Opens one segment into `plain`, which is exactly as long as its plaintext.
    pub fn open(&self, number: u64, segment: &[u8], plain: &mut [u8]) -> Result<(), Damaged> {
        if segment.len() != plain.len() + OVERHEAD {
            return Err(Damaged);
        }
        let (nonce, rest) = segment.split_at(NONCE_LEN);
        let (text, tag) = rest.split_at(plain.len());
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Damaged)?;
        self.seal
            .open_separate_gather(nonce, Aad::from(self.position(number)), text, tag, plain)
            .map_err(|_| Damaged)
    }

    /// Opens one segment where it stands; answers where in it the plaintext starts (it ends [`OVERHEAD`] bytes shorter).
    pub fn open_in_place(&self, number: u64, segment: &mut [u8]) -> Result<usize, Damaged> {
        let (nonce, rest) = segment.split_at_mut_checked(NONCE_LEN).ok_or(Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Damaged)?;
        self.seal.open_in_place(nonce, Aad::from(self.position(number)), rest).map_err(|_| Damaged)?;
        Ok(NONCE_LEN)
    }

    /// Seals a whole small object, at most [`SEGMENT_PLAIN`] bytes, as its only segment.
    pub fn seal_inline(&self, plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut segment = vec![0; plain.len() + OVERHEAD];
        segment[NONCE_LEN..NONCE_LEN + plain.len()].copy_from_slice(plain);
        self.seal(0, &mut segment)?;
        Ok(segment)
    }

    /// Opens one whole segment; a small object is segment 0.
    pub fn open_segment(&self, number: u64, segment: &[u8]) -> Result<Vec<u8>, Damaged> {
        let length = segment.len().checked_sub(OVERHEAD).ok_or(Damaged)?;
        let mut plain = vec![0; length];
        self.open(number, segment, &mut plain)?;
        Ok(plain)
    }

    /// Binds a finished object to what it holds.
    pub fn bind(&self, digest: &Digest, length: u64) -> [u8; 32] {
        let tag = hmac::sign(&self.bind, &self.binding(digest, length));
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Whether `binding` was made by [`ObjectKey::bind`] for this object, digest and length. Constant time.
    pub fn check(&self, digest: &Digest, length: u64, binding: &[u8]) -> Result<(), Damaged> {
        hmac::verify(&self.bind, &self.binding(digest, length), binding).map_err(|_| Damaged)
    }

    fn binding(&self, digest: &Digest, length: u64) -> Vec<u8> {
        let mut bound = vec![VERSION];
        bound.extend_from_slice(&self.id.0);
        bound.extend_from_slice(&length.to_be_bytes());
        bound.extend_from_slice(&digest.to_bytes());
        bound
    }

    fn position(&self, number: u64) -> [u8; 25] {
        let mut position = [VERSION; 25];
        position[1..17].copy_from_slice(&self.id.0);
        position[17..].copy_from_slice(&number.to_be_bytes());
        position
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({})", self.id)
    }
}

/// Seals a short text under a key that is used for nothing else: `nonce | ciphertext | tag`.
pub(crate) fn seal_text(key: &LessSafeKey, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| NoRandomness)?;
    let mut sealed = nonce.to_vec();
    sealed.extend_from_slice(plain);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut sealed[NONCE_LEN..],
        )
        .map_err(|_| NoRandomness)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal_text`] sealed under the same key and context.
pub(crate) fn open_text(key: &LessSafeKey, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Damaged> {
    let length = sealed.len().checked_sub(OVERHEAD).ok_or(Damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(&sealed[..NONCE_LEN]).map_err(|_| Damaged)?;
    let (text, tag) = sealed[NONCE_LEN..].split_at(length);
    let mut plain = vec![0; length];
    key.open_separate_gather(nonce, Aad::from(context), text, tag, &mut plain).map_err(|_| Damaged)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use acre_wire::digest::Algorithm;
    use proptest::prelude::*;

    fn key(id: u8) -> ObjectKey {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&[7; 32]);
        ObjectKey::derive(&secret, ObjectId([id; 16])).unwrap()
    }

    #[test]
    fn lengths_at_the_edges() {
        let plain = SEGMENT_PLAIN as u64;
        assert_eq!(SEGMENT_PLAIN, 65_508);
        for (length, sealed) in
            [(0, 28), (1, 29), (plain - 1, 65_535), (plain, 65_536), (plain + 1, 65_536 + 29)]
        {
            assert_eq!(sealed_length(length), sealed, "{length}");
        }
        assert_eq!(sealed_length(2 * plain), 131_072);
    }

    #[test]
    fn a_binding_holds_object_digest_and_length() {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let binding = key(1).bind(&digest, 1);
        assert_eq!(key(1).check(&digest, 1, &binding), Ok(()));
        assert_eq!(key(2).check(&digest, 1, &binding), Err(Damaged));
        assert_eq!(key(1).check(&digest, 2, &binding), Err(Damaged));
        assert_eq!(key(1).check(&Digest::of(Algorithm::Sha256, b"y"), 1, &binding), Err(Damaged));
        assert_eq!(key(1).check(&digest, 1, &binding[1..]), Err(Damaged));
    }

    proptest! {
        #[test]
        fn sealed_text_opens_only_as_it_was_sealed(plain: Vec<u8>, context: Vec<u8>, flip: prop::sample::Index) {
            let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&[7; 32]);
            let text_key = LessSafeKey::new(UnboundKey::from(secret.expand(&[b"t"], &AES_256_GCM).unwrap()));
            let mut sealed = seal_text(&text_key, &context, &plain).unwrap();
            prop_assert_eq!(open_text(&text_key, &context, &sealed), Ok(plain));
            let at = flip.index(sealed.len());
            sealed[at] ^= 1;
            prop_assert_eq!(open_text(&text_key, &context, &sealed), Err(Damaged));
            prop_assert_eq!(open_text(&text_key, &context, &sealed[..at]), Err(Damaged));
        }

        #[test]
        fn a_segment_opens_only_where_it_was_sealed(plain: Vec<u8>, number: u64, flip: prop::sample::Index) {
            let mut segment = vec![0; plain.len() + OVERHEAD];
            segment[NONCE_LEN..NONCE_LEN + plain.len()].copy_from_slice(&plain);
            key(1).seal(number, &mut segment).unwrap();
            let mut out = vec![0; plain.len()];
            prop_assert_eq!(key(1).open(number, &segment, &mut out), Ok(()));
            prop_assert_eq!(&out, &plain);
            prop_assert_eq!(key(1).open(number ^ 1, &segment, &mut out), Err(Damaged));
            prop_assert_eq!(key(2).open(number, &segment, &mut out), Err(Damaged));
            let at = flip.index(segment.len());
            segment[at] ^= 0x80;
            prop_assert_eq!(key(1).open(number, &segment, &mut out), Err(Damaged));
            prop_assert_eq!(key(1).open_segment(number, &segment[..at]), Err(Damaged));
        }
    }
}
