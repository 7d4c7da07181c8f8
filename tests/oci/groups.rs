//! The data groups of the conformance suite (spec/oci.md 10.3), each pushed, listed, asked for, pulled and deleted as the
//! suite does it.

use super::place::{
    CONFIG, LAYER, NOWHERE, OCI_IMAGE, OCI_INDEX, Place, bytes, descriptor, head_is_get, image, index,
};
use acre_testkit::http::Body;
use acre_testkit::image::{Blob, MANIFEST_TYPE};
use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What a group consists of, in the order of its pushes.
struct Group {
    algorithm: Algorithm,
    blobs: Vec<Blob>,
    manifests: Vec<Manifest>,
    seed: u64,
}

struct Manifest {
    media_type: &'static str,
    blob: Blob,
    tags: Vec<String>,
    subject: Option<String>,
}

impl Group {
    fn new(seed: u64) -> Self {
        Self { algorithm: Algorithm::Sha256, blobs: Vec::new(), manifests: Vec::new(), seed: seed * 1000 }
    }

    fn blob(&mut self, bytes: Vec<u8>) -> Blob {
        let blob = Blob { digest: Digest::of(self.algorithm, &bytes), bytes };
        if self.blobs.iter().all(|other| other.digest != blob.digest) {
            self.blobs.push(blob.clone());
        }
        blob
    }

    fn random(&mut self) -> Blob {
        self.seed += 1;
        self.blob(bytes(self.seed, 1500))
    }

    /// Adds a manifest; the descriptor that an index has of it.
    fn add(&mut self, document: &Value, tags: &[&str]) -> Value {
        let bytes = document.to_string().into_bytes();
        let media_type = if document.get("manifests").is_some() { OCI_INDEX } else { OCI_IMAGE };
        let blob = Blob { digest: Digest::of(self.algorithm, &bytes), bytes };
        let described = descriptor(media_type, &blob);
        let subject = document["subject"]["digest"].as_str().map(str::to_owned);
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.manifests.push(Manifest { media_type, blob, tags, subject });
        described
    }

    /// An image of two random layers; its configuration tells lies about them, as the suite's do.
    fn image(&mut self) -> Value {
        let layers = [self.random(), self.random()];
        self.seed += 1;
        let nothing = Digest::of(Algorithm::Sha256, b"").to_string();
        let config =
            json!({ "os": self.seed, "rootfs": { "type": "layers", "diff_ids": [nothing, nothing] } });
        let config = self.blob(config.to_string().into_bytes());
        image(&config, &[&layers[0], &layers[1]])
    }

    fn artifact(&mut self, artifact_type: &str) -> Value {
        let (config, layer) = (self.blob(b"{}".to_vec()), self.random());
        let mut artifact = image(&config, &[&layer]);
        artifact["artifactType"] = artifact_type.into();
        artifact["config"]["mediaType"] = EMPTY.into();
        artifact
    }
}

/// The whole life of a group, from an empty repository to an empty repository.
fn run(place: &mut Place, name: &str, group: &Group) {
    push(name, place, group);
    list(name, place, group);
    pull(name, place, group);
    refer(name, place, group);
    delete(name, place, group);
}

fn push(name: &str, place: &mut Place, group: &Group) {
    for blob in &group.blobs {
        place.push_as("aa", &blob.bytes, blob.digest.algorithm());
    }
    for manifest in &group.manifests {
        let digest = manifest.blob.digest.to_string();
        for reference in [&digest].into_iter().chain(&manifest.tags) {
            let target = format!("/v2/aa/manifests/{reference}");
            let headers = [("Content-Type", manifest.media_type)];
            let answer = place.send("PUT", &target, &headers, Body::Chunked(&[&manifest.blob.bytes]));
            assert_eq!(answer.status, 201, "{name} {reference}: {answer:?}");
            assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()), "{name}");
            assert_eq!(answer.header("oci-subject"), manifest.subject.as_deref(), "{name}");
            let got = place.ask("GET", answer.header("location").unwrap());
            assert!(got.status == 200 && got.body == manifest.blob.bytes, "{name} {reference}");
            assert_eq!(got.header("content-type"), Some(manifest.media_type), "{name}");
        }
    }
}

