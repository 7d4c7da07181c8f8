//! Bodies, both ways.
//!
//! hyper keeps an unread request body from us: when the handler drops it, hyper tries one read and, if the body does not
//! end there, closes its reading side, sends the answer and closes the socket. The kernel then answers what the client is
//! still sending with a reset, and a reset makes the client's kernel throw away the answer that it has already received.
//! So dropping a [`RequestBody`] hands the rest to a task that goes on reading for a while; the connection stays usable.
//! Where that is not allowed (a client that waits for `100 Continue` must not be told to go on) or not worth it, the
//! connection ends, and the listener reads on after it has closed its own side (`listen/patient.rs`).

use crate::listen::Exchange;
use acre_registry::SourceError;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// For how long a client may send nothing while its body is expected.
const IDLE: Duration = Duration::from_mins(1);
/// Of a body that nobody wants, this much is read (spec/oci.md 1.3) …
pub(crate) const UNWANTED: u64 = 16 << 20;
/// … for at most this long.
pub(crate) const UNWANTED_FOR: Duration = Duration::from_secs(5);

/// The body of a request. Dropping it unread is fine: the client gets its answer, not a reset.
pub(crate) struct RequestBody {
    /// There until the drop.
    incoming: Option<Incoming>,
    /// The client waits for `100 Continue`, which hyper sends at the first read.
    waits: bool,
    end: Option<Result<(), BodyError>>,
    received: u64,
    exchange: Exchange,
}

/// A body that did not come as it had to. It stays so: reading again gives the same error, never an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// The client sent nothing for 60 s: 408.
    #[error("the client sent nothing for a minute")]
    Idle,
    /// It comes too slowly for the memory that it holds while others wait for theirs: 408.
    #[error("the request's body comes too slowly while others wait")]
    Slow,
    /// The connection broke, or the framing of the body is wrong: there is nobody to answer.
    #[error("the request's body broke off")]
    Broken,
    /// It is longer than the cap: 413 or what the door says instead.
    #[error("the request's body is longer than {cap} bytes")]
    TooLarge {
        /// The cap.
        cap: usize,
    },
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, waits: bool, exchange: Exchange) -> Self {
        Self { incoming: Some(incoming), waits, end: None, received: 0, exchange }
    }

    /// The `Content-Length`, less what was read; none for a chunked body.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.as_ref().and_then(|incoming| http_body::Body::size_hint(incoming).exact())
    }

    /// How many bytes were read.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes, never empty; none at the end. The bytes are a slice of the connection's read buffer: who keeps
    /// them copies them. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        let incoming = self.incoming.as_mut()?;
        let end = loop {
            if let Some(end) = self.end {
                break end;
            }
            // What the client waits for is sent now.
            self.waits = false;
            match timeout(IDLE, incoming.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => {
                        self.received += bytes.len() as u64;
                        return Some(Ok(bytes));
                    }
                    // Trailers mean nothing here.
                    _ => {}
                },
                Ok(None) => self.end = Some(Ok(())),
                Ok(Some(Err(_))) => self.end = Some(Err(BodyError::Broken)),
                Err(_) => {
                    self.exchange.leave_bytes();
                    self.end = Some(Err(BodyError::Idle));
                }
            }
        };
        end.err().map(Err)
    }
}

impl acre_registry::Source for RequestBody {
    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        // The inherent `next`: it goes before the trait's.
        Self::next(self).await.map(|bytes| {
            bytes.map_err(|error| match error {
                BodyError::Idle | BodyError::Slow => SourceError::Idle,
                BodyError::Broken | BodyError::TooLarge { .. } => SourceError::Broken,
            })
        })
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        if self.end.is_some() || http_body::Body::is_end_stream(&incoming) {
            return;
        }
        // A read would send `100 Continue`, the opposite of a refusal; and what is longer than we are ready to read
        // ends with the connection in any case. The answer says so: `Connection: close`.
        let rest = http_body::Body::size_hint(&incoming).exact();
        if self.waits || rest.is_some_and(|rest| rest > UNWANTED) {
            self.exchange.leave_bytes();
        } else if let Ok(runtime) = Handle::try_current() {
            let exchange = self.exchange.clone();
            runtime.spawn(async move {
                // Too much or too slow: the drop of `incoming` makes hyper close the connection.
                let _ = timeout(UNWANTED_FOR, discard(incoming)).await;
                drop(exchange);
            });
        }
    }
}

