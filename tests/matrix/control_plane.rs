//! Every operation of the control plane.

use super::scene::{
    HOME, OTHER, SECRET, Scene, Subject, UPSTREAM, counted, lifecycle, policy, registry_policy,
};
use acre_testkit::ecr::Ecr;
use acre_testkit::server::REGION;
use acre_wire::ecr::Operation;
use serde_json::{Value, json};

/// The exception, without the word, or 200. Who asks, column by column:
///
/// - nobody: no signature;
/// - forged: the signature's last digit is another one;
/// - session: a session token that nobody issued, as an expired one is by the time it comes;
/// - skewed: signed by a clock that is 16 minutes late;
/// - stranger: another account's root, who names this account by `registryId` or ARN wherever an operation lets him. Where
///   it does not, he asks his own registry;
/// - region: the owner, in another Region (where a secret of this one is none);
/// - owner.
const TABLE: &str = "
    BatchCheckLayerAvailability             MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    BatchDeleteImage                        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    BatchGetImage                           MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    BatchGetRepositoryScanningConfiguration MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    CompleteLayerUpload                     MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound EmptyUpload
    CreatePullThroughCacheRule              MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied InvalidParameter PullThroughCacheRuleAlreadyExists
    CreateRepository                        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied 200 RepositoryAlreadyExists
    CreateRepositoryCreationTemplate        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 TemplateAlreadyExists
    DeleteLifecyclePolicy                   MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    DeletePullThroughCacheRule              MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied PullThroughCacheRuleNotFound 200
    DeleteRegistryPolicy                    MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature RegistryPolicyNotFound RegistryPolicyNotFound 200
    DeleteRepository                        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    DeleteRepositoryCreationTemplate        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature TemplateNotFound TemplateNotFound 200
    DeleteRepositoryPolicy                  MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    DeleteSigningConfiguration              UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    DeregisterPullTimeUpdateExclusion       UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    DescribeImageReplicationStatus          UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    DescribeImageScanFindings               UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    DescribeImageSigningStatus              UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    DescribeImages                          MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    DescribePullThroughCacheRules           MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied PullThroughCacheRuleNotFound 200
    DescribeRegistry                        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    DescribeReplicationBackfillResults      UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    DescribeRepositories                    MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    DescribeRepositoryCreationTemplates     MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    GetAccountSetting                       MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    GetAuthorizationToken                   MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    GetDownloadUrlForLayer                  MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    GetLifecyclePolicy                      MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    GetLifecyclePolicyPreview               UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    GetRegistryPolicy                       MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature RegistryPolicyNotFound RegistryPolicyNotFound 200
    GetRegistryScanningConfiguration        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    GetRepositoryPolicy                     MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    GetSigningConfiguration                 UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    InitiateLayerUpload                     MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    ListImageReferrers                      MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    ListImages                              MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    ListPullTimeUpdateExclusions            UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    ListReplicationBackfills                UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    ListTagsForResource                     MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied InvalidParameter 200
    PutAccountSetting                       MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    PutImage                                MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    PutImageScanningConfiguration           MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    PutImageTagMutability                   MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    PutLifecyclePolicy                      MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    PutRegistryPolicy                       MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    PutRegistryScanningConfiguration        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    PutReplicationConfiguration             MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature 200 200 200
    PutSigningConfiguration                 UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    RegisterPullTimeUpdateExclusion         UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    SetRepositoryPolicy                     MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    StartImageScan                          UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    StartLifecyclePolicyPreview             UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    StartReplicationBackfill                UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    StopReplicationBackfill                 UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    TagResource                             MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied InvalidParameter 200
    UntagResource                           MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied InvalidParameter 200
    UpdateImageStorageClass                 UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    UpdatePullThroughCacheRule              MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied PullThroughCacheRuleNotFound 200
    UpdateRepositoryCreationTemplate        MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature TemplateNotFound TemplateNotFound 200
    UploadLayerPart                         MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied RepositoryNotFound 200
    ValidatePullThroughCacheRule            UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation UnknownOperation
    CreateAccount                           MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied AccountAlreadyExists AccountAlreadyExists
    RotateKeys                              MissingAuthenticationToken InvalidSignature UnrecognizedClient InvalidSignature AccessDenied 200 200
";

