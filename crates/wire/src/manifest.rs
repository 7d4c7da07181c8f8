//! A look into manifests and indexes without re-writing them (spec/oci.md 7.2, 7.3). The bytes are stored and served
//! as they came; what is read here only says what they refer to.

mod document;

use crate::digest::Digest;
use crate::json::{self, JsonError};
use document::{Annotated, Head, Image, Index};
use std::collections::{BTreeMap, HashSet};

/// The most bytes that a manifest may have.
pub const MAX_MANIFEST: usize = 4_194_304;

/// Levels of nesting that a manifest may have; no known one has more than eight.
const MAX_DEPTH: usize = 126;

/// The media types that are accepted as manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// OCI image manifest; artifacts too.
    OciImage,
    /// OCI image index.
    OciIndex,
    /// Docker manifest, version 2, schema 2.
    DockerImage,
    /// Docker manifest list.
    DockerIndex,
}

impl MediaType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OciImage, Self::OciIndex, Self::DockerImage, Self::DockerIndex];

    /// The type as it stands in `Content-Type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OciImage => "application/vnd.oci.image.manifest.v1+json",
            Self::OciIndex => "application/vnd.oci.image.index.v1+json",
            Self::DockerImage => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerIndex => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    /// The type of exactly that text: the inverse of [`MediaType::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media_type| media_type.as_str() == text)
    }

    /// What documents of this type are.
    pub fn kind(self) -> Kind {
        match self {
            Self::OciImage | Self::DockerImage => Kind::Image,
            Self::OciIndex | Self::DockerIndex => Kind::Index,
        }
    }
}

/// The two schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An image or artifact: a config and layers.
    Image,
    /// An index: other manifests.
    Index,
}

/// What a manifest says about something that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type, as written.
    pub media_type: String,
    /// The digest, as written.
    pub digest: Digest,
    /// The size in bytes that the pusher claims: 0 to 2^63-1, compared with nothing.
    pub size: u64,
}

/// A manifest that obeys its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The type by which it was sent, or which it gives itself where the sender did not say. It is served with this.
    pub media_type: MediaType,
    /// The config of an image.
    pub config: Option<Descriptor>,
    /// The layers of an image, as written: repeated ones and non-distributable ones included.
    pub layers: Vec<Descriptor>,
    /// The children of an index, as written.
    pub manifests: Vec<Descriptor>,
    /// What this manifest is attached to; need not exist.
    pub subject: Option<Descriptor>,
    /// The artifact type that the manifest gives itself; see [`Manifest::effective_artifact_type`].
    pub artifact_type: Option<String>,
    /// The annotations of the whole.
    pub annotations: BTreeMap<String, String>,
}

/// Why a manifest is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST`] bytes.
    #[error("a manifest has at most {MAX_MANIFEST} bytes")]
    TooLarge,
    /// No JSON, a repeated member, or nested too deep.
    #[error(transparent)]
    NotJson(#[from] JsonError),
    /// JSON, but no manifest.
    #[error(transparent)]
    Schema(#[from] SchemaFault),
    /// Content-Type or the document names a type that is not accepted, or nothing says what the document is.
    #[error("the media type is not accepted")]
    MediaTypeRefused,
    /// Content-Type and the document's mediaType differ.
    #[error("Content-Type and mediaType differ")]
    MediaTypeContradicts,
    /// A descriptor's digest is malformed or of an unsupported algorithm.
    #[error("{0} has an invalid digest")]
    DigestInvalid(Place),
}

/// The rule of the schema that a manifest breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    /// A member is missing in an object or has the wrong type; the document may be no object at all.
    #[error("a member is missing or has the wrong type at line {line}, column {column}")]
    Member {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// schemaVersion is not 2.
    #[error("schemaVersion must be 2")]
    Version,
    /// An image without config.
    #[error("an image has a config")]
    NoConfig,
    /// An image without layers; an empty array would do.
    #[error("an image has layers")]
    NoLayers,
    /// An index without manifests; an empty array would do.
    #[error("an index has manifests")]
    NoManifests,
    /// Layers and manifests side by side: some readers would see an image, others an index.
    #[error("layers and manifests exclude each other")]
    LayersAndManifests,
    /// A size above 2^63-1.
    #[error("{0} has an invalid size")]
    Size(Place),
}

/// Where in a manifest a descriptor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `config`
    Config,
    /// `layers[…]`, counted from 0.
    Layer(usize),
    /// `manifests[…]`, counted from 0.
    Child(usize),
    /// `subject`
    Subject,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Layer(index) => write!(f, "layers[{index}]"),
            Self::Child(index) => write!(f, "manifests[{index}]"),
            Self::Subject => f.write_str("subject"),
        }
    }
}

