//! Writing an upload's segments: hash, seal, write, start writeback behind the head. Blocking: runs on one thread a
//! body while its bytes flow.

use super::pool::{BUFFER, Buffer};
use super::session::{Files, State, Stored};
use crate::error::Error;
use crate::seal::{OVERHEAD, ObjectKey, SEGMENT, SEGMENT_PLAIN};
use acre_wire::digest::{Algorithm, Digest, Hasher};
use rustix::fs::{Advice, fadvise};
use std::fs::{File, OpenOptions};
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

/// Writeback is started each time this much has been written: the sync at the end then has little left to do.
const WRITEBACK: u64 = 8 << 20;
/// Bytes of a segment before its text.
pub(super) const NONCE: usize = 12;

/// The open file of an upload, and the segments that are not written yet.
pub(super) struct SegmentWriter<'a> {
    state: &'a mut State,
    key: &'a ObjectKey,
    files: &'a Files,
    buffer: &'a mut Buffer,
    file: File,
    /// Number of the buffer's first segment.
    first: u64,
    /// Bytes of whole sealed segments in the buffer.
    sealed: usize,
    /// Bytes of plaintext in the segment behind them.
    plain: usize,
    /// Up to here writeback was started.
    behind: u64,
}

impl<'a> SegmentWriter<'a> {
    /// Goes on where the upload stands. The bytes of a short last segment, on disk or in memory, move into the buffer; where
    /// they stood on disk is about to be overwritten, so a copy of that segment is kept beside the file until the upload
    /// ends: a kill in the middle of the overwriting loses nothing that was acknowledged.
    pub(super) fn resume(
        state: &'a mut State,
        key: &'a ObjectKey,
        files: &'a Files,
        buffer: &'a mut Buffer,
    ) -> Result<Self, Error> {
        let (file, first, plain) = match state.stored {
            None => {
                files.write_head()?;
                let path = &files.data;
                let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
                let file = file.map_err(|source| Error::io(path, source))?;
                (file, 0, 0)
            }
            Some(stored) => {
                let path = &files.data;
                let file = OpenOptions::new().read(true).write(true).open(path);
                let file = file.map_err(|source| Error::io(path, source))?;
                if stored.tail > 0 {
                    let mut short = vec![0; stored.tail + OVERHEAD];
                    let at = stored.segments * SEGMENT as u64;
                    file.read_exact_at(&mut short, at).map_err(|source| Error::io(path, source))?;
                    std::fs::write(&files.tail, &short).map_err(|source| Error::io(&files.tail, source))?;
                    key.open(stored.segments, &short, &mut buffer[NONCE..NONCE + stored.tail])?;
                }
                (file, stored.segments, stored.tail)
            }
        };
        let tail = std::mem::take(&mut state.tail);
        buffer[NONCE + plain..NONCE + plain + tail.len()].copy_from_slice(&tail);
        let plain = plain + tail.len();
        // From a round place on, so that short turns come to it too.
        let behind = first * SEGMENT as u64 / WRITEBACK * WRITEBACK;
        Ok(Self { state, key, files, buffer, file, first, sealed: 0, plain, behind })
    }

