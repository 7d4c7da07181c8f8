//! A connection whose patience ends: time limits below hyper, where every byte passes, and an end that loses no answer.
//!
//! hyper itself ends a connection that has been waiting for a whole head for 75 s (`header_read_timeout`, which is our
//! limit for idle ones). Here: a head that has begun must be complete within 10 s, and a client that takes no byte of
//! its answer for 60 s is let go. Request bodies have their own limit (`body.rs`).

use super::Traffic;
use crate::body::{UNWANTED, UNWANTED_FOR};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

const HEAD: Duration = Duration::from_secs(10);
const WRITE: Duration = Duration::from_mins(1);

/// A connection with limits.
#[derive(Debug)]
pub(super) struct Patient<T> {
    inner: T,
    traffic: Arc<Traffic>,
    /// When the head that is waited for must be complete; none while the connection is busy or idle.
    head: Option<Instant>,
    /// Whether a byte of that head has come, and how many requests had come before it.
    heard: bool,
    before: usize,
    /// When the client must have taken something; none while it does.
    write: Option<Instant>,
    /// After our side is closed: how long, and how much, we read on.
    linger: Option<(Instant, u64)>,
    read_alarm: Alarm,
    write_alarm: Alarm,
}

impl<T> Patient<T> {
    /// The first head is waited for from now on.
    pub(super) fn new(inner: T, traffic: Arc<Traffic>) -> Self {
        Self {
            inner,
            traffic,
            head: Some(Instant::now() + HEAD),
            heard: false,
            before: 0,
            write: None,
            linger: None,
            read_alarm: Alarm::default(),
            write_alarm: Alarm::default(),
        }
    }

    /// The limit of the head that is being read, if one is.
    fn head_limit(&mut self) -> Option<Instant> {
        if self.traffic.is_busy() || self.traffic.begun() != self.before {
            self.before = self.traffic.begun();
            self.heard = false;
            self.head = None;
        }
        self.head
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let limit = this.head_limit();
        let outcome = Pin::new(&mut this.inner).poll_read(cx, buffer);
        match (&outcome, limit) {
            (Poll::Pending, Some(limit)) if this.read_alarm.rings(limit, cx) => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // While a request is under way these are bytes of its body, or of a request sent ahead.
            (Poll::Ready(Ok(())), limit) if buffer.filled().len() > before && !this.traffic.is_busy() => {
                this.head = Some(limit.unwrap_or_else(|| Instant::now() + HEAD));
                this.heard = true;
            }
            _ => {}
        }
        outcome
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, |inner, cx| inner.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, |inner, cx| inner.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().write(cx, T::poll_flush)
    }

    /// Closes our side; then, if the client may still be sending, reads on for a while. Closing the socket with unread
    /// bytes in it sends a reset, which would take the answer away from the client.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(this.write(cx, T::poll_shutdown))?;
            // A head that never became a request is one that hyper refused with 400, 414 or 431.
            let refused_head = this.head_limit().is_some() && this.heard;
            if !refused_head && !this.traffic.leaves_bytes() {
                return Poll::Ready(Ok(()));
            }
        }
        let (limit, left) = this.linger.get_or_insert_with(|| (Instant::now() + UNWANTED_FOR, UNWANTED));
        let mut bytes = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut this.inner).poll_read(cx, &mut buffer) {
                Poll::Pending if !this.read_alarm.rings(*limit, cx) => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(buffer.filled().len() as u64);
                }
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> Patient<T> {
    fn write<R>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let outcome = attempt(Pin::new(&mut self.inner), cx);
        if outcome.is_ready() {
            self.write = None;
            return outcome;
        }
        let limit = *self.write.get_or_insert_with(|| Instant::now() + WRITE);
        if self.write_alarm.rings(limit, cx) {
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        } else {
            outcome
        }
    }
}

/// A timer that is made when it is first needed, and set only when its time changes.
#[derive(Debug, Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether that time has come; otherwise the task is woken then.
    fn rings(&mut self, at: Instant, cx: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}
