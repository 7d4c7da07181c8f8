//! Pull-through cache rules: checked, stored, given back (spec/ecr.md 2.6, 2.10, 2.21, 2.55, 7.2). Nothing is fetched yet.

use crate::pages::{DEFAULT_PAGE, Listing};
use crate::repositories::{check_quota, registry_of};
use crate::{Caller, Error, Registry};
use acre_store::catalogue::Tx;
use acre_store::catalogue::cache_rules::{self as rows, CacheRule};
use acre_wire::ecr::cache_rule::{
    CreatePullThroughCacheRule, DeletePullThroughCacheRule, DescribePullThroughCacheRules,
    DescribePullThroughCacheRulesAnswer, PullThroughCacheRule, UpdatePullThroughCacheRule,
    UpdatePullThroughCacheRuleAnswer, UpstreamRegistry,
};
use acre_wire::ecr::{Operation, Timestamp};
use acre_wire::host;
use acre_wire::names::{RegistryName, RepositoryPrefix};

impl Registry {
    /// `CreatePullThroughCacheRule`.
    pub async fn create_pull_through_cache_rule(
        &self,
        caller: &Caller,
        input: CreatePullThroughCacheRule,
    ) -> Result<PullThroughCacheRule, Error> {
        let registry = registry_of(caller, input.registry_id.as_ref());
        let operation = Operation::CreatePullThroughCacheRule;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let now = self.now();
        let rule = CacheRule {
            prefix: input.ecr_repository_prefix,
            upstream_url: input.upstream_registry_url,
            upstream_prefix: input.upstream_repository_prefix,
            credential_arn: input.credential_arn,
            custom_role_arn: input.custom_role_arn.filter(|arn| !arn.is_empty()),
            created_at: now,
            updated_at: now,
        };
        if let Err(error) = check(&registry, &rule, input.upstream_registry) {
            return permit.record(Err(error));
        }
        let (at, new) = (registry.clone(), rule.clone());
        let created = self.store.catalogue.write(move |tx| {
            let rules = rows::all(tx, &at)?;
            if rules.iter().any(|rule| rule.prefix.stem() == new.prefix.stem()) {
                return Err(Error::CacheRuleExists(at.account.clone(), new.prefix.clone()));
            }
            check_quota(&at, rules.len(), "pull through cache rules")?;
            rows::set(tx, &at, &new)?;
            Ok(())
        });
        permit
            .record(created.await)
            .map(|()| PullThroughCacheRule { updated_at: None, ..show(&registry, rule) })
    }

    /// `DescribePullThroughCacheRules`: the named ones, all of which must be there, or all; page by page.
    pub fn describe_pull_through_cache_rules(
        &self,
        caller: &Caller,
        input: &DescribePullThroughCacheRules,
    ) -> Result<DescribePullThroughCacheRulesAnswer, Error> {
        let registry = registry_of(caller, input.registry_id.as_ref());
        let operation = Operation::DescribePullThroughCacheRules;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let resource = format!("{}/{}", registry.account, registry.region);
        let named = input.ecr_repository_prefixes.as_deref();
        let listing = Listing::new(operation, &resource, &named);
        let after: Option<String> = self.start_of_page(&listing, input.next_token.as_deref())?;
        let mut rules = self.store.catalogue.read::<_, Error, _>(|tx| Ok(rows::all(tx, &registry)?))?;
        if let Some(named) = named {
            let is_there =
                |prefix: &&RepositoryPrefix| rules.iter().any(|rule| rule.prefix.stem() == prefix.stem());
            if let Some(missing) = named.iter().find(|prefix| !is_there(prefix)) {
                let missing = missing.clone();
                return permit.record(Err(Error::CacheRuleNotFound(registry.account, missing)));
            }
            rules.retain(|rule| named.iter().any(|prefix| prefix.stem() == rule.prefix.stem()));
        }
        rules.retain(|rule| after.as_deref().is_none_or(|after| rule.prefix.stem() > after));
        let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
        let next_token = self.next_page(&listing, &mut rules, limit, |rule| rule.prefix.stem().into())?;
        let rules = rules.into_iter().map(|rule| show(&registry, rule)).collect();
        permit.record(Ok(DescribePullThroughCacheRulesAnswer { next_token, pull_through_cache_rules: rules }))
    }

