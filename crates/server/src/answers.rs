//! Answers that are whole in memory before they are sent, and the memory that all of them together may take. A client that
//! takes a byte now and then holds its answer for as long as it likes: so a large one needs room, and has it until its last
//! byte has left or its connection is gone.

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes that all large answers may hold together.
const BUDGET: usize = 128 << 20;
/// An answer up to this size is not counted.
const SMALL: usize = 1 << 20;
/// Answers that are made and wait for room. Beyond them nobody waits.
const LINE: usize = 16;
/// For how long an answer waits for room.
const WAIT: Duration = Duration::from_secs(10);

/// What is left of the memory for large answers.
#[derive(Debug)]
pub(crate) struct Answers {
    left: Arc<Semaphore>,
    line: Semaphore,
}

/// The memory for large answers is used up: the client asks again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many large answers are on their way to other clients: ask again later")]
pub(crate) struct Exhausted;

/// Room for an answer that is to be made. A small one needs none.
#[derive(Debug)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

/// An answer and its room: they go together, with the last slice of the bytes.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Default for Answers {
    fn default() -> Self {
        Self { left: Arc::new(Semaphore::new(kilobytes(BUDGET))), line: Semaphore::new(LINE) }
    }
}

impl Answers {
    /// Room for an answer of at most so many bytes, before any of them is there. Waits up to 10 s.
    pub(crate) async fn reserve(&self, most: usize) -> Result<Room, Exhausted> {
        if most <= SMALL {
            return Ok(Room(None));
        }
        let kilobytes = u32::try_from(kilobytes(most)).map_err(|_| Exhausted)?;
        let permits = Arc::clone(&self.left).acquire_many_owned(kilobytes);
        match timeout(WAIT, permits).await {
            Ok(Ok(permits)) => Ok(Room(Some(permits))),
            _ => Err(Exhausted),
        }
    }

    /// Room for an answer that is made. While it waits it takes memory of its own, so only a few do.
    pub(crate) async fn hold(&self, bytes: Bytes) -> Result<Bytes, Exhausted> {
        if bytes.len() <= SMALL {
            return Ok(bytes);
        }
        let _place = self.line.try_acquire().map_err(|_| Exhausted)?;
        Ok(self.reserve(bytes.len()).await?.hold(bytes))
    }
}

impl Room {
    /// The answer it was for. What it does not need is free for others again.
    pub(crate) fn hold(self, bytes: Bytes) -> Bytes {
        let Self(Some(mut room)) = self else { return bytes };
        let spare = room.num_permits().saturating_sub(kilobytes(bytes.len()));
        drop(room.split(spare));
        Bytes::from_owner(Held { bytes, _room: room })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn kilobytes(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn answer(size: usize) -> Bytes {
        vec![0; size].into()
    }

    #[tokio::test(start_paused = true)]
    async fn room_comes_back_with_the_last_slice() {
        let answers = Answers::default();
        let free = || answers.left.available_permits();
        let all = free();
        answers.hold(answer(SMALL)).await.unwrap();
        let mut held = answers.hold(answer(SMALL + 1)).await.unwrap();
        assert_eq!(free(), all - SMALL / 1024 - 1);
        let slice = held.split_to(1);
        drop(held);
        assert_eq!(free(), all - SMALL / 1024 - 1);
        drop(slice);
        assert_eq!(free(), all);
        // Reserved is what it may become, held what it became.
        let room = answers.reserve(32 * MIB).await.unwrap();
        assert_eq!(free(), all - 32 * 1024);
        let held = room.hold(answer(5 * MIB));
        assert_eq!(free(), all - 5 * 1024);
        drop(held);
        assert_eq!(free(), all);
        // Also if nothing came of it, and if it became more.
        drop(answers.reserve(32 * MIB).await.unwrap());
        drop(answers.reserve(2 * MIB).await.unwrap().hold(answer(3 * MIB)));
        assert_eq!(free(), all);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_refused() {
        let answers = Answers::default();
        let held = answers.hold(answer(BUDGET - MIB)).await.unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(answers.hold(answer(2 * MIB)).await, Err(Exhausted));
        assert_eq!(start.elapsed(), WAIT);
        answers.hold(answer(SMALL)).await.unwrap();
        // Nobody gets it by asking for more than there is.
        assert_eq!(answers.reserve(BUDGET + 1024).await.unwrap_err(), Exhausted);
        assert_eq!(answers.reserve(usize::MAX).await.unwrap_err(), Exhausted);
        let (waits, ()) = tokio::join!(answers.hold(answer(2 * MIB)), async { drop(held) });
        waits.unwrap();
    }

    /// What waits is made already.
    #[tokio::test(start_paused = true)]
    async fn only_a_few_wait() {
        let answers = Answers::default();
        let _held = answers.hold(answer(BUDGET)).await.unwrap();
        let start = tokio::time::Instant::now();
        let mut waiting = Vec::new();
        for _ in 0..LINE {
            let mut hold = Box::pin(answers.hold(answer(2 * MIB)));
            assert!(is_pending(&mut hold).await);
            waiting.push(hold);
        }
        assert_eq!(answers.hold(answer(2 * MIB)).await, Err(Exhausted));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    async fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
