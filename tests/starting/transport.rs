//! HTTPS with two files, through a client whose TLS and whose `SigV4` are other people's: curl.

use acre_testkit::image::{Blob, Recipe};
use acre_testkit::server::{Options, Server};
use std::path::Path;
use std::process::Command;

/// A certificate for localhost and its key.
fn certificate(folder: &Path) -> [String; 2] {
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            &cert,
            "-keyout",
            &key,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    [cert, key]
}

/// What curl wrote, the status on the last line.
fn curl(arguments: &[&str]) -> (String, u16) {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (body.to_owned(), status.parse().unwrap())
}

#[test]
fn a_push_and_a_pull_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = certificate(folder.path());
    let arguments = ["--tls-cert", &cert, "--tls-key", &key].map(Into::into).to_vec();
    let server = Server::start(super::process::acre(), Options { arguments, ..Options::default() }).unwrap();
    let url = server.endpoint().to_owned();
    assert!(url.starts_with("https://localhost:"), "{url}");
    let trust = ["--cacert", cert.as_str()];

    // One who does not trust the certificate does not come in, nor does one who speaks no TLS.
    assert!(!Command::new("curl").args(["--silent", &url]).output().unwrap().status.success());
    let plain = format!("http://{}/v2/", server.host());
    assert!(!Command::new("curl").args(["--silent", "--fail", &plain]).output().unwrap().status.success());

    let (challenge, status) = curl(&[&trust[..], &["--head", &format!("{url}/v2/")]].concat());
    assert_eq!(status, 401);
    let realm = format!("www-authenticate: Basic realm=\"{url}/\",service=\"ecr.amazonaws.com\"");
    assert!(challenge.contains(&realm), "{challenge}");

    let credentials = server.credentials().unwrap();
    let user = format!("{}:{}", credentials.access_key, credentials.secret_key);
    let call = |operation: &str, input: &str| {
        let target = format!("X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}");
        let signed = ["--aws-sigv4", "aws:amz:us-east-1:ecr", "--user", &user, "--data", input];
        let headers = ["--header", "Content-Type: application/x-amz-json-1.1", "--header", &target, &url];
        let (body, status) = curl(&[&trust[..], &signed, &headers].concat());
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    let created = call("CreateRepository", r#"{"repositoryName":"aa"}"#);
    assert_eq!(created["repository"]["repositoryUri"], format!("{}/aa", server.host()));
    let token = call("GetAuthorizationToken", "{}");
    let data = &token["authorizationData"][0];
    assert_eq!(data["proxyEndpoint"], url.as_str());

    let blob = Blob::made(Recipe { seed: 1, length: 3_000_000 });
    let [pushed, pulled] = ["pushed", "pulled"].map(|name| folder.path().join(name));
    std::fs::write(&pushed, &blob.bytes).unwrap();
    let authorization = format!("Authorization: Basic {}", data["authorizationToken"].as_str().unwrap());
    let known = [&trust[..], &["--header", &authorization]].concat();
    let file = format!("@{}", pushed.display());
    let target = format!("{url}/v2/aa/blobs/uploads/?digest={}", blob.digest);
    let (body, status) =
        curl(&[&known[..], &["--request", "POST", "--data-binary", &file, &target]].concat());
    assert_eq!(status, 201, "{body}");
    let target = format!("{url}/v2/aa/blobs/{}", blob.digest);
    let (_, status) = curl(&[&known[..], &["--output", pulled.to_str().unwrap(), &target]].concat());
    assert!(status == 200 && std::fs::read(&pulled).unwrap() == blob.bytes, "{status}");
}