    /// `UpdatePullThroughCacheRule`.
    pub async fn update_pull_through_cache_rule(
        &self,
        caller: &Caller,
        input: UpdatePullThroughCacheRule,
    ) -> Result<UpdatePullThroughCacheRuleAnswer, Error> {
        let registry = registry_of(caller, input.registry_id.as_ref());
        let operation = Operation::UpdatePullThroughCacheRule;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let (at, now) = (registry.clone(), self.now());
        let updated = self.store.catalogue.write(move |tx| {
            let mut rule = find(tx, &at, &input.ecr_repository_prefix)?;
            if input.credential_arn.is_some() {
                rule.credential_arn.clone_from(&input.credential_arn);
            }
            if let Some(role) = &input.custom_role_arn {
                rule.custom_role_arn = Some(role.clone()).filter(|arn| !arn.is_empty());
            }
            rule.updated_at = now;
            check(&at, &rule, None).map_err(|error| match error {
                // Not an exception of this operation. The secret can only be exchanged: it is the role that was sent away.
                Error::UpstreamNeedsCredentials => Error::InvalidParameter {
                    field: "customRoleArn",
                    constraint: "CustomRoleArn must not be empty when the upstream is of another account"
                        .into(),
                },
                other => other,
            })?;
            rows::set(tx, &at, &rule)?;
            Ok(rule)
        });
        permit.record(updated.await).map(|rule| UpdatePullThroughCacheRuleAnswer {
            credential_arn: rule.credential_arn,
            custom_role_arn: rule.custom_role_arn,
            ecr_repository_prefix: rule.prefix,
            registry_id: registry.account,
            updated_at: Timestamp::from_micros(rule.updated_at),
            upstream_repository_prefix: rule.upstream_prefix,
        })
    }

    /// `DeletePullThroughCacheRule`: answers what it was. What it has cached stays.
    pub async fn delete_pull_through_cache_rule(
        &self,
        caller: &Caller,
        input: DeletePullThroughCacheRule,
    ) -> Result<PullThroughCacheRule, Error> {
        let registry = registry_of(caller, input.registry_id.as_ref());
        let operation = Operation::DeletePullThroughCacheRule;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let at = registry.clone();
        let deleted = self.store.catalogue.write(move |tx| {
            let rule = find(tx, &at, &input.ecr_repository_prefix)?;
            rows::remove(tx, &at, rule.prefix.stem())?;
            Ok(rule)
        });
        permit.record(deleted.await).map(|rule| PullThroughCacheRule {
            updated_at: None,
            upstream_registry: None,
            ..show(&registry, rule)
        })
    }
}

fn find(tx: &Tx<'_>, registry: &RegistryName, prefix: &RepositoryPrefix) -> Result<CacheRule, Error> {
    rows::find(tx, registry, prefix.stem())?
        .ok_or_else(|| Error::CacheRuleNotFound(registry.account.clone(), prefix.clone()))
}

