//! Tokens of the data plane (DESIGN 6, spec/ecr.md 2.26, 3.1): sealed, self-contained, twelve hours.

use crate::{Caller, Error, Registry};
use acre_store::keys::Purpose;
use acre_wire::ecr::Operation;
use acre_wire::ecr::Timestamp;
use acre_wire::ecr::token::{AuthorizationData, GetAuthorizationToken, GetAuthorizationTokenAnswer};
use acre_wire::names::{AccountId, RegistryName};
use acre_wire::sigv4::Secret;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Microseconds that a token is good for.
const LIFETIME: i64 = 12 * 3_600_000_000;
/// Some clients sniff for these first letters; no part of what follows.
const PREFIX: &str = "ey";

/// Why a token does not open a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours, or its principal is gone.
    #[error("Not Authorized")]
    Invalid,
    /// It was one.
    #[error("Your authorization token has expired. Reauthenticate and try again.")]
    Expired,
}

/// What a token says, under its seal.
#[derive(Serialize, Deserialize)]
struct Claims {
    principal: i64,
    registry: (AccountId, acre_wire::names::Region),
    expires: i64,
}

impl Registry {
    /// `GetAuthorizationToken`: one token for each registry that was asked for, all good for whatever the caller may do.
    pub fn authorization_token(
        &self,
        caller: &Caller,
        input: GetAuthorizationToken,
    ) -> Result<GetAuthorizationTokenAnswer, Error> {
        let operation = Operation::GetAuthorizationToken;
        let permit = self.authorize(caller, operation, &caller.principal.account, "*")?;
        let accounts = input.registry_ids.unwrap_or_else(|| vec![caller.registry.account.clone()]);
        let issue = |account| {
            let registry = RegistryName { account, region: caller.registry.region.clone() };
            let expires = self.now() + LIFETIME;
            let password = self.issue(caller.principal.id, &registry, expires)?;
            Ok(AuthorizationData {
                authorization_token: Secret::new(STANDARD.encode(format!("AWS:{password}"))),
                expires_at: Timestamp::from_micros(expires),
                proxy_endpoint: self.settings.addresses.endpoint(&registry),
            })
        };
        let data = accounts.into_iter().map(issue).collect();
        permit.record(data).map(|authorization_data| GetAuthorizationTokenAnswer { authorization_data })
    }

    fn issue(&self, principal: i64, registry: &RegistryName, expires: i64) -> Result<String, Error> {
        let claims =
            Claims { principal, registry: (registry.account.clone(), registry.region.clone()), expires };
        let claims = serde_json::to_vec(&claims).map_err(|_| acre_store::Error::Closed)?;
        let sealed = self.store.seal(Purpose::Token, self.now(), b"", &claims)?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The caller that a token names, in the registry that it was issued for, and when it expires. Reads nothing.
    pub fn open_token(&self, token: &str, request: &str) -> Result<(Caller, i64), TokenError> {
        let sealed = token.strip_prefix(PREFIX).ok_or(TokenError::Invalid)?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| TokenError::Invalid)?;
        let claims = self.store.unseal(Purpose::Token, b"", &sealed).map_err(|_| TokenError::Invalid)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Invalid)?;
        if claims.expires <= self.now() {
            return Err(TokenError::Expired);
        }
        let principal = self.principals.by_id(claims.principal).ok_or(TokenError::Invalid)?;
        let (account, region) = claims.registry;
        let registry = RegistryName { account, region };
        Ok((Caller { principal, registry, request: request.to_owned() }, claims.expires))
    }
}
