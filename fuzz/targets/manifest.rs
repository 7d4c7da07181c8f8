//! Manifests: what is accepted is one thing, to every reader.

#![no_main]

use acre_wire::digest::Digest;
use acre_wire::manifest::{Kind, MAX_MANIFEST, Manifest, MediaType};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::collections::HashSet;

fuzz_target!(|data: &[u8]| {
    let Some((sent, bytes)) = data.split_first() else { return };
    let own = MediaType::ALL.map(MediaType::as_str);
    let sent = match sent {
        letter @ b'a'..=b'd' => Some(own[usize::from(letter - b'a')]),
        b'e' => Some("Application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        b'f' => Some("application/json"),
        _ => None,
    };
    let Ok(manifest) = Manifest::parse(bytes, sent) else { return };
    assert!(bytes.len() <= MAX_MANIFEST);
    // It is served with its type: whoever pushes it elsewhere pushes the same.
    assert_eq!(Manifest::parse(bytes, Some(manifest.media_type.as_str())).as_ref(), Ok(&manifest));
    assert_eq!(Manifest::annotations_of(bytes).as_ref(), Ok(&manifest.annotations));
    match manifest.kind() {
        Kind::Image => assert!(manifest.config.is_some() && manifest.manifests.is_empty()),
        Kind::Index => assert!(manifest.config.is_none() && manifest.layers.is_empty()),
    }
    let value: Value = serde_json::from_slice(bytes).expect("what is accepted is JSON");
    let is_there = |name: &str| value.get(name).is_some_and(|member| !member.is_null());
    assert!(!(is_there("layers") && is_there("manifests")));
    for descriptor in manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests) {
        assert!(i64::try_from(descriptor.size).is_ok());
        assert_eq!(Digest::parse(&descriptor.digest.to_string()), Ok(descriptor.digest));
        assert_eq!(Digest::from_bytes(&descriptor.digest.to_bytes()), Ok(descriptor.digest));
    }
    for digests in [manifest.blobs(), manifest.children()] {
        assert_eq!(digests.iter().collect::<HashSet<_>>().len(), digests.len());
    }
    // Another reader, without our rules, sees the same layers.
    let count = |name: &str| value.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!((count("layers"), count("manifests")), (manifest.layers.len(), manifest.manifests.len()));
});
