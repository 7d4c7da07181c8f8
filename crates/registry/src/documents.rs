//! Lifecycle and repository policies: checked, sealed, stored, given back (spec/ecr.md 2.9, 2.14, 2.28, 2.32, 2.43, 2.49).

use crate::repositories::{arn_of, find};
use crate::{Caller, Error, Registry};
use acre_policy::iam::document::PolicyDocument;
use acre_policy::lifecycle::document::LifecyclePolicy;
use acre_store::catalogue::repositories::{self as rows, Document};
use acre_store::keys::Purpose;
use acre_wire::ecr::policy::{
    DeleteLifecyclePolicy, DeleteRepositoryPolicy, GetLifecyclePolicy, GetRepositoryPolicy,
    LifecyclePolicyAnswer, PutLifecyclePolicy, PutLifecyclePolicyAnswer, RepositoryPolicyAnswer,
    SetRepositoryPolicy,
};
use acre_wire::ecr::{Operation, Timestamp};
use acre_wire::names::{RegistryName, RepositoryArn};

/// A document as it was stored, with the time of its last run (0: never).
type Stored = (String, i64);

impl Registry {
    /// `PutLifecyclePolicy`: the whole grammar is checked; running it comes later.
    pub async fn put_lifecycle_policy(
        &self,
        caller: &Caller,
        input: PutLifecyclePolicy,
    ) -> Result<PutLifecyclePolicyAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::PutLifecyclePolicy, &arn.registry.account, &arn)?;
        let put = async {
            self.store.catalogue.read(|tx| find(tx, &arn))?;
            let policy = check_lifecycle_policy("LifecyclePolicyText", &input.lifecycle_policy_text)?;
            let text = policy.canonical();
            self.set(&arn, Document::LifecyclePolicy, &text).await?;
            Ok(PutLifecyclePolicyAnswer {
                lifecycle_policy_text: text,
                registry_id: arn.registry.account.clone(),
                repository_name: arn.name.clone(),
            })
        };
        permit.record(put.await)
    }

    /// `GetLifecyclePolicy`.
    pub fn lifecycle_policy(
        &self,
        caller: &Caller,
        input: &GetLifecyclePolicy,
    ) -> Result<LifecyclePolicyAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::GetLifecyclePolicy, &arn.registry.account, &arn)?;
        let found = self.document(&arn, Document::LifecyclePolicy);
        permit.record(found).map(|stored| show_lifecycle(&arn, stored))
    }

    /// `DeleteLifecyclePolicy`: answers what it was.
    pub async fn delete_lifecycle_policy(
        &self,
        caller: &Caller,
        input: DeleteLifecyclePolicy,
    ) -> Result<LifecyclePolicyAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::DeleteLifecyclePolicy, &arn.registry.account, &arn)?;
        let removed = self.remove(&arn, Document::LifecyclePolicy).await;
        permit.record(removed).map(|stored| show_lifecycle(&arn, stored))
    }

    /// `SetRepositoryPolicy`. Until policies are evaluated an Allow gives nobody anything, and a Deny is refused.
    pub async fn set_repository_policy(
        &self,
        caller: &Caller,
        input: SetRepositoryPolicy,
    ) -> Result<RepositoryPolicyAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::SetRepositoryPolicy, &arn.registry.account, &arn)?;
        let set = async {
            self.store.catalogue.read(|tx| find(tx, &arn))?;
            check_repository_policy("PolicyText", &input.policy_text)?;
            self.set(&arn, Document::Policy, &input.policy_text).await?;
            Ok(())
        };
        permit.record(set.await).map(|()| show_policy(&arn, input.policy_text))
    }

    /// `GetRepositoryPolicy`: the text to the letter.
    pub fn repository_policy(
        &self,
        caller: &Caller,
        input: &GetRepositoryPolicy,
    ) -> Result<RepositoryPolicyAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::GetRepositoryPolicy, &arn.registry.account, &arn)?;
        let found = self.document(&arn, Document::Policy);
        permit.record(found).map(|(text, _)| show_policy(&arn, text))
    }

    /// `DeleteRepositoryPolicy`: answers what it was.
    pub async fn delete_repository_policy(
        &self,
        caller: &Caller,
        input: DeleteRepositoryPolicy,
    ) -> Result<RepositoryPolicyAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit =
            self.authorize(caller, Operation::DeleteRepositoryPolicy, &arn.registry.account, &arn)?;
        let removed = self.remove(&arn, Document::Policy).await;
        permit.record(removed).map(|(text, _)| show_policy(&arn, text))
    }

    async fn set(&self, arn: &RepositoryArn, document: Document, text: &str) -> Result<(), Error> {
        let sealed = self.seal_text(&context_of(arn, document), text)?;
        let arn = arn.clone();
        let set = move |tx: &acre_store::catalogue::Tx<'_>| {
            rows::set_document(tx, find(tx, &arn)?.id, document, Some(&sealed))?;
            Ok(())
        };
        self.store.catalogue.write(set).await
    }

    fn document(&self, arn: &RepositoryArn, document: Document) -> Result<Stored, Error> {
        let stored = self.store.catalogue.read(|tx| {
            rows::document(tx, find(tx, arn)?.id, document)?.ok_or_else(|| missing(arn, document))
        })?;
        self.open_document(arn, document, stored)
    }

    async fn remove(&self, arn: &RepositoryArn, document: Document) -> Result<Stored, Error> {
        let at = arn.clone();
        let remove = move |tx: &acre_store::catalogue::Tx<'_>| {
            let id = find(tx, &at)?.id;
            let stored = rows::document(tx, id, document)?.ok_or_else(|| missing(&at, document))?;
            rows::set_document(tx, id, document, None)?;
            Ok::<_, Error>(stored)
        };
        let stored = self.store.catalogue.write(remove).await?;
        self.open_document(arn, document, stored)
    }

    fn open_document(
        &self,
        arn: &RepositoryArn,
        document: Document,
        (sealed, evaluated_at): (Vec<u8>, i64),
    ) -> Result<Stored, Error> {
        Ok((self.open_text(&context_of(arn, document), &sealed)?, evaluated_at))
    }

    /// Seals a text that a customer wrote.
    pub(crate) fn seal_text(&self, context: &[u8], text: &str) -> Result<Vec<u8>, Error> {
        Ok(self.store.seal(Purpose::Document, self.now(), context, text.as_bytes())?)
    }

    /// Opens what [`Registry::seal_text`] sealed in the same context.
    pub(crate) fn open_text(&self, context: &[u8], sealed: &[u8]) -> Result<String, Error> {
        let plain = self.store.unseal(Purpose::Document, context, sealed)?;
        let damaged = |_| acre_store::Error::Damaged("a text that a customer wrote".into());
        Ok(String::from_utf8(plain).map_err(damaged)?)
    }
}

