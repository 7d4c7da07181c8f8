//! Each operation's way from JSON to the registry and back.

use super::error::Refused;
use super::layers;
use crate::answers::Room;
use crate::doors::Doors;
use acre_registry::{Caller, ManifestPush, Registry};
use acre_wire::digest::Digest;
use acre_wire::ecr::image::{Image, ImageIdentifier, PutImage, PutImageAnswer};
use acre_wire::ecr::{ErrorCode, Input, Operation, parse_input};
use acre_wire::names::Tag;
use bytes::Bytes;
use serde::Serialize;

/// An answer in JSON, and the room for it, if that was known to be needed before it was made.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) json: Bytes,
    pub(super) room: Option<Room>,
}

/// Carries an operation out.
pub(super) async fn dispatch(
    doors: &Doors,
    caller: &Caller,
    operation: Operation,
    body: &[u8],
) -> Result<Answer, Refused> {
    if operation == Operation::BatchGetImage {
        return batch_get_image(doors, caller, body).await;
    }
    Ok(Answer { json: carry_out(&doors.registry, caller, operation, body).await?.into(), room: None })
}

/// Up to 16 MiB of manifests: nothing of them is read before there is room for the answer.
async fn batch_get_image(doors: &Doors, caller: &Caller, body: &[u8]) -> Result<Answer, Refused> {
    let found = doors.registry.find_images(caller, &read(body)?)?;
    // A manifest is JSON: as a string it has no character that becomes more than two.
    let most = usize::try_from(found.bytes()).unwrap_or(usize::MAX).saturating_mul(2);
    let room = doors.answers.reserve(most).await?;
    let json = json(&doors.registry.read_images(found).await?)?;
    Ok(Answer { json: json.into(), room: Some(room) })
}

/// All but `BatchGetImage`.
async fn carry_out(
    registry: &Registry,
    caller: &Caller,
    operation: Operation,
    body: &[u8],
) -> Result<Vec<u8>, Refused> {
    match operation {
        Operation::BatchCheckLayerAvailability => json(&registry.check_layers(caller, &read(body)?).await?),
        Operation::BatchDeleteImage => json(&registry.batch_delete_image(caller, read(body)?).await?),
        Operation::BatchGetRepositoryScanningConfiguration => {
            json(&registry.repository_scanning_configurations(caller, read(body)?)?)
        }
        Operation::CompleteLayerUpload => json(&layers::complete(registry, caller, read(body)?).await?),
        Operation::CreateAccount => json(&registry.create_account(caller, read(body)?).await?),
        Operation::CreatePullThroughCacheRule => {
            json(&registry.create_pull_through_cache_rule(caller, read(body)?).await?)
        }
        Operation::CreateRepository => json(&registry.create_repository(caller, read(body)?).await?),
        Operation::CreateRepositoryCreationTemplate => {
            json(&registry.create_repository_creation_template(caller, read(body)?).await?)
        }
        Operation::DeleteLifecyclePolicy => {
            json(&registry.delete_lifecycle_policy(caller, read(body)?).await?)
        }
        Operation::DeletePullThroughCacheRule => {
            json(&registry.delete_pull_through_cache_rule(caller, read(body)?).await?)
        }
        Operation::DeleteRegistryPolicy => json(&registry.delete_registry_policy(caller, read(body)?).await?),
        Operation::DeleteRepository => json(&registry.delete_repository(caller, read(body)?).await?),
        Operation::DeleteRepositoryCreationTemplate => {
            json(&registry.delete_repository_creation_template(caller, read(body)?).await?)
        }
        Operation::DeleteRepositoryPolicy => {
            json(&registry.delete_repository_policy(caller, read(body)?).await?)
        }
        Operation::DescribeImages => json(&registry.describe_images(caller, &read(body)?)?),
        Operation::DescribePullThroughCacheRules => {
            json(&registry.describe_pull_through_cache_rules(caller, &read(body)?)?)
        }
        Operation::DescribeRegistry => json(&registry.describe_registry(caller, read(body)?)?),
        Operation::DescribeRepositories => json(&registry.describe_repositories(caller, read(body)?)?),
        Operation::DescribeRepositoryCreationTemplates => {
            json(&registry.describe_repository_creation_templates(caller, &read(body)?)?)
        }
        Operation::GetAccountSetting => json(&registry.account_setting(caller, &read(body)?)?),
        Operation::GetAuthorizationToken => json(&registry.authorization_token(caller, read(body)?)?),
        Operation::GetDownloadUrlForLayer => json(&registry.layer_url(caller, &read(body)?)?),
        Operation::GetLifecyclePolicy => json(&registry.lifecycle_policy(caller, &read(body)?)?),
        Operation::GetRegistryPolicy => json(&registry.registry_policy(caller, read(body)?)?),
        Operation::GetRegistryScanningConfiguration => {
            json(&registry.registry_scanning_configuration(caller, read(body)?)?)
        }
        Operation::GetRepositoryPolicy => json(&registry.repository_policy(caller, &read(body)?)?),
        Operation::InitiateLayerUpload => json(&layers::initiate(registry, caller, &read(body)?)?),
        Operation::ListImageReferrers => json(&registry.list_image_referrers(caller, &read(body)?).await?),
        Operation::ListImages => json(&registry.list_images(caller, &read(body)?)?),
        Operation::ListTagsForResource => json(&registry.list_tags_for_resource(caller, &read(body)?)?),
        Operation::PutAccountSetting => json(&registry.put_account_setting(caller, read(body)?).await?),
        Operation::PutImage => json(&put_image(registry, caller, read(body)?).await?),
        Operation::PutImageScanningConfiguration => {
            json(&registry.put_image_scanning_configuration(caller, read(body)?).await?)
        }
        Operation::PutImageTagMutability => {
            json(&registry.put_image_tag_mutability(caller, read(body)?).await?)
        }
        Operation::PutLifecyclePolicy => json(&registry.put_lifecycle_policy(caller, read(body)?).await?),
        Operation::PutRegistryPolicy => json(&registry.put_registry_policy(caller, read(body)?).await?),
        Operation::PutRegistryScanningConfiguration => {
            json(&registry.put_registry_scanning_configuration(caller, read(body)?).await?)
        }
        Operation::PutReplicationConfiguration => {
            json(&registry.put_replication_configuration(caller, read(body)?).await?)
        }
        Operation::RotateKeys => json(&registry.rotate_keys(caller, read(body)?).await?),
        Operation::SetRepositoryPolicy => json(&registry.set_repository_policy(caller, read(body)?).await?),
        Operation::TagResource => json(&registry.tag_resource(caller, read(body)?).await?),
        Operation::UntagResource => json(&registry.untag_resource(caller, read(body)?).await?),
        Operation::UpdatePullThroughCacheRule => {
            json(&registry.update_pull_through_cache_rule(caller, read(body)?).await?)
        }
        Operation::UpdateRepositoryCreationTemplate => {
            json(&registry.update_repository_creation_template(caller, read(body)?).await?)
        }
        Operation::UploadLayerPart => json(&layers::upload_part(registry, caller, read(body)?).await?),
        // The table says that these are not built yet, and the door has refused them; a test compares the two.
        other => Err(Refused::new(ErrorCode::UnknownOperation, format!("{} is not built yet", other.name()))),
    }
}

