//! Parts of blobs and uploads, and conditions on them: `Range` (spec/oci.md 5.2), `Content-Range` of an upload (6.4),
//! `If-Match`, `If-None-Match` and `If-Range` (5.3, 7.1). The entity tag of everything here is its quoted digest.

use crate::digest::Digest;
use std::ops::RangeInclusive;

/// A header that asks for more parts than this is refused.
pub const MAX_RANGES: usize = 64;

/// Which bytes of a blob a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// No header, or one that has to be ignored: all, with 200.
    Whole,
    /// One part: 206.
    Partial(RangeInclusive<u64>),
    /// Two parts or more, ascending and without overlaps: 206, `multipart/byteranges`.
    Several(Vec<RangeInclusive<u64>>),
    /// Nothing of what is asked for is there: 416.
    NotSatisfiable,
    /// More than [`MAX_RANGES`] parts: 400, which makes clients ask for single ones; a 200 would make them take the
    /// whole blob each time.
    TooMany,
}

impl Ranges {
    /// Reads the header for a blob of `length` bytes. Every part that is answered lies within the blob.
    pub fn parse(header: Option<&str>, length: u64) -> Self {
        let Some((unit, set)) = header.and_then(|header| header.split_once('=')) else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let mut asked = 0;
        let mut parts = Vec::new();
        for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
            asked += 1;
            if asked > MAX_RANGES {
                return Self::TooMany;
            }
            match Spec::parse(spec) {
                None => return Self::Whole,
                Some(spec) => parts.extend(spec.within(length)),
            }
        }
        if asked == 0 {
            return Self::Whole;
        }
        let mut parts = merge(parts);
        match parts.pop() {
            None => Self::NotSatisfiable,
            Some(only) if parts.is_empty() => Self::Partial(only),
            Some(last) => {
                parts.push(last);
                Self::Several(parts)
            }
        }
    }
}

/// One element of a range set.
enum Spec {
    From(u64, u64),
    Last(u64),
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first, last) {
            ("", last) => Some(Self::Last(saturating(last)?)),
            (first, "") => Some(Self::From(saturating(first)?, u64::MAX)),
            (first, last) => Some(Self::From(saturating(first)?, saturating(last)?)),
        }
    }

    fn within(&self, length: u64) -> Option<RangeInclusive<u64>> {
        let end = length.checked_sub(1)?;
        match *self {
            Self::From(first, last) => (first <= last && first <= end).then_some(first..=last.min(end)),
            Self::Last(count) => (count > 0).then_some(length.saturating_sub(count)..=end),
        }
    }
}

/// Sorted, overlaps made one. Neighbours stay apart: some clients expect a part for each that they asked for.
fn merge(mut parts: Vec<RangeInclusive<u64>>) -> Vec<RangeInclusive<u64>> {
    parts.sort_unstable_by_key(|part| *part.start());
    let mut merged: Vec<RangeInclusive<u64>> = Vec::with_capacity(parts.len());
    for part in parts {
        match merged.last_mut() {
            Some(last) if part.start() <= last.end() => *last = *last.start()..=*last.end().max(part.end()),
            _ => merged.push(part),
        }
    }
    merged
}

/// Digits only; a number beyond 64 bits lies behind the end of every blob anyway.
fn saturating(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Where a chunk of an upload belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Offset of its first byte.
    pub first: u64,
    /// Offset of its last byte; not below `first`, not above 2^63-1.
    pub last: u64,
}

/// Why a `Content-Range` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContentRange {
    /// It has none of the accepted forms.
    #[error("Content-Range has the form <first>-<last>")]
    Unparseable,
    /// It has the form, but ends before it starts or beyond the length that it gives.
    #[error("Content-Range ends before it starts, or beyond its own length")]
    Contradictory,
}

impl ContentRange {
    /// Reads `a-b`, as this protocol has it, and HTTP's `bytes a-b/*` and `bytes a-b/L`; also `bytes=a-b`.
    pub fn parse(header: &str) -> Result<Self, InvalidContentRange> {
        use InvalidContentRange::{Contradictory, Unparseable};

        let header = header.trim();
        let range = match header.get(..5) {
            Some(unit) if unit.eq_ignore_ascii_case("bytes") => {
                header[5..].strip_prefix([' ', '=']).ok_or(Unparseable)?.trim_start()
            }
            _ => header,
        };
        let (range, length) = match range.split_once('/') {
            None => (range, None),
            Some((range, "*")) => (range, None),
            Some((range, length)) => (range, Some(offset(length).ok_or(Unparseable)?)),
        };
        let (first, last) = range.split_once('-').ok_or(Unparseable)?;
        let (first, last) = (offset(first).ok_or(Unparseable)?, offset(last).ok_or(Unparseable)?);
        if first > last || length.is_some_and(|length| last >= length) {
            return Err(Contradictory);
        }
        Ok(Self { first, last })
    }

    /// How many bytes the chunk has: 1 to 2^63.
    pub fn length(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// Digits only, up to 2^63-1.
fn offset(text: &str) -> Option<u64> {
    saturating(text).filter(|number| i64::try_from(*number).is_ok())
}

/// The entity tag of a blob or manifest: its digest in quotes.
pub fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Whether the condition `If-Match` holds, `current` being what is there now. Otherwise: 412.
pub fn if_match(header: &str, current: Option<&Digest>) -> bool {
    names(header, current, false)
}

/// Whether the condition `If-None-Match` holds, `current` being what is there now. Otherwise: 304 to GET and HEAD, 412
/// to others. Weak tags count as well.
pub fn if_none_match(header: &str, current: Option<&Digest>) -> bool {
    !names(header, current, true)
}

/// Whether `If-Range` lets the `Range` beside it count; dates and weak tags do not. Otherwise: 200 and all bytes.
pub fn if_range(header: &str, current: &Digest) -> bool {
    header.trim() == etag(current)
}

/// Whether a list of entity tags, or `*`, names what is there. A comma inside of another tag splits that one, which is
/// harmless: no piece of it has both quotes.
fn names(header: &str, current: Option<&Digest>, weak: bool) -> bool {
    let Some(current) = current else { return false };
    let etag = etag(current);
    header.split(',').map(str::trim).any(|tag| {
        let strong = tag == etag;
        tag == "*" || strong || (weak && tag.strip_prefix("W/").is_some_and(|tag| tag == etag))
    })
}

#[cfg(test)]
mod tests;
