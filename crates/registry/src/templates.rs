//! Templates for repositories that the registry makes by itself: checked, stored, given back (spec/ecr.md 2.8, 2.13, 2.24,
//! 2.56, 7.3). Nothing is made from them yet.

use crate::documents::{check_lifecycle_policy, check_repository_policy, context};
use crate::pages::{DEFAULT_PAGE, Listing};
use crate::repositories::{check_quota, filters, show_filters};
use crate::settings::{MAX_TAGS, fault_of_tags};
use crate::{Caller, Error, Registry};
use acre_store::catalogue::Tx;
use acre_store::catalogue::templates::{self as rows, Template};
use acre_wire::ecr::repository::{EncryptionConfiguration, EncryptionType, ExclusionFilter, TagMutability};
use acre_wire::ecr::tags::ResourceTag;
use acre_wire::ecr::template::{
    AppliedFor, CreateRepositoryCreationTemplate, DeleteRepositoryCreationTemplate,
    DescribeRepositoryCreationTemplates, DescribeRepositoryCreationTemplatesAnswer,
    RepositoryCreationTemplate, RepositoryCreationTemplateAnswer, UpdateRepositoryCreationTemplate,
};
use acre_wire::ecr::{Operation, Timestamp};
use acre_wire::names::{RegistryName, RepositoryPrefix};
use std::collections::HashSet;

impl Registry {
    /// `CreateRepositoryCreationTemplate`.
    pub async fn create_repository_creation_template(
        &self,
        caller: &Caller,
        input: CreateRepositoryCreationTemplate,
    ) -> Result<RepositoryCreationTemplateAnswer, Error> {
        let operation = Operation::CreateRepositoryCreationTemplate;
        let permit = self.authorize(caller, operation, &caller.registry.account, "*")?;
        permit.record(self.create_template(caller, input).await)
    }

    async fn create_template(
        &self,
        caller: &Caller,
        input: CreateRepositoryCreationTemplate,
    ) -> Result<RepositoryCreationTemplateAnswer, Error> {
        let registry = caller.registry.clone();
        let now = self.now();
        let mut template = Template {
            prefix: input.prefix.clone(),
            applied_for: Vec::new(),
            description: None,
            encryption_type: EncryptionType::Aes256.as_str().to_owned(),
            kms_key: None,
            tag_mutability: TagMutability::default().as_str().to_owned(),
            exclusion_filters: Vec::new(),
            resource_tags: Vec::new(),
            repository_policy: None,
            lifecycle_policy: None,
            custom_role_arn: None,
            created_at: now,
            updated_at: now,
        };
        // What a new template says is what changes on one that says nothing.
        let change = UpdateRepositoryCreationTemplate {
            applied_for: Some(input.applied_for),
            custom_role_arn: input.custom_role_arn,
            description: input.description,
            encryption_configuration: input.encryption_configuration,
            image_tag_mutability: input.image_tag_mutability,
            image_tag_mutability_exclusion_filters: input.image_tag_mutability_exclusion_filters,
            lifecycle_policy: input.lifecycle_policy,
            prefix: input.prefix,
            repository_policy: input.repository_policy,
            resource_tags: input.resource_tags,
        };
        self.read_change(&registry, change)?.apply(&mut template)?;
        let new = template.clone();
        self.store
            .catalogue
            .write(move |tx| {
                let templates = rows::all(tx, &registry)?;
                if templates.iter().any(|template| template.prefix.stem() == new.prefix.stem()) {
                    return Err(Error::TemplateExists(registry.account.clone(), new.prefix.clone()));
                }
                check_quota(&registry, templates.len(), "repository creation templates")?;
                rows::set(tx, &registry, &new)?;
                Ok(())
            })
            .await?;
        self.show_template(&caller.registry, template)
    }

