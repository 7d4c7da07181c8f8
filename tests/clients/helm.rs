//! helm: charts packaged, pushed, looked at and pulled, over plain HTTP on localhost and over HTTPS.

use std::fs;

use serde_json::{Value, from_str};

use super::programs::require;
use super::workplace::Workplace;

/// A workplace whose helm is logged in, with a repository for the chart `web`: helm names it by the chart.
fn logged_in() -> Workplace {
    require(&["aws", "helm"]);
    let place = Workplace::open();
    place.repository("charts/web");
    let login = format!("helm registry login --username AWS --password-stdin {}", place.registry());
    let told = place.shell(&format!("aws ecr get-login-password | {login} 2>&1")).ok();
    assert!(told.contains("Login Succeeded"), "{told}");
    place
}

/// Packages this version of the chart; answers the file's name.
fn package(place: &Workplace, version: &str) -> String {
    let chart = place.folder().join("web");
    fs::create_dir_all(chart.join("templates")).expect("a folder is made");
    for (file, text) in [
        (
            "Chart.yaml",
            format!("apiVersion: v2\nname: web\nversion: {version}\ndescription: A chart for the tests\n"),
        ),
        ("values.yaml", "replicas: 3\n".to_owned()),
        ("README.md", "How to use it.\n".to_owned()),
        ("templates/web.yaml", "kind: Web\nreplicas: {{ .Values.replicas }}\n".to_owned()),
    ] {
        fs::write(chart.join(file), text).expect("a file is written");
    }
    place.shell("helm package web").ok();
    format!("web-{version}.tgz")
}

#[test]
fn a_chart_comes_back_as_it_was() {
    let place = logged_in();
    let file = package(&place, "1.2.3");
    let registry = place.registry();
    let told = place
        .shell(&format!(
            "helm push --plain-http {file} oci://{registry}/charts 2>&1
            mkdir back
            helm pull --plain-http --destination back oci://{registry}/charts/web --version 1.2.3 2>&1
            cmp back/{file} {file}"
        ))
        .ok();
    let digests: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("Digest: ")).collect();
    let image = "aws ecr describe-images --repository-name charts/web --output json \
                 --query 'imageDetails[0].[imageDigest, artifactMediaType, imageTags[0]]'";
    let image: Value = from_str(&place.shell(image).ok()).expect("aws writes JSON");
    assert_eq!(digests, [&image[0], &image[0]]);
    assert_eq!(image[1], "application/vnd.cncf.helm.config.v1+json");
    assert_eq!(image[2], "1.2.3");
    // Again: nothing changes.
    place.shell(&format!("helm push --plain-http {file} oci://{registry}/charts")).ok();
    assert_eq!(place.tags("charts/web"), ["1.2.3"]);
}

#[test]
fn a_chart_is_shown_and_rendered() {
    let place = logged_in();
    let file = package(&place, "1.2.3");
    let chart = format!("oci://{}/charts/web", place.registry());
    let parent = chart.strip_suffix("/web").expect("it ends in the chart's name");
    place.shell(&format!("helm push --plain-http {file} {parent}")).ok();
    let show =
        |what: &str| place.shell(&format!("helm show {what} --plain-http {chart} --version 1.2.3")).ok();
    assert!(show("chart").contains("description: A chart for the tests"));
    assert_eq!(show("values"), "replicas: 3");
    assert_eq!(show("readme"), "How to use it.");
    let rendered = place.shell(&format!("helm template mine {chart} --plain-http --set replicas=5")).ok();
    assert!(rendered.ends_with("kind: Web\nreplicas: 5"), "{rendered}");
}

/// The tags of a chart are its versions; a tag has no plus sign.
#[test]
fn a_version_is_found_by_its_range() {
    let place = logged_in();
    let registry = place.registry();
    for version in ["1.2.3", "1.10.0", "2.0.0-rc.1", "1.10.0+build.7"] {
        let file = package(&place, version);
        place.shell(&format!("helm push --plain-http {file} oci://{registry}/charts")).ok();
    }
    assert_eq!(place.tags("charts/web"), ["1.10.0", "1.10.0_build.7", "1.2.3", "2.0.0-rc.1"]);
    let version = |range: &str| {
        let shown = place
            .shell(&format!("helm show chart --plain-http oci://{registry}/charts/web --version '{range}'"));
        let shown = shown.ok();
        shown.lines().find_map(|line| line.strip_prefix("version: ")).map(str::to_owned)
    };
    for (range, expected) in [
        ("~1.2", "1.2.3"),
        (">=2.0.0-0", "2.0.0-rc.1"),
        ("1.10.0+build.7", "1.10.0+build.7"),
        ("<1.10", "1.2.3"),
    ] {
        assert_eq!(version(range).as_deref(), Some(expected), "{range}");
    }
}

/// helm itself deletes nothing in a registry.
#[test]
fn a_deleted_chart_is_gone() {
    let place = logged_in();
    let file = package(&place, "1.2.3");
    let registry = place.registry();
    place
        .shell(&format!(
            "helm push --plain-http {file} oci://{registry}/charts
            aws ecr batch-delete-image --repository-name charts/web --image-ids imageTag=1.2.3"
        ))
        .ok();
    let pull = format!("helm pull --plain-http oci://{registry}/charts/web --version 1.2.3");
    let told = place.shell(&pull).refused();
    assert!(told.contains("not found"), "{told}");
    let told = place.shell(&format!("helm push --plain-http {file} oci://{registry}/none")).refused();
    assert!(told.contains("404 Not Found"), "{told}");
    let told = place.shell(&format!("helm registry logout {registry} >&2; {pull}")).refused();
    assert!(told.contains("no basic auth credentials"), "{told}");
}

/// helm takes localhost for plain HTTP, whatever it is told; any other name for HTTPS.
#[test]
fn charts_go_over_https() {
    let place = Workplace::open_as_aws();
    require(&["aws", "helm"]);
    place.repository("charts/web");
    let file = package(&place, "1.2.3");
    let registry = place.aws_registry();
    let login = format!("helm registry login --username AWS --password-stdin {registry}");
    place
        .shell_by_name(&format!(
            "password=$(aws ecr get-login-password)
            unset SSL_CERT_FILE
            {login} --ca-file certificate.pem <<<$password
            helm push --ca-file certificate.pem {file} oci://{registry}/charts
            helm show values --ca-file certificate.pem oci://{registry}/charts/web --version 1.2.3
            mkdir back
            helm pull --ca-file certificate.pem --destination back oci://{registry}/charts/web
            cmp back/{file} {file}"
        ))
        .ok();
    // One who does not trust the certificate does not come in, nor does one without the password.
    let show = format!("helm show values oci://{registry}/charts/web --version 1.2.3");
    let told = place.shell_by_name(&format!("unset SSL_CERT_FILE; {show}")).refused();
    assert!(told.contains("failed to verify certificate"), "{told}");
    place.shell_by_name(&format!("{login} <<<secret")).refused();
    let told = place.shell_by_name(&format!("helm registry logout {registry} >&2; {show}")).refused();
    assert!(told.contains("no basic auth credentials"), "{told}");
}
