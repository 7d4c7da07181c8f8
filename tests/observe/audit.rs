//! Who changed what: one line for each call that changes something, done or refused; none for one that reads.

use super::log::{find, lines, start};
use acre_testkit::ecr::Ecr;
use acre_testkit::http::{Answer, Body, Client};
use acre_testkit::image::{Blob, Image, Recipe};
use acre_testkit::server::{Server, binary};
use acre_wire::ecr::{Operation, State};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

const ARN: &str = "arn:aws:ecr:us-east-1:000000000000:repository/web";

/// The audit's lines of a request, as action, resource and outcome.
fn audit(server: &Server, answer: &Answer) -> Vec<(String, String, String)> {
    let id = answer.header("x-amzn-requestid").unwrap();
    // The last line of a request.
    find(server, |line| line["target"] == "acre::access" && line["request_id"] == id);
    let lines = lines(server).into_iter();
    let ours = lines.filter(|line| line["target"] == "acre::audit" && line["request_id"] == id);
    ours.map(|line| {
        assert_eq!(line["principal"], "arn:aws:iam::000000000000:root", "{line}");
        assert_eq!(line["level"], "INFO");
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("action"), text("resource"), text("outcome"))
    })
    .collect()
}

fn call(ecr: &mut Ecr, operation: Operation, input: &Value) -> Answer {
    ecr.call_target(operation.target(), input).unwrap()
}

/// A call of every operation that works, in an order in which each is a success; uploads and images come from elsewhere.
fn calls(image: &Image, upload: &str) -> Vec<(&'static str, Value)> {
    let of = |mut more: Value| {
        more["repositoryName"] = "web".into();
        more
    };
    let digest = image.config.digest.to_string();
    let manifest = String::from_utf8(image.manifest.bytes.clone()).unwrap();
    let ids = json!([{ "imageTag": "v1" }]);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "a", "Effect": "Allow", "Principal": "*", "Action": ["ecr:ReplicateImage"], "Resource": ["*"]
    }] })
    .to_string();
    let lifecycle = json!({ "rules": [{ "rulePriority": 1, "description": "untagged images go after a week", "selection": {
        "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7
    }, "action": { "type": "expire" } }] })
    .to_string();
    let (prefix, cached) = (json!({ "prefix": "web" }), json!({ "ecrRepositoryPrefix": "quay" }));
    vec![
        ("CreateAccount", json!({ "accountId": "222222222222" })),
        ("RotateKeys", json!({})),
        (
            "UploadLayerPart",
            of(json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "e30=" })),
        ),
        (
            "CompleteLayerUpload",
            of(json!({ "uploadId": upload, "layerDigests": [Blob::new(b"{}".to_vec()).digest.to_string()] })),
        ),
        ("InitiateLayerUpload", of(json!({}))),
        ("BatchCheckLayerAvailability", of(json!({ "layerDigests": [digest] }))),
        ("PutImage", of(json!({ "imageManifest": manifest, "imageTag": "v1" }))),
        ("GetDownloadUrlForLayer", of(json!({ "layerDigest": digest }))),
        ("ListImageReferrers", of(json!({ "subjectId": { "imageDigest": image.digest().to_string() } }))),
        ("BatchGetImage", of(json!({ "imageIds": ids }))),
        ("DescribeImages", of(json!({}))),
        ("ListImages", of(json!({}))),
        ("BatchDeleteImage", of(json!({ "imageIds": ids }))),
        ("PutLifecyclePolicy", of(json!({ "lifecyclePolicyText": lifecycle }))),
        ("GetLifecyclePolicy", of(json!({}))),
        ("DeleteLifecyclePolicy", of(json!({}))),
        ("SetRepositoryPolicy", of(json!({ "policyText": policy }))),
        ("GetRepositoryPolicy", of(json!({}))),
        ("DeleteRepositoryPolicy", of(json!({}))),
        ("PutImageScanningConfiguration", of(json!({ "imageScanningConfiguration": {} }))),
        ("PutImageTagMutability", of(json!({ "imageTagMutability": "MUTABLE" }))),
        ("TagResource", json!({ "resourceArn": ARN, "tags": [{ "Key": "a", "Value": "b" }] })),
        ("ListTagsForResource", json!({ "resourceArn": ARN })),
        ("UntagResource", json!({ "resourceArn": ARN, "tagKeys": ["a"] })),
        ("DescribeRepositories", json!({})),
        ("BatchGetRepositoryScanningConfiguration", json!({ "repositoryNames": ["web"] })),
        ("DeleteRepository", of(json!({ "force": true }))),
        ("CreateRepository", of(json!({}))),
        (
            "CreatePullThroughCacheRule",
            json!({ "ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io" }),
        ),
        ("DescribePullThroughCacheRules", json!({})),
        ("UpdatePullThroughCacheRule", cached.clone()),
        ("DeletePullThroughCacheRule", cached),
        ("CreateRepositoryCreationTemplate", json!({ "prefix": "web", "appliedFor": ["REPLICATION"] })),
        ("DescribeRepositoryCreationTemplates", json!({})),
        ("UpdateRepositoryCreationTemplate", prefix.clone()),
        ("DeleteRepositoryCreationTemplate", prefix),
        ("PutAccountSetting", json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" })),
        ("GetAccountSetting", json!({ "name": "BLOB_MOUNTING" })),
        ("PutRegistryPolicy", json!({ "policyText": policy })),
        ("GetRegistryPolicy", json!({})),
        ("DeleteRegistryPolicy", json!({})),
        ("PutRegistryScanningConfiguration", json!({ "scanType": "BASIC", "rules": [] })),
        ("GetRegistryScanningConfiguration", json!({})),
        ("PutReplicationConfiguration", json!({ "replicationConfiguration": { "rules": [] } })),
        ("DescribeRegistry", json!({})),
        ("GetAuthorizationToken", json!({})),
    ]
}