/// The whole grammar; `field` is what ECR calls the text.
pub(crate) fn check_lifecycle_policy(field: &'static str, text: &str) -> Result<LifecyclePolicy, Error> {
    LifecyclePolicy::parse(text).map_err(|error| Error::InvalidParameter {
        field,
        constraint: format!("Lifecycle policy validation failure: {error}"),
    })
}

/// The whole grammar, and no Deny; `field` is what ECR calls the text.
pub(crate) fn check_repository_policy(field: &'static str, text: &str) -> Result<(), Error> {
    let document = PolicyDocument::parse(text).map_err(|error| {
        tracing::info!(%error, "a repository policy was refused");
        Error::InvalidParameter { field, constraint: "Invalid repository policy provided".into() }
    })?;
    if document.has_deny() { Err(Error::DenyNotEnforced) } else { Ok(()) }
}

/// A sealed document opens only as what it was and where it stood: account, Region and kind.
pub(crate) fn context(registry: &RegistryName, kind: &str) -> Vec<u8> {
    format!("{}\n{}\n{kind}", registry.account, registry.region).into_bytes()
}

/// Not the name: a deleted repository may come back under another.
fn context_of(arn: &RepositoryArn, document: Document) -> Vec<u8> {
    context(&arn.registry, &format!("{document:?}"))
}

fn missing(arn: &RepositoryArn, document: Document) -> Error {
    match document {
        Document::Policy => Error::RepositoryPolicyNotFound(arn.clone()),
        Document::LifecyclePolicy => Error::LifecyclePolicyNotFound(arn.clone()),
    }
}

fn show_lifecycle(arn: &RepositoryArn, (text, evaluated_at): Stored) -> LifecyclePolicyAnswer {
    LifecyclePolicyAnswer {
        last_evaluated_at: Timestamp::from_micros(evaluated_at),
        lifecycle_policy_text: text,
        registry_id: arn.registry.account.clone(),
        repository_name: arn.name.clone(),
    }
}

fn show_policy(arn: &RepositoryArn, text: String) -> RepositoryPolicyAnswer {
    RepositoryPolicyAnswer {
        policy_text: text,
        registry_id: arn.registry.account.clone(),
        repository_name: arn.name.clone(),
    }
}
