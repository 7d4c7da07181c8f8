//! Uploads of layers, part by part: the one upload machinery of both doors, with this door's words for it (spec/ecr.md 2.5,
//! 2.34, 2.57).

use super::error::Refused;
use acre_registry::{AtOnce, Caller, Error, Expect, Registry, UploadError, Wanted, arn_of};
use acre_wire::digest::{Algorithm, Digest};
use acre_wire::ecr::ErrorCode;
use acre_wire::ecr::layer::{
    CompleteLayerUpload, CompleteLayerUploadAnswer, InitiateLayerUpload, InitiateLayerUploadAnswer,
    PART_SIZE, UploadLayerPart, UploadLayerPartAnswer,
};
use acre_wire::names::RepositoryArn;
use bytes::Bytes;
use uuid::Uuid;

pub(super) fn initiate(
    registry: &Registry,
    caller: &Caller,
    input: &InitiateLayerUpload,
) -> Result<InitiateLayerUploadAnswer, Refused> {
    let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
    let id = registry.start_upload(caller, &arn, Algorithm::Sha256)?;
    Ok(InitiateLayerUploadAnswer { part_size: PART_SIZE, upload_id: id.to_string() })
}

pub(super) async fn upload_part(
    registry: &Registry,
    caller: &Caller,
    input: UploadLayerPart,
) -> Result<UploadLayerPartAnswer, Refused> {
    let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
    let upload = Upload { arn: &arn, id: &input.upload_id };
    let (first, last) = (input.part_first_byte, input.part_last_byte);
    let length = input.layer_part_blob.0.len() as u64;
    let id = upload.parse()?;
    if last.checked_sub(first).map(|more| more.saturating_add(1)) != Some(length) {
        // It is nobody's business how far another's upload is.
        let held = registry.upload_status(caller, &arn, id).await.map_err(|error| upload.refused(error))?;
        let text =
            format!("The layer part has {length} bytes, which is not what its first and last byte say");
        return Err(upload.invalid_part(&text, held));
    }
    // The length is known and right: nothing to undo at the end.
    let expect = Expect { first: Some(first), is_part: true, ..Expect::default() };
    let mut bytes = AtOnce::from(Bytes::from(input.layer_part_blob.0));
    let appended = registry.append_upload(caller, &arn, id, expect, &mut bytes).await;
    appended.map_err(|error| upload.refused(error))?;
    Ok(UploadLayerPartAnswer {
        last_byte_received: last,
        registry_id: arn.registry.account,
        repository_name: arn.name,
        upload_id: input.upload_id,
    })
}

pub(super) async fn complete(
    registry: &Registry,
    caller: &Caller,
    input: CompleteLayerUpload,
) -> Result<CompleteLayerUploadAnswer, Refused> {
    let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
    let upload = Upload { arn: &arn, id: &input.upload_id };
    let id = upload.parse()?;
    let wanted = wanted(&input.layer_digests);
    let mut nothing = AtOnce::default();
    let landed = registry.finish_upload(caller, &arn, id, Expect::default(), &mut nothing, wanted).await;
    let landed = landed.map_err(|error| upload.refused(error))?;
    if !landed.is_new {
        let text = format!(
            "Layer with digest '{}' already exists in the repository with name '{}' in registry with id '{}'",
            landed.digest, arn.name, arn.registry.account
        );
        return Err(Refused::new(ErrorCode::LayerAlreadyExists, text));
    }
    Ok(CompleteLayerUploadAnswer {
        layer_digest: landed.digest.to_string(),
        registry_id: arn.registry.account,
        repository_name: arn.name,
        upload_id: input.upload_id,
    })
}

/// ECR knows SHA-256 alone: where such digests are named they count, else those of the other algorithm.
fn wanted(texts: &[String]) -> Wanted {
    let digests: Vec<Digest> = texts.iter().filter_map(|text| Digest::parse(text).ok()).collect();
    let is_sha256 = |digest: &Digest| digest.algorithm() == Algorithm::Sha256;
    let algorithm = if digests.is_empty() || digests.iter().any(is_sha256) {
        Algorithm::Sha256
    } else {
        Algorithm::Sha512
    };
    Wanted::by_parts(
        algorithm,
        digests.into_iter().filter(|digest| digest.algorithm() == algorithm).collect(),
    )
}

/// An upload as the call names it.
struct Upload<'a> {
    arn: &'a RepositoryArn,
    id: &'a str,
}

impl Upload<'_> {
    fn parse(&self) -> Result<Uuid, Refused> {
        self.id.parse().map_err(|_| self.refused(UploadError::Unknown.into()))
    }

    /// ECR's exceptions about uploads name them, and how far they are.
    fn refused(&self, error: Error) -> Refused {
        let Error::Upload(upload) = &error else { return error.into() };
        let RepositoryArn { name, registry } = self.arn;
        let text = match upload {
            UploadError::Unknown | UploadError::Done(_) => format!(
                "Upload with id '{}' does not exist in the repository with name '{name}' in the registry with id '{}'",
                self.id, registry.account
            ),
            UploadError::OutOfOrder { said, held } => {
                let text = format!("First byte of the layer part is {said} instead of {held}");
                return self.invalid_part(&text, *held);
            }
            UploadError::Empty => "The specified layer upload does not contain any layer parts".into(),
            UploadError::PartTooSmall => "All layer parts except the last part should be at least 5MB".into(),
            UploadError::Mismatch(_) => {
                "None of the provided layer digests match the calculated layer digest".into()
            }
            _ => return error.into(),
        };
        Refused::new(super::error::upload_code(upload), text)
    }

    /// `lastValidByteReceived` is a byte of the layer; before the first one it is 0 as well.
    fn invalid_part(&self, text: &str, held: u64) -> Refused {
        Refused::new(ErrorCode::InvalidLayerPart, text)
            .with("lastValidByteReceived", held.saturating_sub(1))
            .with("registryId", self.arn.registry.account.as_str())
            .with("repositoryName", self.arn.name.as_str())
            .with("uploadId", self.id)
    }
}
