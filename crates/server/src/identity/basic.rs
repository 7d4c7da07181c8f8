//! `Authorization: Basic base64(AWS:<token>)`, and which registry a request is about (DESIGN 5, 6; spec/oci.md 4).

use acre_registry::{Caller, Registry, TokenError};
use acre_wire::host;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Why a request is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No credentials, or none that mean anything: 401 with the challenge.
    Unauthorized,
    /// A token whose time is over: 403, because clients do not repeat that.
    Expired,
    /// The host names another registry than the token was issued for: 403.
    OtherRegistry,
}

/// The caller that the request's token names, and when that expires, in microseconds since 1970. A host that names a
/// registry must name the token's.
pub(crate) fn identify(
    registry: &Registry,
    headers: &HeaderMap,
    host: Option<&str>,
    request_id: &str,
) -> Result<(Caller, i64), Refusal> {
    let token = token(headers).ok_or(Refusal::Unauthorized)?;
    let (caller, expires) = registry.open_token(&token, request_id).map_err(|error| match error {
        TokenError::Invalid => Refusal::Unauthorized,
        TokenError::Expired => Refusal::Expired,
    })?;
    match host.and_then(host::registry) {
        Some(named) if named != caller.registry => Err(Refusal::OtherRegistry),
        _ => Ok((caller, expires)),
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    (user == "AWS").then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_aws_over_basic_counts() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            token(&headers)
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(with(&basic("AWS:eyx")), Some("eyx".into()));
        assert_eq!(with(&basic("AWS:eyx").replace("Basic", "bAsIc")), Some("eyx".into()));
        for bad in [&basic("aws:eyx"), &basic("AWS"), &basic(":x"), "Basic ***", "Basic", "Bearer abc", ""] {
            assert_eq!(with(bad), None, "{bad}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