/// What the upstream takes and what it needs (spec/ecr.md 2.6, 7.2). `said` is the kind that the caller names.
fn check(registry: &RegistryName, rule: &CacheRule, said: Option<UpstreamRegistry>) -> Result<(), Error> {
    let invalid = |field, constraint: String| Err(Error::InvalidParameter { field, constraint });
    let upstream = kind(&rule.upstream_url).ok_or_else(|| {
        // As long as a host may be: what is longer was none.
        Error::UpstreamUnknown(rule.upstream_url.chars().take(253).collect())
    })?;
    let name = upstream.as_str();
    if said.is_some_and(|said| said != upstream) {
        return invalid("upstreamRegistry", format!("The upstream registry URL belongs to {name}"));
    }
    let credentials = Credentials::of(upstream);
    match &rule.credential_arn {
        Some(_) if credentials != Credentials::Secret => {
            return invalid(
                "credentialArn",
                format!("CredentialArn must be null when upstreamRegistry is {name}"),
            );
        }
        Some(arn) if !is_in(arn, registry) => {
            return invalid(
                "credentialArn",
                "The secret must be in the account and the Region of the registry".into(),
            );
        }
        None if credentials == Credentials::Secret => return Err(Error::UpstreamNeedsCredentials),
        _ => {}
    }
    if credentials != Credentials::Role && rule.custom_role_arn.is_some() {
        return invalid(
            "customRoleArn",
            format!("CustomRoleArn must be null when upstreamRegistry is {name}"),
        );
    }
    let is_foreign = host::registry(&rule.upstream_url).is_some_and(|from| from.account != registry.account);
    if is_foreign && rule.custom_role_arn.is_none() {
        return Err(Error::UpstreamNeedsCredentials);
    }
    match &rule.upstream_prefix {
        Some(_) if upstream != UpstreamRegistry::Ecr => invalid(
            "upstreamRepositoryPrefix",
            format!("UpstreamRepositoryPrefix must be null when upstreamRegistry is {name}"),
        ),
        Some(_) if rule.prefix.as_str() == "ROOT" => invalid(
            "upstreamRepositoryPrefix",
            "UpstreamRepositoryPrefix must be null when ecrRepositoryPrefix is ROOT".into(),
        ),
        _ => Ok(()),
    }
}

/// The upstream that a host is, written as ECR wants it: lower case, no scheme, no path.
fn kind(url: &str) -> Option<UpstreamRegistry> {
    Some(match url {
        "public.ecr.aws" => UpstreamRegistry::EcrPublic,
        "quay.io" => UpstreamRegistry::Quay,
        "registry.k8s.io" => UpstreamRegistry::K8s,
        "registry-1.docker.io" => UpstreamRegistry::DockerHub,
        "ghcr.io" => UpstreamRegistry::GithubContainerRegistry,
        "registry.gitlab.com" => UpstreamRegistry::GitlabContainerRegistry,
        "cgr.dev" => UpstreamRegistry::Chainguard,
        _ if is_azure(url) => UpstreamRegistry::AzureContainerRegistry,
        _ if host::registry(url).is_some() && !url.bytes().any(|c| c.is_ascii_uppercase()) => {
            UpstreamRegistry::Ecr
        }
        _ => return None,
    })
}

fn is_azure(url: &str) -> bool {
    let is_letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    url.strip_suffix(".azurecr.io")
        .is_some_and(|name| (1..=63).contains(&name.len()) && name.bytes().all(is_letter))
}

/// What an upstream asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credentials {
    Nothing,
    Secret,
    Role,
}

impl Credentials {
    fn of(upstream: UpstreamRegistry) -> Self {
        match upstream {
            UpstreamRegistry::EcrPublic | UpstreamRegistry::Quay | UpstreamRegistry::K8s => Self::Nothing,
            UpstreamRegistry::DockerHub
            | UpstreamRegistry::GithubContainerRegistry
            | UpstreamRegistry::AzureContainerRegistry
            | UpstreamRegistry::GitlabContainerRegistry
            | UpstreamRegistry::Chainguard => Self::Secret,
            UpstreamRegistry::Ecr => Self::Role,
        }
    }
}

/// Whether an ARN names something of the registry's account and Region.
fn is_in(arn: &str, registry: &RegistryName) -> bool {
    let mut parts = arn.split(':').skip(3);
    parts.next() == Some(registry.region.as_str()) && parts.next() == Some(registry.account.as_str())
}