    /// `DescribeRepositoryCreationTemplates`: those of the named ones that are there, or all; page by page.
    pub fn describe_repository_creation_templates(
        &self,
        caller: &Caller,
        input: &DescribeRepositoryCreationTemplates,
    ) -> Result<DescribeRepositoryCreationTemplatesAnswer, Error> {
        let registry = &caller.registry;
        let operation = Operation::DescribeRepositoryCreationTemplates;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let resource = format!("{}/{}", registry.account, registry.region);
        let named: Option<HashSet<_>> =
            input.prefixes.as_ref().map(|named| named.iter().map(RepositoryPrefix::stem).collect());
        let listing = Listing::new(operation, &resource, &input.prefixes);
        let after: Option<String> = self.start_of_page(&listing, input.next_token.as_deref())?;
        let mut templates = self.store.catalogue.read::<_, Error, _>(|tx| Ok(rows::all(tx, registry)?))?;
        templates.retain(|template| {
            let stem = template.prefix.stem();
            named.as_ref().is_none_or(|named| named.contains(stem))
                && after.as_deref().is_none_or(|after| stem > after)
        });
        let limit = input.max_results.unwrap_or(DEFAULT_PAGE);
        let next_token =
            self.next_page(&listing, &mut templates, limit, |template| template.prefix.stem().into())?;
        let shown = templates.into_iter().map(|template| self.open_template(registry, template));
        let shown: Result<_, Error> = shown.collect();
        permit.record(shown).map(|shown| DescribeRepositoryCreationTemplatesAnswer {
            next_token,
            registry_id: registry.account.clone(),
            repository_creation_templates: shown,
        })
    }

