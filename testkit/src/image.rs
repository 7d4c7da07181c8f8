//! Made images: layers of given lengths with content that a seed decides, pushed in the ways that clients push
//! (spec/oci.md 13.1) and pulled back byte for byte.

use crate::http::{Answer, Body, Client, Failure};
use crate::random::Random;
use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, json};

/// The media type of the manifests made here.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// Bytes and their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An OCI image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its layers, lowest first.
    pub layers: Vec<Blob>,
    /// Its configuration.
    pub config: Blob,
    /// Its manifest.
    pub manifest: Blob,
}

/// What one layer is made of: the same recipe is the same layer, everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Decides the content.
    pub seed: u64,
    /// Length in bytes.
    pub length: usize,
}

/// How blobs are sent.
#[derive(Clone, Copy, Debug)]
pub enum Flavour {
    /// One POST with `?digest=` and the body.
    SinglePost,
    /// POST, then one PUT with the body (containerd, helm, regctl).
    PostPut,
    /// POST, one chunked PATCH, PUT without a body (docker, podman, skopeo, crane).
    PostPatchPut,
    /// POST, several PATCH of that many bytes with `Content-Range`, PUT without a body.
    Chunks(usize),
}

impl Blob {
    /// A blob of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(Algorithm::Sha256, &bytes), bytes }
    }

    /// The blob of that recipe.
    pub fn made(recipe: Recipe) -> Self {
        Self::new(Random::new(recipe.seed).bytes(recipe.length))
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest.to_string(), "size": self.bytes.len() })
    }
}

impl Image {
    /// An image of these layers; `name` stands in its configuration and makes it another image than the rest. A name that
    /// ends in `wide` makes a manifest of more than a segment, which a registry may keep in another way than small ones.
    pub fn made(name: &str, recipes: &[Recipe]) -> Self {
        let layers: Vec<Blob> = recipes.iter().copied().map(Blob::made).collect();
        let diff_ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Labels": { "name": name } },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = Blob::new(config.to_string().into_bytes());
        let padding = if name.ends_with("wide") { "w".repeat(70_000) } else { String::new() };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "annotations": { "padding": padding }, "config": config.descriptor(CONFIG_TYPE),
            "layers": layers.iter().map(|layer| layer.descriptor(LAYER_TYPE)).collect::<Vec<_>>(),
        });
        Self { layers, config, manifest: Blob::new(manifest.to_string().into_bytes()) }
    }

    /// Of the manifest.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// Pushes all blobs, then the manifest under `reference`; the answer is that of the manifest (201).
    pub fn push(
        &self,
        client: &mut Client,
        repository: &str,
        reference: &str,
        flavour: Flavour,
    ) -> Result<Answer, Failure> {
        self.push_blobs(client, repository, flavour)?;
        put_manifest(client, repository, reference, &self.manifest)
    }

    /// The first half of [`Image::push`].
    pub fn push_blobs(&self, client: &mut Client, repository: &str, flavour: Flavour) -> Result<(), Failure> {
        for blob in self.layers.iter().chain([&self.config]) {
            push_blob(client, repository, blob, flavour)?;
        }
        Ok(())
    }
}

/// Opens an upload: the path that it answered.
pub fn open_upload(client: &mut Client, repository: &str) -> Result<String, Failure> {
    let target = format!("/v2/{repository}/blobs/uploads/");
    let answer = client.expect("open an upload", 202, ("POST", &target), &[], Body::Sized(b""))?;
    match answer.location() {
        Some(location) => Ok(location.to_owned()),
        None => Err(Failure::Differs { step: target, got: "no Location".into(), wanted: "one".into() }),
    }
}