fn all_tags(group: &Group) -> Vec<&String> {
    let mut tags: Vec<_> = group.manifests.iter().flat_map(|manifest| &manifest.tags).collect();
    tags.sort_unstable();
    tags
}

fn list(name: &str, place: &mut Place, group: &Group) {
    let tags = all_tags(group);
    let listed = place.ask("GET", "/v2/aa/tags/list").json();
    assert_eq!(listed, json!({ "name": "aa", "tags": tags }), "{name}");
    if let Some(middle) = tags.get(tags.len() / 2) {
        let listed = place.ask("GET", &format!("/v2/aa/tags/list?last={middle}")).json();
        assert_eq!(listed["tags"], json!(tags[tags.len() / 2 + 1..]), "{name}");
    }
}

fn pull(name: &str, place: &mut Place, group: &Group) {
    for manifest in &group.manifests {
        let digest = manifest.blob.digest.to_string();
        for reference in [&digest].into_iter().chain(&manifest.tags) {
            let headers = [("Accept", OCI_INDEX), ("Accept", OCI_IMAGE)];
            let got = head_is_get(&mut place.client, &format!("/v2/aa/manifests/{reference}"), &headers);
            assert!(got.status == 200 && got.body == manifest.blob.bytes, "{name} {reference}");
            assert_eq!(got.header("content-type"), Some(manifest.media_type), "{name}");
            assert_eq!(got.header("docker-content-digest"), Some(digest.as_str()), "{name}");
        }
    }
    for blob in &group.blobs {
        let got = head_is_get(&mut place.client, &format!("/v2/aa/blobs/{}", blob.digest), &[]);
        assert!(got.status == 200 && got.body == blob.bytes, "{name}");
    }
}

/// Of each subject all that refer to it, and by type.
fn refer(name: &str, place: &mut Place, group: &Group) {
    let mut expected: BTreeMap<&str, Vec<(String, Value)>> = BTreeMap::new();
    expected.insert(NOWHERE, Vec::new());
    for manifest in group.manifests.iter().rev() {
        let Some(subject) = &manifest.subject else { continue };
        let document: Value = serde_json::from_slice(&manifest.blob.bytes).unwrap();
        let own = document["artifactType"].as_str().or(document["config"]["mediaType"].as_str());
        let mut entry = descriptor(manifest.media_type, &manifest.blob);
        if let Some(own) = own {
            entry["artifactType"] = own.into();
        }
        if document["annotations"].is_object() {
            entry["annotations"] = document["annotations"].clone();
        }
        expected.entry(subject).or_default().push((own.unwrap_or_default().to_owned(), entry));
    }
    for (subject, entries) in expected {
        let all: Vec<_> = entries.iter().map(|(_, entry)| entry.clone()).collect();
        let target = format!("/v2/aa/referrers/{subject}");
        let got = head_is_get(&mut place.client, &target, &[]);
        assert_eq!((got.status, got.header("content-type")), (200, Some(OCI_INDEX)), "{name}");
        assert_eq!(got.json()["manifests"], json!(all), "{name}");
        for artifact_type in entries.iter().map(|(own, _)| own).filter(|own| !own.is_empty()) {
            let of_type: Vec<_> = entries
                .iter()
                .filter(|(own, _)| own == artifact_type)
                .map(|(_, entry)| entry.clone())
                .collect();
            let got = head_is_get(&mut place.client, &format!("{target}?artifactType={artifact_type}"), &[]);
            assert_eq!(got.header("oci-filters-applied"), Some("artifactType"), "{name}");
            assert_eq!(got.json()["manifests"], json!(of_type), "{name}");
        }
    }
}

/// Tags first, then manifests in the reverse order of their push, then blobs.
fn delete(name: &str, place: &mut Place, group: &Group) {
    let tags = all_tags(group).into_iter().map(|tag| format!("/v2/aa/manifests/{tag}"));
    let manifests =
        group.manifests.iter().rev().map(|manifest| format!("/v2/aa/manifests/{}", manifest.blob.digest));
    let blobs = group.blobs.iter().map(|blob| format!("/v2/aa/blobs/{}", blob.digest));
    for target in tags.chain(manifests).chain(blobs) {
        let answer = place.ask("DELETE", &target);
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{name} {target}: {answer:?}");
        assert_eq!(place.status(&target), 404, "{name} {target}");
    }
    assert_eq!(place.ask("GET", "/v2/aa/tags/list").json(), json!({ "name": "aa", "tags": [] }), "{name}");
}

