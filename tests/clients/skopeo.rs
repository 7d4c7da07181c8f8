//! skopeo: images in from an OCI layout and out again, to a layout and to a plain folder; looking, listing, deleting.

use std::fs;

use acre_wire::digest::{Algorithm, Digest};
use serde_json::{Value, from_str, json};

use super::images::Layout;
use super::programs::require;
use super::workplace::Workplace;

/// A workplace whose skopeo is logged in, and what skopeo calls its repository.
fn logged_in() -> (Workplace, String) {
    require(&["aws", "skopeo"]);
    let place = Workplace::open();
    let uri = place
        .shell(
            "aws ecr create-repository --repository-name made --query repository.repositoryUri --output text",
        )
        .ok();
    let registry = uri.strip_suffix("/made").expect("a repository's URI ends in its name");
    let login = format!("skopeo login --tls-verify=false --username AWS --password-stdin {registry}");
    let told = place.shell(&format!("aws ecr get-login-password | {login}")).ok();
    assert!(told.contains("Login Succeeded"), "{told}");
    (place, format!("docker://{uri}"))
}

#[test]
fn an_image_comes_back_byte_for_byte() {
    let (place, made) = logged_in();
    let layout = Layout::new(place.folder(), "layout");
    let image = layout.image("amd64", &made);
    let source = layout.name(image.clone(), "source");
    place
        .shell(&format!(
            "skopeo copy --preserve-digests --dest-tls-verify=false {source} {made}:1
            skopeo copy --preserve-digests --src-tls-verify=false {made}:1 oci:out:1
            skopeo copy --preserve-digests --src-tls-verify=false {made}:1 dir:plain"
        ))
        .ok();
    let manifest = layout.read(&image);
    let parsed: Value = serde_json::from_slice(&manifest).expect("a manifest is JSON");
    assert_eq!(
        fs::read(place.folder().join("plain/manifest.json")).expect("the manifest came back"),
        manifest
    );
    for blob in [&image, &parsed["config"], &parsed["layers"][0]] {
        let digest = blob["digest"].as_str().expect("a digest is text");
        let hex = digest.strip_prefix("sha256:").expect("SHA-256");
        let came = fs::read(place.folder().join("out/blobs/sha256").join(hex)).expect("the blob came back");
        assert_eq!(came, layout.read(blob), "{digest}");
    }
}

#[test]
fn an_image_is_inspected() {
    let (place, made) = logged_in();
    let layout = Layout::new(place.folder(), "layout");
    let image = layout.image("amd64", &made);
    let source = layout.name(image.clone(), "source");
    place
        .shell(&format!(
            "for tag in 1 2 latest; do
                skopeo copy --preserve-digests --dest-tls-verify=false {source} {made}:$tag
            done"
        ))
        .ok();
    let inspected = place.shell(&format!("skopeo inspect --tls-verify=false {made}:1")).ok();
    let inspected: Value = from_str(&inspected).expect("skopeo writes JSON");
    assert_eq!(inspected["Digest"], image["digest"]);
    assert_eq!(inspected["Architecture"], "amd64");
    assert_eq!(inspected["RepoTags"], json!(["1", "2", "latest"]));
    let raw = place.shell(&format!("skopeo inspect --raw --tls-verify=false {made}:1")).ok();
    assert_eq!(raw.as_bytes(), layout.read(&image));
    let tags = place.shell(&format!("skopeo list-tags --tls-verify=false {made}")).ok();
    let tags: Value = from_str(&tags).expect("skopeo writes JSON");
    assert_eq!(tags["Tags"], json!(["1", "2", "latest"]));
}

#[test]
fn an_index_is_copied_with_all_its_images() {
    let (place, made) = logged_in();
    let layout = Layout::new(place.folder(), "layout");
    let images = [layout.image("amd64", &made), layout.image("arm64", &format!("{made} on arm"))];
    let index = layout.index(&images);
    let source = layout.name(index.clone(), "source");
    place
        .shell(&format!(
            "skopeo copy --all --preserve-digests --dest-tls-verify=false {source} {made}:many
            skopeo copy --all --preserve-digests --src-tls-verify=false {made}:many oci:out:many"
        ))
        .ok();
    for descriptor in images.iter().chain([&index]) {
        let digest = descriptor["digest"].as_str().expect("a digest is text");
        let hex = digest.strip_prefix("sha256:").expect("SHA-256");
        let came =
            fs::read(place.folder().join("out/blobs/sha256").join(hex)).expect("the manifest came back");
        assert_eq!(came, layout.read(descriptor), "{digest}");
    }
    let one = format!("skopeo inspect --tls-verify=false --override-arch arm64 {made}:many");
    let one: Value = from_str(&place.shell(&one).ok()).expect("skopeo writes JSON");
    assert_eq!(one["Architecture"], "arm64");
}

#[test]
fn a_deleted_image_is_gone() {
    let (place, made) = logged_in();
    let layout = Layout::new(place.folder(), "layout");
    let source = layout.name(layout.image("amd64", &made), "source");
    place
        .shell(&format!(
            "skopeo copy --preserve-digests --dest-tls-verify=false {source} {made}:1
            skopeo delete --tls-verify=false {made}:1"
        ))
        .ok();
    let told = place.shell(&format!("skopeo inspect --tls-verify=false {made}:1")).refused();
    assert!(told.contains("manifest unknown"), "{told}");
    let images =
        place.shell("aws ecr list-images --repository-name made --query imageIds --output json").ok();
    assert_eq!(images, "[]");
}

/// Layer by layer and the manifest, as the ECR API takes them; skopeo then sees an image like any other.
#[test]
fn an_image_pushed_by_the_api_is_pulled() {
    let (place, made) = logged_in();
    let layout = Layout::new(place.folder(), "layout");
    let image = layout.image("amd64", &"eleven mebibytes ".repeat(700_000));
    let manifest = layout.read(&image);
    let parsed: Value = serde_json::from_slice(&manifest).expect("a manifest is JSON");
    fs::write(place.folder().join("manifest.json"), &manifest).expect("a file is written");
    let digests: Vec<&str> = [&parsed["config"], &parsed["layers"][0]]
        .iter()
        .map(|blob| blob["digest"].as_str().expect("a digest is text"))
        .collect();
    place
        .shell(&format!(
            r"for digest in {}; do
                split --bytes=10485760 layout/blobs/${{digest/:/\/}} part.
                upload=$(aws ecr initiate-layer-upload --repository-name made --query uploadId --output text)
                first=0
                for part in part.*; do
                    last=$((first + $(stat --format=%s $part) - 1))
                    aws ecr upload-layer-part --repository-name made --upload-id $upload --part-first-byte $first \
                        --part-last-byte $last --layer-part-blob fileb://$part
                    first=$((last + 1))
                done
                rm part.*
                aws ecr complete-layer-upload --repository-name made --upload-id $upload --layer-digests $digest
            done
            aws ecr put-image --repository-name made --image-tag 1 --image-manifest file://manifest.json
            skopeo copy --preserve-digests --src-tls-verify=false {made}:1 dir:plain",
            digests.join(" ")
        ))
        .ok();
    for digest in digests {
        let hex = digest.strip_prefix("sha256:").expect("SHA-256");
        let came = fs::read(place.folder().join("plain").join(hex)).expect("the blob came back");
        assert_eq!(Digest::of(Algorithm::Sha256, &came).to_string(), digest);
    }
    assert_eq!(
        fs::read(place.folder().join("plain/manifest.json")).expect("the manifest came back"),
        manifest
    );
}
