//! buildah: an image built from nothing, pushed and pulled; a list of images for several platforms.

use super::programs::require;
use super::workplace::Workplace;

/// buildah with its storage in the workplace. The storage of the machine stays as it is.
const BUILDAH: &str = r#"buildah() {
    command buildah --root "$HOME/storage" --runroot "$HOME/running" --storage-driver vfs "$@"
}
# build ARCHITECTURE TEXT NAME: an image FROM scratch with one file
build() {
    echo "$2" >file
    container=$(buildah from --arch "$1" scratch)
    buildah copy --quiet "$container" file /file >&2
    buildah config --arch "$1" --cmd /file --label team=web "$container"
    buildah commit --quiet --rm "$container" "$3" >&2
}
# content NAME FILE …: what its files say
content() {
    container=$(buildah from --pull-never "$1")
    shift
    (cd "$(buildah mount "$container")" && cat "$@")
    buildah umount "$container" >&2
    buildah rm "$container" >&2
}"#;

/// A workplace whose buildah is logged in, and the URI of its repository.
fn logged_in() -> (Workplace, String) {
    require(&["aws", "buildah"]);
    let place = Workplace::open();
    let uri = place.repository("team/web");
    let login =
        format!("buildah login --tls-verify=false --username AWS --password-stdin {}", place.registry());
    let told = place.shell(&format!("{BUILDAH}\naws ecr get-login-password | {login}")).ok();
    assert!(told.contains("Login Succeeded"), "{told}");
    (place, uri)
}

#[test]
fn an_image_from_scratch_comes_back_as_it_was() {
    let (place, uri) = logged_in();
    let told = place
        .shell(&format!(
            "{BUILDAH}
            build amd64 'from nothing' {uri}:1
            buildah push --quiet --tls-verify=false --digestfile pushed {uri}:1
            buildah images --quiet --no-trunc {uri}:1
            buildah rmi {uri}:1 >&2
            if buildah inspect --type image {uri}:1 2>/dev/null; then exit 1; fi
            buildah pull --quiet --tls-verify=false {uri}:1 >&2
            buildah images --quiet --no-trunc {uri}:1
            content {uri}:1 file
            buildah inspect --type image --format '{{{{.OCIv1.Config.Labels.team}}}}' {uri}:1; echo
            cat pushed; echo
            aws ecr describe-images --repository-name team/web --query 'imageDetails[].imageDigest' --output text"
        ))
        .ok();
    let told: Vec<&str> = told.lines().collect();
    let [before, after, "from nothing", "web", pushed, listed] = told[..] else { panic!("{told:?}") };
    assert_eq!(before, after);
    assert_eq!(pushed, listed);
}

#[test]
fn an_image_is_built_on_one_from_the_registry() {
    let (place, uri) = logged_in();
    let content = place
        .shell(&format!(
            "{BUILDAH}
            build amd64 'below' {uri}:below
            buildah push --quiet --tls-verify=false {uri}:below
            buildah rmi --all --force >&2
            mkdir context; echo above >context/other
            printf '%s\\n' 'FROM {uri}:below' 'COPY other /other' >context/Dockerfile
            buildah build --quiet --tls-verify=false --tag {uri}:above context >&2
            buildah push --quiet --tls-verify=false {uri}:above
            buildah rmi --all --force >&2
            buildah pull --quiet --tls-verify=false {uri}:above >&2
            content {uri}:above file other"
        ))
        .ok();
    assert_eq!(content, "below\nabove");
    assert_eq!(place.tags("team/web"), ["above", "below"]);
}

#[test]
fn a_list_of_images_is_pushed_whole() {
    let (place, uri) = logged_in();
    let told = place
        .shell(&format!(
            "{BUILDAH}
            build amd64 'on amd64' {uri}:amd64
            build arm64 'on arm64' {uri}:arm64
            buildah manifest create many >&2
            buildah manifest add many containers-storage:{uri}:amd64 >&2
            buildah manifest add many containers-storage:{uri}:arm64 >&2
            buildah manifest push --quiet --all --format oci --tls-verify=false --digestfile pushed many docker://{uri}:many
            buildah rmi --all --force >&2
            for architecture in amd64 arm64; do
                buildah pull --quiet --arch $architecture --tls-verify=false {uri}:many >&2
                content {uri}:many file
                buildah rmi --all --force >&2
            done
            cat pushed; echo
            aws ecr describe-images --repository-name team/web --image-ids imageTag=many \
                --query 'imageDetails[0].[imageDigest, imageManifestMediaType]' --output text
            aws ecr list-images --repository-name team/web --query 'length(imageIds)'"
        ))
        .ok();
    let told: Vec<&str> = told.lines().collect();
    let ["on amd64", "on arm64", pushed, listed, "3"] = told[..] else { panic!("{told:?}") };
    assert_eq!(listed, format!("{pushed}\tapplication/vnd.oci.image.index.v1+json"));
}

/// buildah itself deletes nothing in a registry.
#[test]
fn a_deleted_image_is_gone() {
    let (place, uri) = logged_in();
    let told = place
        .shell(&format!(
            "{BUILDAH}
            build amd64 'soon gone' {uri}:1
            buildah push --quiet --tls-verify=false {uri}:1
            buildah rmi --all --force >&2
            aws ecr batch-delete-image --repository-name team/web --image-ids imageTag=1 >&2
            buildah pull --tls-verify=false {uri}:1"
        ))
        .refused();
    assert!(told.contains("manifest unknown"), "{told}");
    assert_eq!(place.tags("team/web"), [""; 0]);
    let told = place
        .shell(&format!(
            "{BUILDAH}\nbuildah logout {} >&2; buildah pull --tls-verify=false {uri}:1",
            place.registry()
        ))
        .refused();
    assert!(told.contains("authentication required") || told.contains("unauthorized"), "{told}");
}
