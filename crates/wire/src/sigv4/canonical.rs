//! The canonical form of a request: what both sides hash.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use std::borrow::Cow;

/// The head of a request, as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path, still encoded.
    pub path: &'a str,
    /// What stands after `?`, still encoded; empty if there is none.
    pub query: &'a str,
    /// Names in lower case, each with its value, in the order of the wire.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> RequestParts<'a> {
    /// The values of a header.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |header| header.0 == name).map(|header| header.1)
    }
}

/// All that RFC 3986 does not call unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The canonical request up to the hash of the body, which follows it. `signed` are names in lower case and order; a
/// header that is not there counts as empty. The parameter X-Amz-Signature is left out.
pub(super) fn head(parts: &RequestParts<'_>, signed: &[&str]) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    let mut line = |pieces: &[&[u8]]| {
        for piece in pieces {
            head.extend_from_slice(piece);
        }
        head.push(b'\n');
    };
    line(&[parts.method.as_bytes()]);
    line(&[path(parts.path).as_bytes()]);
    line(&[query(parts.query).as_bytes()]);
    for name in signed {
        let values: Vec<_> = parts.values(name).map(header_value).collect();
        line(&[name.as_bytes(), b":", &values.join(&b','.to_owned())]);
    }
    line(&[]);
    line(&[signed.join(";").as_bytes()]);
    head
}

/// Dots and doubled slashes resolved, then encoded once more: every service but S3 wants both.
fn path(raw: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut path = String::from("/");
    path.push_str(&segments.join("/"));
    if !segments.is_empty() && ["/", "/.", "/.."].iter().any(|end| raw.ends_with(end)) {
        path.push('/');
    }
    percent_encode(path.as_bytes(), RESERVED_IN_PATH).to_string()
}

/// Names and values, decoded and encoded anew, in order of name, then value.
fn query(raw: &str) -> String {
    let mut pairs: Vec<_> = pairs(raw)
        .filter(|(name, _)| name.as_ref() != b"X-Amz-Signature")
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The parameters of a query, decoded; `+` is a space.
pub(super) fn pairs(raw: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        Cow::Owned(percent_decode(raw.replace('+', " ").as_bytes()).collect())
    } else {
        percent_decode(raw.as_bytes()).into()
    }
}

/// As signatures write a name or a value of a query.
pub(super) fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}

/// Without white space at its ends, and one space for every run of them inside.
fn header_value(raw: &[u8]) -> Vec<u8> {
    let mut value = raw.trim_ascii().to_vec();
    value.dedup_by(|a, b| *a == b' ' && *b == b' ');
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (raw, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./a", "/a"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a/b/../", "/a/"),
            ("/../..", "/"),
            ("//a//b//", "/a/b/"),
            ("/a%20b/é~", "/a%2520b/%C3%A9~"),
            ("/a+b:c", "/a%2Bb%3Ac"),
        ] {
            assert_eq!(path(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn queries() {
        for (raw, canonical) in [
            ("", ""),
            ("a", "a="),
            ("&&a=1&", "a=1"),
            ("b=2&a=2&a=1&A=3", "A=3&a=1&a=2&b=2"),
            ("a=b=c", "a=b%3Dc"),
            ("a=%7e%2f%zz+", "a=~%2F%25zz%20"),
            ("a=1&X-Amz-Signature=0", "a=1"),
            // The order is that of the encoded names.
            ("%C3%A9=1&z=2&-=3", "%C3%A9=1&-=3&z=2"),
        ] {
            assert_eq!(query(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn header_values() {
        assert_eq!(header_value(b"  a   b \t c  "), b"a b \t c");
        assert_eq!(header_value(b"\"a   b\""), b"\"a b\"");
        assert_eq!(header_value(b"   "), b"");
    }
}