    /// `UpdateRepositoryCreationTemplate`: what is not sent stays.
    pub async fn update_repository_creation_template(
        &self,
        caller: &Caller,
        input: UpdateRepositoryCreationTemplate,
    ) -> Result<RepositoryCreationTemplateAnswer, Error> {
        let registry = caller.registry.clone();
        let operation = Operation::UpdateRepositoryCreationTemplate;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let now = self.now();
        let prefix = input.prefix.clone();
        let change = async {
            let change = self.read_change(&registry, input)?;
            let update = move |tx: &Tx<'_>| {
                let mut template = find(tx, &registry, &prefix)?;
                change.apply(&mut template)?;
                template.updated_at = now;
                rows::set(tx, &registry, &template)?;
                Ok(template)
            };
            self.store.catalogue.write::<_, Error, _>(update).await
        };
        let updated = change.await.and_then(|template| self.show_template(&caller.registry, template));
        permit.record(updated)
    }

    /// `DeleteRepositoryCreationTemplate`: answers what it was.
    pub async fn delete_repository_creation_template(
        &self,
        caller: &Caller,
        input: DeleteRepositoryCreationTemplate,
    ) -> Result<RepositoryCreationTemplateAnswer, Error> {
        let registry = caller.registry.clone();
        let operation = Operation::DeleteRepositoryCreationTemplate;
        let permit = self.authorize(caller, operation, &registry.account, "*")?;
        let deleted = self.store.catalogue.write(move |tx| {
            let template = find(tx, &registry, &input.prefix)?;
            rows::remove(tx, &registry, template.prefix.stem())?;
            Ok(template)
        });
        let deleted = deleted.await.and_then(|template| self.show_template(&caller.registry, template));
        permit.record(deleted)
    }

    /// What is sent, judged as far as it can be without the template; its texts sealed.
    fn read_change(
        &self,
        registry: &RegistryName,
        input: UpdateRepositoryCreationTemplate,
    ) -> Result<Change, Error> {
        let repository_policy = Sent::of(input.repository_policy);
        if let Sent::Is(policy) = &repository_policy {
            check_repository_policy("repositoryPolicy", policy)?;
        }
        let lifecycle_policy = Sent::of(input.lifecycle_policy);
        if let Sent::Is(policy) = &lifecycle_policy {
            check_lifecycle_policy("lifecyclePolicy", policy)?;
        }
        let seal = |text: Sent<String>, kind: Text| {
            text.map(|text| self.seal_text(&kind.context(registry, &input.prefix), &text))
        };
        Ok(Change {
            applied_for: input.applied_for.map(words),
            custom_role_arn: Sent::of(input.custom_role_arn),
            description: seal(Sent::of(input.description), Text::Description)?,
            encryption: input.encryption_configuration.map(encryption).transpose()?,
            tag_mutability: input.image_tag_mutability,
            exclusion_filters: input.image_tag_mutability_exclusion_filters,
            lifecycle_policy: seal(lifecycle_policy, Text::LifecyclePolicy)?,
            repository_policy: seal(repository_policy, Text::RepositoryPolicy)?,
            resource_tags: input.resource_tags.map(tags).transpose()?,
        })
    }

    fn show_template(
        &self,
        registry: &RegistryName,
        template: Template,
    ) -> Result<RepositoryCreationTemplateAnswer, Error> {
        Ok(RepositoryCreationTemplateAnswer {
            registry_id: registry.account.clone(),
            repository_creation_template: self.open_template(registry, template)?,
        })
    }

    fn open_template(
        &self,
        registry: &RegistryName,
        template: Template,
    ) -> Result<RepositoryCreationTemplate, Error> {
        let mode = mutability(&template);
        let prefix = template.prefix;
        let open = |sealed: Option<Vec<u8>>, kind: Text| {
            sealed.map(|sealed| self.open_text(&kind.context(registry, &prefix), &sealed)).transpose()
        };
        let tags = template.resource_tags.into_iter().map(|(key, value)| ResourceTag { key, value });
        let tags: Vec<_> = tags.collect();
        Ok(RepositoryCreationTemplate {
            applied_for: template.applied_for.iter().filter_map(|word| AppliedFor::parse(word)).collect(),
            created_at: Timestamp::from_micros(template.created_at),
            custom_role_arn: template.custom_role_arn,
            description: open(template.description, Text::Description)?,
            encryption_configuration: EncryptionConfiguration {
                encryption_type: EncryptionType::parse(&template.encryption_type)
                    .unwrap_or(EncryptionType::Aes256),
                kms_key: template.kms_key,
            },
            image_tag_mutability: mode,
            image_tag_mutability_exclusion_filters: mode
                .has_filters()
                .then(|| show_filters(template.exclusion_filters)),
            lifecycle_policy: open(template.lifecycle_policy, Text::LifecyclePolicy)?,
            repository_policy: open(template.repository_policy, Text::RepositoryPolicy)?,
            resource_tags: Some(tags).filter(|tags| !tags.is_empty()),
            updated_at: Timestamp::from_micros(template.updated_at),
            prefix,
        })
    }
}

/// The texts of a template that customers write.
#[derive(Clone, Copy, Debug)]
enum Text {
    Description,
    RepositoryPolicy,
    LifecyclePolicy,
}

impl Text {
    fn context(self, registry: &RegistryName, prefix: &RepositoryPrefix) -> Vec<u8> {
        context(registry, &format!("{self:?} of the template {}", prefix.stem()))
    }
}

/// What is said of a text that a template may do without.
#[derive(Clone)]
enum Sent<T> {
    /// Nothing: it stays.
    Not,
    /// An empty one: it goes.
    Empty,
    /// What it is from now on.
    Is(T),
}

impl Sent<String> {
    fn of(text: Option<String>) -> Self {
        match text {
            None => Self::Not,
            Some(text) if text.is_empty() => Self::Empty,
            Some(text) => Self::Is(text),
        }
    }
}

impl<T> Sent<T> {
    fn map<U, E>(self, change: impl FnOnce(T) -> Result<U, E>) -> Result<Sent<U>, E> {
        Ok(match self {
            Self::Not => Sent::Not,
            Self::Empty => Sent::Empty,
            Self::Is(text) => Sent::Is(change(text)?),
        })
    }

    fn apply(&self, place: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Self::Not => {}
            Self::Empty => *place = None,
            Self::Is(text) => *place = Some(text.clone()),
        }
    }
}