    /// Takes the next bytes of the body.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.state.hasher.update(bytes);
        self.state.offset += bytes.len() as u64;
        while !bytes.is_empty() {
            let at = self.sealed + NONCE + self.plain;
            let (now, later) = bytes.split_at(bytes.len().min(SEGMENT_PLAIN - self.plain));
            self.buffer[at..at + now.len()].copy_from_slice(now);
            self.plain += now.len();
            bytes = later;
            if self.plain == SEGMENT_PLAIN {
                self.seal()?;
                if self.sealed == BUFFER {
                    self.write()?;
                }
            }
        }
        Ok(())
    }

    /// The request ends, the upload does not: its last bytes are sealed as a short segment, so that nothing of it stays
    /// in memory. Power cut from here on: whatever of the file is not on disk is not reported by the next status.
    pub(super) fn pause(mut self) -> Result<(), Error> {
        let stored = self.flush()?;
        self.state.stored = Some(stored);
        Ok(())
    }

    /// The body goes on, at another time: its whole segments are written, the bytes behind them go back to memory.
    pub(super) fn rest(mut self) -> Result<(), Error> {
        let at = self.sealed + NONCE;
        self.state.tail = self.buffer[at..at + self.plain].to_vec();
        let segments = self.first + (self.sealed / SEGMENT) as u64;
        self.write()?;
        self.state.stored = Some(Stored { segments, tail: 0 });
        Ok(())
    }

    /// The upload ends with this body: everything is written, the digest known. Nothing is synced yet.
    pub(super) fn end(mut self, algorithm: Algorithm) -> Result<(File, Digest), Error> {
        let stored = self.flush()?;
        self.state.stored = Some(stored);
        let digest = conclude(self.state, &self.file, self.key, self.buffer, algorithm)?;
        Ok((self.file, digest))
    }

    fn flush(&mut self) -> Result<Stored, Error> {
        // A last segment that is full (an upload of exactly one that is moved from memory) is a whole one.
        let short = self.plain % SEGMENT_PLAIN;
        if self.plain > 0 {
            self.seal()?;
        }
        let segments = self.first + (self.sealed / SEGMENT) as u64;
        self.write()?;
        Ok(Stored { segments, tail: short })
    }

    fn seal(&mut self) -> Result<(), Error> {
        let end = self.sealed + self.plain + OVERHEAD;
        let number = self.first + (self.sealed / SEGMENT) as u64;
        self.key.seal(number, &mut self.buffer[self.sealed..end])?;
        self.sealed = end;
        self.plain = 0;
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        let at = self.first * SEGMENT as u64;
        let wrote = self.file.write_all_at(&self.buffer[..self.sealed], at);
        wrote.map_err(|source| Error::io(&self.files.data, source))?;
        let end = at + self.sealed as u64;
        self.first += (self.sealed / SEGMENT) as u64;
        self.sealed = 0;
        if let Some(length) = NonZeroU64::new(end - self.behind).filter(|length| length.get() >= WRITEBACK) {
            // Advice only: it starts writing dirty pages out, which the sync at the end would else wait for.
            let _ = fadvise(&self.file, self.behind, Some(length), Advice::DontNeed);
            self.behind = end;
        }
        Ok(())
    }
}

/// The upload ends without further bytes than those in memory: its file, and what it hashes to.
pub(super) fn end_stored(
    state: &mut State,
    key: &ObjectKey,
    files: &Files,
    buffer: &mut Buffer,
    algorithm: Algorithm,
) -> Result<(File, Digest), Error> {
    if !state.tail.is_empty() {
        return SegmentWriter::resume(state, key, files, buffer)?.end(algorithm);
    }
    let file = File::open(&files.data).map_err(|source| Error::io(&files.data, source))?;
    let digest = conclude(state, &file, key, buffer, algorithm)?;
    Ok((file, digest))
}

/// The digest of a file that is all written. If only the finish named the algorithm, what was stored is read once more.
fn conclude(
    state: &mut State,
    file: &File,
    key: &ObjectKey,
    buffer: &mut Buffer,
    algorithm: Algorithm,
) -> Result<Digest, Error> {
    let running = std::mem::replace(&mut state.hasher, Hasher::new(algorithm));
    if running.algorithm() == algorithm {
        return Ok(running.finish());
    }
    let mut hasher = Hasher::new(algorithm);
    let found = replay(file, key, buffer, |bytes| hasher.update(bytes))?;
    if Some(found) != state.stored {
        return Err(Error::Damaged(format!("the upload of object {}", key.id())));
    }
    Ok(hasher.finish())
}

/// Opens the segments of an upload's file one after the other, gives their plaintext to `take`, and answers how far they
/// are whole. Stops at the first that does not open.
pub(super) fn replay(
    file: &File,
    key: &ObjectKey,
    buffer: &mut Buffer,
    mut take: impl FnMut(&[u8]),
) -> Result<Stored, Error> {
    let length = file.metadata().map_err(|source| Error::io(std::path::Path::new("uploads"), source))?.len();
    let mut stored = Stored { segments: 0, tail: 0 };
    loop {
        let at = stored.segments * SEGMENT as u64;
        let held = usize::try_from(length.saturating_sub(at)).unwrap_or(SEGMENT).min(SEGMENT);
        if held <= OVERHEAD || file.read_exact_at(&mut buffer[..held], at).is_err() {
            return Ok(stored);
        }
        let Ok(start) = key.open_in_place(stored.segments, &mut buffer[..held]) else { return Ok(stored) };
        take(&buffer[start..start + held - OVERHEAD]);
        if held < SEGMENT {
            stored.tail = held - OVERHEAD;
            return Ok(stored);
        }
        stored.segments += 1;
    }
}