#[test]
fn one_line_for_each_change_of_the_control_plane() {
    let server = start(&["--log-level", "debug"]);
    let mut ecr = server.ecr().unwrap();
    ecr.create_repository("web").unwrap();
    let image = Image::made("one", &[Recipe { seed: 1, length: 1000 }]);
    let mut client = ecr.data_plane().unwrap();
    for blob in image.layers.iter().chain([&image.config]) {
        let target = format!("/v2/web/blobs/uploads/?digest={}", blob.digest);
        assert_eq!(client.request("POST", &target, &[], Body::Sized(&blob.bytes)).unwrap().status, 201);
    }
    let opened = ecr.expect("InitiateLayerUpload", &json!({ "repositoryName": "web" })).unwrap();
    let mut called = BTreeSet::new();
    for (name, input) in calls(&image, opened["uploadId"].as_str().unwrap()) {
        let operation = Operation::all().find(|operation| operation.name() == name).unwrap();
        let answer = call(&mut ecr, operation, &input);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let told = audit(&server, &answer);
        if operation.changes() {
            let outcomes: Vec<_> =
                told.iter().map(|(action, _, outcome)| (action.as_str(), outcome.as_str())).collect();
            assert_eq!(outcomes, [(operation.action(), "done")], "{name}");
        } else {
            assert_eq!(told, [], "{name}");
        }
        called.insert(name);
    }
    let works = Operation::all().filter(|operation| operation.state() == State::Works).map(Operation::name);
    assert_eq!(works.collect::<BTreeSet<_>>(), called);
    // A change that is refused leaves its line too, with the reason in a word.
    let answer = call(&mut ecr, Operation::DeleteRepository, &json!({ "repositoryName": "none" }));
    let arn = ARN.replace("/web", "/none");
    assert_eq!(
        audit(&server, &answer),
        [("ecr:DeleteRepository".into(), arn, "repository not found".into())]
    );
    // What a caller may not leaves one, read or change.
    for operation in [Operation::ListImages, Operation::DeleteRepository] {
        let input = json!({ "registryId": "222222222222", "repositoryName": "web" });
        let answer = call(&mut ecr, operation, &input);
        assert_eq!(answer.json()["__type"], "AccessDeniedException");
        let told = audit(&server, &answer);
        assert_eq!((told.len(), told[0].2.as_str()), (1, "denied"), "{told:?}");
    }
}

