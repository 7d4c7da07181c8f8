use super::*;
use crate::digest::Algorithm;
use proptest::prelude::*;
use serde_json::{Value, json};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

fn digest(seed: &str) -> Digest {
    Digest::of(Algorithm::Sha256, seed.as_bytes())
}

fn descriptor(media_type: &str, seed: &str) -> Value {
    json!({"mediaType": media_type, "digest": digest(seed), "size": seed.len()})
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "config": descriptor("application/vnd.oci.image.config.v1+json", "config"),
        "layers": [descriptor(LAYER, "one"), descriptor(LAYER, "two")],
    })
}

fn index() -> Value {
    json!({"schemaVersion": 2, "manifests": [descriptor(OCI, "a"), descriptor(OCI, "b"), descriptor(OCI, "a")]})
}

fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(member.to_owned(), value);
    document
}

fn without(mut document: Value, pointer: &str) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(member).unwrap();
    document
}

fn parse(document: &Value, content_type: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(document.to_string().as_bytes(), Some(content_type))
}

#[test]
fn media_types_round_trip() {
    for media_type in MediaType::ALL {
        assert_eq!(MediaType::parse(media_type.as_str()), Some(media_type));
    }
    assert_eq!(MediaType::parse("application/json"), None);
}

#[test]
fn an_image() {
    let document = with(image(), "/subject", descriptor(OCI, "subject"));
    let document = with(document, "/annotations", json!({"a": "1", "b": ""}));
    let manifest = parse(&document, OCI).unwrap();
    assert_eq!((manifest.media_type, manifest.kind()), (MediaType::OciImage, Kind::Image));
    assert_eq!(manifest.blobs(), [digest("config"), digest("one"), digest("two")]);
    assert_eq!(manifest.children(), []);
    assert_eq!(manifest.layer_media_types().collect::<Vec<_>>(), [LAYER, LAYER]);
    assert_eq!(manifest.subject.as_ref().unwrap().digest, digest("subject"));
    assert_eq!(manifest.annotations["a"], "1");
    assert_eq!(manifest.layers[0].size, 3);
    assert_eq!(manifest.effective_artifact_type(), Some("application/vnd.oci.image.config.v1+json"));
}

#[test]
fn an_index() {
    let manifest = parse(&index(), LIST).unwrap();
    assert_eq!((manifest.media_type, manifest.kind()), (MediaType::DockerIndex, Kind::Index));
    assert_eq!(manifest.children(), [digest("a"), digest("b")]);
    assert_eq!(manifest.manifests.len(), 3);
    assert_eq!((manifest.blobs(), manifest.config.as_ref()), (vec![], None));
    assert_eq!(manifest.effective_artifact_type(), None);
    let document =
        with(with(index(), "/artifactType", json!("application/x")), "/subject", descriptor(OCI, "s"));
    let manifest = parse(&document, INDEX).unwrap();
    assert_eq!(manifest.effective_artifact_type(), Some("application/x"));
    assert_eq!(manifest.subject.unwrap().digest, digest("s"));
}

#[test]
fn documents_of_the_conformance_suite() {
    let empty = descriptor("application/vnd.oci.empty.v1+json", "{}");
    let artifact = json!({"schemaVersion": 2, "mediaType": OCI, "artifactType": "application/a", "config": empty, "layers": [empty]});
    let manifest = parse(&artifact, OCI).unwrap();
    assert_eq!(manifest.blobs(), [digest("{}")]);
    assert_eq!(manifest.effective_artifact_type(), Some("application/a"));

    assert_eq!(parse(&with(image(), "/layers", json!([])), OCI).unwrap().blobs(), [digest("config")]);
    assert_eq!(parse(&with(index(), "/manifests", json!([])), INDEX).unwrap().children(), []);

    let sha512 = Digest::of(Algorithm::Sha512, b"x");
    let manifest = parse(&with(image(), "/config/digest", json!(sha512)), OCI).unwrap();
    assert_eq!(manifest.blobs()[0], sha512);

    let custom = with(image(), "/org.example", json!({"deep": [1, {"x": null}], "manifests": []}));
    let custom = with(custom, "/config/org.example", json!([[], 1.5]));
    let custom = with(custom, "/config/data", json!("e30="));
    let custom = with(custom, "/config/platform", json!({"os": "linux", "new": 1}));
    let custom = with(custom, "/config/urls", json!(["https://example.com/"]));
    let custom = with(custom, "/config/annotations", json!({"a": "b"}));
    assert!(parse(&custom, OCI).is_ok());

    let mut annotations = BTreeMap::new();
    for number in 0..390 {
        annotations.insert(format!("key{number}"), "v".repeat(10_000));
    }
    let manifest = parse(&with(image(), "/annotations", json!(annotations)), OCI).unwrap();
    assert_eq!(manifest.annotations.len(), 390);
}

