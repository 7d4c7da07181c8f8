//! Reading objects back: any range, segment by segment, never a byte that its seal does not vouch for.

use super::pool::{BUFFER, Buffer, Pool};
use crate::error::Error;
use crate::seal::{OVERHEAD, ObjectKey, SEGMENT, SEGMENT_PLAIN, sealed_length};
use bytes::Bytes;
use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// The plaintext of a range, in order, as frames of at most one segment.
///
/// A part of up to eight segments is read ahead on a blocking thread while the one before is sent; a client that does
/// not take its frames holds these parts, and no thread. When the pool is empty, parts are single segments, and of
/// those no more than two are there at a time, wherever: whoever gets a frame must let go of it, or gets no third one.
#[derive(Debug)]
pub struct Reader {
    object: Arc<Object>,
    pool: Pool,
    /// What no part was asked for yet.
    rest: Range<u64>,
    part: Option<JoinHandle<Result<Vec<Bytes>, Error>>>,
    frames: VecDeque<Bytes>,
    /// The right to have a single segment in memory.
    singles: Arc<Semaphore>,
}

/// Single segments of one reader in memory: one on its way, one read ahead.
const SINGLES: usize = 2;

/// Where a part lies in memory.
enum Room {
    /// Up to eight segments.
    Pooled(Buffer),
    /// One segment.
    Single(OwnedSemaphorePermit),
}

/// A segment that is no buffer of the pool's.
struct Single {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Single {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug)]
struct Object {
    file: File,
    key: ObjectKey,
    length: u64,
}

