//! The list of what is attached to a digest: an image index of descriptors (spec/oci.md 8).

use crate::digest::Digest;
use crate::manifest::MediaType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `Content-Type` of the list, without parameters: clients take any other as "not supported".
pub const MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// One manifest that has the digest as its subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// As recorded at its push.
    pub media_type: String,
    /// The digest by which it was pushed.
    pub digest: Digest,
    /// How many bytes the manifest has.
    pub size: u64,
    /// The effective one: its own, else an image's config media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// All of the manifest's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Referrer {
    /// How many bytes it takes up in a list.
    pub fn length(&self) -> usize {
        // And the comma. A map of texts cannot fail to be written.
        serde_json::to_vec(self).map_or(0, |text| text.len() + 1)
    }
}

/// The body of the answer; no `subject` in it, clients would compare that.
pub fn body(referrers: &[Referrer]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index<'a> {
        schema_version: u8,
        media_type: &'static str,
        manifests: &'a [Referrer],
    }
    debug_assert_eq!(MEDIA_TYPE, MediaType::OciIndex.as_str());
    let index = Index { schema_version: 2, media_type: MEDIA_TYPE, manifests: referrers };
    serde_json::to_vec(&index).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn bodies() {
        let text = |referrers: &[Referrer]| String::from_utf8(body(referrers)).unwrap();
        insta::assert_snapshot!(text(&[]), @r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#);
        let bare = Referrer {
            media_type: MediaType::OciImage.as_str().into(),
            digest: Digest::of(Algorithm::Sha256, b""),
            size: 7,
            artifact_type: None,
            annotations: BTreeMap::new(),
        };
        let full = Referrer {
            artifact_type: Some("application/x+json".into()),
            annotations: [("b", "é\n"), ("a", "")].map(|(key, value)| (key.into(), value.into())).into(),
            ..bare.clone()
        };
        let list = text(&[bare.clone(), full.clone()]);
        insta::assert_snapshot!(list, @r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7,"artifactType":"application/x+json","annotations":{"a":"","b":"é\n"}}]}"#);
        assert_eq!(list.len() + 1, text(&[]).len() + bare.length() + full.length());
    }
}