async fn discard(mut incoming: Incoming) {
    let mut read = 0;
    while read <= UNWANTED
        && let Some(Ok(frame)) = incoming.frame().await
    {
        read += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("length", &self.length())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// The body of an answer. Its length is always known, so hyper writes `Content-Length` and never chunks.
#[derive(Debug, Default)]
pub(crate) enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// The answer to a HEAD whose GET would send this many bytes. (Any other body does as well: hyper sends its length
    /// and drops it.)
    Head(u64),
    /// All of it.
    Whole(Bytes),
    /// Bytes that come later.
    Stream(Stream),
}

/// Bytes that come later, of a length that is known now.
pub(crate) struct Stream {
    frames: Box<dyn Frames>,
    left: u64,
}

/// Where the bytes of a [`Stream`] come from.
pub(crate) trait Frames: Send {
    /// The next bytes; none at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FramesError>>>;
}

/// Why the bytes of an answer do not come.
pub(crate) type FramesError = Box<dyn std::error::Error + Send + Sync>;

/// An answer that breaks off: its head, with the length, was sent. hyper closes the connection, so that the client sees
/// that bytes are missing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenAnswer {
    /// The bytes cannot be had.
    #[error("the answer broke off")]
    Source(#[source] FramesError),
    /// There are more or fewer than were announced.
    #[error("the answer is not as long as it was announced")]
    Length,
}

impl Body {
    /// `length` bytes from `frames`.
    pub(crate) fn stream(length: u64, frames: impl Frames + 'static) -> Self {
        Self::Stream(Stream { frames: Box::new(frames), left: length })
    }

    /// How many bytes there are, or are left.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Head(length) => *length,
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream(stream) => stream.left,
        }
    }
}

/// Bytes that are there, slice by slice: so that it is known how far they have come.
pub(crate) struct Slices(pub(crate) Bytes);

impl Slices {
    /// Bytes of one, and of an answer for which one is enough.
    pub(crate) const ONE: usize = 64 << 10;
}

impl Frames for Slices {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, FramesError>>> {
        let slice = self.0.split_to(self.0.len().min(Self::ONE));
        Poll::Ready((!slice.is_empty()).then_some(Ok(slice)))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Whole(bytes.into())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        let body = self.get_mut();
        match body {
            Self::Empty => Poll::Ready(None),
            // Nobody asks for the bytes of an answer to HEAD.
            Self::Head(_) => Poll::Ready(Some(Err(BrokenAnswer::Length))),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *body = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(stream) => stream.poll_next(cx).map(|next| next.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Head(_) => false,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

impl Stream {
    /// How many bytes are to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The same bytes, by way of somebody who looks at them.
    pub(crate) fn watched<F: Frames + 'static>(self, watch: impl FnOnce(Box<dyn Frames>) -> F) -> Self {
        Self { frames: Box::new(watch(self.frames)), left: self.left }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenAnswer>>> {
        self.frames.poll_next(cx).map(|next| match next {
            None if self.left == 0 => None,
            None => Some(Err(BrokenAnswer::Length)),
            Some(Err(source)) => Some(Err(BrokenAnswer::Source(source))),
            Some(Ok(bytes)) => Some(match self.left.checked_sub(bytes.len() as u64) {
                None => Err(BrokenAnswer::Length),
                Some(left) => {
                    self.left = left;
                    Ok(bytes)
                }
            }),
        })
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("left", &self.left).finish_non_exhaustive()
    }
}
