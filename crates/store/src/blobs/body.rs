//! Taking a request's body in: a segment in memory at first; then, while its bytes flow, on a blocking thread with one
//! of the pool's buffers.
//!
//! Buffers are few, so nobody holds one without need. A body that brings less than a segment in 200 ms gathers one in
//! memory, and takes a buffer for as long as writing it takes; while others wait for a buffer, a fast one lets go of its
//! own after 200 ms and stands in line again. So a push waits for a turn or two, whoever else is sending what.

use super::pool::{Buffer, Pool};
use super::recovery::Snapshot;
use super::segments::{SegmentWriter, end_stored};
use super::session::{Finished, MAX_LAYER, Session, State};
use super::upload::{Expect, Finish, Received, UploadError, Uploads, finish_file, finish_small};
use crate::error::Error;
use crate::seal::SEGMENT_PLAIN;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::time::{Instant, timeout};

/// A body that takes longer for a segment is slow. While others wait, a fast one holds a buffer no longer either.
const TURN: Duration = Duration::from_millis(200);
/// While others wait, nobody holds one for bytes that are not there.
const LULL: Duration = Duration::from_millis(20);
/// Frames between the connection and the thread that writes them.
const FRAMES: usize = 3;
/// Uploads below one segment that stay in memory; beyond that they are written too.
pub(super) const IN_MEMORY: usize = 4_096;

/// Where an upload's bytes come from.
pub trait Source: Send {
    /// The next bytes; None at the end.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, SourceError>>> + Send;
}

/// The body ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The connection broke, or the framing of the body is wrong.
    #[error("the request's body broke off")]
    Broken,
    /// The client stopped sending.
    #[error("the client sent nothing for too long")]
    Idle,
}

impl Uploads {
    /// Takes a body in: a segment here, more of it on a blocking thread while its bytes flow.
    pub(super) async fn receive(
        &self,
        session: &Arc<Session>,
        mut state: OwnedMutexGuard<State>,
        expect: Expect,
        source: &mut impl Source,
        finish: Option<Finish>,
    ) -> Result<Received, UploadError> {
        let before = Snapshot::of(&state, expect.length.is_some());
        let mut finish = finish;
        // Since when the segment in memory has been growing.
        let mut since = Instant::now();
        let mut frame = source.next().await;
        loop {
            match frame {
                Some(Ok(bytes)) if state.has_room(bytes.len()) => {
                    if state.tail.is_empty() {
                        since = Instant::now();
                    }
                    state.hasher.update(&bytes);
                    state.offset += bytes.len() as u64;
                    state.tail.extend_from_slice(&bytes);
                    frame = source.next().await;
                }
                Some(Ok(bytes)) => {
                    let turn = Turn::new(!state.tail.is_empty() && since.elapsed() >= TURN);
                    let flow =
                        self.write(session, state, bytes, source, expect, &before, finish.take(), turn).await;
                    let (held, flow) = match flow {
                        Ok(written) => written,
                        Err(error) => {
                            self.remove(session);
                            return Err(error);
                        }
                    };
                    state = held;
                    match flow {
                        Flow::Rest(plan) => {
                            finish = plan;
                            since = Instant::now();
                            frame = source.next().await;
                        }
                        Flow::End => frame = None,
                        Flow::Broken(error) => frame = Some(Err(error)),
                        Flow::Finished(outcome) => return self.settle(session, &mut state, *outcome),
                    }
                }
                Some(Err(broken)) => {
                    self.spill(session, state).await?;
                    return Err(broken.into());
                }
                None => break,
            }
        }
        if expect.length.is_some_and(|length| length != state.offset - before.offset) {
            if let Err(error) = before.restore(&mut state, &session.key, &session.files) {
                self.forget(session, &mut state);
                return Err(error.into());
            }
            return Err(UploadError::Length);
        }
        if let Some(plan) = finish {
            let outcome = if state.stored.is_none() {
                finish_small(session, &mut state, &plan)
            } else {
                let mut buffer = self.pool.take().await.ok_or(Error::Closed)?;
                let held = Arc::clone(session);
                let work = move || {
                    let ended =
                        end_stored(&mut state, &held.key, &held.files, &mut buffer, plan.wanted.algorithm);
                    let outcome = ended
                        .map_err(UploadError::from)
                        .and_then(|(file, digest)| finish_file(&held, &file, digest, state.offset, &plan));
                    (state, outcome)
                };
                let (held, outcome) = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?;
                state = held;
                outcome
            };
            return self.settle(session, &mut state, outcome);
        }
        let offset = state.offset;
        if expect.is_part {
            state.parts.add(offset - before.offset);
        }
        self.spill(session, state).await?;
        Ok(Received::Paused(offset))
    }

