//! Verifying: what a request claims about its signer, and whether it is so.

use super::canonical::{self, RequestParts};
use super::presigned::{Ambiguous, LONGEST, Parameters};
use super::sign::{Purpose, day, signature};
use super::time::{basic_time, parse_basic_time};
use super::{ALGORITHM, UNSIGNED_PAYLOAD, body_hash};
use crate::names::Region;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::fmt;

/// How far the clocks of client and server may differ, in seconds (DESIGN.md 6).
const WINDOW: i64 = 15 * 60;
const LONGEST_AUTHORIZATION: usize = 8 << 10;
const MOST_HEADERS: usize = 100;
const LONGEST_KEY_ID: usize = 128;

/// Why a request is not believed. The text is what the client is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no signature.
    #[error("Missing Authentication Token")]
    Missing,
    /// There is one, and it cannot be read.
    #[error("{0}")]
    Incomplete(Flaw),
    /// Nobody has that key. For the caller, who knows the keys.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The key is another one, or something was changed on the way.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    BadSignature,
    /// Signed too long ago, or not yet.
    #[error("{0}")]
    Time(TimeFault),
    /// Signed for something else.
    #[error("{0}")]
    WrongScope(ScopeFault),
    /// Temporary credentials; none are issued here yet.
    #[error("The security token included in the request is invalid.")]
    SessionToken,
}

/// What cannot be read in a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Flaw {
    #[error("The request must be signed once, by its Authorization header or by its query.")]
    Ambiguous,
    #[error("The Authorization header must be at most 8192 bytes of ASCII.")]
    Unreadable,
    #[error("The signature must use the algorithm 'AWS4-HMAC-SHA256'.")]
    Algorithm,
    #[error(
        "Authorization requires a 'Credential' parameter: <access key>/<date>/<Region>/<service>/aws4_request."
    )]
    Credential,
    #[error(
        "Authorization requires a 'SignedHeaders' parameter: at most 100 header names in lower case and in order, \
         joined by semicolons."
    )]
    SignedHeaders,
    #[error("Authorization requires a 'Signature' parameter of 64 lower-case hex digits.")]
    Signature,
    #[error("Authorization requires a 'X-Amz-Date' of the form 20150830T123600Z.")]
    Date,
    #[error("A signature in the query requires 'X-Amz-Expires' of 1 to 604800 seconds.")]
    Expires,
    #[error("'host' must be a 'SignedHeader' in the AWS Authorization.")]
    HostUnsigned,
    #[error("Every 'x-amz-' header of the request must be a 'SignedHeader' in the AWS Authorization.")]
    AmzHeaderUnsigned,
}

/// How a time does not fit. Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFault {
    /// The clock window has passed.
    Expired {
        /// When it was signed.
        signed: i64,
        /// The server's time.
        now: i64,
    },
    /// The life of a link has passed.
    LinkExpired {
        /// When it ended.
        end: i64,
        /// The server's time.
        now: i64,
    },
    /// Signed in the future.
    NotYetCurrent {
        /// When it was signed.
        signed: i64,
        /// The server's time.
        now: i64,
    },
}

impl fmt::Display for TimeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Expired { signed, now } => write!(
                f,
                "Signature expired: {} is now earlier than {} ({} - 15 min.)",
                basic_time(signed),
                basic_time(now.saturating_sub(WINDOW)),
                basic_time(now),
            ),
            Self::LinkExpired { end, now } => {
                write!(f, "Signature expired: {} is now earlier than {}", basic_time(end), basic_time(now))
            }
            Self::NotYetCurrent { signed, now } => write!(
                f,
                "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                basic_time(signed),
                basic_time(now.saturating_add(WINDOW)),
                basic_time(now),
            ),
        }
    }
}

/// How a scope does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    /// Its date is not that of the time.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != '{signed}'."
    )]
    Date {
        /// In the scope.
        scope: String,
        /// By the time.
        signed: String,
    },
    /// No Region has that name.
    #[error("Credential should be scoped to a valid Region.")]
    Region,
    /// Signed for another service.
    #[error("Credential should be scoped to correct service: '{expected}'.")]
    Service {
        /// What it should be.
        expected: String,
    },
    /// Does not end as a scope ends.
    #[error("Credential should be scoped with a valid terminator: 'aws4_request'.")]
    Terminator,
}

/// What a request claims: who signed it, when, and for what. Nothing of it is true until [`Claim::verify`] says so.
#[derive(Clone, Debug)]
pub struct Claim {
    access_key_id: String,
    region: Region,
    service: String,
    signed_at: i64,
    lifetime: Option<u32>,
    session_token: Option<String>,
    signed_headers: String,
    signature: [u8; 32],
    stated_payload: Option<String>,
    /// The canonical request without the hash of its body.
    head: Vec<u8>,
}