#[test]
fn images() {
    let mut place = Place::with(&["aa"]);
    let mut group = Group::new(1);
    let document = group.image();
    group.add(&document, &["image"]);
    run(&mut place, "image", &group);

    let mut group = Group::new(2);
    let mut document = group.image();
    document["layers"] = json!([]);
    group.add(&document, &["no-layers"]);
    run(&mut place, "no layers", &group);

    let mut group = Group::new(3);
    let mut document = group.image();
    let filler: serde_json::Map<String, Value> =
        (0..390).map(|number| (format!("key{number}"), "x".repeat(10_000).into())).collect();
    document["annotations"] = filler.into();
    group.add(&document, &["large-manifest"]);
    run(&mut place, "large manifest", &group);

    let mut group = Group::new(4);
    let mut document = group.image();
    for layer in document["layers"].as_array_mut().unwrap() {
        let data = group.blobs.iter().find(|blob| layer["digest"] == blob.digest.to_string()).unwrap();
        layer["data"] = "e30=".repeat(data.bytes.len() / 4).into();
    }
    group.add(&document, &["data-field"]);
    run(&mut place, "data field", &group);

    let mut group = Group::new(5);
    let mut document = group.image();
    let absent = Blob::new(b"never pushed".to_vec());
    for suffix in ["", "+gzip"] {
        let mut layer =
            descriptor(&format!("application/vnd.oci.image.layer.nondistributable.v1.tar{suffix}"), &absent);
        layer["urls"] = json!(["https://store.example.com/blobs/x"]);
        document["layers"].as_array_mut().unwrap().push(layer);
    }
    group.add(&document, &["non-distributable-layers"]);
    run(&mut place, "non-distributable layers", &group);
}

#[test]
fn indexes() {
    let mut place = Place::with(&["aa"]);
    let mut group = Group::new(10);
    let children: Vec<Value> = (0..2).map(|_| group.image()).collect();
    let children: Vec<Value> = children.iter().map(|child| group.add(child, &[])).collect();
    group.add(&index(&children), &["index"]);
    run(&mut place, "index", &group);

    let mut group = Group::new(11);
    let mut lists = Vec::new();
    for list in ["nested-a", "nested-b"] {
        let documents = [group.image(), group.image()];
        let children = documents.map(|document| group.add(&document, &[]));
        lists.push(group.add(&index(&children), &[list]));
    }
    group.add(&index(&lists), &["nested-index"]);
    run(&mut place, "nested index", &group);

    let mut group = Group::new(12);
    group.add(&index(&[]), &["empty-index"]);
    run(&mut place, "empty index", &group);

    let mut group = Group::new(13);
    let mut documents = [group.image(), group.image()];
    documents[0]["x-custom"] = json!({ "a": [1] });
    documents[1]["config"]["x-custom"] = "b".into();
    let mut list = index(&documents.map(|document| group.add(&document, &[])));
    list["x-custom"] = json!([null]);
    list["manifests"][0]["x-custom"] = 7.into();
    group.add(&list, &["custom-fields"]);
    run(&mut place, "custom fields", &group);
}

#[test]
fn artifacts() {
    let mut place = Place::with(&["aa"]);
    let mut group = Group::new(20);
    let document = group.artifact("application/vnd.example.v1");
    group.add(&document, &["artifact"]);
    run(&mut place, "artifact", &group);

    let mut group = Group::new(21);
    let documents =
        ["application/vnd.example.v1", "application/vnd.example.v2"].map(|kind| group.artifact(kind));
    let mut list = index(&documents.map(|document| group.add(&document, &[])));
    list["artifactType"] = "application/vnd.example.index".into();
    group.add(&list, &["artifact-index"]);
    run(&mut place, "artifact index", &group);

    let mut group = Group::new(22);
    let empty = group.blob(b"{}".to_vec());
    let mut document = image(&empty, &[&empty]);
    document["artifactType"] = "application/vnd.example.v1".into();
    document["config"]["mediaType"] = EMPTY.into();
    document["layers"][0]["mediaType"] = EMPTY.into();
    group.add(&document, &["artifact-without-layers"]);
    run(&mut place, "artifact without layers", &group);
}