fn read<T: Input>(body: &[u8]) -> Result<T, Refused> {
    Ok(super::aside(body.len(), || parse_input(body))?)
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, Refused> {
    let mut json = serde_json::to_vec(answer).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Refused::new(ErrorCode::Server, "the answer could not be written")
    })?;
    // It may lie here for as long as its client likes, so without what it could have grown by.
    json.shrink_to_fit();
    Ok(json)
}

/// `PutImage`: the one push of both doors, with this door's words for it. What changes nothing is an exception here.
async fn put_image(registry: &Registry, caller: &Caller, input: PutImage) -> Result<PutImageAnswer, Refused> {
    let invalid = |field: &str, constraint: &str| {
        let text = format!("Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'");
        Refused::new(ErrorCode::InvalidParameter, text)
    };
    let tags = match input.image_tag.as_deref().map(Tag::parse).transpose() {
        Ok(tag) => Vec::from_iter(tag),
        Err(error) => return Err(invalid("imageTag", error.rule)),
    };
    let digest = match input.image_digest.as_deref().map(Digest::parse).transpose() {
        Ok(digest) => digest,
        // Well formed for ECR, or the input would have been refused: but the digest of nothing that we hash.
        Err(error) => return Err(Refused::new(ErrorCode::ImageDigestDoesNotMatch, error.to_string())),
    };
    let arn = acre_registry::arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
    let push = ManifestPush {
        bytes: Bytes::from(input.image_manifest.clone().into_bytes()),
        media_type: input.image_manifest_media_type,
        digest,
        tags,
        if_match: None,
        if_none_match: None,
    };
    let pushed = registry.put_image(caller, &arn, push).await?;
    if pushed.unchanged {
        let text = format!(
            "Image with digest '{}' and tag '{}' already exists in the repository with name '{}' in registry with id '{}'",
            pushed.digest,
            input.image_tag.as_deref().unwrap_or("null"),
            arn.name,
            arn.registry.account,
        );
        return Err(Refused::new(ErrorCode::ImageAlreadyExists, text));
    }
    Ok(PutImageAnswer {
        image: Image {
            image_id: ImageIdentifier {
                image_digest: Some(pushed.digest.to_string()),
                image_tag: input.image_tag,
            },
            image_manifest: input.image_manifest,
            image_manifest_media_type: Some(pushed.media_type),
            registry_id: arn.registry.account,
            repository_name: arn.name,
        },
    })
}
