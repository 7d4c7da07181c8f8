//! crane: layouts in and out, copies that bring nothing twice, indexes put together in the registry.

use serde_json::{Value, from_str, json};

use super::images::Layout;
use super::programs::require;
use super::workplace::Workplace;

/// A workplace whose crane is logged in, and the URI of its repository `made`.
fn logged_in() -> (Workplace, String) {
    require(&["aws", "crane"]);
    let place = Workplace::open();
    let made = place.repository("made");
    let login = format!("crane auth login --username AWS --password-stdin {}", place.registry());
    place.shell(&format!("aws ecr get-login-password | {login}")).ok();
    (place, made)
}

/// Pushes images of these architectures by their names; answers their descriptors and the layout that holds them.
fn push(place: &Workplace, uri: &str, architectures: &[&str]) -> (Layout, Vec<Value>) {
    let layout = Layout::new(place.folder(), "layout");
    let images = architectures.iter().map(|architecture| {
        let image = layout.image(architecture, &format!("{uri} on {architecture}"));
        layout.name(image.clone(), "source");
        place.shell(&format!("crane push layout {uri}:{architecture}")).ok();
        image
    });
    let images = images.collect();
    (layout, images)
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().expect("a digest is text")
}

#[test]
fn an_image_comes_back_byte_for_byte() {
    let (place, made) = logged_in();
    let (layout, images) = push(&place, &made, &["amd64"]);
    let image = &images[0];
    place.shell(&format!("crane pull --format=oci {made}:amd64 out")).ok();
    Layout::written(place.folder(), "out").holds(&layout, image);

    assert_eq!(place.shell(&format!("crane digest {made}:amd64")).ok(), digest(image));
    let manifest = place.shell(&format!("crane manifest {made}@{}", digest(image))).ok();
    assert_eq!(manifest.as_bytes(), layout.read(image));
    let manifest: Value = from_str(&manifest).expect("a manifest is JSON");
    let config = place.shell(&format!("crane config {made}:amd64")).ok();
    assert_eq!(config.as_bytes(), layout.read(&manifest["config"]));
    let layer = digest(&manifest["layers"][0]);
    place.shell(&format!("crane blob {made}@{layer} | cmp - layout/blobs/{}", layer.replace(':', "/"))).ok();
    let file = place.shell(&format!("crane export {made}:amd64 - | tar --extract --to-stdout text")).ok();
    assert_eq!(file, format!("{made} on amd64"));
}

/// crane compresses the layer, and computes everything again from what the registry has.
#[test]
fn an_image_of_a_tarball_is_valid() {
    let (place, made) = logged_in();
    place
        .shell(&format!(
            "seq 300000 >numbers; tar --create --file layer.tar numbers
            crane append --new_layer layer.tar --new_tag {made}:1
            crane validate --remote {made}:1
            crane mutate {made}:1 --label team=web --tag {made}:2
            crane validate --remote {made}:2
            crane export {made}:2 - | tar --extract --to-stdout numbers | cmp - numbers"
        ))
        .ok();
    let config: Value =
        from_str(&place.shell(&format!("crane config {made}:2")).ok()).expect("a config is JSON");
    assert_eq!(config["config"]["Labels"], json!({ "team": "web" }));
    assert_eq!(place.tags("made"), ["1", "2"]);
}