#[test]
fn layers_that_are_not_distributed() {
    let exempt = [
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        FOREIGN,
    ];
    let mut layers: Vec<Value> =
        exempt.iter().map(|media_type| descriptor(media_type, &format!("hole{media_type}"))).collect();
    layers.push(descriptor(LAYER, "real"));
    layers.push(descriptor(FOREIGN, "both"));
    layers.push(descriptor(LAYER, "both"));
    let manifest = parse(&with(image(), "/layers", json!(layers)), OCI).unwrap();
    assert_eq!(manifest.blobs(), [digest("config"), digest("real"), digest("both")]);
    assert_eq!(manifest.layers.len(), 8);
    let manifest = parse(&with(image(), "/config/mediaType", json!(FOREIGN)), OCI).unwrap();
    assert_eq!(manifest.blobs()[0], digest("config"), "a config is always needed");
    let urls = with(image(), "/config/urls", json!(["https://example.com/"]));
    assert_eq!(parse(&urls, OCI).unwrap().blobs().len(), 3, "urls exempt nothing");
}

#[test]
fn the_media_type() {
    use ManifestError::{MediaTypeContradicts, MediaTypeRefused};
    let typed = |document: Value, media_type: &str| with(document, "/mediaType", json!(media_type));
    let bare = json!({"schemaVersion": 2});
    let cases = [
        (image(), Some(OCI), Ok(MediaType::OciImage)),
        (image(), Some(DOCKER), Ok(MediaType::DockerImage)),
        (
            image(),
            Some("Application/vnd.oci.image.Manifest.v1+JSON ; charset=utf-8"),
            Ok(MediaType::OciImage),
        ),
        (typed(image(), OCI), Some(OCI), Ok(MediaType::OciImage)),
        (typed(image(), ""), Some(OCI), Ok(MediaType::OciImage)),
        (with(image(), "/mediaType", Value::Null), Some(OCI), Ok(MediaType::OciImage)),
        (typed(image(), DOCKER), None, Ok(MediaType::DockerImage)),
        (typed(image(), DOCKER), Some(""), Ok(MediaType::DockerImage)),
        (typed(image(), DOCKER), Some("application/json; charset=utf-8"), Ok(MediaType::DockerImage)),
        (typed(image(), DOCKER), Some("application/octet-stream"), Ok(MediaType::DockerImage)),
        (typed(index(), LIST), Some("text/plain"), Ok(MediaType::DockerIndex)),
        (image(), None, Ok(MediaType::OciImage)),
        (index(), None, Ok(MediaType::OciIndex)),
        (bare, None, Err(MediaTypeRefused)),
        (typed(image(), DOCKER), Some(OCI), Err(MediaTypeContradicts)),
        (typed(image(), "Application/vnd.oci.image.manifest.v1+json"), Some(OCI), Err(MediaTypeContradicts)),
        (typed(image(), INDEX), Some(OCI), Err(MediaTypeContradicts)),
        (typed(image(), "application/x"), None, Err(MediaTypeRefused)),
        (image(), Some("application/vnd.docker.distribution.manifest.v1+json"), Err(MediaTypeRefused)),
        (image(), Some("application/vnd.docker.distribution.manifest.v1+prettyjws"), Err(MediaTypeRefused)),
        (image(), Some("application/vnd.oci.artifact.manifest.v1+json"), Err(MediaTypeRefused)),
        (image(), Some("text/html"), Err(MediaTypeRefused)),
        (image(), Some(";"), Ok(MediaType::OciImage)),
    ];
    for (document, content_type, expected) in cases {
        let found = Manifest::parse(document.to_string().as_bytes(), content_type);
        assert_eq!(found.map(|manifest| manifest.media_type), expected, "{content_type:?} {document}");
    }
}

#[test]
fn schema_faults() {
    use SchemaFault::{LayersAndManifests, NoConfig, NoLayers, NoManifests, Size, Version};
    let cases = [
        (without(image(), "/schemaVersion"), OCI, Version),
        (with(image(), "/schemaVersion", json!(1)), OCI, Version),
        (with(image(), "/schemaVersion", Value::Null), OCI, Version),
        (without(image(), "/config"), OCI, NoConfig),
        (with(image(), "/config", Value::Null), OCI, NoConfig),
        (without(image(), "/layers"), OCI, NoLayers),
        (with(image(), "/layers", Value::Null), OCI, NoLayers),
        (image(), INDEX, NoManifests),
        (with(image(), "/manifests", json!([])), OCI, LayersAndManifests),
        (with(index(), "/layers", json!(0)), INDEX, LayersAndManifests),
        (with(image(), "/config/size", json!(1_u64 << 63)), OCI, Size(Place::Config)),
        (
            with(image(), "/subject", with(descriptor(OCI, "s"), "/size", json!(u64::MAX))),
            OCI,
            Size(Place::Subject),
        ),
    ];
    for (document, content_type, fault) in cases {
        assert_eq!(parse(&document, content_type), Err(ManifestError::Schema(fault)), "{document}");
    }
    assert!(parse(&with(image(), "/config/size", json!(i64::MAX)), OCI).is_ok());
    assert!(parse(&with(image(), "/config/size", json!((1_u64 << 53) + 1)), OCI).is_ok());
}

