//! Repositories: create, describe, delete (spec/ecr.md 2.7, 2.12, 2.23).

use crate::pages::{DEFAULT_PAGE, Listing};
use crate::settings::check_tags;
use crate::{Caller, Error, Registry};
use acre_store::catalogue::history::{self, Action, Entry};
use acre_store::catalogue::repositories::{self as rows, Settings};
use acre_store::catalogue::{Tx, keys};
use acre_store::keys::FreshKey;
use acre_wire::ecr::repository::{
    CreateRepository, DeleteRepository, DescribeRepositories, DescribeRepositoriesAnswer,
    EncryptionConfiguration, EncryptionType, ExclusionFilter, FilterType, ImageScanningConfiguration,
    Repository, RepositoryAnswer, TagMutability,
};
use acre_wire::ecr::{Operation, Timestamp};
use acre_wire::names::{AccountId, RegistryName, RepositoryArn, RepositoryName};

/// Repositories of one registry (spec/ecr.md 3.11).
const MAX_REPOSITORIES: u64 = 100_000;

/// The job that drops a repository's rows whose undo window has passed, due when the window of a deletion ends.
pub(crate) const COLLECT: &str = "collect";

/// The live repository, or ECR's word that there is none.
pub(crate) fn find(tx: &Tx<'_>, arn: &RepositoryArn) -> Result<rows::Repository, Error> {
    rows::find(tx, arn)?.ok_or_else(|| Error::RepositoryNotFound(arn.clone()))
}