#[test]
fn subjects() {
    let mut place = Place::with(&["aa"]);
    let mut group = Group::new(30);
    let document = group.image();
    let subject = group.add(&document, &["subject"]);
    for artifact_type in
        [None, Some("application/vnd.oci.conformance.v1"), Some("application/vnd.oci.conformance.v2")]
    {
        let mut referrer = group.artifact("x/y");
        match artifact_type {
            Some(artifact_type) => referrer["artifactType"] = artifact_type.into(),
            None => drop(referrer.as_object_mut().unwrap().remove("artifactType")),
        }
        referrer["subject"] = subject.clone();
        referrer["annotations"] = json!({ "org.example": "a value" });
        group.add(&referrer, &[]);
    }
    run(&mut place, "artifacts with subject", &group);

    let mut group = Group::new(31);
    let subject = group.add(&index(&[]), &["index-subject"]);
    let mut documents = [group.image(), group.image()];
    for document in &mut documents {
        document["subject"] = subject.clone();
    }
    let mut list = index(&documents.map(|document| group.add(&document, &[])));
    list["subject"] = subject;
    group.add(&list, &["index-with-subject"]);
    run(&mut place, "index with subject", &group);

    let mut group = Group::new(32);
    let mut document = group.artifact("x/y");
    document["subject"] = json!({ "mediaType": MANIFEST_TYPE, "digest": NOWHERE, "size": 100 });
    group.add(&document, &["missing-subject"]);
    run(&mut place, "missing subject", &group);
}

#[test]
fn everything_by_sha512() {
    let mut place = Place::with(&["aa"]);
    let mut group = Group::new(40);
    group.algorithm = Algorithm::Sha512;
    let documents = [group.image(), group.image()];
    let list = index(&documents.map(|document| group.add(&document, &[])));
    group.add(&list, &[]);
    run(&mut place, "sha512", &group);
}

#[test]
fn tags_as_parameters() {
    for (seed, algorithm) in [(50, Algorithm::Sha256), (51, Algorithm::Sha512)] {
        let mut place = Place::with(&["aa"]);
        let mut group = Group::new(seed);
        group.algorithm = algorithm;
        let documents = [group.image(), group.image()];
        let whole = index(&documents.map(|document| group.add(&document, &[])));
        group.add(&whole, &[]);
        for blob in &group.blobs {
            place.push_as("aa", &blob.bytes, algorithm);
        }
        for (manifest, tags) in group.manifests.iter_mut().zip([&["one"][..], &["two"], &["list", "list-2"]])
        {
            let digest = manifest.blob.digest.to_string();
            let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
            let target = format!("/v2/aa/manifests/{digest}?{}", query.join("&"));
            let headers = [("Content-Type", manifest.media_type)];
            let answer = place.send("PUT", &target, &headers, Body::Chunked(&[&manifest.blob.bytes]));
            assert_eq!(answer.status, 201, "{answer:?}");
            assert_eq!(answer.header("oci-tag"), Some(tags.join(", ").as_str()));
            assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
            manifest.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        }
        list("tag parameters", &mut place, &group);
        pull("tag parameters", &mut place, &group);
        delete("tag parameters", &mut place, &group);
    }
}

#[test]
fn cosigns_tags() {
    let mut place = Place::with(&["aa"]);
    let mut group = Group::new(60);
    let document = group.image();
    let subject = group.add(&document, &["v1"]);
    let hex = subject["digest"].as_str().unwrap().replace(':', "-");
    let (config, layer) = (group.random(), group.random());
    for suffix in ["sig", "att", "sbom"] {
        let mut signature = image(&config, &[&layer]);
        signature["config"] = descriptor(CONFIG, &config);
        signature["layers"][0] = descriptor(LAYER, &layer);
        signature["layers"][0]["annotations"] = json!({ "dev.cosignproject.cosign/signature": suffix });
        group.add(&signature, &[&format!("{hex}.{suffix}")]);
    }
    run(&mut place, "cosign", &group);
}
