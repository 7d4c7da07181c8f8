//! Page tokens: sealed, and good only for the very listing that gave them (DESIGN 9).

use crate::{Error, Registry};
use acre_store::keys::Purpose;
use acre_wire::ecr::Operation;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Microseconds that a page token is good for.
const LIFETIME: i64 = 24 * 3_600_000_000;

/// Entries of a page when the caller does not say.
pub(crate) const DEFAULT_PAGE: u32 = 100;

/// The listing that a token belongs to: operation, what it lists, and how it filters.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    context: Vec<u8>,
}

impl Listing {
    /// `filter` is whatever else the call said that decides what is listed.
    pub(crate) fn new(operation: Operation, resource: &str, filter: &impl Serialize) -> Self {
        let filter = serde_json::to_string(filter).unwrap_or_default();
        Self { context: [operation.name(), "\n", resource, "\n", &filter].concat().into_bytes() }
    }
}

impl Registry {
    /// Where the next page starts, if this one is not the last. A page is asked for with one entry more than it may hold.
    pub(crate) fn next_page<T>(
        &self,
        listing: &Listing,
        entries: &mut Vec<T>,
        limit: u32,
        position: impl FnOnce(&T) -> serde_json::Value,
    ) -> Result<Option<String>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if entries.len() <= limit {
            return Ok(None);
        }
        entries.truncate(limit);
        let Some(last) = entries.last() else { return Ok(None) };
        self.page_behind(listing, &position(last)).map(Some)
    }

    /// The token of the page that starts behind a position.
    pub(crate) fn page_behind(
        &self,
        listing: &Listing,
        position: &serde_json::Value,
    ) -> Result<String, Error> {
        let now = self.now();
        let plain = serde_json::json!([now + LIFETIME, position]).to_string();
        let sealed = self.store.seal(Purpose::Page, now, &listing.context, plain.as_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Where a page starts: behind the position that the token holds, or at the beginning.
    pub(crate) fn start_of_page<P: DeserializeOwned>(
        &self,
        listing: &Listing,
        token: Option<&str>,
    ) -> Result<Option<P>, Error> {
        let Some(token) = token else { return Ok(None) };
        let invalid = || Error::InvalidParameter { field: "nextToken", constraint: "Invalid token".into() };
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let plain = self.store.unseal(Purpose::Page, &listing.context, &sealed).map_err(|_| invalid())?;
        let (expires, position): (i64, P) = serde_json::from_slice(&plain).map_err(|_| invalid())?;
        if expires <= self.now() { Err(invalid()) } else { Ok(Some(position)) }
    }
}
