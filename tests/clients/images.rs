//! What the clients push: a build context, and an OCI layout made by hand.

use std::fs;
use std::path::{Path, PathBuf};

use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, json};

use super::programs;

/// A build context FROM scratch with two layers that hold `text`, in a new folder `name`.
pub(crate) fn context(folder: &Path, name: &str, text: &str) -> PathBuf {
    let context = folder.join(name);
    fs::create_dir(&context).expect("a folder is made");
    for (file, text) in [
        ("Dockerfile", "FROM scratch\nCOPY first /first\nCOPY second /second\n".to_owned()),
        ("first", format!("{text}: the first layer\n")),
        ("second", format!("{text}: the second layer\n").repeat(20_000)),
    ] {
        fs::write(context.join(file), text).expect("a file is written");
    }
    context
}

/// An OCI image layout on disk.
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// An empty layout in a new folder `name`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let layout = Self { folder: folder.join(name) };
        fs::create_dir_all(layout.folder.join("blobs/sha256")).expect("a folder is made");
        fs::write(layout.folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
            .expect("a file is written");
        layout
    }

    /// A layout that a client wrote to the folder `name`.
    pub(crate) fn written(folder: &Path, name: &str) -> Self {
        Self { folder: folder.join(name) }
    }

    /// Fails the test unless everything that a descriptor of another layout reaches stands here, byte for byte.
    #[track_caller]
    pub(crate) fn holds(&self, other: &Self, descriptor: &Value) {
        let bytes = other.read(descriptor);
        assert!(self.read(descriptor) == bytes, "other bytes: {descriptor}");
        if ![MANIFEST, INDEX].iter().any(|document| descriptor["mediaType"] == *document) {
            return;
        }
        let document: Value = serde_json::from_slice(&bytes).expect("a manifest is JSON");
        let parts =
            ["layers", "manifests"].map(|name| document[name].as_array().cloned().unwrap_or_default());
        let config = document.get("config");
        for part in parts.iter().flatten().chain(config) {
            self.holds(other, part);
        }
    }

    /// Adds an image of one layer that holds `text`; answers its descriptor.
    pub(crate) fn image(&self, architecture: &str, text: &str) -> Value {
        let work = self.folder.join("work");
        fs::create_dir_all(&work).expect("a folder is made");
        fs::write(work.join("text"), text).expect("a file is written");
        programs::run(programs::bash("tar --mtime=@0 -cf layer.tar text").current_dir(&work)).ok();
        let tar = fs::read(work.join("layer.tar")).expect("the layer is there");
        fs::remove_dir_all(&work).expect("a folder is removed");
        let layer = self.blob("application/vnd.oci.image.layer.v1.tar", &tar);
        let config = self.json(
            "application/vnd.oci.image.config.v1+json",
            &json!({
                "architecture": architecture,
                "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
                "config": {},
            }),
        );
        let mut image = self.json(
            MANIFEST,
            &json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] }),
        );
        image["platform"] = json!({ "architecture": architecture, "os": "linux" });
        image
    }

    /// Adds an index of these images; answers its descriptor.
    pub(crate) fn index(&self, images: &[Value]) -> Value {
        self.json(INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images }))
    }

    /// Gives a descriptor a name in the layout; answers what skopeo calls it.
    pub(crate) fn name(&self, mut descriptor: Value, tag: &str) -> String {
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor] });
        fs::write(self.folder.join("index.json"), index.to_string()).expect("a file is written");
        format!("oci:{}:{tag}", self.folder.display())
    }

    /// The bytes of a blob, by the digest of its descriptor.
    pub(crate) fn read(&self, descriptor: &Value) -> Vec<u8> {
        fs::read(self.path(&descriptor["digest"])).expect("the blob is there")
    }

    fn json(&self, media_type: &str, value: &Value) -> Value {
        self.blob(media_type, value.to_string().as_bytes())
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(Algorithm::Sha256, bytes).to_string();
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        fs::write(self.path(&descriptor["digest"]), bytes).expect("a blob is written");
        descriptor
    }

    fn path(&self, digest: &Value) -> PathBuf {
        let digest = digest.as_str().expect("a digest is text");
        self.folder.join("blobs").join(digest.replace(':', "/"))
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