impl Registry {
    /// `CreateRepository`.
    pub async fn create_repository(
        &self,
        caller: &Caller,
        input: CreateRepository,
    ) -> Result<RepositoryAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::CreateRepository, &arn.registry.account, &arn)?;
        permit.record(self.create(caller, arn, input).await)
    }

    async fn create(
        &self,
        caller: &Caller,
        arn: RepositoryArn,
        input: CreateRepository,
    ) -> Result<RepositoryAnswer, Error> {
        let tags: Vec<_> =
            input.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
        check_tags(&tags)?;
        let encryption = Encryption::parse(&arn.registry, input.encryption_configuration)?;
        let settings = Settings {
            encryption_type: encryption.name().to_owned(),
            tag_mutability: input.image_tag_mutability.unwrap_or_default().as_str().to_owned(),
            exclusion_filters: filters(input.image_tag_mutability_exclusion_filters),
            scan_on_push: input.image_scanning_configuration.unwrap_or_default().scan_on_push,
        };
        let fresh = self.store.keys.fresh().map_err(acre_store::Error::from)?;
        let author = self.author(caller);
        let at = arn.clone();
        let row = self
            .store
            .catalogue
            .write(move |tx| {
                if rows::find(tx, &arn)?.is_some() {
                    return Err(Error::RepositoryExists(arn.clone()));
                }
                if rows::count(tx, &arn.registry)? >= MAX_REPOSITORIES {
                    let text = format!(
                        "The registry with id '{}' already has the maximum number of repositories, {MAX_REPOSITORIES}",
                        arn.registry.account
                    );
                    return Err(Error::LimitExceeded(text));
                }
                let domain = encryption.domain(tx, &arn.registry, &fresh, author.at)?;
                let id = rows::insert(tx, &arn, domain, &settings, &author)?;
                for (key, value) in &tags {
                    rows::set_resource_tag(tx, id, key, value)?;
                }
                history::insert(tx, &author, Entry::of(id, Action::CreateRepository))?;
                find(tx, &arn)
            })
            .await?;
        Ok(RepositoryAnswer { repository: self.show(&at, row) })
    }

    /// `DescribeRepositories`: the named ones, or a page of all.
    pub fn describe_repositories(
        &self,
        caller: &Caller,
        input: DescribeRepositories,
    ) -> Result<DescribeRepositoriesAnswer, Error> {
        let operation = Operation::DescribeRepositories;
        let registry = registry_of(caller, input.registry_id.as_ref());
        let Some(names) = input.repository_names else {
            let all = format!(
                "arn:{}:ecr:{}:{}:repository/*",
                registry.partition(),
                registry.region,
                registry.account
            );
            let permit = self.authorize(caller, operation, &registry.account, &all)?;
            let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
            let listing = Listing::new(operation, &all, &());
            let after: Option<String> = self.start_of_page(&listing, input.next_token.as_deref())?;
            let after = after.unwrap_or_default();
            let mut rows = self.store.catalogue.read(|tx| rows::page(tx, &registry, &after, limit + 1))?;
            let next = self.next_page(&listing, &mut rows, limit, |row| row.name.as_str().into())?;
            let show = |row: rows::Repository| self.show(&registry.repository(row.name.clone()), row);
            let repositories = rows.into_iter().map(show).collect();
            return permit.record(Ok(DescribeRepositoriesAnswer { next_token: next, repositories }));
        };
        let arns: Vec<_> = names.into_iter().map(|name| registry.repository(name)).collect();
        for arn in &arns {
            self.authorize(caller, operation, &arn.registry.account, arn)?.record(Ok(()))?;
        }
        let rows = self.store.catalogue.read(|tx| {
            arns.into_iter().map(|arn| Ok((find(tx, &arn)?, arn))).collect::<Result<Vec<_>, Error>>()
        })?;
        let repositories = rows.into_iter().map(|(row, arn)| self.show(&arn, row)).collect();
        Ok(DescribeRepositoriesAnswer { next_token: None, repositories })
    }

    /// One page of repository names behind `last`, for the data plane's catalogue; true when more remain.
    pub fn repository_names(
        &self,
        caller: &Caller,
        last: &str,
        limit: u32,
    ) -> Result<(Vec<RepositoryName>, bool), Error> {
        let registry = &caller.registry;
        let permit = self.authorize(caller, Operation::DescribeRepositories, &registry.account, "*")?;
        let mut rows = self.store.catalogue.read(|tx| rows::page(tx, registry, last, limit + 1))?;
        let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        permit.record(Ok((rows.into_iter().map(|row| row.name).collect(), more)))
    }

    /// `DeleteRepository`: gone at once with all that it holds, restorable within the undo window.
    pub async fn delete_repository(
        &self,
        caller: &Caller,
        input: DeleteRepository,
    ) -> Result<RepositoryAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::DeleteRepository, &arn.registry.account, &arn)?;
        let author = self.author(caller);
        let undo_until = self.undo_until(author.at);
        let at = arn.clone();
        let deleted = self.store.catalogue.write(move |tx| {
            let row = find(tx, &arn)?;
            if row.images > 0 && !input.force {
                return Err(Error::RepositoryNotEmpty(arn.clone()));
            }
            rows::delete(tx, &arn, row.id, author.at, undo_until)?;
            history::insert(tx, &author, Entry::of(row.id, Action::DeleteRepository))?;
            history::insert_job(tx, &author, COLLECT, Some(row.id), "{}", undo_until)?;
            Ok(row)
        });
        permit.record(deleted.await.map(|row| RepositoryAnswer { repository: self.show(&at, row) }))
    }

    fn show(&self, arn: &RepositoryArn, row: rows::Repository) -> Repository {
        let mode = mutability(&row.settings);
        Repository {
            created_at: Timestamp::from_micros(row.created_at),
            encryption_configuration: EncryptionConfiguration {
                encryption_type: EncryptionType::parse(&row.settings.encryption_type)
                    .unwrap_or(EncryptionType::Aes256),
                kms_key: Some(row.kms_key).filter(|key| !key.is_empty()),
            },
            image_scanning_configuration: ImageScanningConfiguration {
                scan_on_push: row.settings.scan_on_push,
            },
            image_tag_mutability: mode,
            image_tag_mutability_exclusion_filters: mode
                .has_filters()
                .then(|| show_filters(row.settings.exclusion_filters)),
            registry_id: arn.registry.account.clone(),
            repository_arn: arn.to_string(),
            repository_name: arn.name.clone(),
            repository_uri: format!("{}/{}", self.host(&arn.registry), arn.name),
        }
    }
}

/// The repository that a control-plane call means: in the caller's Region, of the named account or its own.
pub fn arn_of(caller: &Caller, account: Option<&AccountId>, name: &RepositoryName) -> RepositoryArn {
    registry_of(caller, account).repository(name.clone())
}

/// The registry that a control-plane call means.
pub(crate) fn registry_of(caller: &Caller, account: Option<&AccountId>) -> RegistryName {
    let account = account.unwrap_or(&caller.registry.account).clone();
    RegistryName { account, region: caller.registry.region.clone() }
}

/// Refuses one more of what a registry may have 50 of (spec/ecr.md 3.11; of templates ECR does not say).
pub(crate) fn check_quota(registry: &RegistryName, count: usize, what: &str) -> Result<(), Error> {
    const MOST: usize = 50;
    if count < MOST {
        return Ok(());
    }
    let account = &registry.account;
    let text = format!("The registry with id '{account}' already has the maximum number of {what}, {MOST}");
    Err(Error::LimitExceeded(text))
}

