//! podman: login, push and pull, with a storage of its own.

use super::images::context;
use super::programs::require;
use super::workplace::Workplace;

/// podman with its storage in the workplace. The storage of the machine stays as it is.
const PODMAN: &str = r#"podman() {
    command podman --root "$HOME/storage" --runroot "$HOME/running" --tmpdir "$HOME/libpod" \
        --storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"
}"#;

/// A workplace whose podman is logged in, and the URI of its repository.
fn logged_in() -> (Workplace, String) {
    require(&["aws", "podman"]);
    let place = Workplace::open();
    let uri = place.repository("team/web");
    let login =
        format!("podman login --tls-verify=false --username AWS --password-stdin {}", place.registry());
    let told = place.shell(&format!("{PODMAN}\naws ecr get-login-password | {login}")).ok();
    assert!(told.contains("Login Succeeded"), "{told}");
    (place, uri)
}

#[test]
fn an_image_comes_back_as_it_was() {
    let (place, uri) = logged_in();
    let context = context(place.folder(), "context", &uri);
    let ids = place
        .shell(&format!(
            "{PODMAN}
            podman build --tag {uri}:1 {} >&2
            podman push --tls-verify=false {uri}:1 >&2
            podman image inspect --format '{{{{.Id}}}}' {uri}:1
            podman rmi --all --force >&2
            podman pull --quiet --tls-verify=false {uri}:1
            podman image inspect --format '{{{{.Id}}}}' {uri}:1",
            context.display()
        ))
        .ok();
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    let told = place
        .shell(&format!(
            "{PODMAN}\npodman logout {} >&2; podman push --tls-verify=false {uri}:1",
            place.registry()
        ))
        .refused();
    assert!(told.contains("authentication required") || told.contains("unauthorized"), "{told}");
}

/// podman itself deletes nothing in a registry.
#[test]
fn tags_and_repositories_are_listed_and_a_deleted_image_is_gone() {
    let (place, uri) = logged_in();
    place.repository("other");
    let context = context(place.folder(), "context", &uri);
    let registry = place.registry();
    let listed = place
        .shell(&format!(
            "{PODMAN}
            podman build --tag {uri}:1 {} >&2
            for tag in 1 2 latest; do podman push --tls-verify=false {uri}:1 {uri}:$tag >&2; done
            podman search --tls-verify=false --list-tags {uri} | awk 'NR > 1 {{ print $2 }}'
            podman search --tls-verify=false --format '{{{{.Name}}}}' {registry}/web",
            context.display()
        ))
        .ok();
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["1", "2", "latest", uri.as_str()]);
    let told = place
        .shell(&format!(
            "{PODMAN}
            podman rmi --all --force >&2
            aws ecr batch-delete-image --repository-name team/web --image-ids imageTag=2 >&2
            podman pull --quiet --tls-verify=false {uri}:1 >&2
            podman pull --tls-verify=false {uri}:2"
        ))
        .refused();
    assert!(told.contains("manifest unknown"), "{told}");
    assert_eq!(place.tags("team/web"), ["1", "latest"]);
}
