//! What the parts of one connection tell each other: how many exchanges are under way, and whether bytes of the client
//! will stay unread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The state of a connection. It decides about time limits alone, so no order between its parts is needed.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    under_way: AtomicUsize,
    begun: AtomicUsize,
    unread: AtomicBool,
}

/// A request, its answer, or one of their bodies: while any of them lives, the connection is not idle.
#[derive(Debug)]
pub(crate) struct Exchange(Arc<Traffic>);

impl Traffic {
    /// A request has come.
    pub(crate) fn begin(self: &Arc<Self>) -> Exchange {
        self.begun.fetch_add(1, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        Exchange(Arc::clone(self))
    }

    /// Whether the server owes something, or reads a body.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.load(Relaxed) > 0
    }

    /// How many requests have come.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Relaxed)
    }

    /// Whether the connection will end with bytes of the client unread.
    pub(crate) fn leaves_bytes(&self) -> bool {
        self.unread.load(Relaxed)
    }
}

impl Exchange {
    /// What is left of this request's body will not be read: the connection ends with the answer.
    pub(crate) fn leave_bytes(&self) {
        self.0.unread.store(true, Relaxed);
    }

    /// See [`Traffic::leaves_bytes`].
    pub(crate) fn leaves_bytes(&self) -> bool {
        self.0.leaves_bytes()
    }
}

impl Clone for Exchange {
    fn clone(&self) -> Self {
        self.0.under_way.fetch_add(1, Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}
