//! Bodies that must be read whole, and the memory that all of them together may take (DESIGN 4).

use crate::body::{BodyError, RequestBody};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that all large bodies may hold together.
const BUDGET: usize = 64 << 20;
/// A body up to this size is not counted.
const SMALL: usize = 1 << 20;

/// What is left of the budget.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Arc<Semaphore>,
}

/// A body that was read, with its share of the budget.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: Arc::new(Semaphore::new(BUDGET >> 10)) }
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
        while let Some(bytes) = body.next().await {
            let bytes = bytes?;
            if bytes.len() > cap - whole.len() {
                return Err(too_large);
            }
            if share.is_none() && whole.len() + bytes.len() > SMALL {
                let kilobytes = u32::try_from(most.div_ceil(1024)).unwrap_or(u32::MAX);
                share = Arc::clone(&self.left).acquire_many_owned(kilobytes).await.ok();
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Whole { bytes: whole.into(), _share: share })
    }
}