/// The parameters of a signature, wherever they stood.
struct Found<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
    date: Option<&'a str>,
    lifetime: Option<u32>,
    session_token: Option<&'a str>,
    stated_payload: Option<&'a str>,
}

impl Claim {
    /// Reads the signature off the head of a request: of the Authorization header, or of the query. `host` and every
    /// `x-amz-` header must be signed, so that none can be added on the way.
    pub fn parse(parts: &RequestParts<'_>) -> Result<Self, AuthError> {
        let flaw = AuthError::Incomplete;
        let parameters = Parameters::parse(parts.query).map_err(|Ambiguous| flaw(Flaw::Ambiguous))?;
        let authorization = single(parts, "authorization", Flaw::Ambiguous, Flaw::Unreadable)?;
        match (authorization, parameters) {
            (None, None) => Err(AuthError::Missing),
            (Some(_), Some(_)) => Err(flaw(Flaw::Ambiguous)),
            (Some(authorization), None) => Self::read(parts, &by_header(parts, authorization)?),
            (None, Some(parameters)) => Self::read(parts, &by_query(parts, &parameters)?),
        }
    }

    fn read(parts: &RequestParts<'_>, found: &Found<'_>) -> Result<Self, AuthError> {
        let flaw = AuthError::Incomplete;
        let credential = found.credential.ok_or(flaw(Flaw::Credential))?;
        let [access_key_id, date, region, service, terminator] = split_credential(credential)?;
        let signed_headers = found.signed_headers.ok_or(flaw(Flaw::SignedHeaders))?;
        let names = split_names(signed_headers)?;
        let signature = found.signature.and_then(parse_signature).ok_or(flaw(Flaw::Signature))?;
        let time = found.date.ok_or(flaw(Flaw::Date))?;
        let signed_at = parse_basic_time(time).ok_or(flaw(Flaw::Date))?;
        if names.binary_search(&"host").is_err() {
            return Err(flaw(Flaw::HostUnsigned));
        }
        let is_unsigned = |name: &str| name.starts_with("x-amz-") && names.binary_search(&name).is_err();
        if parts.headers.iter().any(|header| is_unsigned(header.0)) {
            return Err(flaw(Flaw::AmzHeaderUnsigned));
        }
        let scope = AuthError::WrongScope;
        if terminator != "aws4_request" {
            return Err(scope(ScopeFault::Terminator));
        }
        if date != day(time) {
            return Err(scope(ScopeFault::Date { scope: date.to_owned(), signed: day(time).to_owned() }));
        }
        let region = Region::parse(region).map_err(|_| scope(ScopeFault::Region))?;
        if names.iter().any(|name| parts.values(name).next().is_none()) {
            return Err(AuthError::BadSignature);
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            region,
            service: service.to_owned(),
            signed_at,
            lifetime: found.lifetime,
            session_token: found.session_token.map(str::to_owned),
            signed_headers: signed_headers.to_owned(),
            signature,
            stated_payload: found.stated_payload.map(str::to_owned),
            head: canonical::head(parts, &names),
        })
    }

    /// The key that it says it was signed with: at most 128 ASCII characters.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The Region it was signed for.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The service it was signed for.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// When it was signed, in seconds since 1970.
    pub fn signed_at(&self) -> i64 {
        self.signed_at
    }

    /// For a link: how long it lives, in seconds.
    pub fn lifetime(&self) -> Option<u32> {
        self.lifetime
    }

    /// The token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The names of the headers that are signed, joined by semicolons.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// Whether it was signed within 15 minutes of `now`, or is a link that is still alive. Seconds since 1970.
    pub fn check_time(&self, now: i64) -> Result<(), AuthError> {
        let signed = self.signed_at;
        if signed > now.saturating_add(WINDOW) {
            return Err(AuthError::Time(TimeFault::NotYetCurrent { signed, now }));
        }
        let fault = match self.lifetime {
            Some(lifetime) => {
                let end = signed.saturating_add(i64::from(lifetime));
                (end < now).then_some(TimeFault::LinkExpired { end, now })
            }
            None => (signed < now.saturating_sub(WINDOW)).then_some(TimeFault::Expired { signed, now }),
        };
        fault.map_or(Ok(()), |fault| Err(AuthError::Time(fault)))
    }

    /// Whether it was signed for this service.
    pub fn check_service(&self, expected: &str) -> Result<(), AuthError> {
        if self.service == expected {
            Ok(())
        } else {
            Err(AuthError::WrongScope(ScopeFault::Service { expected: expected.to_owned() }))
        }
    }

    /// Whether it was signed with this secret, and the body with it: `body` is the
    /// [`body_hash`] of all that was received. A link may say that its body is not signed, and then
    /// must not have one. Compares in constant time.
    pub fn verify(&self, secret: &str, body: &str) -> Result<(), AuthError> {
        if self.session_token.is_some() {
            return Err(AuthError::SessionToken);
        }
        let payload = match self.stated_payload.as_deref() {
            None => body,
            Some(stated) if stated == body => body,
            Some(UNSIGNED_PAYLOAD) if self.lifetime.is_some() && body == body_hash(b"") => UNSIGNED_PAYLOAD,
            Some(_) => return Err(AuthError::BadSignature),
        };
        let purpose = Purpose { region: self.region.as_str(), service: &self.service };
        let expected = signature(secret, purpose, self.signed_at, &self.head, payload);
        verify_slices_are_equal(&expected, &self.signature).map_err(|_| AuthError::BadSignature)
    }
}

