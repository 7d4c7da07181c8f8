//! docker: login, push, pull, re-tag, and what it shows when the registry refuses.

use serde_json::{Value, from_str};

use super::images::context;
use super::programs::require;
use super::workplace::Workplace;

const LOGIN: &str = "aws ecr get-login-password | docker login --username AWS --password-stdin";

/// A workplace whose docker is logged in, and the URI of its repository.
fn logged_in(options: &str) -> (Workplace, String) {
    require(&["aws", "docker"]);
    let place = Workplace::open();
    let create = format!("aws ecr create-repository --repository-name team/web {options}");
    let uri = place.shell(&format!("{create} --query repository.repositoryUri --output text")).ok();
    let registry = uri.strip_suffix("/team/web").expect("a repository's URI ends in its name");
    let told = place.shell(&format!("{LOGIN} {registry}")).ok();
    assert!(told.contains("Login Succeeded"), "{told}");
    (place, uri)
}

#[test]
fn an_image_comes_back_as_it_was() {
    let (place, uri) = logged_in("");
    let context = context(place.folder(), "context", &uri);
    let id = place
        .shell(&format!(
            "docker build --quiet --tag {uri}:1 {} >&2
            docker push --quiet {uri}:1 >&2
            docker image inspect --format '{{{{.Id}}}}' {uri}:1
            docker rmi {uri}:1 >&2",
            context.display()
        ))
        .ok();
    let gone = place.shell(&format!("docker image inspect {id}")).refused();
    assert!(gone.contains("No such image"), "{gone}");
    let back = place
        .shell(&format!(
            "docker pull --quiet {uri}:1 >&2
            docker image inspect --format '{{{{.Id}}}}' {uri}:1
            container=$(docker create --network none {uri}:1 none)
            docker cp $container:/first first; docker cp $container:/second second
            docker rm $container >&2
            cmp first context/first; cmp second context/second"
        ))
        .ok();
    assert_eq!(back, id);
}

#[test]
fn an_image_is_pulled_by_its_digest() {
    let (place, uri) = logged_in("");
    let context = context(place.folder(), "context", &uri);
    let digest = place
        .shell(&format!(
            "docker build --quiet --tag {uri}:1 {} >&2
            docker push {uri}:1 >&2
            docker rmi {uri}:1 >&2
            digest=$(aws ecr describe-images --repository-name team/web --query 'imageDetails[0].imageDigest' --output text)
            docker pull --quiet {uri}@$digest >&2
            docker image inspect --format '{{{{join .RepoDigests \" \"}}}}' {uri}@$digest
            docker rmi {uri}@$digest >&2
            echo {uri}@$digest",
            context.display()
        ))
        .ok();
    let (pulled, listed) = digest.split_once('\n').expect("two lines");
    assert_eq!(pulled, listed);
}

#[test]
fn a_second_tag_is_pushed_without_its_layers() {
    let (place, uri) = logged_in("");
    let context = context(place.folder(), "context", &uri);
    let build =
        format!("docker build --quiet --tag {uri}:1 {} >&2; docker push {uri}:1 >&2", context.display());
    place.shell(&build).ok();
    let told = place.shell(&format!("docker tag {uri}:1 {uri}:2; docker push {uri}:2")).ok();
    assert_eq!(told.matches("Layer already exists").count(), 2, "{told}");
    let tags = "aws ecr describe-images --repository-name team/web --query 'imageDetails[].sort(imageTags)' --output text";
    assert_eq!(place.shell(tags).ok(), "1\t2");
}

