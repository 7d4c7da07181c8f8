//! Settings of a repository: tag mutability, scanning, its own tags (spec/ecr.md 2.38, 2.41, 2.42, 2.52, 2.53).

use crate::repositories::{arn_of, filters, find, show_filters};
use crate::{Caller, Error, Registry};
use acre_store::catalogue::repositories as rows;
use acre_wire::ecr::repository::{
    PutImageScanningConfiguration, PutImageScanningConfigurationAnswer, PutImageTagMutability,
    PutImageTagMutabilityAnswer,
};
use acre_wire::ecr::tags::{
    ListTagsForResource, ListTagsForResourceAnswer, ResourceTag, TagResource, UntagResource,
};
use acre_wire::ecr::{Nothing, Operation};
use acre_wire::names::RepositoryArn;
use std::collections::HashSet;

/// Tags that a repository may have.
pub(crate) const MAX_TAGS: usize = 50;

impl Registry {
    /// `PutImageTagMutability`. Tags that are set stay as they are.
    pub async fn put_image_tag_mutability(
        &self,
        caller: &Caller,
        input: PutImageTagMutability,
    ) -> Result<PutImageTagMutabilityAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let permit = self.authorize(caller, Operation::PutImageTagMutability, &arn.registry.account, &arn)?;
        let mode = input.image_tag_mutability;
        let globs = filters(input.image_tag_mutability_exclusion_filters);
        let answer = PutImageTagMutabilityAnswer {
            image_tag_mutability: mode,
            image_tag_mutability_exclusion_filters: mode.has_filters().then(|| show_filters(globs.clone())),
            registry_id: arn.registry.account.clone(),
            repository_name: arn.name.clone(),
        };
        let set = self.store.catalogue.write(move |tx| {
            rows::set_tag_mutability(tx, find(tx, &arn)?.id, mode.as_str(), &globs)?;
            Ok(())
        });
        permit.record(set.await).map(|()| answer)
    }

    /// `PutImageScanningConfiguration`.
    pub async fn put_image_scanning_configuration(
        &self,
        caller: &Caller,
        input: PutImageScanningConfiguration,
    ) -> Result<PutImageScanningConfigurationAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let operation = Operation::PutImageScanningConfiguration;
        let permit = self.authorize(caller, operation, &arn.registry.account, &arn)?;
        let answer = PutImageScanningConfigurationAnswer {
            image_scanning_configuration: input.image_scanning_configuration,
            registry_id: arn.registry.account.clone(),
            repository_name: arn.name.clone(),
        };
        let set = self.store.catalogue.write(move |tx| {
            let scan_on_push = input.image_scanning_configuration.scan_on_push;
            rows::set_scan_on_push(tx, find(tx, &arn)?.id, scan_on_push)?;
            Ok(())
        });
        permit.record(set.await).map(|()| answer)
    }

    /// `TagResource`: sets tags, all or none.
    pub async fn tag_resource(&self, caller: &Caller, input: TagResource) -> Result<Nothing, Error> {
        let arn = parse_arn(caller, &input.resource_arn)?;
        let permit = self.authorize(caller, Operation::TagResource, &arn.registry.account, &arn)?;
        let tags: Vec<_> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        if let Err(error) = check_tags(&tags) {
            return permit.record(Err(error));
        }
        let set = self.store.catalogue.write(move |tx| {
            let id = find(tx, &arn)?.id;
            for (key, value) in &tags {
                rows::set_resource_tag(tx, id, key, value)?;
            }
            if rows::resource_tags(tx, id)?.len() > MAX_TAGS {
                Err(Error::TooManyTags)
            } else {
                Ok(Nothing {})
            }
        });
        permit.record(set.await)
    }

    /// `UntagResource`: a key that is not set is no error.
    pub async fn untag_resource(&self, caller: &Caller, input: UntagResource) -> Result<Nothing, Error> {
        let arn = parse_arn(caller, &input.resource_arn)?;
        let permit = self.authorize(caller, Operation::UntagResource, &arn.registry.account, &arn)?;
        let removed = self.store.catalogue.write(move |tx| {
            let id = find(tx, &arn)?.id;
            for key in &input.tag_keys {
                rows::remove_resource_tag(tx, id, key)?;
            }
            Ok(Nothing {})
        });
        permit.record(removed.await)
    }

    /// `ListTagsForResource`.
    pub fn list_tags_for_resource(
        &self,
        caller: &Caller,
        input: &ListTagsForResource,
    ) -> Result<ListTagsForResourceAnswer, Error> {
        let arn = parse_arn(caller, &input.resource_arn)?;
        let permit = self.authorize(caller, Operation::ListTagsForResource, &arn.registry.account, &arn)?;
        let tags = self.store.catalogue.read(|tx| Ok(rows::resource_tags(tx, find(tx, &arn)?.id)?));
        permit.record(tags).map(|tags| ListTagsForResourceAnswer {
            tags: tags.into_iter().map(|(key, value)| ResourceTag { key, value }).collect(),
        })
    }
}

/// The ARN's repository; it must be in the Region that was asked.
fn parse_arn(caller: &Caller, text: &str) -> Result<RepositoryArn, Error> {
    let invalid = || Error::InvalidParameter { field: "resourceArn", constraint: "Invalid ARN".into() };
    let arn = RepositoryArn::parse(text).map_err(|_| invalid())?;
    if arn.registry.region == caller.registry.region { Ok(arn) } else { Err(invalid()) }
}

/// Tags that are sent together (spec/ecr.md 1.7): how many, how long, none reserved, none twice.
pub(crate) fn check_tags(tags: &[(String, String)]) -> Result<(), Error> {
    if tags.len() > MAX_TAGS {
        return Err(Error::TooManyTags);
    }
    fault_of_tags(tags).map_or(Ok(()), |fault| {
        Err(Error::InvalidTag(format!("Invalid parameter at 'tags' failed to satisfy constraint: '{fault}'")))
    })
}

/// What is wrong with one of these tags.
pub(crate) fn fault_of_tags(tags: &[(String, String)]) -> Option<&'static str> {
    let mut keys = HashSet::new();
    for (key, value) in tags {
        let fault = if key.is_empty() || key.chars().count() > 128 {
            "A tag key must have 1 to 128 characters"
        } else if value.chars().count() > 256 {
            "A tag value must have at most 256 characters"
        } else if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            "Tag keys that start with aws: are reserved"
        } else if key.contains('\0') || value.contains('\0') {
            "A tag must not contain a null character"
        } else if !keys.insert(key) {
            "A tag key must be sent once"
        } else {
            continue;
        };
        return Some(fault);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        let tag = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        for good in [tag("Name", ""), tag("naïve ключ", "ü"), tag(&"k".repeat(128), &"v".repeat(256))] {
            assert!(check_tags(&good).is_ok(), "{good:?}");
        }
        let twice = [tag("a", "1"), tag("a", "2")].concat();
        for bad in [
            tag("", "x"),
            tag(&"k".repeat(129), ""),
            tag("k", &"v".repeat(257)),
            tag("AWS:x", ""),
            tag("a\0", ""),
            twice,
        ] {
            assert!(matches!(check_tags(&bad), Err(Error::InvalidTag(_))), "{bad:?}");
        }
        let many: Vec<_> = (0..51).map(|n| (n.to_string(), String::new())).collect();
        assert!(matches!(check_tags(&many), Err(Error::TooManyTags)));
    }
}