impl Manifest {
    /// Reads a manifest that came with that `Content-Type`. Members that acre does not know are ignored, anywhere;
    /// repeated ones are refused, anywhere. What it refers to is not looked up.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        json::check(bytes, MAX_DEPTH)?;
        let head: Head = document::read(bytes)?;
        let media_type = resolve(content_type, &head)?;
        if head.schema_version != Some(2) {
            return Err(SchemaFault::Version.into());
        }
        if head.layers.is_some() && head.manifests.is_some() {
            return Err(SchemaFault::LayersAndManifests.into());
        }
        match media_type.kind() {
            Kind::Image if head.config.is_none() => Err(SchemaFault::NoConfig.into()),
            Kind::Image if head.layers.is_none() => Err(SchemaFault::NoLayers.into()),
            Kind::Image => Self::of_image(media_type, document::read(bytes)?),
            Kind::Index if head.manifests.is_none() => Err(SchemaFault::NoManifests.into()),
            Kind::Index => Self::of_index(media_type, document::read(bytes)?),
        }
    }

    fn of_image(media_type: MediaType, image: Image) -> Result<Self, ManifestError> {
        Ok(Self {
            media_type,
            config: Some(image.config.descriptor(Place::Config)?),
            layers: document::descriptors(image.layers, Place::Layer)?,
            manifests: Vec::new(),
            subject: image.subject.map(|entry| entry.descriptor(Place::Subject)).transpose()?,
            artifact_type: image.artifact_type,
            annotations: image.annotations.unwrap_or_default(),
        })
    }

    fn of_index(media_type: MediaType, index: Index) -> Result<Self, ManifestError> {
        Ok(Self {
            media_type,
            config: None,
            layers: Vec::new(),
            manifests: document::descriptors(index.manifests, Place::Child)?,
            subject: index.subject.map(|entry| entry.descriptor(Place::Subject)).transpose()?,
            artifact_type: index.artifact_type,
            annotations: index.annotations.unwrap_or_default(),
        })
    }

    /// The annotations of a manifest that was accepted before, and nothing else of it.
    pub fn annotations_of(bytes: &[u8]) -> Result<BTreeMap<String, String>, ManifestError> {
        let Annotated { annotations } = document::read(bytes)?;
        Ok(annotations.unwrap_or_default())
    }

    /// Which schema it obeys.
    pub fn kind(&self) -> Kind {
        self.media_type.kind()
    }

    /// The type that referrers lists show and filter by (spec/oci.md 8): its own, else the media type of an image's
    /// config; an index without one has none. Empty counts as absent.
    pub fn effective_artifact_type(&self) -> Option<&str> {
        let own = self.artifact_type.as_deref().filter(|text| !text.is_empty());
        own.or_else(|| {
            self.config.as_ref().map(|config| config.media_type.as_str()).filter(|text| !text.is_empty())
        })
    }

    /// The digests that must be visible as blobs beside this manifest: config, then layers, each once, without the
    /// layers whose media type says that they are not distributed.
    pub fn blobs(&self) -> Vec<Digest> {
        let layers = self.layers.iter().filter(|layer| is_distributable(&layer.media_type));
        distinct(self.config.iter().chain(layers))
    }

    /// The digests that must be visible as images beside this index, each once.
    pub fn children(&self) -> Vec<Digest> {
        distinct(self.manifests.iter())
    }

    /// The media type of each layer, in order, repeated ones included.
    pub fn layer_media_types(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(|layer| layer.media_type.as_str())
    }
}

/// The type that the sender and the document agree on (spec/oci.md 7.2).
fn resolve(content_type: Option<&str>, head: &Head) -> Result<MediaType, ManifestError> {
    let sent = content_type.unwrap_or_default();
    let sent = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let own = head.media_type.as_deref().filter(|text| !text.is_empty());
    match sent.as_str() {
        "" | "application/json" | "application/octet-stream" | "text/plain" => match own {
            Some(own) => MediaType::parse(own).ok_or(ManifestError::MediaTypeRefused),
            None if head.manifests.is_some() => Ok(MediaType::OciIndex),
            None if head.config.is_some() => Ok(MediaType::OciImage),
            None => Err(ManifestError::MediaTypeRefused),
        },
        sent => {
            let media_type = MediaType::parse(sent).ok_or(ManifestError::MediaTypeRefused)?;
            match own {
                Some(own) if own != media_type.as_str() => Err(ManifestError::MediaTypeContradicts),
                _ => Ok(media_type),
            }
        }
    }
}

/// Whether a layer of that media type belongs into registries (spec/oci.md 7.3).
pub fn is_distributable(media_type: &str) -> bool {
    !matches!(
        media_type,
        "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    )
}

fn distinct<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<Digest> {
    let mut seen = HashSet::new();
    descriptors.map(|descriptor| descriptor.digest).filter(|digest| seen.insert(*digest)).collect()
}

#[cfg(test)]
mod tests;
