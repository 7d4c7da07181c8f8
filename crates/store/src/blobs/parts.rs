//! What the control plane demands of an upload: parts of a least size, and one of several digests (spec/ecr.md 2.5, 2.57).

use super::upload::UploadError;
use acre_wire::digest::{Algorithm, Digest};

/// Parts of one upload.
const MOST: u32 = 4_200;
/// Bytes of each part but the last.
const LEAST: u64 = 5 << 20;

/// The parts that an upload was given so far, judged when it is ended. What came as the data plane's chunks is no part.
/// They live in memory: after a restart the parts before it are taken as good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    count: u32,
    last: u64,
    /// Whether one that is not the last is too small.
    is_small: bool,
}

impl Parts {
    /// Whether one more may come.
    pub(super) fn check_count(self) -> Result<(), UploadError> {
        if self.count >= MOST { Err(UploadError::TooManyParts) } else { Ok(()) }
    }

    /// Notes a part of that many bytes.
    pub(super) fn add(&mut self, length: u64) {
        self.is_small |= self.count > 0 && self.last < LEAST;
        self.last = length;
        self.count += 1;
    }

    /// Whether an upload of `length` bytes may end with them.
    pub(super) fn judge(self, length: u64) -> Result<(), UploadError> {
        match (length, self.is_small) {
            (0, _) => Err(UploadError::Empty),
            (_, true) => Err(UploadError::PartTooSmall),
            _ => Ok(()),
        }
    }
}

/// What an upload must be when it is ended.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub(super) algorithm: Algorithm,
    pub(super) by_parts: bool,
    digests: Vec<Digest>,
}

impl Wanted {
    /// Its parts are such as the control plane takes, and its bytes hash to one of these digests of that algorithm.
    pub fn by_parts(algorithm: Algorithm, digests: Vec<Digest>) -> Self {
        Self { algorithm, by_parts: true, digests }
    }

    /// Whether bytes that hash to this may be the upload's.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}

impl From<Digest> for Wanted {
    /// Its bytes hash to this, however they came.
    fn from(digest: Digest) -> Self {
        Self { algorithm: digest.algorithm(), by_parts: false, digests: vec![digest] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_judged_at_the_end() {
        let judged = |lengths: &[u64]| {
            let mut parts = Parts::default();
            for length in lengths {
                parts.check_count().unwrap();
                parts.add(*length);
            }
            parts.judge(lengths.iter().sum())
        };
        assert!(matches!(judged(&[]), Err(UploadError::Empty)));
        for good in [&[1][..], &[LEAST, 1], &[LEAST, LEAST + 1, 7]] {
            assert!(judged(good).is_ok(), "{good:?}");
        }
        for bad in [&[LEAST - 1, 1][..], &[LEAST, 1, LEAST], &[1, 1]] {
            assert!(matches!(judged(bad), Err(UploadError::PartTooSmall)), "{bad:?}");
        }
        assert!(Parts::default().judge(1).is_ok(), "all of it came as chunks");
        let mut parts = Parts::default();
        for _ in 0..MOST {
            parts.check_count().unwrap();
            parts.add(LEAST);
        }
        assert!(matches!(parts.check_count(), Err(UploadError::TooManyParts)));
    }
}