/// The mode that a row holds: its word was written from the same enum.
pub(crate) fn mutability(settings: &Settings) -> TagMutability {
    // A word that is not known protects every tag.
    TagMutability::parse(&settings.tag_mutability).unwrap_or(TagMutability::Immutable)
}

pub(crate) fn filters(sent: Option<Vec<ExclusionFilter>>) -> Vec<String> {
    sent.unwrap_or_default().into_iter().map(|filter| filter.filter).collect()
}

pub(crate) fn show_filters(globs: Vec<String>) -> Vec<ExclusionFilter> {
    let show = |filter| ExclusionFilter { filter, filter_type: FilterType::Wildcard };
    globs.into_iter().map(show).collect()
}

/// Which keys a new repository is to be sealed with (spec/ecr.md 8, DESIGN 8).
#[derive(Clone)]
enum Encryption {
    Aes256,
    /// The kind, and the key: its ARN, its id alone, or None for the registry's default.
    Kms {
        kind: &'static str,
        key: KmsKey,
        fresh_default: String,
    },
}

#[derive(Clone)]
enum KmsKey {
    Default,
    Arn(String),
    Id(String),
}

impl Encryption {
    fn parse(registry: &RegistryName, sent: Option<EncryptionConfiguration>) -> Result<Self, Error> {
        let Some(sent) = sent else { return Ok(Self::Aes256) };
        let kind = match sent.encryption_type {
            EncryptionType::Aes256 if sent.kms_key.is_some() => {
                return Err(Error::InvalidParameter {
                    field: "encryptionConfiguration",
                    constraint: "KmsKey must be null when encryptionType is set as AES256".into(),
                });
            }
            EncryptionType::Aes256 => return Ok(Self::Aes256),
            EncryptionType::Kms => "KMS",
            EncryptionType::KmsDsse => "KMS_DSSE",
        };
        let key = match sent.kms_key {
            None => KmsKey::Default,
            Some(key) => parse_kms_key(registry, &key)?,
        };
        let id = uuid::Uuid::new_v4();
        let RegistryName { account, region } = registry;
        let fresh_default = format!("arn:{}:kms:{region}:{account}:key/{id}", registry.partition());
        Ok(Self::Kms { kind, key, fresh_default })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms { kind, .. } => kind,
        }
    }

    /// The key domain, made with its first key if it is new.
    fn domain(&self, tx: &Tx<'_>, registry: &RegistryName, fresh: &FreshKey, now: i64) -> Result<i64, Error> {
        let kms_key = match self {
            Self::Aes256 => String::new(),
            Self::Kms { key: KmsKey::Arn(arn), .. } => arn.clone(),
            Self::Kms { key: KmsKey::Default, fresh_default, .. } => {
                keys::ensure_default_kms(tx, registry, fresh_default, now)?
            }
            Self::Kms { key: KmsKey::Id(id), .. } => {
                keys::kms_key_of_id(tx, registry, id)?.ok_or_else(|| unknown_key(id))?
            }
        };
        let domain = keys::ensure_domain(tx, registry, &kms_key, now)?;
        if keys::newest_version(tx, domain)?.is_none() {
            keys::insert_version(tx, domain, &fresh.sealed, now)?;
        }
        Ok(domain)
    }
}

fn parse_kms_key(registry: &RegistryName, key: &str) -> Result<KmsKey, Error> {
    if key == "alias/aws/ecr" {
        return Ok(KmsKey::Default);
    }
    let is_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
    };
    let parts: Vec<_> = key.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "kms", region, account, resource] => {
            let id = resource.strip_prefix("key/").filter(|id| is_id(id)).ok_or_else(|| unknown_key(key))?;
            if *partition != registry.partition() || AccountId::parse(account).is_err() || id.len() > 256 {
                return Err(unknown_key(key));
            }
            if *region != registry.region.as_str() {
                let text = format!("The KMS key '{key}' is not in the Region {}", registry.region);
                return Err(Error::Kms(text));
            }
            Ok(KmsKey::Arn(key.to_owned()))
        }
        [id] if is_id(id) => Ok(KmsKey::Id((*id).to_owned())),
        _ => Err(unknown_key(key)),
    }
}

fn unknown_key(key: &str) -> Error {
    Error::Kms(format!("The KMS key '{key}' does not exist: name it by its key ARN and acre makes it"))
}