/// What is asked. Without a wildcard: a new operation has no row until it is here.
fn input(operation: Operation, subject: &Subject) -> Value {
    let Subject { repository, image, layer, upload, prefix, .. } = subject;
    let arn = format!("arn:aws:ecr:{REGION}:{HOME}:repository/{repository}");
    let of = |more: Value| {
        let mut all = json!({ "registryId": HOME, "repositoryName": repository });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let rule = |more: Value| {
        let mut all = json!({ "registryId": HOME, "ecrRepositoryPrefix": prefix });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    match operation {
        Operation::BatchCheckLayerAvailability => of(json!({ "layerDigests": [layer] })),
        Operation::BatchDeleteImage | Operation::BatchGetImage => {
            of(json!({ "imageIds": [{ "imageDigest": image }] }))
        }
        Operation::BatchGetRepositoryScanningConfiguration => json!({ "repositoryNames": [repository] }),
        Operation::CompleteLayerUpload => of(json!({ "uploadId": upload, "layerDigests": [layer] })),
        Operation::CreatePullThroughCacheRule => {
            rule(json!({ "upstreamRegistryUrl": UPSTREAM, "credentialArn": SECRET }))
        }
        Operation::CreateRepository
        | Operation::DeleteLifecyclePolicy
        | Operation::DeleteRepositoryPolicy
        | Operation::DescribeImages
        | Operation::GetLifecyclePolicy
        | Operation::GetRepositoryPolicy
        | Operation::InitiateLayerUpload
        | Operation::ListImages => of(json!({})),
        Operation::CreateRepositoryCreationTemplate => {
            json!({ "prefix": prefix, "appliedFor": ["PULL_THROUGH_CACHE"] })
        }
        Operation::DeletePullThroughCacheRule => rule(json!({})),
        Operation::DeleteRepository => of(json!({ "force": true })),
        Operation::DeleteRepositoryCreationTemplate => json!({ "prefix": prefix }),
        Operation::DescribePullThroughCacheRules => {
            json!({ "registryId": HOME, "ecrRepositoryPrefixes": [prefix] })
        }
        Operation::DescribeRepositories => json!({ "registryId": HOME, "repositoryNames": [repository] }),
        Operation::DescribeRepositoryCreationTemplates => json!({ "prefixes": [prefix] }),
        Operation::GetAccountSetting => json!({ "name": "BLOB_MOUNTING" }),
        Operation::GetAuthorizationToken => json!({ "registryIds": [HOME] }),
        Operation::GetDownloadUrlForLayer => of(json!({ "layerDigest": layer })),
        Operation::ListImageReferrers => of(json!({ "subjectId": { "imageDigest": image } })),
        Operation::ListTagsForResource => json!({ "resourceArn": arn }),
        Operation::PutAccountSetting => json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" }),
        Operation::PutImage => of(json!({ "imageManifest": MANIFEST, "imageTag": "v2" })),
        Operation::PutImageScanningConfiguration => {
            of(json!({ "imageScanningConfiguration": { "scanOnPush": true } }))
        }
        Operation::PutImageTagMutability => of(json!({ "imageTagMutability": "IMMUTABLE" })),
        Operation::PutLifecyclePolicy => of(json!({ "lifecyclePolicyText": lifecycle() })),
        Operation::PutRegistryPolicy => json!({ "policyText": registry_policy() }),
        Operation::PutRegistryScanningConfiguration => json!({ "scanType": "BASIC" }),
        Operation::PutReplicationConfiguration => json!({ "replicationConfiguration": { "rules": [] } }),
        Operation::SetRepositoryPolicy => of(json!({ "policyText": policy() })),
        Operation::TagResource => json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "b" }] }),
        Operation::UntagResource => json!({ "resourceArn": arn, "tagKeys": ["a"] }),
        Operation::UpdatePullThroughCacheRule => rule(json!({ "credentialArn": SECRET })),
        Operation::UpdateRepositoryCreationTemplate => json!({ "prefix": prefix, "description": "new" }),
        Operation::UploadLayerPart => {
            of(json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": 2, "layerPartBlob": "YWJj" }))
        }
        Operation::CreateAccount => json!({ "accountId": OTHER }),
        // Their exceptions come before their input.
        Operation::DeleteSigningConfiguration
        | Operation::DeregisterPullTimeUpdateExclusion
        | Operation::DescribeImageReplicationStatus
        | Operation::DescribeImageScanFindings
        | Operation::DescribeImageSigningStatus
        | Operation::DescribeReplicationBackfillResults
        | Operation::GetLifecyclePolicyPreview
        | Operation::GetSigningConfiguration
        | Operation::ListPullTimeUpdateExclusions
        | Operation::ListReplicationBackfills
        | Operation::PutSigningConfiguration
        | Operation::RegisterPullTimeUpdateExclusion
        | Operation::StartImageScan
        | Operation::StartLifecyclePolicyPreview
        | Operation::StartReplicationBackfill
        | Operation::StopReplicationBackfill
        | Operation::UpdateImageStorageClass
        | Operation::ValidatePullThroughCacheRule
        // They take none.
        | Operation::DeleteRegistryPolicy
        | Operation::DescribeRegistry
        | Operation::GetRegistryPolicy
        | Operation::GetRegistryScanningConfiguration
        | Operation::RotateKeys => json!({}),
    }
}

