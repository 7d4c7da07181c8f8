//! Signatures in the query: a link that works for a while.

use super::canonical::{self, RequestParts, encode};
use super::sign::{Credentials, Purpose, day, signature, signed_names};
use super::{ALGORITHM, time};
use crate::digest::hex;

/// The longest life of a link, in seconds: a week.
pub(super) const LONGEST: u32 = 604_800;

/// Signs a request by its query and returns the whole query to send. `parts` must have `host` among its headers, and
/// only headers that will be sent; `lifetime` is in seconds and held to one week; `body` is the
/// [`body_hash`](super::body_hash), or [`UNSIGNED_PAYLOAD`](super::UNSIGNED_PAYLOAD) for no body if the query of
/// `parts` says so in X-Amz-Content-Sha256.
pub fn presign(
    parts: &RequestParts<'_>,
    credentials: &Credentials,
    purpose: Purpose<'_>,
    now: i64,
    lifetime: u32,
    body: &str,
) -> String {
    let time = time::basic_time(now);
    let names = signed_names(parts.headers);
    let credential = format!("{}/{}", credentials.access_key_id, purpose.scope(day(&time)));
    let mut query = String::from(parts.query);
    let mut add = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend([name, "=", &encode(value.as_bytes())]);
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &credential);
    add("X-Amz-Date", &time);
    add("X-Amz-Expires", &lifetime.clamp(1, LONGEST).to_string());
    add("X-Amz-SignedHeaders", &names.join(";"));
    if let Some(token) = &credentials.session_token {
        add("X-Amz-Security-Token", token.expose());
    }
    let head = canonical::head(&RequestParts { query: &query, ..*parts }, &names);
    let signature = signature(credentials.secret_access_key.expose(), purpose, now, &head, body);
    format!("{query}&X-Amz-Signature={}", hex(&signature))
}

/// The parameters of a presigned request, decoded.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) algorithm: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) date: Option<String>,
    pub(super) expires: Option<String>,
    pub(super) signed_headers: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) payload: Option<String>,
}

/// A parameter of a presigned request stands twice, or is no text.
pub(super) struct Ambiguous;

impl Parameters {
    /// Reads them off a query; none, if nothing in it speaks of a signature.
    pub(super) fn parse(query: &str) -> Result<Option<Self>, Ambiguous> {
        let mut parameters = Self::default();
        for (name, value) in canonical::pairs(query) {
            let place = match name.as_ref() {
                b"X-Amz-Algorithm" => &mut parameters.algorithm,
                b"X-Amz-Credential" => &mut parameters.credential,
                b"X-Amz-Date" => &mut parameters.date,
                b"X-Amz-Expires" => &mut parameters.expires,
                b"X-Amz-SignedHeaders" => &mut parameters.signed_headers,
                b"X-Amz-Signature" => &mut parameters.signature,
                b"X-Amz-Security-Token" => &mut parameters.session_token,
                b"X-Amz-Content-Sha256" => &mut parameters.payload,
                _ => continue,
            };
            let value = String::from_utf8(value.into_owned()).map_err(|_| Ambiguous)?;
            if place.replace(value).is_some() {
                return Err(Ambiguous);
            }
        }
        let signed = parameters.algorithm.is_some() || parameters.signature.is_some();
        Ok(signed.then_some(parameters))
    }
}