#[test]
fn one_line_for_each_change_of_the_data_plane() {
    let server = start(&["--log-level", "debug"]);
    let mut ecr = server.ecr().unwrap();
    for name in ["web", "other"] {
        ecr.create_repository(name).unwrap();
    }
    let image = Image::made("one", &[Recipe { seed: 1, length: 100_000 }]);
    let mut client = ecr.data_plane().unwrap();
    let mut ask = |method: &str, target: &str, body: &[u8], status: u16| {
        let headers = [("content-type", acre_testkit::image::MANIFEST_TYPE)];
        let answer = client.request(method, target, &headers, Body::Sized(body)).unwrap();
        assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
        (audit(&server, &answer), answer)
    };
    let (layer, config) = (&image.layers[0], &image.config);
    let mut expect = |method: &str, target: &str, body: &[u8], status: u16, wanted: &[(&str, &str)]| {
        let (told, answer) = ask(method, target, body, status);
        let told: Vec<_> =
            told.iter().map(|(action, _, outcome)| (action.as_str(), outcome.as_str())).collect();
        assert_eq!(told, wanted, "{method} {target}");
        answer
    };
    let uploads = "/v2/web/blobs/uploads/";
    let opened = expect("POST", uploads, b"", 202, &[]);
    let location = opened.header("location").unwrap().to_owned();
    expect("PATCH", &location, &layer.bytes, 202, &[]);
    expect("GET", &location, b"", 204, &[]);
    let finish = format!("{location}?digest={}", layer.digest);
    expect("PUT", &finish, b"", 201, &[("ecr:CompleteLayerUpload", "done")]);
    let single = format!("{uploads}?digest={}", config.digest);
    expect("POST", &single, &config.bytes, 201, &[("ecr:CompleteLayerUpload", "done")]);
    let wrong = format!("{uploads}?digest={}", layer.digest);
    expect("POST", &wrong, b"wrong", 400, &[("ecr:CompleteLayerUpload", "upload refused")]);
    expect("PUT", "/v2/web/manifests/v1", &image.manifest.bytes, 201, &[("ecr:PutImage", "done")]);
    expect("PUT", "/v2/web/manifests/v1", b"{", 405, &[("ecr:PutImage", "invalid manifest")]);
    expect("GET", "/v2/web/manifests/v1", b"", 200, &[]);
    expect("GET", &format!("/v2/web/blobs/{}", layer.digest), b"", 200, &[]);
    let mount = format!("/v2/other/blobs/uploads/?mount={}&from=web", layer.digest);
    expect("POST", &mount, b"", 201, &[("ecr:InitiateLayerUpload", "done")]);
    expect(
        "DELETE",
        &format!("/v2/web/manifests/{}", image.digest()),
        b"",
        202,
        &[("ecr:BatchDeleteImage", "done")],
    );
    expect(
        "DELETE",
        &format!("/v2/web/blobs/{}", layer.digest),
        b"",
        202,
        &[("ecr:BatchDeleteImage", "done")],
    );
    let gone = "/v2/web/manifests/v1";
    expect("DELETE", gone, b"", 404, &[("ecr:BatchDeleteImage", "image not found")]);
    // Nobody is no principal: nothing to tell.
    let mut nobody = Client::new(server.host());
    let answer = nobody.request("DELETE", gone, &[], Body::None).unwrap();
    assert_eq!((answer.status, audit(&server, &answer)), (401, Vec::new()));
}

#[test]
fn keys_that_are_rotated_without_a_server() {
    let mut server = start(&[]);
    server.terminate().unwrap();
    let rotate = |more: &[&str]| {
        let command = ["keys", "rotate", "--data"];
        let mut run = Command::new(binary(env!("CARGO_BIN_EXE_acre")));
        run.args(command).arg(server.data()).args(more).env("ACRE_LOG_FORMAT", "json").output().unwrap()
    };
    let output = rotate(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = lines.as_slice() else { panic!("{text}") };
    assert_eq!((&line["target"], &line["action"]), (&json!("acre::audit"), &json!("acre:RotateKeys")));
    assert_eq!((&line["outcome"], &line["resource"]), (&json!("done"), &json!("*")));
    assert!(line["principal"].as_str().unwrap().starts_with("uid "), "{line}");
    assert_eq!(line["request_id"].as_str().unwrap().len(), 36, "{line}");
}
