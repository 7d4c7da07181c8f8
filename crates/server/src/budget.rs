//! Bodies that must be read whole, and the memory that all of them together may take (DESIGN 4).

use crate::body::{BodyError, RequestBody};
use bytes::Bytes;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Bytes that all large bodies may hold together.
const BUDGET: usize = 64 << 20;
/// A body up to this size is not counted.
const SMALL: usize = 1 << 20;
/// A body that holds a share is looked at this often …
const LOOK: Duration = Duration::from_secs(5);
/// … and while others wait for theirs, it must come at a pace that brings all of it in so many looks: a minute.
const LOOKS: usize = 12;

/// What is left of the budget.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A body that was read, with its share of the budget.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    _share: Option<Share>,
}

/// What a body holds of the budget, and how fast it has come since it was last looked at.
#[derive(Debug)]
struct Share {
    bytes: usize,
    looked: Instant,
    brought: usize,
    _permits: OwnedSemaphorePermit,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: Arc::new(Semaphore::new(BUDGET >> 10)), waiting: AtomicUsize::new(0) }
    }
}

impl Budget {
    /// The whole body, at most `cap` bytes of it. Memory grows with what comes, not with what was announced; a body that
    /// grows beyond a megabyte waits until all it may become fits the budget.
    pub(crate) async fn read_whole(&self, body: &mut RequestBody, cap: usize) -> Result<Whole, BodyError> {
        let too_large = BodyError::TooLarge { cap };
        if body.length().is_some_and(|length| length > cap as u64) {
            return Err(too_large);
        }
        let most = body.length().and_then(|length| usize::try_from(length).ok()).unwrap_or(cap).min(cap);
        let (mut whole, mut share) = (Vec::new(), None);
        while let Some(bytes) = self.next(body, share.as_mut()).await {
            let bytes = bytes?;
            if bytes.len() > cap - whole.len() {
                return Err(too_large);
            }
            if share.is_none() && whole.len() + bytes.len() > SMALL {
                share = self.share(most).await;
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Whole { bytes: whole.into(), _share: share })
    }

    /// Waits in line for so many bytes of the budget.
    async fn share(&self, bytes: usize) -> Option<Share> {
        let _waiting = Waiting::new(&self.waiting);
        let kilobytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.left).acquire_many_owned(kilobytes).await.ok()?;
        Some(Share { bytes, looked: Instant::now(), brought: 0, _permits: permits })
    }

    /// The next bytes, unless the body holds up others for longer than it is worth.
    async fn next(
        &self,
        body: &mut RequestBody,
        share: Option<&mut Share>,
    ) -> Option<Result<Bytes, BodyError>> {
        let Some(share) = share else { return body.next().await };
        let mut next = pin!(body.next());
        loop {
            tokio::select! {
                bytes = &mut next => {
                    share.brought += bytes.as_ref().and_then(|bytes| bytes.as_ref().ok()).map_or(0, Bytes::len);
                    return bytes;
                }
                () = sleep_until(share.looked + LOOK) => {
                    if share.brought < share.bytes / LOOKS && self.waiting.load(Relaxed) > 0 {
                        return Some(Err(BodyError::Slow));
                    }
                    (share.looked, share.brought) = (Instant::now(), 0);
                }
            }
        }
    }
}

/// Somebody in line, also if he gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
