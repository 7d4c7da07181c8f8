//! Back to what is known to be there: after a restart, and after a body that was not as long as its request said.

use super::pool::Buffer;
use super::segments::{NONCE, replay};
use super::session::{Files, State, Stored, remove};
use crate::durable;
use crate::error::Error;
use crate::seal::{OVERHEAD, ObjectKey, SEGMENT, SEGMENT_PLAIN};
use acre_wire::digest::Hasher;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

/// Reads what an earlier process left of an upload, verifies and hashes it, and cuts off what is not whole.
pub(super) fn recover(
    state: &mut State,
    key: &ObjectKey,
    files: &Files,
    buffer: &mut Buffer,
) -> Result<(), Error> {
    let path = &files.data;
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(|source| Error::io(path, source))?;
    let hasher = &mut state.hasher;
    let mut stored = replay(&file, key, buffer, |bytes| hasher.update(bytes))?;
    if stored.tail == 0
        && let Ok(short) = std::fs::read(&files.tail)
        && let Ok(plain) = key.open_segment(stored.segments, &short)
    {
        // The process was killed while it overwrote its short segment: the copy beside the file has it.
        let at = stored.segments * SEGMENT as u64;
        file.write_all_at(&short, at).map_err(|source| Error::io(path, source))?;
        hasher.update(&plain);
        stored.tail = plain.len();
    }
    state.offset = stored.segments * SEGMENT_PLAIN as u64 + stored.tail as u64;
    if state.offset == 0 {
        // Nothing is left: it goes on in memory, as an upload without bytes does. (An empty file is no sealed nothing.)
        files.remove();
        return Ok(());
    }
    let short = if stored.tail > 0 { (stored.tail + OVERHEAD) as u64 } else { 0 };
    file.set_len(stored.segments * SEGMENT as u64 + short).map_err(|source| Error::io(path, source))?;
    // The finish may sync what this process never wrote.
    durable::write_anew(&file).map_err(|source| Error::io(path, source))?;
    state.stored = Some(stored);
    Ok(())
}

/// Where an upload stood before a request, so that a body of the wrong length can be undone.
pub(super) struct Snapshot {
    pub(super) offset: u64,
    hasher: Hasher,
    stored: Option<Stored>,
    tail: Vec<u8>,
}

impl Snapshot {
    /// `undoable`: whether the request may have to be undone, so that what is in memory must be kept.
    pub(super) fn of(state: &State, undoable: bool) -> Self {
        let tail = if undoable { state.tail.clone() } else { Vec::new() };
        Self { offset: state.offset, hasher: state.hasher.clone(), stored: state.stored, tail }
    }

    /// Puts the upload back. After an error it is in no known state and must end.
    pub(super) fn restore(self, state: &mut State, key: &ObjectKey, files: &Files) -> Result<(), Error> {
        if state.offset == self.offset {
            return Ok(());
        }
        match (self.stored, state.stored) {
            (None, None) => {}
            (None, Some(_)) => files.remove(),
            (Some(stored), _) => shorten(key, files, stored)?,
        }
        state.offset = self.offset;
        state.hasher = self.hasher;
        state.stored = self.stored;
        state.tail = self.tail;
        Ok(())
    }
}

/// Cuts an upload's file back to `stored`. A short last segment is sealed anew from what the file holds there by now;
/// its copy beside the file comes first, so that a kill in the middle loses nothing that was acknowledged. The copy that
/// stood there may hold bytes that are undone now: it must not outlive them.
fn shorten(key: &ObjectKey, files: &Files, stored: Stored) -> Result<(), Error> {
    let path = &files.data;
    let failed = |source| Error::io(path, source);
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    let at = stored.segments * SEGMENT as u64;
    if stored.tail == 0 {
        remove(&files.tail);
        return file.set_len(at).map_err(failed);
    }
    let short = cut(&file, key, stored).map_err(failed)??;
    std::fs::write(&files.tail, &short).map_err(|source| Error::io(&files.tail, source))?;
    file.set_len(at).and_then(|()| file.write_all_at(&short, at)).map_err(failed)
}

/// The first `stored.tail` bytes of the segment behind the whole ones, sealed as a short segment.
fn cut(file: &File, key: &ObjectKey, stored: Stored) -> std::io::Result<Result<Vec<u8>, Error>> {
    let at = stored.segments * SEGMENT as u64;
    let held = usize::try_from(file.metadata()?.len().saturating_sub(at)).unwrap_or(SEGMENT).min(SEGMENT);
    let mut segment = vec![0; held];
    file.read_exact_at(&mut segment, at)?;
    Ok(reseal(key, stored, &segment))
}

fn reseal(key: &ObjectKey, stored: Stored, segment: &[u8]) -> Result<Vec<u8>, Error> {
    let plain = key.open_segment(stored.segments, segment)?;
    let kept = plain.get(..stored.tail).ok_or(crate::seal::Damaged)?;
    let mut short = vec![0; stored.tail + OVERHEAD];
    short[NONCE..NONCE + stored.tail].copy_from_slice(kept);
    key.seal(stored.segments, &mut short)?;
    Ok(short)
}