    /// Keeps memory bounded between requests: of an upload that is on disk nothing stays in memory, and beyond a number of
    /// small ones the next go to disk too.
    async fn spill(
        &self,
        session: &Arc<Session>,
        mut state: OwnedMutexGuard<State>,
    ) -> Result<(), UploadError> {
        let may_stay = state.stored.is_none() && self.count() <= IN_MEMORY;
        if state.tail.is_empty() || may_stay {
            return Ok(());
        }
        let mut buffer = self.pool.take().await.ok_or(Error::Closed)?;
        let held = Arc::clone(session);
        let work = move || {
            let writer = SegmentWriter::resume(&mut state, &held.key, &held.files, &mut buffer);
            let spilled = writer.and_then(SegmentWriter::pause);
            // Half of it is in no known state: neither in memory nor on disk.
            state.gone |= spilled.is_err();
            spilled
        };
        let spilled =
            tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed).and_then(|spilled| spilled);
        if spilled.is_err() {
            self.remove(session);
        }
        Ok(spilled?)
    }

    /// Feeds a blocking job with frames until the body ends or breaks, or its turn is over.
    #[expect(clippy::too_many_arguments, reason = "one body's whole situation, used in one place")]
    async fn write(
        &self,
        session: &Arc<Session>,
        state: OwnedMutexGuard<State>,
        first: Bytes,
        source: &mut impl Source,
        expect: Expect,
        before: &Snapshot,
        finish: Option<Finish>,
        mut turn: Turn,
    ) -> Result<(OwnedMutexGuard<State>, Flow), UploadError> {
        let buffer = self.pool.take().await.ok_or(Error::Closed)?;
        turn.begin();
        let mut offset = state.offset + first.len() as u64;
        let (frames, queue) = mpsc::channel(FRAMES);
        let held = Arc::clone(session);
        let job = tokio::task::spawn_blocking(move || run(&held, state, buffer, queue));
        let mut sent = frames.send(Message::Frame(first)).await.is_ok();
        let mut flow = Flow::Rest(None);
        while sent {
            if offset > MAX_LAYER {
                drop(frames);
                if let Ok((mut state, _)) = job.await {
                    state.gone = true;
                }
                return Err(UploadError::TooLarge);
            }
            if turn.is_over(&self.pool) {
                break;
            }
            match timeout(LULL, source.next()).await {
                Ok(Some(Ok(bytes))) => {
                    offset += bytes.len() as u64;
                    turn.bring(bytes.len());
                    sent = frames.send(Message::Frame(bytes)).await.is_ok();
                }
                Ok(Some(Err(error))) => {
                    flow = Flow::Broken(error);
                    break;
                }
                Ok(None) => {
                    flow = Flow::End;
                    break;
                }
                Err(_) => turn.quiet += LULL,
            }
        }
        let whole = expect.length.is_none_or(|length| length == offset - before.offset);
        let mut finish = finish;
        // The same job ends what ends now: another hop would cost a third of a small layer's time.
        let last = match (&flow, finish.take()) {
            (Flow::End, Some(plan)) if whole => Some(Message::Finish(plan)),
            (flow, plan) => {
                finish = plan;
                (!matches!(flow, Flow::Rest(_))).then_some(Message::Pause)
            }
        };
        if let Some(last) = last {
            let _ = frames.send(last).await;
        }
        drop(frames);
        let (state, outcome) = job.await.map_err(|_| Error::Closed)?;
        match outcome? {
            Some(finished) => Ok((state, Flow::Finished(Box::new(finished)))),
            None => Ok((state, if let Flow::Rest(_) = flow { Flow::Rest(finish) } else { flow })),
        }
    }
}

/// How long a body may hold its buffer.
struct Turn {
    slow: bool,
    began: Instant,
    /// When the pace was last looked at, and what came since.
    looked: Instant,
    brought: usize,
    /// For how long nothing has come.
    quiet: Duration,
}

impl Turn {
    /// A slow body's turn is over when its segment is written.
    fn new(slow: bool) -> Self {
        let now = Instant::now();
        Self { slow, began: now, looked: now, brought: 0, quiet: Duration::ZERO }
    }

    fn begin(&mut self) {
        self.began = Instant::now();
        self.looked = self.began;
    }

    fn bring(&mut self, bytes: usize) {
        self.brought += bytes;
        self.quiet = Duration::ZERO;
    }

    fn is_over(&mut self, pool: &Pool) -> bool {
        let now = Instant::now();
        if now - self.looked >= TURN {
            self.slow |= self.brought < SEGMENT_PLAIN;
            (self.looked, self.brought) = (now, 0);
        }
        let has_had_it = now - self.began >= TURN || !self.quiet.is_zero();
        self.slow || self.quiet >= TURN || (has_had_it && pool.is_waited_for())
    }
}

enum Flow {
    /// The body goes on; what is left of its last segment is in memory.
    Rest(Option<Finish>),
    End,
    Broken(SourceError),
    Finished(Box<Result<Finished, UploadError>>),
}

enum Message {
    Frame(Bytes),
    /// The body is over, the upload is not.
    Pause,
    Finish(Finish),
}

/// How the blocking job of a body came to its end: paused, or finished well or not.
type Written = Result<Option<Result<Finished, UploadError>>, Error>;

/// The blocking job of one body.
fn run(
    session: &Session,
    mut state: OwnedMutexGuard<State>,
    mut buffer: Buffer,
    mut queue: mpsc::Receiver<Message>,
) -> (OwnedMutexGuard<State>, Written) {
    let outcome = take_in(session, &mut state, &mut buffer, &mut queue);
    if outcome.is_err() {
        state.gone = true;
    }
    (state, outcome)
}

fn take_in(
    session: &Session,
    state: &mut State,
    buffer: &mut Buffer,
    queue: &mut mpsc::Receiver<Message>,
) -> Written {
    let mut writer = SegmentWriter::resume(state, &session.key, &session.files, buffer)?;
    while let Some(message) = queue.blocking_recv() {
        match message {
            Message::Frame(bytes) => writer.push(&bytes)?,
            Message::Pause => return writer.pause().map(|()| None),
            Message::Finish(plan) => {
                let (file, digest) = writer.end(plan.wanted.algorithm)?;
                return Ok(Some(finish_file(session, &file, digest, state.offset, &plan)));
            }
        }
    }
    writer.rest()?;
    Ok(None)
}
