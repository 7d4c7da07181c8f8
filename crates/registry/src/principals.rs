//! Who can prove to be whom: the snapshot of all access keys, replaced whenever a commit changes them.

use crate::Error;
use acre_store::Store;
use acre_store::catalogue::accounts::{self, KeyHolder};
use acre_store::keys::Purpose;
use acre_wire::names::AccountId;
use acre_wire::sigv4::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Somebody who can act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its row.
    pub id: i64,
    /// Its account.
    pub account: AccountId,
    /// Its ARN.
    pub arn: String,
    /// Its unique id.
    pub unique_id: String,
}

/// An access key and who proves itself by it.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// Whose it is.
    pub principal: Arc<Principal>,
}

/// The snapshot.
#[derive(Debug, Default)]
pub(crate) struct Principals {
    current: RwLock<Arc<Snapshot>>,
    /// Held while the snapshot is read and replaced: an older one must not follow a newer.
    refreshing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Snapshot {
    keys: HashMap<String, AccessKey>,
    principals: HashMap<i64, Arc<Principal>>,
}

impl Principals {
    /// Reads all access keys anew; from then on every request is judged by them.
    pub(crate) fn refresh(&self, store: &Store) -> Result<(), Error> {
        let _alone = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let holders = store.catalogue.read(accounts::key_holders)?;
        let mut snapshot = Snapshot::default();
        for holder in holders {
            let secret = open_secret(store, &holder)?;
            let KeyHolder { access_key, principal: id, account, arn, unique_id, .. } = holder;
            let malformed = |_| acre_store::Error::Damaged(format!("principal {id} has no account"));
            let account = AccountId::parse(&account).map_err(malformed)?;
            let principal = Arc::new(Principal { id, account, arn, unique_id });
            let principal = snapshot.principals.entry(id).or_insert(principal);
            let key = AccessKey { id: access_key.clone(), secret, principal: Arc::clone(principal) };
            snapshot.keys.insert(access_key, key);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }

    pub(crate) fn by_access_key(&self, id: &str) -> Option<AccessKey> {
        self.snapshot().keys.get(id).cloned()
    }

    pub(crate) fn by_id(&self, id: i64) -> Option<Arc<Principal>> {
        self.snapshot().principals.get(&id).cloned()
    }

    /// The keys of that account's principals.
    pub(crate) fn of_account(&self, account: &AccountId) -> Option<AccessKey> {
        let snapshot = self.snapshot();
        snapshot
            .keys
            .values()
            .filter(|key| key.principal.account == *account)
            .min_by_key(|key| key.id.clone())
            .cloned()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn open_secret(store: &Store, holder: &KeyHolder) -> Result<Secret, Error> {
    let damaged = || acre_store::Error::Damaged(format!("the secret of access key {}", holder.access_key));
    let plain = store
        .unseal(Purpose::Secret, holder.access_key.as_bytes(), &holder.sealed_secret)
        .map_err(|_| damaged())?;
    Ok(Secret::new(String::from_utf8(plain).map_err(|_| damaged())?))
}