/// Pushes one blob: the answer that acknowledged it (201).
pub fn push_blob(
    client: &mut Client,
    repository: &str,
    blob: &Blob,
    flavour: Flavour,
) -> Result<Answer, Failure> {
    let digest = blob.digest.to_string();
    let answer = if let Flavour::SinglePost = flavour {
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        client.expect("push a blob at once", 201, ("POST", &target), &[], Body::Sized(&blob.bytes))?
    } else {
        let location = open_upload(client, repository)?;
        let rest = match flavour {
            Flavour::PostPatchPut => {
                let pieces: Vec<&[u8]> = blob.bytes.chunks(32 * 1024 + 7).collect();
                client.expect("stream a blob", 202, ("PATCH", &location), &[], Body::Chunked(&pieces))?;
                &[]
            }
            Flavour::Chunks(length) => {
                for (number, chunk) in blob.bytes.chunks(length.max(1)).enumerate() {
                    let start = number * length.max(1);
                    let range = format!("{start}-{}", start + chunk.len() - 1);
                    let headers = [("Content-Range", range.as_str())];
                    client.expect("push a chunk", 202, ("PATCH", &location), &headers, Body::Sized(chunk))?;
                }
                &[]
            }
            Flavour::SinglePost | Flavour::PostPut => blob.bytes.as_slice(),
        };
        let target = format!("{location}?digest={digest}");
        client.expect("finish a blob", 201, ("PUT", &target), &[], Body::Sized(rest))?
    };
    same("the digest of a pushed blob", answer.header("docker-content-digest").unwrap_or_default(), &digest)?;
    Ok(answer)
}

/// Puts a manifest of [`MANIFEST_TYPE`]: the answer that acknowledged it (201).
pub fn put_manifest(
    client: &mut Client,
    repository: &str,
    reference: &str,
    manifest: &Blob,
) -> Result<Answer, Failure> {
    let target = format!("/v2/{repository}/manifests/{reference}");
    let headers = [("Content-Type", MANIFEST_TYPE)];
    let answer =
        client.expect("put a manifest", 201, ("PUT", &target), &headers, Body::Sized(&manifest.bytes))?;
    let digest = answer.header("docker-content-digest").unwrap_or_default();
    same("the digest of a pushed manifest", digest, &manifest.digest.to_string())?;
    Ok(answer)
}

/// Pulls the manifest under `reference`, which must be the one of that digest, and all its blobs, whose digests and
/// lengths must be those that it names. Answers the manifest's bytes.
pub fn pull_and_verify(
    client: &mut Client,
    repository: &str,
    reference: &str,
    digest: &Digest,
) -> Result<Vec<u8>, Failure> {
    let target = format!("/v2/{repository}/manifests/{reference}");
    let answer = client.expect("pull a manifest", 200, ("GET", &target), &[], Body::None)?;
    let step = format!("pull {repository}:{reference}");
    let pulled = Digest::of(digest.algorithm(), &answer.body).to_string();
    same(&step, &pulled, &digest.to_string())?;
    same(&step, answer.header("docker-content-digest").unwrap_or_default(), &pulled)?;
    let manifest = answer.json();
    let layers = manifest["layers"].as_array().into_iter().flatten();
    for descriptor in layers.chain([&manifest["config"]]) {
        verify_blob(client, repository, descriptor)?;
    }
    Ok(answer.body)
}

fn verify_blob(client: &mut Client, repository: &str, descriptor: &Value) -> Result<(), Failure> {
    let wanted = descriptor["digest"].as_str().unwrap_or_default();
    let target = format!("/v2/{repository}/blobs/{wanted}");
    let answer = client.expect("pull a blob", 200, ("GET", &target), &[], Body::None)?;
    let algorithm = Digest::parse(wanted).map_or(Algorithm::Sha256, |digest| digest.algorithm());
    same(&target, &Digest::of(algorithm, &answer.body).to_string(), wanted)?;
    same(&target, &answer.body.len().to_string(), &descriptor["size"].to_string())
}

fn same(step: &str, got: &str, wanted: &str) -> Result<(), Failure> {
    if got == wanted {
        Ok(())
    } else {
        Err(Failure::Differs { step: step.into(), got: got.into(), wanted: wanted.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_recipe_is_the_same_image() {
        let recipes = [Recipe { seed: 7, length: 100 }, Recipe { seed: 8, length: 0 }];
        let (first, second) = (Image::made("a", &recipes), Image::made("a", &recipes));
        assert_eq!(first.digest(), second.digest());
        assert_ne!(first.digest(), Image::made("b", &recipes).digest());
        assert_eq!(first.layers.iter().map(|layer| layer.bytes.len()).collect::<Vec<_>>(), [100, 0]);
        let manifest: Value = serde_json::from_slice(&first.manifest.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], first.layers[0].digest.to_string());
        assert_eq!(manifest["layers"][0]["size"], 100);
    }
}
