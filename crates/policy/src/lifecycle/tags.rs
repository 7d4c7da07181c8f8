//! Tags against the lists of a whole policy, one tag at a time, nothing kept of them (spec/ecr.md 4.2); and the tags by
//! which clients attach an image to another (spec/oci.md 13.5, 13.6).

use super::document::{Rule, StorageClass, Tags};
use crate::pattern::Pattern;
use acre_wire::digest::{Algorithm, Digest};
use std::ops::Range;

/// The lists of a policy's rules. It looks at one image at a time.
pub(super) struct Matcher {
    rules: Vec<(StorageClass, Wanted)>,
    entries: Vec<Pattern>,
    /// The image that met an entry last; so nothing has to be cleared between two images.
    met_by: Vec<u32>,
}

enum Wanted {
    Untagged,
    Any,
    /// Every one of these entries.
    All(Range<usize>),
}

impl Matcher {
    /// For rules in the order of their priority: bit n of a mask is the n-th of them.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut entries = Vec::new();
        let mut add = |list: &[String], entry: fn(&str) -> Pattern| {
            let start = entries.len();
            entries.extend(list.iter().map(|text| entry(text)));
            Wanted::All(start..entries.len())
        };
        let rules = rules
            .map(|rule| {
                let wanted = match &rule.selection.tags {
                    Tags::Untagged => Wanted::Untagged,
                    Tags::Any => Wanted::Any,
                    Tags::Prefixes(list) => add(list, Pattern::prefix),
                    Tags::Patterns(list) => add(list, Pattern::new),
                };
                (rule.selection.storage_class, wanted)
            })
            .collect();
        let met_by = vec![u32::MAX; entries.len()];
        Self { rules, entries, met_by }
    }

    /// Whether any rule asks for the names of tags.
    pub(super) fn reads_names(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Looks at a tag of `image`; the tags of two images are never mixed. No image is `u32::MAX`.
    pub(super) fn see(&mut self, image: u32, tag: &str) {
        for (entry, met_by) in self.entries.iter().zip(&mut self.met_by) {
            if *met_by != image && entry.matches(tag) {
                *met_by = image;
            }
        }
    }

    /// The rules that `image`, all of whose tags were seen, is about.
    pub(super) fn matched(&self, image: u32, is_tagged: bool, class: StorageClass) -> u64 {
        let mut mask = 0;
        for (index, (of_class, wanted)) in self.rules.iter().enumerate() {
            let wants = match wanted {
                Wanted::Any => true,
                Wanted::Untagged => !is_tagged,
                Wanted::All(entries) => {
                    is_tagged
                        && self
                            .met_by
                            .get(entries.clone())
                            .is_some_and(|all| all.iter().all(|by| *by == image))
                }
            };
            mask |= u64::from(wants && *of_class == class) << index;
        }
        mask
    }
}

/// What names an image to those that are attached to it: the algorithm's byte and the first 32 bytes of the hash
/// ([`Digest::to_bytes`]). That is the whole of a SHA-256; of a SHA-512 the fallback tag has no more.
pub(super) type Key = [u8; 33];

/// The key of a digest.
pub(super) fn key(digest: &Digest) -> Key {
    let mut key = [0; 33];
    key[0] = match digest.algorithm() {
        Algorithm::Sha256 => SHA_256,
        Algorithm::Sha512 => SHA_512,
    };
    if let Some(hash) = digest.hash().first_chunk::<32>() {
        key[1..].copy_from_slice(hash);
    }
    key
}

/// The subject of an image that is attached by this tag: cosign's `sha256-<hex>.sig`, `.att` and `.sbom`, and the
/// index `sha256-<hex>` that clients keep where a registry does not serve referrers.
pub(super) fn subject(tag: &str) -> Option<Key> {
    let (name, rest) = tag.split_once('-')?;
    let algorithm = Algorithm::from_name(name)?;
    let (hex, suffix) = rest.split_at_checked(64)?;
    let mut key = key(&Digest::parse(&format!("sha256:{hex}")).ok()?);
    match (algorithm, suffix) {
        (Algorithm::Sha256, "" | ".sig" | ".att" | ".sbom") => Some(key),
        (Algorithm::Sha512, "") => {
            key[0] = SHA_512;
            Some(key)
        }
        _ => None,
    }
}

const SHA_256: u8 = 1;

/// The first byte of a SHA-512 key.
pub(super) const SHA_512: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attached_by_tag() {
        let digest = Digest::of(Algorithm::Sha256, b"subject");
        assert_eq!(key(&digest)[..], digest.to_bytes());
        let hex = acre_wire::digest::hex(digest.hash());
        for suffix in ["", ".sig", ".att", ".sbom"] {
            assert_eq!(subject(&format!("sha256-{hex}{suffix}")), Some(key(&digest)), "{suffix}");
        }
        for tag in [
            format!("sha256-{hex}.txt"),
            format!("sha256-{hex}-1.sig"),
            format!("sha256:{hex}"),
            format!("sha1-{hex}.sig"),
            format!("sha256-{}", hex.to_uppercase()),
            format!("sha256-{}", hex.get(1..).unwrap()),
            format!("sha256-{}é", hex.get(1..).unwrap()),
            format!("sha512-{hex}.sig"),
            "sha256-".into(),
            "latest".into(),
        ] {
            assert_eq!(subject(&tag), None, "{tag}");
        }
        let digest = Digest::of(Algorithm::Sha512, b"subject");
        assert_eq!(key(&digest)[..], digest.to_bytes()[..33]);
        let hex = acre_wire::digest::hex(digest.hash());
        assert_eq!(subject(&format!("sha512-{}", hex.get(..64).unwrap())), Some(key(&digest)));
    }
}
