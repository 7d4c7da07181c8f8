//! THE OPERATIONS. What a registry does, for whoever asks at whichever door: both protocols, the console and the jobs
//! call the same functions of [`Registry`].
//!
//! It must not know HTTP, SQL text or terminals. Each operation's first line asks `Registry::authorize`; what it then
//! changes it changes in one transaction, and answers when that is durable.
//!
//! Start reading at [`Registry`], then `repositories.rs` (the control plane at its simplest) and `push/manifest.rs`.

mod account_settings;
mod accounts;
mod authorize;
mod blob_mounting;
mod cache_rules;
mod documents;
mod error;
mod images;
mod layers;
mod open;
mod pages;
mod principals;
mod pull;
mod push;
mod referrers;
mod registry_policy;
mod replication;
mod repositories;
mod scanning;
mod settings;
mod templates;
mod tokens;

pub use acre_store::blobs::{Content, Expect, Reader, Source, SourceError, UploadError, Wanted};
pub use acre_store::{Distribution, Error as StoreError, Measures};
pub use error::Error;
pub use images::FoundImages;
pub use open::{Addresses, Settings, is_held, rotate_idle};
pub use principals::{AccessKey, Principal};
pub use pull::{BlobView, ManifestView};
pub use push::{AtOnce, Landed, ManifestPush, Pushed};
pub use repositories::arn_of;
pub use tokens::TokenError;

use acre_store::Store;
use acre_store::catalogue::history::Author;
use acre_store::catalogue::{TimeId, TimeIds};
use acre_wire::names::{AccountId, RegistryName};
use principals::Principals;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Who asks, where, and in which request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub principal: Arc<Principal>,
    /// The registry that the request is about unless it names another account.
    pub registry: RegistryName,
    /// The request's id, as the client is told it.
    pub request: String,
}

/// The present, in microseconds since 1970; tests bring their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// All registries of one installation.
pub struct Registry {
    store: Arc<Store>,
    settings: Settings,
    principals: Principals,
    pulls: pull::Pulls,
    ids: Mutex<uuid::ContextV7>,
}

impl Registry {
    /// Now, by the installation's clock.
    pub fn now(&self) -> i64 {
        (self.settings.clock)()
    }

    /// The account that the first start made: its root may make others.
    pub fn home(&self) -> &AccountId {
        &self.settings.account
    }

    /// The host, with its port, at which a registry's repositories are pushed and pulled (DESIGN 5).
    pub fn host(&self, registry: &RegistryName) -> String {
        self.settings.addresses.host(registry)
    }

    /// Whether the catalogue takes no writes since a commit failed.
    pub fn is_read_only(&self) -> bool {
        self.store.catalogue.is_read_only()
    }

    /// What there is and what was done, in numbers. Blocking, and short.
    pub fn measures(&self) -> Result<Measures, StoreError> {
        self.store.measures()
    }

    /// Who writes history in this request, and the ids of what it writes.
    fn author(&self, caller: &Caller) -> Author {
        let at = self.now();
        Author {
            principal: caller.principal.arn.clone(),
            request: caller.request.clone(),
            at,
            ids: TimeIds::after(self.time_id(at).0),
        }
    }

    /// A fresh `UUIDv7`: greater than every one before it, while the clock does not go back.
    fn time_id(&self, at: i64) -> TimeId {
        let context = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = u64::try_from(at.div_euclid(1_000_000)).unwrap_or(0);
        let nanos = u32::try_from(at.rem_euclid(1_000_000) * 1000).unwrap_or(0);
        TimeId(*uuid::Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, nanos)).as_bytes())
    }

    /// The end of the window in which what is deleted now can come back.
    fn undo_until(&self, at: i64) -> i64 {
        at.saturating_add(self.settings.undo_window)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", self.settings.data.display())
    }
}
