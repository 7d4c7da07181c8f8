//! Taking a request's body in: small ones in memory, larger ones on a blocking thread while their bytes flow.

use super::pool::Buffer;
use super::recovery::Snapshot;
use super::segments::{SegmentWriter, end_stored};
use super::session::{Finished, Session, State};
use super::upload::{Expect, Finish, Received, UploadError, Uploads, finish_file, finish_small};
use crate::error::Error;
use crate::seal::SEGMENT_PLAIN;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, mpsc};

/// The largest layer (spec/ecr.md 3.11).
const MAX_LAYER: u64 = 52_000 << 20;
/// A body that sends nothing for this long gives its thread and buffer back.
const QUIET: Duration = Duration::from_millis(200);
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
#[error("the request's body broke off")]
pub struct SourceError;

impl Uploads {
    /// Takes a body in: small ones here, larger ones on a blocking thread while their bytes flow.
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
        let mut frame = source.next().await;
        loop {
            match frame {
                Some(Ok(bytes))
                    if state.stored.is_none() && state.tail.len() + bytes.len() <= SEGMENT_PLAIN =>
                {
                    state.hasher.update(&bytes);
                    state.offset += bytes.len() as u64;
                    state.tail.extend_from_slice(&bytes);
                    frame = source.next().await;
                }
                Some(Ok(bytes)) => {
                    let flow =
                        self.write(session, state, bytes, source, expect, &before, finish.take()).await;
                    let (held, flow) = match flow {
                        Ok(written) => written,
                        Err(error) => {
                            self.remove(session);
                            return Err(error);
                        }
                    };
                    state = held;
                    match flow {
                        Flow::Quiet(plan) => {
                            finish = plan;
                            frame = source.next().await;
                        }
                        Flow::End => frame = None,
                        Flow::Broken => frame = Some(Err(SourceError)),
                        Flow::Finished(outcome) => return self.settle(session, &mut state, outcome),
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

    /// Keeps memory bounded between requests: beyond a number of small uploads, the next ones go to disk too.
    async fn spill(
        &self,
        session: &Arc<Session>,
        mut state: OwnedMutexGuard<State>,
    ) -> Result<(), UploadError> {
        if state.stored.is_some() || state.tail.is_empty() || self.count() <= IN_MEMORY {
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

    /// Feeds a blocking job with frames until the body ends, breaks or falls quiet.
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
    ) -> Result<(OwnedMutexGuard<State>, Flow), UploadError> {
        let buffer = self.pool.take().await.ok_or(Error::Closed)?;
        let mut offset = state.offset + first.len() as u64;
        let (frames, queue) = mpsc::channel(FRAMES);
        let held = Arc::clone(session);
        let job = tokio::task::spawn_blocking(move || run(&held, state, buffer, queue));
        let mut sent = frames.send(Message::Frame(first)).await.is_ok();
        let mut flow = Flow::Quiet(None);
        while sent {
            if offset > MAX_LAYER {
                drop(frames);
                if let Ok((mut state, _)) = job.await {
                    state.gone = true;
                }
                return Err(UploadError::TooLarge);
            }
            match tokio::time::timeout(QUIET, source.next()).await {
                Ok(Some(Ok(bytes))) => {
                    offset += bytes.len() as u64;
                    sent = frames.send(Message::Frame(bytes)).await.is_ok();
                }
                Ok(Some(Err(_))) => {
                    flow = Flow::Broken;
                    break;
                }
                Ok(None) => {
                    flow = Flow::End;
                    break;
                }
                Err(_) => break,
            }
        }
        let whole = expect.length.is_none_or(|length| length == offset - before.offset);
        let mut finish = finish;
        if matches!(flow, Flow::End)
            && whole
            && let Some(plan) = finish.take()
        {
            // The same job ends the upload: another hop would cost a third of a small layer's time.
            let _ = frames.send(Message::Finish(plan)).await;
        }
        drop(frames);
        let (state, outcome) = job.await.map_err(|_| Error::Closed)?;
        match outcome? {
            Some(finished) => Ok((state, Flow::Finished(finished))),
            None => Ok((state, if let Flow::Quiet(_) = flow { Flow::Quiet(finish) } else { flow })),
        }
    }
}

enum Flow {
    Quiet(Option<Finish>),
    End,
    Broken,
    Finished(Result<Finished, UploadError>),
}

enum Message {
    Frame(Bytes),
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
            Message::Finish(plan) => {
                let (file, digest) = writer.end(plan.wanted.algorithm)?;
                return Ok(Some(finish_file(session, &file, digest, state.offset, &plan)));
            }
        }
    }
    writer.pause()?;
    Ok(None)
}
