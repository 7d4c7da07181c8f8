//! Calls that come again. An SDK that lost an answer sends the call once more, under the same `amz-sdk-invocation-id` and
//! with `attempt=2` in `amz-sdk-request` (spec/terraform.md 1): by then it may have been carried out, and carrying it out
//! again would be refused. Such a call gets the answer of the first one.
//!
//! In memory alone, for two minutes, so many answers and bytes at most, and only answers that were a success. A call is
//! the same only if principal, registry, operation, invocation and body are.

use acre_registry::Caller;
use acre_wire::ecr::Operation;
use acre_wire::names::RegistryName;
use bytes::Bytes;
use http::HeaderMap;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// For how long an answer is kept.
const KEPT_FOR: Duration = Duration::from_mins(2);
/// For how long a call that comes again waits for the first one's end.
const WAIT: Duration = Duration::from_secs(20);
/// Most answers that are kept.
const MOST: usize = 4096;
/// Most bytes that they have together, with [`OVERHEAD`] each.
const MOST_BYTES: usize = 16 << 20;
/// What an answer takes besides its own bytes.
const OVERHEAD: usize = 512;
/// SDKs send a UUID.
const LONGEST_ID: usize = 64;

/// One sending of a call.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    call: Call,
    /// Counted from 1.
    number: u32,
}

/// What makes two sendings one call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    principal: i64,
    registry: RegistryName,
    operation: Operation,
    invocation: String,
    /// SHA-256.
    body: String,
}

impl Attempt {
    /// What the headers say of a caller whose signature was checked; None of a call that is not to be kept: it names no
    /// invocation, or may be carried out twice.
    pub(super) fn read(
        headers: &HeaderMap,
        caller: &Caller,
        operation: Operation,
        body_hash: &str,
    ) -> Option<Self> {
        if !operation.runs_once() {
            return None;
        }
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let invocation = header("amz-sdk-invocation-id").filter(|id| (1..=LONGEST_ID).contains(&id.len()))?;
        let number = header("amz-sdk-request")?.split(';').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            if name.trim() == "attempt" { value.trim().parse().ok() } else { None }
        })?;
        let call = Call {
            principal: caller.principal.id,
            registry: caller.registry.clone(),
            operation,
            invocation: invocation.to_owned(),
            body: body_hash.to_owned(),
        };
        Some(Self { call, number })
    }
}

/// What is to be done with an attempt.
#[derive(Debug)]
pub(super) enum Turn<'a> {
    /// It is carried out; a success is told to the ticket.
    Run(Ticket<'a>),
    /// It was carried out: this is its answer, given again for the so-manieth time of all such calls.
    Again(Bytes, u64),
    /// It runs, and has been for all the time that this one could wait.
    Running,
}

/// A call that runs. Dropping it is the end of one that was not a success.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    repeats: &'a Repeats,
    /// None: nobody's to keep, because the same call runs already.
    call: Option<Call>,
    /// Whoever waits wakes when it is dropped.
    _ended: watch::Sender<()>,
}

/// The answers that are kept, and the calls that run.
pub(crate) struct Repeats {
    state: Mutex<State>,
    most: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct State {
    calls: HashMap<Call, Entry>,
    /// Those that are kept, oldest first: with the same time for all, also the order in which they expire.
    kept: VecDeque<Call>,
    bytes: usize,
    answered_again: u64,
}

enum Entry {
    Runs(watch::Receiver<()>),
    Done { answer: Bytes, until: Instant },
}

impl Default for Repeats {
    fn default() -> Self {
        Self { state: Mutex::default(), most: MOST, most_bytes: MOST_BYTES }
    }
}

impl Repeats {
    /// How many calls were answered again so far.
    pub(crate) fn answered_again(&self) -> u64 {
        self.lock().answered_again
    }

    /// Decides about an attempt, waiting for the same call if that runs and it may wait: a large body would hold its
    /// memory meanwhile.
    pub(super) async fn turn(&self, attempt: Attempt, may_wait: bool) -> Turn<'_> {
        let deadline = Instant::now() + WAIT;
        loop {
            let mut running = match self.look(&attempt) {
                Look::Decided(turn) => return turn,
                Look::Runs(_) if !may_wait => return Turn::Running,
                Look::Runs(running) => running,
            };
            // Nothing is ever sent: the sender's end is the news.
            if timeout_at(deadline, running.changed()).await.is_err() {
                return Turn::Running;
            }
        }
    }

    fn look(&self, attempt: &Attempt) -> Look<'_> {
        let is_repeat = attempt.number > 1;
        let mut state = self.lock();
        state.expire(Instant::now());
        match state.calls.get(&attempt.call) {
            Some(Entry::Done { answer, .. }) if is_repeat => {
                let answer = answer.clone();
                state.answered_again += 1;
                return Look::Decided(Turn::Again(answer, state.answered_again));
            }
            Some(Entry::Runs(running)) if is_repeat => return Look::Runs(running.clone()),
            Some(Entry::Runs(_)) => {
                let (ended, _) = watch::channel(());
                return Look::Decided(Turn::Run(Ticket { repeats: self, call: None, _ended: ended }));
            }
            // An id that is used anew: the earlier call is over for its client.
            Some(Entry::Done { .. }) => state.forget(&attempt.call),
            None => {}
        }
        let (ended, running) = watch::channel(());
        state.calls.insert(attempt.call.clone(), Entry::Runs(running));
        Look::Decided(Turn::Run(Ticket { repeats: self, call: Some(attempt.call.clone()), _ended: ended }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Look<'a> {
    Decided(Turn<'a>),
    Runs(watch::Receiver<()>),
}

impl Ticket<'_> {
    /// The call was a success, with this answer.
    pub(super) fn keep(mut self, answer: &Bytes) {
        let Some(call) = self.call.take() else { return };
        let mut state = self.repeats.lock();
        state.calls.remove(&call);
        let size = answer.len() + OVERHEAD;
        if size > self.repeats.most_bytes || self.repeats.most == 0 {
            return;
        }
        while state.kept.len() >= self.repeats.most || state.bytes + size > self.repeats.most_bytes {
            let Some(oldest) = state.kept.front().cloned() else { break };
            state.forget(&oldest);
        }
        // A slice of something larger would hold all of it.
        let answer = Bytes::copy_from_slice(answer);
        state.bytes += size;
        state.kept.push_back(call.clone());
        state.calls.insert(call, Entry::Done { answer, until: Instant::now() + KEPT_FOR });
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.repeats.lock().calls.remove(&call);
        }
    }
}

impl State {
    fn expire(&mut self, now: Instant) {
        while let Some(oldest) = self.kept.front()
            && let Some(Entry::Done { until, .. }) = self.calls.get(oldest)
            && *until <= now
        {
            let oldest = oldest.clone();
            self.forget(&oldest);
        }
    }

    /// Drops an answer that is kept.
    fn forget(&mut self, call: &Call) {
        if let Some(Entry::Done { answer, .. }) = self.calls.remove(call) {
            self.bytes -= answer.len() + OVERHEAD;
        }
        if let Some(at) = self.kept.iter().position(|kept| kept == call) {
            self.kept.remove(at);
        }
    }
}

impl fmt::Debug for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        write!(f, "Repeats({} calls, {} bytes)", state.calls.len(), state.bytes)
    }
}

#[cfg(test)]
mod tests;
