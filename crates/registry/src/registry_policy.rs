//! The policy of a registry: checked, sealed, stored, given back (spec/ecr.md 2.11, 2.30, 2.44, 6.2).

use crate::account_settings::Setting;
use crate::documents::context;
use crate::{Caller, Error, Registry};
use acre_policy::iam::document::PolicyDocument;
use acre_store::catalogue::{Tx, registry_policies as rows};
use acre_wire::ecr::Operation;
use acre_wire::ecr::policy::{
    DeleteRegistryPolicy, GetRegistryPolicy, PutRegistryPolicy, RegistryPolicyAnswer,
};
use acre_wire::names::RegistryName;

/// What a document of this kind is sealed as.
const KIND: &str = "RegistryPolicy";

/// The actions that a policy of the scope V1 may be about, besides all of them.
const SCOPE_V1: [&str; 3] = ["ReplicateImage", "BatchImportUpstreamImage", "CreateRepository"];

impl Registry {
    /// `PutRegistryPolicy`. Until policies are evaluated an Allow gives nobody anything, and a Deny is refused.
    pub async fn put_registry_policy(
        &self,
        caller: &Caller,
        input: PutRegistryPolicy,
    ) -> Result<RegistryPolicyAnswer, Error> {
        let registry = caller.registry.clone();
        let permit = self.authorize(caller, Operation::PutRegistryPolicy, &registry.account, "*")?;
        let put = async {
            let document = check(&input.policy_text)?;
            let sealed = self.seal_text(&context(&registry, KIND), &input.policy_text)?;
            let at = registry.clone();
            let set = move |tx: &Tx<'_>| {
                if Self::setting(tx, &at, Setting::RegistryPolicyScope)? == "V1"
                    && !document.is_limited_to(&SCOPE_V1)
                {
                    tracing::info!("a registry policy beyond the scope V1 was refused");
                    return Err(invalid());
                }
                Ok(rows::set(tx, &at, &sealed)?)
            };
            self.store.catalogue.write::<_, Error, _>(set).await?;
            Ok(show(&registry, input.policy_text.clone()))
        };
        permit.record(put.await)
    }

    /// `GetRegistryPolicy`: the text to the letter.
    pub fn registry_policy(
        &self,
        caller: &Caller,
        _: GetRegistryPolicy,
    ) -> Result<RegistryPolicyAnswer, Error> {
        let registry = &caller.registry;
        let permit = self.authorize(caller, Operation::GetRegistryPolicy, &registry.account, "*")?;
        let found = self.store.catalogue.read(|tx| find(tx, registry));
        permit.record(found.and_then(|sealed| self.open_registry_policy(registry, &sealed)))
    }

    /// `DeleteRegistryPolicy`: answers what it was.
    pub async fn delete_registry_policy(
        &self,
        caller: &Caller,
        _: DeleteRegistryPolicy,
    ) -> Result<RegistryPolicyAnswer, Error> {
        let registry = caller.registry.clone();
        let permit = self.authorize(caller, Operation::DeleteRegistryPolicy, &registry.account, "*")?;
        let removed = self.store.catalogue.write(move |tx| {
            let sealed = find(tx, &registry)?;
            rows::remove(tx, &registry)?;
            Ok(sealed)
        });
        let removed = removed.await;
        permit.record(removed.and_then(|sealed| self.open_registry_policy(&caller.registry, &sealed)))
    }

    fn open_registry_policy(
        &self,
        registry: &RegistryName,
        sealed: &[u8],
    ) -> Result<RegistryPolicyAnswer, Error> {
        Ok(show(registry, self.open_text(&context(registry, KIND), sealed)?))
    }
}

/// The whole grammar, resources in every statement, and no Deny.
fn check(text: &str) -> Result<PolicyDocument, Error> {
    let document = PolicyDocument::parse(text).map_err(|error| {
        tracing::info!(%error, "a registry policy was refused");
        invalid()
    })?;
    if !document.names_resources() {
        tracing::info!("a registry policy without resources was refused");
        return Err(invalid());
    }
    if document.has_deny() { Err(Error::DenyNotEnforced) } else { Ok(document) }
}

fn invalid() -> Error {
    Error::InvalidParameter { field: "PolicyText", constraint: "Invalid registry policy provided".into() }
}

fn find(tx: &Tx<'_>, registry: &RegistryName) -> Result<Vec<u8>, Error> {
    rows::policy(tx, registry)?.ok_or_else(|| Error::RegistryPolicyNotFound(registry.account.clone()))
}

fn show(registry: &RegistryName, policy_text: String) -> RegistryPolicyAnswer {
    RegistryPolicyAnswer { policy_text, registry_id: registry.account.clone() }
}
