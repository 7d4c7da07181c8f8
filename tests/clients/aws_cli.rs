//! The AWS CLI: what a person types at a shell.

use serde_json::{Value, from_str, json};

use super::images::context;
use super::programs::require;
use super::workplace::Workplace;

/// A workplace with an AWS CLI.
fn place() -> Workplace {
    require(&["aws"]);
    Workplace::open()
}

/// The answer of an `aws` command.
fn aws(place: &Workplace, command: &str) -> Value {
    let told = place.shell(&format!("aws {command} --output json")).ok();
    // Operations without an answer print nothing.
    if told.is_empty() { Value::Null } else { from_str(&told).expect("aws writes JSON") }
}

/// What a refused `aws` command says.
fn refused(place: &Workplace, command: &str) -> String {
    let finished = place.shell(&format!("aws {command}"));
    assert!(matches!(finished.code, Some(254 | 255)), "{finished:?}");
    finished.refused()
}

#[test]
fn the_environment_is_the_callers() {
    let place = place();
    let exported = place.shell("compgen -e AWS_").ok();
    let mut names: Vec<&str> = exported.lines().collect();
    names.sort_unstable();
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_ECR",
        "AWS_ENDPOINT_URL_STS",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
    ];
    assert_eq!(names, expected);
    let caller = aws(&place, "sts get-caller-identity");
    let expected = json!({
        "UserId": "000000000000", "Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root",
    });
    assert_eq!(caller, expected);
}

#[test]
fn a_repository_is_made_listed_and_deleted() {
    let place = place();
    let made = aws(&place, "ecr create-repository --repository-name team/web --tags Key=team,Value=web");
    let repository = &made["repository"];
    assert_eq!(repository["repositoryArn"], "arn:aws:ecr:us-east-1:000000000000:repository/team/web");
    assert_eq!(repository["registryId"], "000000000000");
    assert_eq!(repository["imageTagMutability"], "MUTABLE");
    assert_eq!(repository["imageScanningConfiguration"], json!({ "scanOnPush": false }));
    assert_eq!(repository["encryptionConfiguration"], json!({ "encryptionType": "AES256" }));
    assert!(
        repository["repositoryUri"].as_str().is_some_and(|uri| uri.ends_with("/team/web")),
        "{repository}"
    );
    let told = refused(&place, "ecr create-repository --repository-name team/web");
    let expected = "An error occurred (RepositoryAlreadyExistsException) when calling the CreateRepository operation: \
                    The repository with name 'team/web' already exists in the registry with id '000000000000'";
    assert!(told.contains(expected), "{told}");

    assert_eq!(aws(&place, "ecr describe-repositories"), json!({ "repositories": [repository] }));
    let arn = "arn:aws:ecr:us-east-1:000000000000:repository/team/web";
    let tags = aws(&place, &format!("ecr list-tags-for-resource --resource-arn {arn}"));
    assert_eq!(tags, json!({ "tags": [{ "Key": "team", "Value": "web" }] }));

    let deleted = aws(&place, "ecr delete-repository --repository-name team/web");
    assert_eq!(deleted["repository"], *repository);
    let told = refused(&place, "ecr describe-repositories --repository-names team/web");
    assert!(told.contains("(RepositoryNotFoundException)"), "{told}");
    assert_eq!(aws(&place, "ecr describe-repositories"), json!({ "repositories": [] }));
}