/// The value of a header that may stand once.
fn single<'a>(
    parts: &RequestParts<'a>,
    name: &str,
    twice: Flaw,
    unreadable: Flaw,
) -> Result<Option<&'a str>, AuthError> {
    let mut values = parts.values(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(AuthError::Incomplete(twice)),
        (Some(value), None) => match std::str::from_utf8(value) {
            Ok(text) if text.is_ascii() && text.len() <= LONGEST_AUTHORIZATION => Ok(Some(text.trim())),
            _ => Err(AuthError::Incomplete(unreadable)),
        },
    }
}

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, in any order.
fn by_header<'a>(parts: &RequestParts<'a>, authorization: &'a str) -> Result<Found<'a>, AuthError> {
    let flaw = AuthError::Incomplete;
    let rest = authorization.strip_prefix(ALGORITHM).ok_or(flaw(Flaw::Algorithm))?;
    let rest = rest.strip_prefix(' ').ok_or(flaw(Flaw::Algorithm))?;
    let mut found = Found {
        credential: None,
        signed_headers: None,
        signature: None,
        date: single(parts, "x-amz-date", Flaw::Date, Flaw::Date)?,
        lifetime: None,
        session_token: single(parts, "x-amz-security-token", Flaw::Ambiguous, Flaw::Unreadable)?,
        stated_payload: single(parts, "x-amz-content-sha256", Flaw::Ambiguous, Flaw::Unreadable)?,
    };
    for parameter in rest.split(',') {
        let (place, name, value) = match parameter.trim().split_once('=') {
            Some(("Credential", value)) => (&mut found.credential, Flaw::Credential, value),
            Some(("SignedHeaders", value)) => (&mut found.signed_headers, Flaw::SignedHeaders, value),
            Some(("Signature", value)) => (&mut found.signature, Flaw::Signature, value),
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(flaw(name));
        }
    }
    Ok(found)
}

fn by_query<'a>(parts: &RequestParts<'a>, parameters: &'a Parameters) -> Result<Found<'a>, AuthError> {
    let flaw = AuthError::Incomplete;
    if parameters.algorithm.as_deref() != Some(ALGORITHM) {
        return Err(flaw(Flaw::Algorithm));
    }
    let expires = parameters.expires.as_deref().filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
    let lifetime =
        expires.and_then(|text| text.parse().ok()).filter(|seconds| (1..=LONGEST).contains(seconds));
    let in_header = single(parts, "x-amz-security-token", Flaw::Ambiguous, Flaw::Unreadable)?;
    let payload_in_header = single(parts, "x-amz-content-sha256", Flaw::Ambiguous, Flaw::Unreadable)?;
    Ok(Found {
        credential: parameters.credential.as_deref(),
        signed_headers: parameters.signed_headers.as_deref(),
        signature: parameters.signature.as_deref(),
        date: parameters.date.as_deref(),
        lifetime: Some(lifetime.ok_or(flaw(Flaw::Expires))?),
        session_token: parameters.session_token.as_deref().or(in_header),
        stated_payload: parameters.payload.as_deref().or(payload_in_header),
    })
}

fn split_credential(text: &str) -> Result<[&str; 5], AuthError> {
    let mut parts = text.split('/');
    let credential = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let is_key_id =
        credential[0].bytes().all(|c| c.is_ascii_graphic()) && credential[0].len() <= LONGEST_KEY_ID;
    if parts.next().is_some() || !is_key_id || credential.iter().any(|part: &&str| part.is_empty()) {
        return Err(AuthError::Incomplete(Flaw::Credential));
    }
    Ok(credential)
}

fn split_names(text: &str) -> Result<Vec<&str>, AuthError> {
    let is_name = |name: &&str| {
        !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && !c.is_ascii_uppercase())
    };
    let names: Vec<_> = text.split(';').take(MOST_HEADERS + 1).collect();
    let ascend = names.windows(2).all(|pair| pair[0] < pair[1]);
    if names.len() <= MOST_HEADERS && ascend && names.iter().all(is_name) {
        Ok(names)
    } else {
        Err(AuthError::Incomplete(Flaw::SignedHeaders))
    }
}

fn parse_signature(text: &str) -> Option<[u8; 32]> {
    let digest = crate::digest::Digest::parse(&format!("sha256:{text}")).ok()?;
    digest.hash().try_into().ok()
}