fn show(registry: &RegistryName, rule: CacheRule) -> PullThroughCacheRule {
    PullThroughCacheRule {
        created_at: Timestamp::from_micros(rule.created_at),
        credential_arn: rule.credential_arn,
        custom_role_arn: rule.custom_role_arn,
        ecr_repository_prefix: rule.prefix,
        registry_id: registry.account.clone(),
        updated_at: Some(Timestamp::from_micros(rule.updated_at)),
        upstream_registry: kind(&rule.upstream_url),
        upstream_registry_url: rule.upstream_url,
        upstream_repository_prefix: rule.upstream_prefix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acre_wire::names::{AccountId, Region};

    fn told(
        url: &str,
        credential: Option<&str>,
        role: Option<&str>,
        prefixes: (&str, Option<&str>),
    ) -> String {
        let registry = RegistryName {
            account: AccountId::parse("111122223333").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
        };
        let parse = |text| RepositoryPrefix::parse(text).unwrap();
        let rule = CacheRule {
            prefix: parse(prefixes.0),
            upstream_url: url.into(),
            upstream_prefix: prefixes.1.map(parse),
            credential_arn: credential.map(str::to_owned),
            custom_role_arn: role.map(str::to_owned),
            created_at: 0,
            updated_at: 0,
        };
        match check(&registry, &rule, None) {
            Ok(()) => "ok".into(),
            Err(Error::InvalidParameter { field, .. }) => field.into(),
            Err(error) => error.kind().into(),
        }
    }

    #[test]
    fn what_each_upstream_takes() {
        let secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ecr-pullthroughcache/x";
        let other_region = "arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/x";
        let other_account = "arn:aws:secretsmanager:eu-central-1:444455556666:secret:ecr-pullthroughcache/x";
        let role = "arn:aws:iam::111122223333:role/x";
        let ours = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
        let theirs = "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn";
        for (url, secrets, roles, expected) in [
            ("public.ecr.aws", None, None, "ok"),
            ("quay.io", None, None, "ok"),
            ("registry.k8s.io", None, None, "ok"),
            ("registry.k8s.io", Some(secret), None, "credentialArn"),
            ("registry.k8s.io", None, Some(role), "customRoleArn"),
            ("registry-1.docker.io", Some(secret), None, "ok"),
            ("registry-1.docker.io", None, None, "upstream needs credentials"),
            ("registry-1.docker.io", Some(other_region), None, "credentialArn"),
            ("registry-1.docker.io", Some(other_account), None, "credentialArn"),
            ("registry-1.docker.io", Some(secret), Some(role), "customRoleArn"),
            ("ghcr.io", Some(secret), None, "ok"),
            ("registry.gitlab.com", Some(secret), None, "ok"),
            ("cgr.dev", Some(secret), None, "ok"),
            ("my-own1.azurecr.io", Some(secret), None, "ok"),
            ("my-own1.azurecr.io", None, None, "upstream needs credentials"),
            (ours, None, None, "ok"),
            (ours, None, Some(role), "ok"),
            (ours, Some(secret), None, "credentialArn"),
            (theirs, None, Some(role), "ok"),
            (theirs, None, None, "upstream needs credentials"),
            ("", None, None, "upstream unknown"),
            (".azurecr.io", Some(secret), None, "upstream unknown"),
            ("a.b.azurecr.io", Some(secret), None, "upstream unknown"),
            ("https://quay.io", None, None, "upstream unknown"),
            ("quay.io/", None, None, "upstream unknown"),
            ("QUAY.io", None, None, "upstream unknown"),
            ("mcr.microsoft.com", None, None, "upstream unknown"),
            ("444455556666.DKR.ecr.us-east-1.amazonaws.com", None, Some(role), "upstream unknown"),
        ] {
            assert_eq!(told(url, secrets, roles, ("hub", None)), expected, "{url} {secrets:?} {roles:?}");
        }
        assert_eq!(told(ours, None, None, ("hub", Some("team/"))), "ok");
        assert_eq!(told(ours, None, None, ("ROOT", None)), "ok");
        assert_eq!(told(ours, None, None, ("ROOT", Some("ROOT"))), "upstreamRepositoryPrefix");
        assert_eq!(told("quay.io", None, None, ("hub", Some("team"))), "upstreamRepositoryPrefix");
    }
}
