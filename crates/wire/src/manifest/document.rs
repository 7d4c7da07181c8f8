//! The JSON of manifests: which members are read, and of what type they must be.

use super::{Descriptor, ManifestError, Place, SchemaFault};
use crate::digest::Digest;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Reads a document of that schema; every other document breaks it.
pub(super) fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, SchemaFault> {
    match serde_json::from_slice::<Object<T>>(bytes) {
        Ok(Object(document)) => Ok(document),
        Err(error) => Err(SchemaFault::Member { line: error.line(), column: error.column() }),
    }
}

/// What decides how the rest is to be read; of three members only whether they are there, and null is not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) schema_version: Option<u64>,
    pub(super) media_type: Option<String>,
    pub(super) config: Option<IgnoredAny>,
    pub(super) layers: Option<IgnoredAny>,
    pub(super) manifests: Option<IgnoredAny>,
}

/// What stands on a manifest for those who list it.
#[derive(Deserialize)]
pub(super) struct Annotated {
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// An image or artifact.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    pub(super) config: Object<Entry>,
    pub(super) layers: Vec<Object<Entry>>,
    pub(super) subject: Option<Object<Entry>>,
    pub(super) artifact_type: Option<String>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// An index. Its `config`, if any, is a member like other unknown ones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) manifests: Vec<Object<Entry>>,
    pub(super) subject: Option<Object<Entry>>,
    pub(super) artifact_type: Option<String>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// A descriptor as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "of the optional members only the type is checked, for the sake of those who pull"
)]
pub(super) struct Entry {
    media_type: String,
    digest: String,
    size: u64,
    urls: Option<Vec<Text>>,
    annotations: Option<BTreeMap<String, String>>,
    data: Option<Text>,
    platform: Option<Object<AnyMembers>>,
    artifact_type: Option<Text>,
}

impl Object<Entry> {
    pub(super) fn descriptor(self, place: Place) -> Result<Descriptor, ManifestError> {
        let Self(Entry { media_type, digest, size, .. }) = self;
        let digest = Digest::parse(&digest).map_err(|_| ManifestError::DigestInvalid(place))?;
        if i64::try_from(size).is_err() {
            return Err(SchemaFault::Size(place).into());
        }
        Ok(Descriptor { media_type, digest, size })
    }
}

pub(super) fn descriptors(
    entries: Vec<Object<Entry>>,
    place: fn(usize) -> Place,
) -> Result<Vec<Descriptor>, ManifestError> {
    entries.into_iter().enumerate().map(|(index, entry)| entry.descriptor(place(index))).collect()
}

/// A struct that is written as an object. Derived code alone would take an array of the fields' values as well.
pub(super) struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// An object with whatever in it.
#[derive(Deserialize)]
struct AnyMembers {}

/// A string that is not kept.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Letters;

        impl Visitor<'_> for Letters {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, _: &str) -> Result<Text, E> {
                Ok(Text)
            }
        }

        deserializer.deserialize_str(Letters)
    }
}
