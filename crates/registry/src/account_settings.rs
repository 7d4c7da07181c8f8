//! Settings of a registry by name (spec/ecr.md 2.25, 2.39, 7.4).

use crate::{Caller, Error, Registry};
use acre_store::catalogue::{Tx, account_settings as rows};
use acre_wire::ecr::Operation;
use acre_wire::ecr::account_setting::{AccountSettingAnswer, GetAccountSetting, PutAccountSetting};
use acre_wire::names::RegistryName;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// By what images are scanned.
    BasicScanTypeVersion,
    /// Which actions a registry policy may be about.
    RegistryPolicyScope,
    /// Whether uploads may take blobs from other repositories (DESIGN 5: by default; ECR: not by default).
    BlobMounting,
}

impl Setting {
    const ALL: [Self; 3] = [Self::BasicScanTypeVersion, Self::RegistryPolicyScope, Self::BlobMounting];

    fn parse(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|setting| setting.name() == name);
        found.ok_or_else(|| not_among("name", &Self::ALL.map(Self::name)))
    }

    fn name(self) -> &'static str {
        match self {
            Self::BasicScanTypeVersion => "BASIC_SCAN_TYPE_VERSION",
            Self::RegistryPolicyScope => "REGISTRY_POLICY_SCOPE",
            Self::BlobMounting => "BLOB_MOUNTING",
        }
    }

    /// What it may be set to; the first is the default.
    fn values(self) -> &'static [&'static str] {
        match self {
            Self::BasicScanTypeVersion => &["AWS_NATIVE"],
            Self::RegistryPolicyScope => &["V2", "V1"],
            Self::BlobMounting => &["ENABLED", "DISABLED"],
        }
    }
}

impl Registry {
    /// `GetAccountSetting`: what was set, or the default.
    pub fn account_setting(
        &self,
        caller: &Caller,
        input: &GetAccountSetting,
    ) -> Result<AccountSettingAnswer, Error> {
        let registry = &caller.registry;
        let permit = self.authorize(caller, Operation::GetAccountSetting, &registry.account, "*")?;
        let found = Setting::parse(&input.name).and_then(|setting| {
            let value = self.store.catalogue.read(|tx| Self::setting(tx, registry, setting))?;
            Ok(AccountSettingAnswer { name: setting.name().to_owned(), value: value.to_owned() })
        });
        permit.record(found)
    }

    /// `PutAccountSetting`.
    pub async fn put_account_setting(
        &self,
        caller: &Caller,
        input: PutAccountSetting,
    ) -> Result<AccountSettingAnswer, Error> {
        let registry = caller.registry.clone();
        let permit = self.authorize(caller, Operation::PutAccountSetting, &registry.account, "*")?;
        let put = async {
            let values = Setting::parse(&input.name)?.values();
            if !values.contains(&input.value.as_str()) {
                return Err(not_among("value", values));
            }
            let PutAccountSetting { name, value } = input.clone();
            let set = move |tx: &Tx<'_>| Ok(rows::set(tx, &registry, &name, &value)?);
            self.store.catalogue.write::<_, Error, _>(set).await?;
            Ok(AccountSettingAnswer { name: input.name, value: input.value })
        };
        permit.record(put.await)
    }

    /// What a setting of a registry is.
    pub(crate) fn setting(
        tx: &Tx<'_>,
        registry: &RegistryName,
        setting: Setting,
    ) -> Result<&'static str, Error> {
        let set = rows::value(tx, registry, setting.name())?;
        let values = setting.values().iter();
        Ok(values.copied().find(|value| set.as_deref() == Some(value)).unwrap_or(setting.values()[0]))
    }
}

fn not_among(field: &'static str, words: &[&str]) -> Error {
    let constraint = format!("Member must satisfy enum value set: [{}]", words.join(", "));
    Error::InvalidParameter { field, constraint }
}