#[test]
fn an_index_is_put_together_in_the_registry() {
    let (place, made) = logged_in();
    let (layout, images) = push(&place, &made, &["amd64", "arm64"]);
    place
        .shell(&format!(
            "crane index append --manifest {made}:amd64 --manifest {made}:arm64 --tag {made}:many
            crane validate --fast --remote {made}:many
            crane pull --format=oci {made}:many out"
        ))
        .ok();
    let out = Layout::written(place.folder(), "out");
    let index: Value =
        from_str(&place.shell(&format!("crane manifest {made}:many")).ok()).expect("an index is JSON");
    let children: Vec<&str> = index["manifests"].as_array().expect("an index").iter().map(digest).collect();
    assert_eq!(children, [digest(&images[0]), digest(&images[1])]);
    for image in &images {
        out.holds(&layout, image);
    }
    let one =
        place.shell(&format!("crane --platform linux/arm64 config {made}:many | grep -o '\"arm64\"'")).ok();
    assert_eq!(one, "\"arm64\"");

    place.shell(&format!("crane index filter {made}:many --platform linux/arm64 --tag {made}:few")).ok();
    let few: Value =
        from_str(&place.shell(&format!("crane manifest {made}:few")).ok()).expect("an index is JSON");
    assert_eq!(few["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(few["manifests"][0]["digest"], images[1]["digest"]);
    let kind = "aws ecr describe-images --repository-name made --image-ids imageTag=few \
                --query 'imageDetails[0].imageManifestMediaType' --output text";
    assert_eq!(place.shell(kind).ok(), "application/vnd.oci.image.index.v1+json");
}

#[test]
fn a_copy_in_another_repository_sends_no_layer() {
    let (place, made) = logged_in();
    let other = place.repository("team/other");
    let (layout, images) = push(&place, &made, &["amd64"]);
    let manifest: Value = serde_json::from_slice(&layout.read(&images[0])).expect("a manifest is JSON");
    let told = place.shell(&format!("crane copy {made}:amd64 {other}:copied 2>&1")).ok();
    for blob in [&manifest["config"], &manifest["layers"][0]] {
        assert!(told.contains(&format!("mounted blob: {}", digest(blob))), "{told}");
    }
    assert!(!told.contains("pushed blob"), "{told}");
    assert_eq!(place.shell(&format!("crane catalog {}", place.registry())).ok(), "made\nteam/other");
    place.shell(&format!("crane pull --format=oci {other}:copied out")).ok();
    Layout::written(place.folder(), "out").holds(&layout, &images[0]);
}

#[test]
fn a_tag_is_made_listed_and_deleted() {
    let (place, made) = logged_in();
    let (_, images) = push(&place, &made, &["amd64"]);
    let list = format!("crane ls {made}");
    place.shell(&format!("crane tag {made}:amd64 v1; crane tag {made}:amd64 v1.0")).ok();
    assert_eq!(place.shell(&list).ok(), "amd64\nv1\nv1.0");

    // A tag goes alone; its image stays, also without a tag.
    let gone = place.shell(&format!(
        "crane delete {made}:v1; {list}; crane delete {made}:v1.0; crane delete {made}:amd64"
    ));
    assert_eq!(gone.ok(), "amd64\nv1.0");
    assert_eq!(place.shell(&list).ok(), "");
    let kept = place.shell(&format!("crane digest {made}@{}", digest(&images[0]))).ok();
    assert_eq!(kept, digest(&images[0]));
    let told = place.shell(&format!("crane digest {made}:v1")).refused();
    assert!(told.contains("MANIFEST_UNKNOWN") || told.contains("404"), "{told}");
}

#[test]
fn an_image_is_deleted_with_its_tags_but_not_from_under_its_index() {
    let (place, made) = logged_in();
    let (_, images) = push(&place, &made, &["amd64", "arm64"]);
    place
        .shell(&format!(
            "crane index append --manifest {made}:amd64 --manifest {made}:arm64 --tag {made}:many"
        ))
        .ok();
    let child = format!("crane delete {made}@{}", digest(&images[0]));
    let told = place.shell(&child).refused();
    assert!(told.contains("UNSUPPORTED: Requested image referenced by manifest list"), "{told}");
    place.shell(&format!("crane delete {made}@$(crane digest {made}:many); {child}")).ok();
    assert_eq!(place.shell(&format!("crane ls {made}")).ok(), "arm64");
    assert_eq!(place.tags("made"), ["arm64"]);
}

#[test]
fn a_refusal_is_told() {
    let (place, made) = logged_in();
    let (_, images) = push(&place, &made, &["amd64"]);
    let none = made.replace("made", "none");
    for command in [format!("crane ls {none}"), format!("crane push layout {none}:1")] {
        let told = place.shell(&command).refused();
        let expected = "NAME_UNKNOWN: The repository with name 'none' does not exist in the registry with id '000000000000'";
        assert!(told.contains(expected), "{told}");
    }
    let told = place
        .shell(&format!("crane auth logout {0}; crane manifest {made}:amd64", place.registry()))
        .refused();
    assert!(told.contains("401 Unauthorized") || told.contains("UNAUTHORIZED"), "{told}");
    assert!(!told.contains(digest(&images[0])), "{told}");
}
