//! Several parts of a blob in one answer: `multipart/byteranges`, its length known beforehand (spec/oci.md 5.2).

use super::blobs::BlobFrames;
use crate::body::{Body, Frames, FramesError};
use acre_registry::{BlobView, Content, Error, Registry};
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The parts of one answer, each with what stands before it.
pub(super) struct Parts {
    list: VecDeque<(Bytes, Range<u64>)>,
    end: Bytes,
    boundary: String,
}

impl Parts {
    /// `ranges` lie within a blob of `size` bytes. The boundary is made of the request's random id: the bytes of a blob,
    /// which were there before it, cannot hold it by intent.
    pub(super) fn new(ranges: &[RangeInclusive<u64>], size: u64, request_id: &str) -> Self {
        let boundary = format!("acre-{request_id}");
        let head = |(number, range): (usize, &RangeInclusive<u64>)| {
            let (first, last) = (*range.start(), *range.end());
            let line = if number == 0 { "" } else { "\r\n" };
            let head = format!(
                "{line}--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
            );
            (Bytes::from(head), first..last + 1)
        };
        let list = ranges.iter().enumerate().map(head).collect();
        Self { list, end: Bytes::from(format!("\r\n--{boundary}--\r\n")), boundary }
    }

    /// The value of `Content-Type`.
    pub(super) fn content_type(&self) -> HeaderValue {
        super::respond::value(&format!("multipart/byteranges; boundary={}", self.boundary))
    }

    fn length(&self) -> u64 {
        let parts = self.list.iter().map(|(head, range)| head.len() as u64 + (range.end - range.start));
        parts.sum::<u64>() + self.end.len() as u64
    }

    /// The body: of a small blob at once, else part after part while the client takes them. Damage at the start of the
    /// first part is an error here.
    pub(super) async fn body(&self, registry: &Arc<Registry>, view: &BlobView) -> Result<Body, Error> {
        let length = self.length();
        let mut parts = self.list.clone();
        let first = parts.pop_front().unwrap_or_default();
        let range = if view.is_small() { 0..view.size } else { first.1 };
        match registry.read_blob(view, range).await? {
            Content::Whole(bytes) => {
                let mut body = BytesMut::new();
                for (head, range) in &self.list {
                    body.extend_from_slice(head);
                    // Small enough to lie in memory, so its positions fit as well; the range is within it.
                    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                    body.extend_from_slice(&bytes[place(range.start)..place(range.end)]);
                }
                body.extend_from_slice(&self.end);
                Ok(Body::Whole(body.freeze()))
            }
            Content::Stream(reader) => {
                let blob = BlobFrames::new(reader, registry, view);
                let frames = PartFrames { head: Some(first.0), blob, parts, end: Some(self.end.clone()) };
                Ok(Body::stream(length, frames))
            }
        }
    }
}

/// Parts on their way out, one reader for all of them.
struct PartFrames {
    /// What goes before the part that is on its way.
    head: Option<Bytes>,
    blob: BlobFrames,
    /// The parts that come after it.
    parts: VecDeque<(Bytes, Range<u64>)>,
    end: Option<Bytes>,
}

impl Frames for PartFrames {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FramesError>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        if let Some(frame) = ready!(self.blob.poll_next(cx)) {
            return Poll::Ready(Some(frame));
        }
        match self.parts.pop_front() {
            Some((head, range)) => {
                self.blob.turn_to(range);
                Poll::Ready(Some(Ok(head)))
            }
            None => Poll::Ready(self.end.take().map(Ok)),
        }
    }
}
