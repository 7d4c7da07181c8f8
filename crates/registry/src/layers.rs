//! Layers as the control plane asks for them: are they there, and from where can they be fetched (spec/ecr.md 2.1, 2.27).

use crate::pull::manifest_blob;
use crate::repositories::{arn_of, find};
use crate::{Caller, Error, Registry, TokenError};
use acre_store::catalogue::blobs::Blob;
use acre_store::catalogue::images::Image;
use acre_store::catalogue::{TimeId, Tx, blobs, images};
use acre_store::keys::Purpose;
use acre_wire::digest::Digest;
use acre_wire::ecr::Operation;
use acre_wire::ecr::layer::{
    BatchCheckLayerAvailability, BatchCheckLayerAvailabilityAnswer, GetDownloadUrlForLayer,
    GetDownloadUrlForLayerAnswer, Layer, LayerAvailability, LayerFailure, LayerFailureCode,
};
use acre_wire::manifest::Manifest;
use acre_wire::names::{AccountId, Region, RegistryName, RepositoryArn, RepositoryName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Microseconds that a download URL is good for.
const LIFETIME: i64 = 3_600_000_000;
/// Bytes of manifests that are read in one call for the media types of layers; those beyond are not told.
const READING: u64 = 32 << 20;

/// What a download URL says, under its seal; the layer's digest is its context.
#[derive(Serialize, Deserialize)]
struct Claims {
    principal: i64,
    registry: (AccountId, Region),
    repository: RepositoryName,
    expires: i64,
}

/// A layer that is there, and the first image that needs it.
struct Held {
    size: u64,
    first: Option<(Image, Blob)>,
}

impl Registry {
    /// `BatchCheckLayerAvailability`: an entry for each digest, in the order in which they were asked for.
    pub async fn check_layers(
        &self,
        caller: &Caller,
        input: &BatchCheckLayerAvailability,
    ) -> Result<BatchCheckLayerAvailabilityAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let operation = Operation::BatchCheckLayerAvailability;
        let permit = self.authorize(caller, operation, &arn.registry.account, &arn)?;
        let mut answer = BatchCheckLayerAvailabilityAnswer { failures: Vec::new(), layers: Vec::new() };
        let mut asked = Vec::new();
        for text in &input.layer_digests {
            match failure(text) {
                Some(failure) => answer.failures.push(failure),
                None => asked.push(text),
            }
        }
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, &arn)?;
            let held = asked.iter().map(|text| match Digest::parse(text) {
                Ok(digest) => held(tx, repository.id, &digest),
                // Well formed for ECR, but of no algorithm that anything was ever stored by.
                Err(_) => Ok(None),
            });
            held.collect::<Result<Vec<_>, Error>>()
        });
        let mut types = MediaTypes::default();
        for (text, held) in asked.into_iter().zip(permit.record(found)?) {
            let availability = match held {
                Some(_) => LayerAvailability::Available,
                None => LayerAvailability::Unavailable,
            };
            let media_type = match &held {
                Some(Held { first: Some((image, manifest)), .. }) => {
                    types.of(self, image, manifest, text).await?
                }
                _ => None,
            };
            answer.layers.push(Layer {
                layer_availability: availability,
                layer_digest: text.clone(),
                layer_size: held.map(|held| held.size),
                media_type,
            });
        }
        Ok(answer)
    }

    /// `GetDownloadUrlForLayer`: whoever has the URL may fetch the layer for an hour, while the caller may.
    pub fn layer_url(
        &self,
        caller: &Caller,
        input: &GetDownloadUrlForLayer,
    ) -> Result<GetDownloadUrlForLayerAnswer, Error> {
        let arn = arn_of(caller, input.registry_id.as_ref(), &input.repository_name);
        let operation = Operation::GetDownloadUrlForLayer;
        let permit = self.authorize(caller, operation, &arn.registry.account, &arn)?;
        let unknown = || Error::LayerNotFound { digest: input.layer_digest.clone(), repository: arn.clone() };
        let found = self.store.catalogue.read(|tx| {
            let repository = find(tx, &arn)?;
            let digest = Digest::parse(&input.layer_digest).map_err(|_| unknown())?;
            let blob = blobs::repository_blob(tx, repository.id, &digest)?.ok_or_else(unknown)?;
            if blobs::is_referenced(tx, repository.id, blob.id)? {
                Ok(digest)
            } else {
                Err(Error::LayerInaccessible)
            }
        });
        let url = permit.record(found.and_then(|digest| self.sign(caller, &arn, &digest)))?;
        Ok(GetDownloadUrlForLayerAnswer { download_url: url, layer_digest: input.layer_digest.clone() })
    }

    fn sign(&self, caller: &Caller, arn: &RepositoryArn, digest: &Digest) -> Result<String, Error> {
        let now = self.now();
        let claims = Claims {
            principal: caller.principal.id,
            registry: (arn.registry.account.clone(), arn.registry.region.clone()),
            repository: arn.name.clone(),
            expires: now + LIFETIME,
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| acre_store::Error::Closed)?;
        let sealed = self.store.seal(Purpose::Layer, now, &digest.to_bytes(), &claims)?;
        let endpoint = self.settings.addresses.endpoint(&arn.registry);
        Ok(format!("{endpoint}/layers/{digest}?token={}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// For whom a download URL's token speaks, and in which repository the layer of that digest is. Reads nothing; what is
    /// asked for with it is judged as if its principal asked.
    pub fn open_layer_token(
        &self,
        digest: &Digest,
        token: &str,
        request: &str,
    ) -> Result<(Caller, RepositoryName), TokenError> {
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Invalid)?;
        let claims = self.store.unseal(Purpose::Layer, &digest.to_bytes(), &sealed);
        let claims: Claims = serde_json::from_slice(&claims.map_err(|_| TokenError::Invalid)?)
            .map_err(|_| TokenError::Invalid)?;
        if claims.expires <= self.now() {
            return Err(TokenError::Expired);
        }
        let principal = self.principals.by_id(claims.principal).ok_or(TokenError::Invalid)?;
        let (account, region) = claims.registry;
        let registry = RegistryName { account, region };
        Ok((Caller { principal, registry, request: request.to_owned() }, claims.repository))
    }
}

fn held(tx: &Tx<'_>, repository: i64, digest: &Digest) -> Result<Option<Held>, Error> {
    // What is known to be damaged must be sent again, and so is not there for those who ask before they send.
    let here = blobs::repository_blob(tx, repository, digest)?.filter(|blob| !blob.damaged);
    let Some(blob) = here else { return Ok(None) };
    let Some(image) = images::first_with(tx, repository, blob.id)? else {
        return Ok(Some(Held { size: blob.size, first: None }));
    };
    let manifest = manifest_blob(tx, &image)?;
    Ok(Some(Held { size: blob.size, first: Some((image, manifest)) }))
}

/// Why a digest cannot be asked for (spec/ecr.md 2.1).
fn failure(text: &str) -> Option<LayerFailure> {
    let (code, reason) = if text.is_empty() {
        (LayerFailureCode::MissingLayerDigest, "Invalid request parameters: layer digest cannot be null")
    } else if crate::images::read_digest(text).is_err() {
        (
            LayerFailureCode::InvalidLayerDigest,
            "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        )
    } else {
        return None;
    };
    Some(LayerFailure {
        failure_code: code,
        failure_reason: reason.to_owned(),
        layer_digest: text.to_owned(),
    })
}

/// What manifests call their layers: each manifest is read once, and not too many of them.
#[derive(Default)]
struct MediaTypes {
    known: HashMap<TimeId, HashMap<Digest, String>>,
    reading: u64,
}

impl MediaTypes {
    async fn of(
        &mut self,
        registry: &Registry,
        image: &Image,
        manifest: &Blob,
        digest: &str,
    ) -> Result<Option<String>, Error> {
        let Ok(digest) = Digest::parse(digest) else { return Ok(None) };
        if !self.known.contains_key(&image.id) {
            self.reading += manifest.size;
            if self.reading > READING {
                return Ok(None);
            }
            let bytes = registry.read_whole(manifest).await?;
            let damaged = |_| acre_store::Error::Damaged(format!("the manifest {}", image.digest));
            let manifest = Manifest::parse(&bytes, Some(&image.media_type)).map_err(damaged)?;
            let descriptors = manifest.layers.into_iter().rev().chain(manifest.config);
            let types = descriptors.map(|descriptor| (descriptor.digest, descriptor.media_type)).collect();
            self.known.insert(image.id, types);
        }
        Ok(self.known.get(&image.id).and_then(|types| types.get(&digest)).cloned())
    }
}
