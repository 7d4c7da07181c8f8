//! One connection, from its first byte to its last.

use super::patient::Patient;
use super::{Peer, Stage, Traffic};
use crate::body::{Body, BrokenAnswer, RequestBody};
use crate::listen::Exchange;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// hyper's read buffer grows with what comes, up to this; so does what it holds back of an answer. Measured: DESIGN.md 7.
const BUFFER: usize = 512 << 10;
/// A longer head is 431. A token has some 4 KiB, a presigned URL less.
const LONGEST_HEAD: usize = 64 << 10;
/// For how long a connection may be idle.
const IDLE: Duration = Duration::from_secs(75);

/// Serves requests until either side ends the connection. From `Stage::Stop` on it ends with the answer that is under
/// way; at `Stage::Cut` it ends.
pub(super) async fn serve<T, S, F>(io: T, peer: Peer, service: S, mut stage: watch::Receiver<Stage>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<RequestBody>, Peer) -> F,
    F: Future<Output = Response<Body>>,
{
    let traffic = Arc::new(Traffic::default());
    let io = TokioIo::new(Patient::new(io, Arc::clone(&traffic)));
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = traffic.begin();
        let (waits, is_head) = (waits(&request), request.method() == Method::HEAD);
        let request = request.map(|incoming| RequestBody::new(incoming, waits, exchange.clone()));
        let answer = service(request, peer);
        async move { Ok::<_, Infallible>(finish(answer.await, is_head, exchange)) }
    });
    // Never `pipeline_flush`: it switches back-pressure off (DESIGN.md 7).
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(BUFFER)
        .max_header_size(LONGEST_HEAD)
        .keep_alive(true)
        .half_close(false)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    // A connection that breaks is the client's affair: whoever waits for its bytes hears of it.
    tokio::select! {
        ended = connection.as_mut() => return trace(peer, ended),
        () = Stage::Stop.reached(&mut stage) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection.as_mut() => trace(peer, ended),
        () = Stage::Cut.reached(&mut stage) => {}
    }
}

fn trace(peer: Peer, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.address, error = &error as &dyn std::error::Error, "connection broke");
    }
}

/// Whether the client waits for `100 Continue` before it sends the body.
fn waits(request: &Request<Incoming>) -> bool {
    let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    request.version() == Version::HTTP_11 && request.headers().get_all(EXPECT).iter().any(asks)
}

fn finish(mut answer: Response<Body>, is_head: bool, exchange: Exchange) -> Response<Answer> {
    if exchange.leaves_bytes() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    // hyper says any length to HEAD but zero.
    if is_head && !matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        let length = answer.body().length();
        answer.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    answer.map(|body| Answer { body, _exchange: exchange })
}

/// A body on its way to the client: until hyper has taken all of it, the connection is busy.
struct Answer {
    body: Body,
    _exchange: Exchange,
}

impl http_body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BrokenAnswer>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
