//! Signing: from a canonical request to a signature, and the headers that carry it.

use super::canonical::{self, RequestParts};
use super::{ALGORITHM, Secret, body_hash, time};
use crate::digest::hex;
use aws_lc_rs::hmac;

/// What a caller signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Names the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// With temporary keys, the token they came with.
    pub session_token: Option<Secret>,
}

/// What a signature is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose<'a> {
    /// `us-east-1`.
    pub region: &'a str,
    /// `ecr`, `sts`.
    pub service: &'a str,
}

impl Purpose<'_> {
    /// `20150830/us-east-1/ecr/aws4_request`, for a day as in the basic form of its times.
    pub(super) fn scope(&self, day: &str) -> String {
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }
}

/// Headers that change on their way, and so are not signed.
const UNSIGNED: &[&str] =
    &["authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// Signs a request and returns the headers to add to it: x-amz-date, x-amz-security-token with a session token, and
/// authorization. `parts` must have `host` among its headers, and all that is to be signed; `now` counts seconds since
/// 1970; `body` is the [`body_hash`].
pub fn sign(
    parts: &RequestParts<'_>,
    credentials: &Credentials,
    purpose: Purpose<'_>,
    now: i64,
    body: &str,
) -> Vec<(&'static str, String)> {
    let mut added = vec![("x-amz-date", time::basic_time(now))];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token", token.expose().to_owned()));
    }
    let mut headers = parts.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let names = signed_names(&headers);
    let head = canonical::head(&RequestParts { headers: &headers, ..*parts }, &names);
    let signature = hex(&signature(credentials.secret_access_key.expose(), purpose, now, &head, body));
    let scope = purpose.scope(day(&time::basic_time(now)));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id,
        names.join(";"),
    );
    added.push(("authorization", authorization));
    added
}

/// The names of the headers to sign, in order.
pub(super) fn signed_names<'a>(headers: &[(&'a str, &'a [u8])]) -> Vec<&'a str> {
    let mut names: Vec<_> =
        headers.iter().map(|header| header.0).filter(|name| !UNSIGNED.contains(name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The day of a time in the basic form.
pub(super) fn day(time: &str) -> &str {
    time.get(..8).unwrap_or(time)
}

/// The signature of a canonical request: its head and the hash of its body.
pub(super) fn signature(secret: &str, purpose: Purpose<'_>, now: i64, head: &[u8], body: &str) -> [u8; 32] {
    let time = time::basic_time(now);
    let request = body_hash(&[head, body.as_bytes()].concat());
    let text = format!("{ALGORITHM}\n{time}\n{}\n{request}", purpose.scope(day(&time)));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), day(&time));
    for part in [purpose.region, purpose.service, "aws4_request"] {
        key = hmac(&key, part);
    }
    hmac(&key, &text)
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}
