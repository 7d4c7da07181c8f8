//! Signatures, of a header and of a query: no head opens a door without the secret, and what is signed is believed.
//!
//! The input is a head as text: method and target on its first line, then a header on each.

#![no_main]

use acre_wire::sigv4::{
    AuthError, Claim, Credentials, Purpose, RequestParts, Secret, body_hash, presign, sign,
};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "a secret that no seed was signed with";
const NOW: i64 = 1_440_938_160;
const PURPOSE: Purpose<'_> = Purpose { region: "us-east-1", service: "ecr" };
/// The listener refuses longer heads.
const LONGEST: usize = 64 << 10;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > LONGEST {
        return;
    }
    let mut lines = text.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let named: Vec<(String, &[u8])> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes()))
        .collect();
    let headers: Vec<(&str, &[u8])> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let parts = RequestParts { method, path, query, headers: &headers };
    match Claim::parse(&parts) {
        Ok(claim) => {
            let _ = (claim.check_time(NOW), claim.check_service("ecr"));
            assert!(claim.access_key_id().len() <= 128 && claim.access_key_id().is_ascii());
            assert!(claim.lifetime().is_none_or(|seconds| (1..=604_800).contains(&seconds)));
            assert!(claim.verify(SECRET, &body_hash(b"")).is_err());
        }
        Err(AuthError::Missing) => believed(&parts),
        Err(_) => {}
    }
});

/// Nothing in the head speaks of a signature: with ours, it is believed, and with another secret's it is not.
fn believed(parts: &RequestParts<'_>) {
    let mut headers: Vec<_> =
        parts.headers.iter().copied().filter(|(name, _)| !name.starts_with("x-amz-")).collect();
    headers.truncate(90);
    headers.push(("host", b"localhost"));
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new(SECRET),
        session_token: None,
    };
    let parts = RequestParts { headers: &headers, ..*parts };
    let body = body_hash(b"body");
    let added = sign(&parts, &credentials, PURPOSE, NOW, &body);
    let mut signed = headers.clone();
    signed.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    // Too many names for one Authorization header are refused; all else is read.
    let head = RequestParts { headers: &signed, ..parts };
    if signed.last().is_some_and(|(_, value)| value.len() <= 8 << 10) {
        judge(&head, &body);
    }
    if !parts.query.to_ascii_lowercase().contains("amz") && !parts.query.contains('%') {
        let query = presign(&parts, &credentials, PURPOSE, NOW, 3600, &body);
        judge(&RequestParts { query: &query, ..parts }, &body);
    }
}

fn judge(parts: &RequestParts<'_>, body: &str) {
    let claim = Claim::parse(parts).unwrap_or_else(|error| panic!("{error}: {parts:?}"));
    assert_eq!(claim.check_time(NOW), Ok(()));
    assert_eq!(claim.check_service("ecr"), Ok(()));
    assert_eq!(claim.verify(SECRET, body), Ok(()), "{parts:?}");
    assert_eq!(claim.verify("another", body), Err(AuthError::BadSignature));
    assert_eq!(claim.verify(SECRET, &body_hash(b"other")), Err(AuthError::BadSignature));
    let other = RequestParts { method: "BREW", ..*parts };
    if parts.method != "BREW" {
        let claim = Claim::parse(&other).expect("the method is no part of the signature's form");
        assert_eq!(claim.verify(SECRET, body), Err(AuthError::BadSignature));
    }
}
