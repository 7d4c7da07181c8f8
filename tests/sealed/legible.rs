//! What can be read: the files are searched for every text that a customer brought, and for every secret.

use super::files::{files, holds, start};
use acre_testkit::http::{Body, Client};
use acre_testkit::image::{Blob, Flavour, open_upload, push_blob, put_manifest};
use acre_testkit::server::Server;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const LARGE: &[u8] = b"known text of a large layer; ";
const SMALL: &[u8] = b"known text of a small layer; ";
const CONFIG: &[u8] = b"known text of a config";
const MANIFEST: &[u8] = b"known text of a manifest";
const LONG_MANIFEST: &[u8] = b"known text of a long manifest; ";
const UPLOAD: &[u8] = b"known text of an unfinished upload; ";
const POLICY: &[u8] = b"KnownTextOfARepositoryPolicy";
const LIFECYCLE: &[u8] = b"known text of a lifecycle policy";
const REGISTRY_POLICY: &[u8] = b"KnownTextOfARegistryPolicy";
const DESCRIPTION: &[u8] = b"known text of a template's description";
const TEMPLATE_POLICY: &[u8] = b"KnownTextOfATemplatesPolicy";
const TEMPLATE_LIFECYCLE: &[u8] = b"known text of a template's lifecycle policy";
const SENT: [&[u8]; 12] = [
    LARGE,
    SMALL,
    CONFIG,
    MANIFEST,
    LONG_MANIFEST,
    UPLOAD,
    POLICY,
    LIFECYCLE,
    REGISTRY_POLICY,
    DESCRIPTION,
    TEMPLATE_POLICY,
    TEMPLATE_LIFECYCLE,
];

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn push(client: &mut Client) {
    let large = Blob::new(LARGE.repeat(10_000));
    let small = Blob::new(SMALL.repeat(100));
    let config = Blob::new(json!({ "comment": text(CONFIG) }).to_string().into_bytes());
    for (blob, flavour) in
        [(&large, Flavour::PostPatchPut), (&small, Flavour::SinglePost), (&config, Flavour::PostPut)]
    {
        push_blob(client, "aa", blob, flavour).unwrap();
    }
    let layers: Vec<_> = [&large, &small]
        .map(|blob| json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": blob.digest, "size": 1 }))
        .to_vec();
    for (tag, note) in [("small", text(MANIFEST).to_owned()), ("long", text(LONG_MANIFEST).repeat(5_000))] {
        let manifest = json!({
            "schemaVersion": 2,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": 1 },
            "layers": layers,
            "annotations": { "note": note },
        });
        put_manifest(client, "aa", tag, &Blob::new(manifest.to_string().into_bytes())).unwrap();
    }
    assert!(client.request("GET", "/v2/aa/manifests/long", &[], Body::None).unwrap().body.len() > 100_000);
}

/// Unfinished ones: in memory, on disk, and on disk with a short segment that was overwritten.
fn leave_uploads(client: &mut Client) {
    for pieces in [&[100][..], &[100_000], &[70_000, 500, 90_000]] {
        let location = open_upload(client, "aa").unwrap();
        for piece in pieces {
            let bytes: Vec<u8> = UPLOAD.iter().copied().cycle().take(*piece).collect();
            assert_eq!(client.request("PATCH", &location, &[], Body::Sized(&bytes)).unwrap().status, 202);
        }
    }
}

/// A policy whose statement says this.
fn policy(said: &[u8], resource: Option<&str>) -> String {
    let mut statement = json!({
        "Sid": text(said), "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": ["ecr:BatchGetImage"],
    });
    if let Some(resource) = resource {
        statement["Resource"] = resource.into();
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// A lifecycle policy whose rule says this.
fn lifecycle(said: &[u8]) -> String {
    let rule = json!({
        "rulePriority": 1, "description": text(said),
        "selection": { "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5 },
        "action": { "type": "expire" },
    });
    json!({ "rules": [rule] }).to_string()
}

fn set_policies(server: &Server) {
    let mut ecr = server.ecr().unwrap();
    for (operation, input) in [
        ("SetRepositoryPolicy", json!({ "repositoryName": "aa", "policyText": policy(POLICY, None) })),
        (
            "PutLifecyclePolicy",
            json!({ "repositoryName": "aa", "lifecyclePolicyText": lifecycle(LIFECYCLE) }),
        ),
        ("PutRegistryPolicy", json!({ "policyText": policy(REGISTRY_POLICY, Some("*")) })),
        (
            "CreateRepositoryCreationTemplate",
            json!({
                "prefix": "team/", "appliedFor": ["REPLICATION"], "description": text(DESCRIPTION),
                "repositoryPolicy": policy(TEMPLATE_POLICY, None), "lifecyclePolicy": lifecycle(TEMPLATE_LIFECYCLE),
            }),
        ),
    ] {
        ecr.expect(operation, &input).unwrap();
    }
}

/// What may stand in `credentials` and `root.key`, and nowhere else.
fn secrets(server: &Server) -> Vec<Vec<u8>> {
    let mut ecr = server.ecr().unwrap();
    let account = json!({ "accountId": "222222222222" });
    let created = ecr.call_target("Acre_V1.CreateAccount", &account).unwrap().json();
    let root_key = fs::read_to_string(server.data().join("root.key")).unwrap();
    let hex = root_key.trim().rsplit(' ').next().unwrap().to_owned();
    let digits: Vec<u8> =
        hex.bytes().map(|digit| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap()).collect();
    let raw = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let token = ecr.authorization_token().unwrap().replace("Basic ", "");
    vec![
        server.credentials().unwrap().secret_key.into_bytes(),
        created["secretAccessKey"].as_str().unwrap().as_bytes().to_vec(),
        ecr.password().unwrap().into_bytes(),
        token.into_bytes(),
        hex.into_bytes(),
        raw,
    ]
}

fn search(server: &Server, secrets: &[Vec<u8>], moment: &str) {
    let mut names_a_tag = false;
    let mut searched = 0;
    for path in files(server.data()) {
        // SQLite removes its log when it likes.
        let Ok(bytes) = fs::read(&path) else { continue };
        let name = path.strip_prefix(server.data()).unwrap().to_str().unwrap();
        for sent in SENT {
            assert!(!holds(&bytes, sent), "{moment}: {name} holds {:?}", text(sent));
        }
        let may_tell = ["credentials", "root.key"].contains(&name);
        for secret in secrets.iter().filter(|_| !may_tell) {
            assert!(!holds(&bytes, secret), "{moment}: {name} holds a secret");
        }
        if may_tell {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            assert!(secrets.iter().any(|secret| holds(&bytes, secret)), "{name} holds no secret");
        }
        names_a_tag |=
            name.starts_with("catalogue.sqlite") && holds(&bytes, b"arn:aws:iam::000000000000:root");
        searched += bytes.len();
    }
    // The search finds what is there: names are not sealed.
    assert!(
        names_a_tag && searched > 300_000,
        "{moment}: the search found nothing at all in {searched} bytes"
    );
}

#[test]
fn nothing_that_was_sent_can_be_read() {
    let (mut server, mut client) = start();
    push(&mut client);
    leave_uploads(&mut client);
    set_policies(&server);
    let secrets = secrets(&server);
    search(&server, &secrets, "while it runs");
    server.kill9().unwrap();
    search(&server, &secrets, "after a kill");
    server.restart().unwrap();
    search(&server, &secrets, "after a restart");
    let mut ecr = server.ecr().unwrap();
    // It is all there for those who may ask.
    let aa = json!({ "repositoryName": "aa" });
    let team = json!({ "prefixes": ["team"] });
    let template = "/repositoryCreationTemplates/0";
    for (operation, input, member, said) in [
        ("GetRepositoryPolicy", &aa, "/policyText".to_owned(), POLICY),
        ("GetLifecyclePolicy", &aa, "/lifecyclePolicyText".to_owned(), LIFECYCLE),
        ("GetRegistryPolicy", &json!({}), "/policyText".to_owned(), REGISTRY_POLICY),
        ("DescribeRepositoryCreationTemplates", &team, format!("{template}/description"), DESCRIPTION),
        (
            "DescribeRepositoryCreationTemplates",
            &team,
            format!("{template}/repositoryPolicy"),
            TEMPLATE_POLICY,
        ),
        (
            "DescribeRepositoryCreationTemplates",
            &team,
            format!("{template}/lifecyclePolicy"),
            TEMPLATE_LIFECYCLE,
        ),
    ] {
        let answer = ecr.expect(operation, input).unwrap();
        let found = answer.pointer(&member).and_then(|found| found.as_str());
        assert!(found.is_some_and(|found| found.contains(text(said))), "{operation} {member}: {answer}");
    }
    let mut client = ecr.data_plane().unwrap();
    let manifest = client.request("GET", "/v2/aa/manifests/small", &[], Body::None).unwrap();
    assert!(holds(&manifest.body, MANIFEST));
    // Nor when it is changed and deleted.
    ecr.expect("DeleteRepositoryPolicy", &aa).unwrap();
    ecr.expect("DeleteLifecyclePolicy", &aa).unwrap();
    ecr.expect(
        "PutRegistryPolicy",
        &json!({ "policyText": policy(REGISTRY_POLICY, Some("arn:aws:ecr:*:*:*")) }),
    )
    .unwrap();
    ecr.expect("DeleteRegistryPolicy", &json!({})).unwrap();
    let change =
        json!({ "prefix": "team", "description": text(DESCRIPTION).repeat(2), "repositoryPolicy": "" });
    ecr.expect("UpdateRepositoryCreationTemplate", &change).unwrap();
    ecr.expect("DeleteRepositoryCreationTemplate", &json!({ "prefix": "team" })).unwrap();
    assert_eq!(client.request("DELETE", "/v2/aa/manifests/small", &[], Body::None).unwrap().status, 202);
    ecr.call_target("Acre_V1.RotateKeys", &json!({})).unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(0));
    search(&server, &secrets, "after an orderly stop");
}