/// What is to become of a template. What is None stays.
#[derive(Clone)]
struct Change {
    applied_for: Option<Vec<String>>,
    custom_role_arn: Sent<String>,
    description: Sent<Vec<u8>>,
    encryption: Option<(EncryptionType, Option<String>)>,
    tag_mutability: Option<TagMutability>,
    exclusion_filters: Option<Vec<ExclusionFilter>>,
    lifecycle_policy: Sent<Vec<u8>>,
    repository_policy: Sent<Vec<u8>>,
    resource_tags: Option<Vec<(String, String)>>,
}

impl Change {
    fn apply(&self, template: &mut Template) -> Result<(), Error> {
        fn set<T: Clone>(place: &mut T, sent: Option<&T>) {
            if let Some(sent) = sent {
                place.clone_from(sent);
            }
        }
        set(&mut template.applied_for, self.applied_for.as_ref());
        self.custom_role_arn.apply(&mut template.custom_role_arn);
        self.description.apply(&mut template.description);
        self.lifecycle_policy.apply(&mut template.lifecycle_policy);
        self.repository_policy.apply(&mut template.repository_policy);
        set(&mut template.resource_tags, self.resource_tags.as_ref());
        if let Some((encryption_type, kms_key)) = &self.encryption {
            encryption_type.as_str().clone_into(&mut template.encryption_type);
            template.kms_key.clone_from(kms_key);
        }
        let mode = self.tag_mutability.unwrap_or_else(|| mutability(template));
        if self.exclusion_filters.is_some() && !mode.has_filters() {
            let mode = mode.as_str();
            return Err(Error::InvalidParameter {
                field: "imageTagMutabilityExclusionFilters",
                constraint: format!(
                    "ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as {mode}"
                ),
            });
        }
        if self.tag_mutability.is_some() || self.exclusion_filters.is_some() {
            mode.as_str().clone_into(&mut template.tag_mutability);
            template.exclusion_filters = filters(self.exclusion_filters.clone());
        }
        Ok(())
    }
}

/// The mode that a row holds: its word was written from the same enum.
fn mutability(template: &Template) -> TagMutability {
    // A word that is not known protects every tag.
    TagMutability::parse(&template.tag_mutability).unwrap_or(TagMutability::Immutable)
}

fn find(tx: &Tx<'_>, registry: &RegistryName, prefix: &RepositoryPrefix) -> Result<Template, Error> {
    rows::find(tx, registry, prefix.stem())?
        .ok_or_else(|| Error::TemplateNotFound(registry.account.clone(), prefix.clone()))
}

/// Each once, in the order they were sent.
fn words(sent: Vec<AppliedFor>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in sent {
        if !words.iter().any(|known| known == word.as_str()) {
            words.push(word.as_str().to_owned());
        }
    }
    words
}

fn encryption(sent: EncryptionConfiguration) -> Result<(EncryptionType, Option<String>), Error> {
    let key = sent.kms_key.filter(|key| !key.is_empty());
    if sent.encryption_type == EncryptionType::Aes256 && key.is_some() {
        return Err(Error::InvalidParameter {
            field: "encryptionConfiguration",
            constraint: "KmsKey must be null when encryptionType is set as AES256".into(),
        });
    }
    Ok((sent.encryption_type, key))
}

/// The same rules as for a repository's tags. The exceptions of those are not of these operations.
fn tags(sent: Vec<ResourceTag>) -> Result<Vec<(String, String)>, Error> {
    let tags: Vec<_> = sent.into_iter().map(|tag| (tag.key, tag.value)).collect();
    let constraint = if tags.len() > MAX_TAGS {
        format!("Member must have length less than or equal to {MAX_TAGS}")
    } else if let Some(fault) = fault_of_tags(&tags) {
        fault.to_owned()
    } else {
        return Ok(tags);
    };
    Err(Error::InvalidParameter { field: "resourceTags", constraint })
}
