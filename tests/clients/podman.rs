//! podman: login, push and pull, with a storage of its own.

use super::images::context;
use super::programs::require;
use super::workplace::Workplace;

/// podman with its storage in the workplace. The storage of the machine stays as it is.
const PODMAN: &str = r#"podman() {
    command podman --root "$HOME/storage" --runroot "$HOME/running" --tmpdir "$HOME/libpod" \
        --storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"
}"#;

#[test]
fn an_image_comes_back_as_it_was() {
    require(&["aws", "podman"]);
    let place = Workplace::open();
    let uri = place
        .shell("aws ecr create-repository --repository-name team/web --query repository.repositoryUri --output text")
        .ok();
    let registry = uri.strip_suffix("/team/web").expect("a repository's URI ends in its name");
    let told = place
        .shell(&format!(
            "{PODMAN}
            aws ecr get-login-password | podman login --tls-verify=false --username AWS --password-stdin {registry}"
        ))
        .ok();
    assert!(told.contains("Login Succeeded"), "{told}");

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
        .shell(&format!("{PODMAN}\npodman logout {registry} >&2; podman push --tls-verify=false {uri}:1"))
        .refused();
    assert!(told.contains("authentication required") || told.contains("unauthorized"), "{told}");
}
