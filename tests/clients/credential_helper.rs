//! docker-credential-ecr-login: clients get their password from it at each request. It knows AWS's own host names alone,
//! and HTTPS alone.

use serde_json::{Value, from_str, json};

use super::images::Layout;
use super::programs::require;
use super::workplace::Workplace;

/// A workplace whose registry is named as AWS names it, and that name.
fn place() -> (Workplace, String) {
    require(&["aws", "docker-credential-ecr-login"]);
    let place = Workplace::open_as_aws();
    let host = place.aws_registry();
    (place, host)
}

#[test]
fn it_answers_with_a_token() {
    require(&["curl"]);
    let (place, host) = place();
    let got = place.shell(&format!("echo https://{host} | docker-credential-ecr-login get")).ok();
    let got: Value = from_str(&got).expect("it writes JSON");
    assert_eq!(got["Username"], "AWS");
    assert_eq!(got["ServerURL"], format!("https://{host}"));
    let secret = got["Secret"].as_str().expect("a password");
    let status = |secret: &str| {
        let curl = format!(
            "curl --silent --cacert certificate.pem --user 'AWS:{secret}' https://{}/v2/",
            place.registry()
        );
        place.shell(&format!("{curl} --output answer --write-out '%{{http_code}}'")).ok()
    };
    assert_eq!(status(secret), "200");
    assert_eq!(status("secret"), "401");
    // It also asks for the public registry of AWS: here too, so that nothing leaves the machine.
    let list = "AWS_ENDPOINT_URL_ECR_PUBLIC=$AWS_ENDPOINT_URL_ECR docker-credential-ecr-login list";
    let listed: Value = from_str(&place.shell(list).ok()).expect("it writes JSON");
    assert_eq!(listed[format!("https://{host}")], json!("AWS"));
}

#[test]
fn a_wrong_key_gets_nothing() {
    let (place, host) = place();
    let told = place
        .shell(&format!("echo https://{host} | AWS_SECRET_ACCESS_KEY=wrong docker-credential-ecr-login get"))
        .refused();
    assert!(told.contains("credentials not found"), "{told}");
    let log = place.shell("cat \"$HOME/.ecr/log/ecr-login.log\"").ok();
    assert!(log.contains("InvalidSignatureException"), "{log}");
}

#[test]
fn crane_and_skopeo_push_and_pull_without_a_login() {
    require(&["crane", "skopeo"]);
    let (place, host) = place();
    let uri = place.repository("web");
    assert_eq!(uri, format!("{host}/web"));
    let layout = Layout::new(place.folder(), "layout");
    let image = layout.image("amd64", &uri);
    let source = layout.name(image.clone(), "source");
    let helpers = json!({ "credHelpers": { &host: "ecr-login" } });
    for file in ["docker/config.json", "auth.json"] {
        std::fs::write(place.folder().join(file), helpers.to_string()).expect("a file is written");
    }
    let told = place
        .shell_by_name(&format!(
            "crane push layout {uri}:1 >&2
            crane ls {uri}
            crane pull --format=oci {uri}:1 crane
            skopeo copy --preserve-digests {source} docker://{uri}:2 >&2
            skopeo copy --preserve-digests docker://{uri}:1 oci:skopeo:1 >&2
            crane delete {uri}:1
            skopeo list-tags docker://{uri} | tr --delete '[:space:]'"
        ))
        .ok();
    let (tags, listed) = told.split_once('\n').expect("two lines");
    assert_eq!(tags, "1");
    assert_eq!(
        from_str::<Value>(listed).expect("skopeo writes JSON"),
        json!({ "Repository": uri, "Tags": ["2"] })
    );
    for written in ["crane", "skopeo"] {
        Layout::written(place.folder(), written).holds(&layout, &image);
    }
}