#[test]
fn members_of_the_wrong_type() {
    let documents = [
        json!([2, OCI]),
        json!("image"),
        json!(null),
        with(image(), "/schemaVersion", json!("2")),
        with(image(), "/schemaVersion", json!(2.0)),
        with(image(), "/mediaType", json!(2)),
        with(image(), "/config", json!([OCI, digest("c"), 1])),
        with(image(), "/config", json!("x")),
        without(image(), "/config/mediaType"),
        without(image(), "/config/digest"),
        without(image(), "/config/size"),
        with(image(), "/config/size", json!(-1)),
        with(image(), "/config/size", json!(1.0)),
        with(image(), "/config/size", json!("1")),
        with(image(), "/config/size", Value::Null),
        with(image(), "/config/digest", json!(7)),
        with(image(), "/config/urls", json!("https://example.com/")),
        with(image(), "/config/annotations", json!({"a": 1})),
        with(image(), "/config/data", json!({})),
        with(image(), "/config/platform", json!([])),
        with(image(), "/config/artifactType", json!(1)),
        with(image(), "/layers", json!({})),
        with(image(), "/layers", json!([null])),
        with(image(), "/annotations", json!({"a": 1})),
        with(image(), "/annotations", json!([["a", "b"]])),
        with(image(), "/artifactType", json!({})),
        with(image(), "/subject", json!(digest("s"))),
    ];
    for document in documents {
        let found = parse(&document, OCI);
        assert!(
            matches!(found, Err(ManifestError::Schema(SchemaFault::Member { .. }))),
            "{found:?} for {document}"
        );
    }
    let large = image().to_string().replace("\"size\":6", "\"size\":18446744073709551616");
    assert!(matches!(
        Manifest::parse(large.as_bytes(), None),
        Err(ManifestError::Schema(SchemaFault::Member { .. }))
    ));
}

#[test]
fn optional_members_may_be_null() {
    let mut document = image();
    for member in ["subject", "annotations", "artifactType", "manifests"] {
        document = with(document, &format!("/{member}"), Value::Null);
    }
    for member in ["urls", "annotations", "data", "platform", "artifactType"] {
        document = with(document, &format!("/config/{member}"), Value::Null);
    }
    assert!(parse(&document, OCI).is_ok());
}

#[test]
fn an_index_may_have_a_config_of_any_kind() {
    assert!(parse(&with(index(), "/config", json!("mine")), INDEX).is_ok());
}

#[test]
fn digests_that_are_none() {
    for text in ["", "sha256:baddigeststring", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:"] {
        let bad = with(descriptor(OCI, "x"), "/digest", json!(text));
        let cases = [
            (with(image(), "/config", bad.clone()), OCI, Place::Config),
            (with(image(), "/layers", json!([descriptor(LAYER, "one"), bad])), OCI, Place::Layer(1)),
            (with(index(), "/manifests", json!([bad])), INDEX, Place::Child(0)),
            (with(index(), "/subject", bad.clone()), INDEX, Place::Subject),
        ];
        for (document, content_type, place) in cases {
            assert_eq!(
                parse(&document, content_type),
                Err(ManifestError::DigestInvalid(place)),
                "{document}"
            );
        }
    }
}

#[test]
fn what_is_no_json() {
    let document = image().to_string();
    let repeated = document.replacen("\"layers\":", "\"l\\u0061yers\":[],\"layers\":", 1);
    let deep = document.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(10_000), "]".repeat(10_000)), 1);
    for text in
        [&repeated, &deep, &format!("{document}x"), "", "{", &document.replace("config", "conf\u{0}ig")]
    {
        let found = Manifest::parse(text.as_bytes(), Some(OCI));
        assert!(matches!(found, Err(ManifestError::NotJson(_))), "{found:?}");
    }
    assert!(Manifest::parse(format!(" {document}\n").as_bytes(), Some(OCI)).is_ok());
}

#[test]
fn the_greatest_size() {
    let mut bytes = image().to_string().into_bytes();
    bytes.resize(MAX_MANIFEST, b' ');
    assert!(Manifest::parse(&bytes, Some(OCI)).is_ok());
    bytes.push(b' ');
    assert_eq!(Manifest::parse(&bytes, Some(OCI)), Err(ManifestError::TooLarge));
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), content_type in prop::option::of(".{0,40}")) {
        let _ = Manifest::parse(&bytes, content_type.as_deref());
    }

    #[test]
    fn damaged_manifests_never_panic(
        of_index in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = if of_index { index() } else { image() }.to_string().into_bytes();
        for (position, byte) in damage {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(manifest) = Manifest::parse(bytes, None) {
                let _ = (manifest.blobs(), manifest.children(), manifest.effective_artifact_type().is_some());
            }
        }
    }
}