#[test]
fn a_lifecycle_policy_is_set_shown_and_deleted() {
    let place = place();
    aws(&place, "ecr create-repository --repository-name web");
    let policy = r#"{"rules":[{"rulePriority":1,"description":"Keep ten","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}}]}"#;
    let put = aws(
        &place,
        &format!("ecr put-lifecycle-policy --repository-name web --lifecycle-policy-text '{policy}'"),
    );
    assert_eq!(put["repositoryName"], "web");
    let got = aws(&place, "ecr get-lifecycle-policy --repository-name web");
    let text = |answer: &Value| -> Value {
        from_str(answer["lifecyclePolicyText"].as_str().expect("a policy is text")).expect("a policy is JSON")
    };
    assert_eq!(text(&got), from_str::<Value>(policy).expect("the policy is JSON"));
    let deleted = aws(&place, "ecr delete-lifecycle-policy --repository-name web");
    assert_eq!(text(&deleted), text(&got));
    let told = refused(&place, "ecr get-lifecycle-policy --repository-name web");
    let expected = "An error occurred (LifecyclePolicyNotFoundException) when calling the GetLifecyclePolicy operation: \
                    Lifecycle policy does not exist for the repository with name 'web' in the registry with id \
                    '000000000000'";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn images_are_listed_and_deleted() {
    require(&["docker"]);
    let place = place();
    let uri =
        aws(&place, "ecr create-repository --repository-name web")["repository"]["repositoryUri"].clone();
    let uri = uri.as_str().expect("a URI is text");
    let context = context(place.folder(), "context", uri);
    place
        .shell(&format!(
            "aws ecr get-login-password | docker login --username AWS --password-stdin {}
            docker build --quiet --tag {uri}:1 --tag {uri}:2 {}
            docker push {uri}:1; docker push {uri}:2; docker rmi {uri}:1 {uri}:2",
            uri.trim_end_matches("/web"),
            context.display()
        ))
        .ok();
    let details = aws(&place, "ecr describe-images --repository-name web")["imageDetails"].clone();
    let digest = details[0]["imageDigest"].as_str().expect("a digest is text").to_owned();
    assert_eq!(details.as_array().map(Vec::len), Some(1), "{details}");
    assert!(details[0]["imageSizeInBytes"].as_u64().is_some_and(|bytes| bytes > 0), "{details}");
    let pairs =
        json!([{ "imageDigest": digest, "imageTag": "1" }, { "imageDigest": digest, "imageTag": "2" }]);
    let mut listed = aws(&place, "ecr list-images --repository-name web")["imageIds"].clone();
    listed.as_array_mut().expect("a list").sort_by_key(|id| id["imageTag"].to_string());
    assert_eq!(listed, pairs);

    let told = refused(&place, "ecr delete-repository --repository-name web");
    let expected = "(RepositoryNotEmptyException) when calling the DeleteRepository operation: The repository with name \
                    'web' in registry with id '000000000000' cannot be deleted because it still contains images";
    assert!(told.contains(expected), "{told}");

    // One tag leaves the image, its last tag takes it along.
    let untagged = aws(&place, "ecr batch-delete-image --repository-name web --image-ids imageTag=1");
    assert_eq!(untagged["imageIds"], json!([pairs[0]]));
    assert_eq!(untagged["failures"], json!([]));
    aws(&place, "ecr batch-delete-image --repository-name web --image-ids imageTag=2");
    assert_eq!(aws(&place, "ecr list-images --repository-name web")["imageIds"], json!([]));
    let told = refused(&place, "ecr describe-images --repository-name web --image-ids imageTag=2");
    let expected = "(ImageNotFoundException) when calling the DescribeImages operation: The image with imageId \
                    {imageDigest:'null', imageTag:'2'} does not exist within the repository with name 'web' in the \
                    registry with id '000000000000'";
    assert!(told.contains(expected), "{told}");
    aws(&place, "ecr delete-repository --repository-name web");
}

#[test]
fn a_region_is_a_registry_of_its_own() {
    require(&["docker"]);
    let place = place();
    let west = "--region us-west-2";
    let made = aws(&place, &format!("ecr create-repository --repository-name web {west}"));
    assert_eq!(made["repository"]["repositoryArn"], "arn:aws:ecr:us-west-2:000000000000:repository/web");
    assert_eq!(aws(&place, "ecr describe-repositories"), json!({ "repositories": [] }));
    let uri = made["repository"]["repositoryUri"].as_str().expect("a URI is text");
    let registry = uri.trim_end_matches("/web");
    let context = context(place.folder(), "context", uri);
    let login = format!("docker login --username AWS --password-stdin {registry}");

    // The token, not the host, says which Region a push goes to.
    let build = format!("docker build --quiet --tag {uri}:1 {}", context.display());
    let told =
        place.shell(&format!("{build}; aws ecr get-login-password | {login}; docker push {uri}:1")).refused();
    assert!(told.contains("The repository with name 'web' does not exist"), "{told}");
    place
        .shell(&format!(
            "aws ecr get-login-password {west} | {login}; docker push {uri}:1; docker rmi {uri}:1"
        ))
        .ok();
    let listed = aws(&place, &format!("ecr list-images --repository-name web {west}"));
    assert_eq!(listed["imageIds"][0]["imageTag"], "1");
}

#[test]
fn what_does_not_work_yet_says_so_at_once() {
    let place = place();
    aws(&place, "ecr create-repository --repository-name web");
    let told = refused(&place, "ecr start-image-scan --repository-name web --image-id imageTag=1");
    assert!(told.contains("(UnknownOperationException)") && told.contains("README"), "{told}");
}

#[test]
fn a_wrong_secret_is_refused() {
    let place = place();
    let finished = place.shell("export AWS_SECRET_ACCESS_KEY=wrong; aws ecr describe-repositories");
    let told = finished.refused();
    let expected = "(InvalidSignatureException) when calling the DescribeRepositories operation: The request signature \
                    we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                    signing method.";
    assert!(told.contains(expected), "{told}");
    assert!(!told.contains("Traceback"), "{told}");
}