impl Reader {
    /// Opens the object file of `length` bytes of plaintext for `range`, and reads the first part: damage at the start is
    /// found before anything is answered.
    pub(super) async fn open(
        path: &Path,
        key: ObjectKey,
        length: u64,
        range: Range<u64>,
        pool: Pool,
    ) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::Damaged(format!("object {} is missing", key.id())),
            _ => Error::io(path, error),
        })?;
        let stored = file.metadata().map_err(|error| Error::io(path, error))?.len();
        if stored != sealed_length(length) {
            return Err(Error::Damaged(format!("object {} has {stored} bytes on disk", key.id())));
        }
        let object = Arc::new(Object { file, key, length });
        let singles = Arc::new(Semaphore::new(SINGLES));
        let mut reader = Self { object, pool, rest: range, part: None, frames: VecDeque::new(), singles };
        let (plan, buffer) = reader.plan();
        let room = match buffer {
            Some(buffer) => Room::Pooled(buffer),
            None => Room::Single(Arc::clone(&reader.singles).try_acquire_owned().map_err(|_| Error::Closed)?),
        };
        // A short range is opened here: a hop to another thread would cost more than the work.
        let first = if plan.end - plan.start <= SEGMENT_PLAIN as u64 {
            reader.object.read(plan, room)
        } else {
            let object = Arc::clone(&reader.object);
            tokio::task::spawn_blocking(move || object.read(plan, room)).await.map_err(|_| Error::Closed)?
        };
        reader.frames = first?.into();
        reader.read_ahead();
        Ok(reader)
    }

    /// The next frame; None after the last. An error ends the stream: what was sent before it is right, but not all.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            let Some(part) = &mut self.part else { return Poll::Ready(None) };
            let outcome = match Pin::new(part).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcome,
            };
            self.part = None;
            match outcome.map_err(|_| Error::Closed).and_then(|part| part) {
                Ok(frames) => {
                    self.frames = frames.into();
                    self.read_ahead();
                }
                Err(error) => {
                    self.rest = 0..0;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// Goes on with another range of the same object, once the one before has ended. What lies behind the object's end is
    /// not there: the stream ends before it.
    pub fn turn_to(&mut self, range: Range<u64>) {
        let length = self.object.length;
        self.rest = range.start.min(length)..range.end.min(length);
        if let Some(part) = self.part.take() {
            part.abort();
        }
        self.frames.clear();
        self.read_ahead();
    }

    fn read_ahead(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let (plan, buffer) = self.plan();
        let object = Arc::clone(&self.object);
        let room = match buffer {
            Some(buffer) => Some(Room::Pooled(buffer)),
            None => Arc::clone(&self.singles).try_acquire_owned().ok().map(Room::Single),
        };
        self.part = Some(if let Some(room) = room {
            tokio::task::spawn_blocking(move || object.read(plan, room))
        } else {
            let singles = Arc::clone(&self.singles);
            tokio::spawn(async move {
                let permit = singles.acquire_owned().await.map_err(|_| Error::Closed)?;
                let read = tokio::task::spawn_blocking(move || object.read(plan, Room::Single(permit)));
                read.await.map_err(|_| Error::Closed)?
            })
        });
    }

    /// The next part, up to a segment's edge, and the buffer for it.
    fn plan(&mut self) -> (Range<u64>, Option<Buffer>) {
        let small = self.rest.end - self.rest.start <= SEGMENT_PLAIN as u64;
        let buffer = if small { None } else { self.pool.try_take() };
        let segments = if buffer.is_some() { (BUFFER / SEGMENT) as u64 } else { 1 };
        let edge = (self.rest.start / SEGMENT_PLAIN as u64 + segments) * SEGMENT_PLAIN as u64;
        let plan = self.rest.start..edge.min(self.rest.end);
        self.rest.start = plan.end;
        (plan, buffer)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It may be waiting for frames that are never let go of.
        if let Some(part) = &self.part {
            part.abort();
        }
    }
}

impl Object {
    /// Reads and opens the segments that hold `range`. Frames are slices of one buffer, which is free again when the last
    /// of them was sent.
    fn read(&self, range: Range<u64>, room: Room) -> Result<Vec<Bytes>, Error> {
        let plain = SEGMENT_PLAIN as u64;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let first = range.start / plain;
        let last = (range.end - 1) / plain;
        let stop = sealed_length(self.length).min((last + 1) * SEGMENT as u64);
        let length = usize::try_from(stop - first * SEGMENT as u64).map_err(|_| self.damaged(first))?;
        let (frames, bytes) = match room {
            Room::Pooled(mut buffer) => {
                let sealed = buffer.get_mut(..length).ok_or_else(|| self.damaged(first))?;
                (self.open(first, sealed, &range)?, Bytes::from_owner(buffer))
            }
            Room::Single(permit) => {
                let mut bytes = vec![0; length];
                let frames = self.open(first, &mut bytes, &range)?;
                (frames, Bytes::from_owner(Single { bytes, _permit: permit }))
            }
        };
        Ok(frames.into_iter().map(|frame| bytes.slice(frame)).collect())
    }

    /// Fills `sealed` from segment `first` on, opens each in place, and says where the plaintext of `range` lies.
    fn open(&self, first: u64, sealed: &mut [u8], range: &Range<u64>) -> Result<Vec<Range<usize>>, Error> {
        let position = first * SEGMENT as u64;
        self.file.read_exact_at(sealed, position).map_err(|_| self.damaged(first))?;
        let mut frames = Vec::with_capacity(sealed.len().div_ceil(SEGMENT));
        for (number, (at, segment)) in
            (first..).zip(sealed.chunks_mut(SEGMENT).enumerate().map(|(at, segment)| (at * SEGMENT, segment)))
        {
            let held = segment.len().checked_sub(OVERHEAD).ok_or_else(|| self.damaged(number))?;
            let text = self.key.open_in_place(number, segment).map_err(|_| self.damaged(number))?;
            let start = number * SEGMENT_PLAIN as u64;
            let from = range.start.saturating_sub(start).min(held as u64);
            let to = range.end.saturating_sub(start).min(held as u64);
            // Both are at most a segment's length.
            frames.push(
                at + text + usize::try_from(from).unwrap_or(0)..at + text + usize::try_from(to).unwrap_or(0),
            );
        }
        Ok(frames)
    }

    fn damaged(&self, segment: u64) -> Error {
        Error::Damaged(format!("segment {segment} of object {}", self.key.id()))
    }
}