/// An index of nothing: what it names is there everywhere.
const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// What a call is signed with; the last one is the signature.
type Headers = Vec<(&'static str, String)>;

/// Status, exception and text.
fn outcome(caller: &mut Ecr, headers: &[(&'static str, String)], body: &str) -> (String, String) {
    let answer = caller.send(headers, body).unwrap();
    let body = answer.json();
    let exception = body["__type"].as_str().unwrap_or_default().trim_end_matches("Exception").to_owned();
    let shown = match (answer.status, exception) {
        (200, _) => "200".to_owned(),
        (400, exception) => exception,
        (status, exception) => format!("{status} {exception}"),
    };
    (shown, body["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn every_operation_asked_by_everybody() {
    let mut scene = Scene::new();
    let mut elsewhere = scene.owner_elsewhere();
    let mut wrong = Vec::new();
    let mut lines: Vec<Vec<&str>> = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|line: &Vec<_>| !line.is_empty())
        .collect();
    for operation in Operation::all() {
        let at = lines.iter().position(|line| line[0] == operation.name());
        let line = lines.swap_remove(at.unwrap_or_else(|| panic!("{operation:?} has no line")));
        let subject = scene.subject();
        let body = input(operation, &subject).to_string();
        let target = operation.target();
        let mut got = Vec::new();
        let mut ask = |caller: &mut Ecr, change: fn(&mut Headers)| {
            let mut headers = caller.sign(target, &body);
            change(&mut headers);
            got.push(outcome(caller, &headers, &body).0);
        };
        ask(&mut scene.owner, |headers| drop(headers.pop()));
        ask(&mut scene.owner, |headers| {
            let signature = &mut headers.last_mut().unwrap().1;
            let last = if signature.pop() == Some('0') { '1' } else { '0' };
            signature.push(last);
        });
        ask(&mut scene.server.ecr().unwrap().with_session_token("expired"), |_| {});
        ask(&mut scene.server.ecr().unwrap().with_clock(-16 * 60), |_| {});
        ask(&mut scene.stranger, |_| {});
        ask(&mut elsewhere, |_| {});
        ask(&mut scene.owner, |_| {});
        if got != line[1..] {
            wrong.push(format!(
                "{operation:?}\n  is     {}\n  should {}",
                got.join(" "),
                line[1..].join(" ")
            ));
        }
    }
    assert!(lines.is_empty(), "lines of no operation: {lines:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_stranger_may_not_know_is_refused_as_what_is_not_there() {
    let mut scene = Scene::new();
    let mut compared = 0;
    for operation in Operation::all() {
        let there = scene.subject();
        let absent = Subject::absent(&there);
        let ask = |scene: &mut Scene, subject: &Subject| {
            let body = input(operation, subject).to_string();
            let headers = scene.stranger.sign(operation.target(), &body);
            let mut once = || outcome(&mut scene.stranger, &headers, &body);
            // What is carried out cannot be asked again.
            let first = once();
            (first.0 == "AccessDenied").then(|| counted(&scene.server, once))
        };
        let Some(((exception, text), ran)) = ask(&mut scene, &there) else { continue };
        compared += 1;
        let action = operation.action();
        let begin =
            format!("User: arn:aws:iam::{OTHER}:root is not authorized to perform: {action} on resource: ");
        let end = format!(" because no resource-based policy allows the {action} action");
        assert!(text.starts_with(&begin) && text.ends_with(&end), "{text}");
        let unknown = ask(&mut scene, &absent);
        assert_eq!(unknown, Some(((exception, there.as_about(&absent, &text)), ran)), "{operation:?}");
    }
    let refused = TABLE.lines().filter(|line| line.split_whitespace().nth(5) == Some("AccessDenied"));
    assert_eq!(compared, refused.count());
}
