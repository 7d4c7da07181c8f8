//! Signed requests of the control plane: first who it claims to be, then, with the body read, whether it is.

use acre_registry::{AccessKey, Caller, Registry};
use acre_wire::names::RegistryName;
use acre_wire::sigv4::{AuthError, Claim, RequestParts};
use http::request::Parts;

/// A claim by an access key that exists, in time and scope: worth reading a body for.
pub(crate) struct Claimed {
    claim: Claim,
    key: AccessKey,
}

/// Judges all of a signature that needs no body.
pub(crate) fn claim(registry: &Registry, head: &Parts, service: &str) -> Result<Claimed, AuthError> {
    let headers: Vec<_> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let parts = RequestParts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
    };
    let claim = Claim::parse(&parts)?;
    let key = registry.access_key(claim.access_key_id()).ok_or(AuthError::UnknownKey)?;
    if claim.session_token().is_some() {
        return Err(AuthError::SessionToken);
    }
    claim.check_service(service)?;
    claim.check_time(registry.now().div_euclid(1_000_000))?;
    Ok(Claimed { claim, key })
}

impl Claimed {
    /// Checks the signature over the body, which is known by its hash; the caller acts in the Region of the signature's
    /// scope.
    pub(crate) fn verify(self, body_hash: &str, request_id: &str) -> Result<Caller, AuthError> {
        self.claim.verify(self.key.secret.expose(), body_hash)?;
        let registry =
            RegistryName { account: self.key.principal.account.clone(), region: self.claim.region().clone() };
        Ok(Caller { principal: self.key.principal, registry, request: request_id.to_owned() })
    }
}
