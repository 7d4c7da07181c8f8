//! Accounts of the installation: `Acre_V1.CreateAccount`, `Acre_V1.RotateKeys`.

use crate::{Caller, Error, Registry};
use acre_store::Store;
use acre_store::catalogue::{Tx, accounts};
use acre_store::keys::Purpose;
use acre_wire::ecr::Operation;
use acre_wire::ecr::account::{CreateAccount, CreateAccountAnswer, RotateKeys, RotateKeysAnswer};
use acre_wire::names::AccountId;
use acre_wire::sigv4::Secret;

/// An account, its root and its first access key, before they are stored.
#[derive(Clone)]
pub(crate) struct NewAccount {
    account: AccountId,
    access_key: String,
    secret: Secret,
    sealed_secret: Vec<u8>,
    now: i64,
}

impl NewAccount {
    pub(crate) fn make(store: &Store, account: &AccountId, now: i64) -> Result<Self, Error> {
        // The forms of AWS's own: tools check them.
        let access_key = format!("AKIA{}", random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)?);
        let secret = random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40)?;
        let sealed_secret = store.seal(Purpose::Secret, now, access_key.as_bytes(), secret.as_bytes())?;
        Ok(Self { account: account.clone(), access_key, secret: Secret::new(secret), sealed_secret, now })
    }

    pub(crate) fn insert(&self, tx: &Tx<'_>) -> Result<(), Error> {
        let account = self.account.as_str();
        if !accounts::insert(tx, account, self.now)? {
            return Err(Error::AccountExists(self.account.clone()));
        }
        let root = accounts::insert_root(tx, account, &format!("arn:aws:iam::{account}:root"), self.now)?;
        accounts::insert_access_key(tx, root, &self.access_key, &self.sealed_secret, self.now)?;
        Ok(())
    }
}

/// Text of `length` letters, each drawn evenly: the alphabets have a power of two letters.
fn random_text(letters: &[u8], length: usize) -> Result<String, Error> {
    let bytes = acre_store::keys::random_bytes(length).map_err(acre_store::Error::from)?;
    Ok(bytes.iter().map(|byte| char::from(letters[usize::from(*byte) % letters.len()])).collect())
}

impl Registry {
    /// `Acre_V1.CreateAccount`: the home account's root makes another account. Its secret is told this once.
    pub async fn create_account(
        &self,
        caller: &Caller,
        input: CreateAccount,
    ) -> Result<CreateAccountAnswer, Error> {
        let permit = self.authorize(caller, Operation::CreateAccount, &self.settings.account, "*")?;
        permit.record(self.make_account(&input.account_id).await)
    }

    async fn make_account(&self, account: &AccountId) -> Result<CreateAccountAnswer, Error> {
        let new = NewAccount::make(&self.store, account, self.now())?;
        let row = new.clone();
        self.store.catalogue.write(move |tx| row.insert(tx)).await?;
        // The secret is told this once, so it is told even if the account is known only from the next refresh on.
        if let Err(error) = self.principals.refresh(&self.store) {
            tracing::error!(%error, "the new account is not known until the next start");
        }
        Ok(CreateAccountAnswer {
            access_key_id: new.access_key,
            account_id: new.account,
            secret_access_key: new.secret,
        })
    }

    /// `Acre_V1.RotateKeys`: new objects are sealed under new keys from now on.
    pub async fn rotate_keys(&self, caller: &Caller, _: RotateKeys) -> Result<RotateKeysAnswer, Error> {
        let permit = self.authorize(caller, Operation::RotateKeys, &self.settings.account, "*")?;
        let rotated = self.store.rotate_keys(self.now()).await.map_err(Error::from);
        let domains = permit.record(rotated)?;
        Ok(RotateKeysAnswer { key_domains: u32::try_from(domains).unwrap_or(u32::MAX) })
    }

    /// The access key of that id, with whoever proves itself by it.
    pub fn access_key(&self, id: &str) -> Option<crate::AccessKey> {
        self.principals.by_access_key(id)
    }
}
