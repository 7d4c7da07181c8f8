//! One request, from its head to the last byte of its answer: then it is counted, and leaves its line in the log.
//!
//! The last byte has left when the connection has taken it, which holds back up to 512 KiB (`listen/connection.rs`); an
//! answer of at most 64 KiB has left when it is there.

use super::{Ended, Metrics};
use crate::body::{Body, Frames, FramesError, Slices};
use crate::doors::Head;
use bytes::Bytes;
use http::header::HeaderName;
use http::{Method, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// How a request ended, in a word of its protocol: the name of the error, or [`Outcome::DONE`]. It travels with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome(pub(crate) &'static str);

impl Outcome {
    /// It is answered.
    pub(crate) const DONE: Self = Self("done");
    /// It is refused, in no protocol's words.
    const REFUSED: Self = Self("refused");
    /// The answer did not get through, or its bytes could not be had: the client knows that some are missing.
    const CUT: Self = Self("cut");
}

/// A request that has come. It ends when it is dropped: with [`Record::answered`], when the answer has gone.
#[derive(Debug)]
pub(crate) struct Record {
    head: Arc<Head>,
    metrics: Arc<Metrics>,
    peer: SocketAddr,
    begun: Instant,
    operation: &'static str,
    status: u16,
    outcome: Outcome,
    received: u64,
    sent: u64,
}

impl Record {
    /// From now on.
    pub(crate) fn begin(metrics: Arc<Metrics>, head: Arc<Head>, peer: SocketAddr) -> Self {
        metrics.begin();
        Self {
            head,
            metrics,
            peer,
            begun: Instant::now(),
            operation: "-",
            status: 0,
            outcome: Outcome::CUT,
            received: 0,
            sent: 0,
        }
    }

    /// There is an answer: hands it on, and ends when the connection has taken its last byte.
    pub(crate) fn answered(
        mut self,
        operation: &'static str,
        received: u64,
        response: Response<Body>,
    ) -> Response<Body> {
        let status = response.status();
        let default = if status.is_client_error() || status.is_server_error() {
            Outcome::REFUSED
        } else {
            Outcome::DONE
        };
        self.operation = operation;
        self.received = received;
        self.status = status.as_u16();
        self.outcome = response.extensions().get().copied().unwrap_or(default);
        let is_head = self.head.parts.method == Method::HEAD;
        let (parts, body) = response.into_parts();
        let body = match body {
            Body::Stream(stream) if !is_head => {
                let left = stream.left();
                Body::Stream(stream.watched(|frames| Watched { frames, record: self, left }))
            }
            Body::Whole(bytes) if !is_head && bytes.len() > Slices::ONE => {
                let left = bytes.len() as u64;
                Body::stream(left, Watched { frames: Box::new(Slices(bytes)), record: self, left })
            }
            body if is_head => body,
            body => {
                self.sent = body.length();
                body
            }
        };
        Response::from_parts(parts, body)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        let Self { operation, status, outcome: Outcome(outcome), received, sent, .. } = *self;
        self.metrics.end(&Ended { operation, status, outcome }, took, received, sent);
        let head = &self.head;
        // A line of its own level for what is the server's fault: it has to be found by the id that the client was told.
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    target: "acre::access",
                    request_id = head.request_id,
                    peer = %self.peer,
                    principal = head.principal(),
                    method = %head.parts.method,
                    path = head.parts.uri.path(),
                    operation,
                    status,
                    outcome,
                    received,
                    sent,
                    micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    attempt = head.header(HeaderName::from_static("amz-sdk-request")),
                    "request"
                )
            };
        }
        if status >= 500 { tell!(warn) } else { tell!(debug) }
    }
}

/// The bytes of an answer, on their way.
struct Watched {
    frames: Box<dyn Frames>,
    record: Record,
    left: u64,
}

impl Frames for Watched {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FramesError>>> {
        let next = self.frames.poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            self.record.sent += bytes.len() as u64;
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        next
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.left > 0 {
            self.record.outcome = Outcome::CUT;
        }
    }
}
