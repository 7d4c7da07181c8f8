//! Digests (spec/oci.md 1.1): `sha256:` and 64, or `sha512:` and 128, lower-case hex digits; nothing else is a digest.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;

/// The hash algorithms that a digest may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, 32 bytes: what every client uses unless told otherwise.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// The registered name, as it stands before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes a hash has.
    pub fn hash_length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The algorithm of that registered name, if it is one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// A well-formed digest: an algorithm and a hash of its length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    hash: [u8; 64],
}

/// The text is no digest of a known algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is sha256: and 64, or sha512: and 128, lower-case hex digits")]
pub struct InvalidDigest;

impl Digest {
    /// Reads `algorithm:hex`; upper-case hex, other lengths and other algorithms are refused.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let (name, hex) = text.split_once(':').ok_or(InvalidDigest)?;
        let algorithm = Algorithm::from_name(name).ok_or(InvalidDigest)?;
        if hex.len() != algorithm.hash_length() * 2 {
            return Err(InvalidDigest);
        }
        let mut hash = [0; 64];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]).ok_or(InvalidDigest)? << 4 | nibble(pair[1]).ok_or(InvalidDigest)?;
        }
        Ok(Self { algorithm, hash })
    }

    /// The digest of `bytes` under `algorithm`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Which hash this is.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw hash, as long as the algorithm says.
    pub fn hash(&self) -> &[u8] {
        &self.hash[..self.algorithm.hash_length()]
    }

    /// The form in which digests are stored: one byte for the algorithm (1 or 2), then the raw hash.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.algorithm.hash_length());
        bytes.push(match self.algorithm {
            Algorithm::Sha256 => 1,
            Algorithm::Sha512 => 2,
        });
        bytes.extend_from_slice(self.hash());
        bytes
    }

    /// The inverse of [`Digest::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        let (kind, raw) = bytes.split_first().ok_or(InvalidDigest)?;
        let algorithm = match kind {
            1 => Algorithm::Sha256,
            2 => Algorithm::Sha512,
            _ => return Err(InvalidDigest),
        };
        if raw.len() != algorithm.hash_length() {
            return Err(InvalidDigest);
        }
        let mut hash = [0; 64];
        hash[..raw.len()].copy_from_slice(raw);
        Ok(Self { algorithm, hash })
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Lower-case hex of any bytes.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [char::from(DIGITS[usize::from(byte >> 4)]), char::from(DIGITS[usize::from(byte & 15)])]
        })
        .collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), hex(self.hash()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        Self::parse(text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A hash that is fed as bytes pass by.
#[derive(Clone)]
pub enum Hasher {
    /// Running SHA-256.
    Sha256(sha2::Sha256),
    /// Running SHA-512.
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// A hash of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    /// Which hash this is.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of all that was added.
    pub fn finish(self) -> Digest {
        let mut hash = [0; 64];
        let algorithm = self.algorithm();
        match self {
            Self::Sha256(running) => hash[..32].copy_from_slice(&running.finalize()),
            Self::Sha512(running) => hash.copy_from_slice(&running.finalize()),
        }
        Digest { algorithm, hash }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm().name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing() {
        assert_eq!(Digest::of(Algorithm::Sha256, b"").to_string(), EMPTY);
        let sha512 = Digest::of(Algorithm::Sha512, b"").to_string();
        assert!(sha512.starts_with("sha512:cf83e135") && sha512.ends_with("da3e"), "{sha512}");
    }

    #[test]
    fn text_and_bytes_round_trip() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"acre");
            assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
            assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        }
    }

    #[test]
    fn refused() {
        let upper = EMPTY.to_uppercase();
        let long = format!("{EMPTY}0");
        let wide = format!("sha256:{}", "é".repeat(32));
        for text in [
            "",
            ":",
            "sha256",
            "sha256:",
            "sha256:baddigeststring",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &upper,
            &long,
            &EMPTY[..70],
            &wide,
            &EMPTY.replace('e', "E"),
        ] {
            assert_eq!(Digest::parse(text), Err(InvalidDigest), "{text}");
        }
        assert_eq!(Digest::from_bytes(&[]), Err(InvalidDigest));
        assert_eq!(Digest::from_bytes(&[3; 33]), Err(InvalidDigest));
        assert_eq!(Digest::from_bytes(&[1; 65]), Err(InvalidDigest));
    }
}
