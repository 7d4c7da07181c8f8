//! Blobs on disk (DESIGN 7, 8): uploads that grow, objects that stand, ranges that are read.
//!
//! `uploads/<session>` with a sealed `.head` beside it (and a `.tail` while a short segment is overwritten) is an upload;
//! `objects/xx/<object id>` is a finished object. The seam is start, append, status, finish, abort by upload id: callers
//! never see which of the two worlds, memory or disk, an upload is in.

mod body;
mod parts;
mod pool;
mod read;
mod recovery;
mod segments;
mod session;
mod settling;
#[cfg(test)]
mod suite;
pub(crate) mod sweep;
mod upload;

pub use body::{Source, SourceError};
pub use parts::Wanted;
pub use read::Reader;
pub use session::{Finished, Owner};
pub(crate) use upload::Finish;
pub use upload::{Expect, Target, UploadError};

use crate::catalogue::blobs::Blob;
use crate::durable;
use crate::error::Error;
use crate::keys::KeyVersion;
use crate::seal::SEGMENT_PLAIN;
use bytes::Bytes;
use pool::Pool;
use session::object_path;
use std::ops::Range;
use std::path::{Path, PathBuf};
use upload::Uploads;

/// Upload bodies that are written at the same time; further ones wait for a buffer.
const WRITERS: usize = 32;
/// Parts of pulls that are in memory at the same time beyond one segment a client.
const READERS: usize = 64;

/// All blobs of a data folder.
#[derive(Debug)]
pub struct Blobs {
    objects: PathBuf,
    data: PathBuf,
    reads: Pool,
    /// The uploads that are open.
    pub(crate) uploads: Uploads,
}

impl Blobs {
    /// Makes the folders of a first start, names made durable before anything is put into them.
    pub(crate) fn open(data: &Path) -> Result<Self, Error> {
        let objects = data.join("objects");
        let uploads = data.join("uploads");
        durable::make_folder(&objects)?;
        durable::make_folder(&uploads)?;
        // Made and synced at every start: a power cut during the first one may have kept any of these names.
        for byte in 0..=255_u8 {
            durable::make_folder(&objects.join(format!("{byte:02x}")))?;
        }
        durable::sync_folder(&objects)?;
        let uploads = Uploads::new(uploads, objects.clone(), Pool::new(WRITERS));
        Ok(Self { objects, data: data.to_path_buf(), reads: Pool::new(READERS), uploads })
    }

    /// Opens a range of an object. `sealed` is the content of an inline one. Row and object are checked against each other
    /// before the first byte.
    pub async fn read(
        &self,
        blob: &Blob,
        version: &KeyVersion,
        sealed: Option<Vec<u8>>,
        range: Range<u64>,
    ) -> Result<Content, Error> {
        let damaged = || Error::Damaged(format!("object {}", blob.object));
        let key = version.object(blob.object)?;
        key.check(&blob.digest, blob.size, &blob.binding).map_err(|_| damaged())?;
        if let Some(sealed) = sealed {
            let plain = Bytes::from(key.open_segment(0, &sealed).map_err(|_| damaged())?);
            let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
            return match (start, end) {
                (Ok(start), Ok(end))
                    if plain.len() as u64 == blob.size && start <= end && end <= plain.len() =>
                {
                    Ok(Content::Whole(plain.slice(start..end)))
                }
                _ => Err(damaged()),
            };
        }
        if blob.inline || range.end > blob.size || range.start > range.end {
            return Err(damaged());
        }
        let path = object_path(&self.objects, blob.object);
        Ok(Content::Stream(Reader::open(&path, key, blob.size, range, self.reads.clone()).await?))
    }

    /// Fails with [`Error::Full`] when the disk has less than its reserve left: the catalogue must still be able to record
    /// deletions.
    pub fn check_reserve(&self) -> Result<(), Error> {
        let disk = self.disk()?;
        if disk.free < disk.reserve { Err(Error::Full) } else { Ok(()) }
    }

    /// The disk that holds the data folder.
    pub(crate) fn disk(&self) -> Result<Disk, Error> {
        let disk = rustix::fs::statvfs(&self.data).map_err(|error| Error::io(&self.data, error.into()))?;
        let size = disk.f_blocks.saturating_mul(disk.f_frsize);
        Ok(Disk {
            size,
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            reserve: (size / 100).max(1 << 30),
        })
    }

    /// How many buffers are free: of uploads, and of pulls.
    pub(crate) fn buffers_free(&self) -> (u64, u64) {
        (self.uploads.pool.free(), self.reads.free())
    }
}

/// A disk, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    pub(crate) size: u64,
    pub(crate) free: u64,
    /// What must stay free: max(1 GiB, 1 %).
    pub(crate) reserve: u64,
}

/// A range of a blob.
#[derive(Debug)]
pub enum Content {
    /// All of it at once: it was small.
    Whole(Bytes),
    /// Frame by frame.
    Stream(Reader),
}

/// Whether bytes of that length live inside the catalogue.
pub fn is_inline(length: u64) -> bool {
    length <= SEGMENT_PLAIN as u64
}