#[test]
fn an_immutable_tag_is_refused_by_name() {
    let (place, uri) = logged_in("--image-tag-mutability IMMUTABLE");
    let (first, second) =
        (context(place.folder(), "first", &uri), context(place.folder(), "second", &format!("{uri} again")));
    place
        .shell(&format!("docker build --quiet --tag {uri}:1 {} >&2; docker push {uri}:1", first.display()))
        .ok();
    // The same image again is no overwriting.
    place.shell(&format!("docker push {uri}:1")).ok();
    let told = place
        .shell(&format!("docker build --quiet --tag {uri}:1 {} >&2; docker push {uri}:1", second.display()))
        .refused();
    let expected = "The image tag '1' already exists in the 'team/web' repository and cannot be overwritten because the \
                    tag is immutable.";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_push_to_a_repository_that_is_missing_says_so() {
    let (place, uri) = logged_in("");
    let context = context(place.folder(), "context", &uri);
    let other = uri.replace("team/web", "team/none");
    let told = place
        .shell(&format!(
            "docker build --quiet --tag {other}:1 {} >&2; docker push {other}:1",
            context.display()
        ))
        .refused();
    let expected =
        "The repository with name 'team/none' does not exist in the registry with id '000000000000'";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_wrong_password_logs_nobody_in() {
    let (place, uri) = logged_in("");
    let registry = uri.strip_suffix("/team/web").expect("a repository's URI ends in its name");
    for (user, password) in [("AWS", "eyJub3QiOiJhIHRva2VuIn0="), ("AWS", "secret"), ("root", "secret")] {
        let told = place
            .shell(&format!(
                "docker logout {registry} >&2
                printf %s '{password}' | docker login --username {user} --password-stdin {registry}"
            ))
            .refused();
        assert!(!told.contains("Login Succeeded"), "{told}");
        assert!(told.contains("unauthorized") || told.contains("401"), "{told}");
    }
    let told = place.shell(&format!("docker pull {uri}:1")).refused();
    assert!(told.contains("no basic auth credentials"), "{told}");
}

/// The docker command itself asks the registry here, not the daemon.
#[test]
fn a_list_of_images_is_pushed_and_pulled() {
    let (place, uri) = logged_in("");
    for architecture in ["amd64", "arm64"] {
        let context = context(place.folder(), architecture, &format!("{uri} on {architecture}"));
        place
            .shell(&format!(
                "docker build --quiet --tag {uri}:{architecture} {}; docker push {uri}:{architecture}",
                context.display()
            ))
            .ok();
    }
    place
        .shell(&format!(
            "docker manifest create --insecure {uri}:many {uri}:amd64 {uri}:arm64
            docker manifest annotate --os linux --arch amd64 {uri}:many {uri}:amd64
            docker manifest annotate --os linux --arch arm64 {uri}:many {uri}:arm64
            docker manifest push --insecure --purge {uri}:many
            docker rmi {uri}:amd64 {uri}:arm64"
        ))
        .ok();
    let shown = place.shell(&format!("docker manifest inspect --insecure {uri}:many")).ok();
    let shown: Value = from_str(&shown).expect("docker writes JSON");
    let architectures: Vec<&Value> =
        (0..2).map(|at| &shown["manifests"][at]["platform"]["architecture"]).collect();
    assert_eq!(architectures, ["amd64", "arm64"]);
    for architecture in ["amd64", "arm64"] {
        place
            .shell(&format!(
                "docker pull --quiet --platform linux/{architecture} {uri}:many
                container=$(docker create --network none {uri}:many none)
                docker cp $container:/first first
                docker rm $container
                docker rmi {uri}:many
                cmp first {architecture}/first"
            ))
            .ok();
    }
}

/// docker itself deletes nothing in a registry.
#[test]
fn a_deleted_image_is_gone() {
    let (place, uri) = logged_in("");
    let context = context(place.folder(), "context", &uri);
    let told = place
        .shell(&format!(
            "docker build --quiet --tag {uri}:1 {} >&2
            docker push --quiet {uri}:1 >&2
            docker rmi {uri}:1 >&2
            aws ecr batch-delete-image --repository-name team/web --image-ids imageTag=1 >&2
            docker pull {uri}:1",
            context.display()
        ))
        .refused();
    assert!(told.contains("not found") || told.contains("manifest unknown"), "{told}");
    assert_eq!(place.tags("team/web"), [""; 0]);
}
