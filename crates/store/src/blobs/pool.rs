//! Buffers of one size, as many as were agreed at start: what bounds memory whatever the number of clients.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one buffer: eight whole segments.
pub(crate) const BUFFER: usize = 8 * crate::seal::SEGMENT;

/// The buffers that are free, and the right to use one.
#[derive(Clone)]
pub(crate) struct Pool {
    free: Arc<Mutex<Vec<Box<[u8]>>>>,
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Pool {
    /// A pool of `count` buffers. Their pages are touched when first used.
    pub(crate) fn new(count: usize) -> Self {
        let free = (0..count).map(|_| vec![0; BUFFER].into_boxed_slice()).collect();
        Self {
            free: Arc::new(Mutex::new(free)),
            permits: Arc::new(Semaphore::new(count)),
            waiting: Arc::default(),
        }
    }

    /// Waits in line for a buffer.
    pub(crate) async fn take(&self) -> Option<Buffer> {
        if let Some(buffer) = self.try_take() {
            return Some(buffer);
        }
        let permit = {
            let _waiting = Waiting::new(&self.waiting);
            Arc::clone(&self.permits).acquire_owned().await.ok()?
        };
        self.hand_out(permit)
    }

    /// Whether somebody stands in line.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Relaxed) > 0
    }

    /// A buffer if one is free now.
    pub(crate) fn try_take(&self) -> Option<Buffer> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.hand_out(permit)
    }

    /// How many buffers are free.
    pub(crate) fn free(&self) -> u64 {
        self.permits.available_permits() as u64
    }

    fn hand_out(&self, permit: OwnedSemaphorePermit) -> Option<Buffer> {
        let bytes = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Buffer { bytes, free: Arc::clone(&self.free), _permit: permit })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} free)", self.permits.available_permits())
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

/// A buffer on loan; dropping it gives it back.
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    free: Arc<Mutex<Vec<Box<[u8]>>>>,
    // Dropped after the bytes are back: whoever is let in next finds them.
    _permit: OwnedSemaphorePermit,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({})", self.bytes.len())
    }
}
