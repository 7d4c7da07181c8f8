//! cosign with a key pair and no transparency log: signatures and attestations under tags, signatures as referrers.

use std::fs;

use serde_json::{Value, from_str, json};

use super::images::Layout;
use super::programs::require;
use super::workplace::Workplace;

const SIGN: &str = "cosign sign --yes --tlog-upload=false --key ours.key";
const VERIFY: &str = "cosign verify --insecure-ignore-tlog --key ours.pub";
const ATTEST: &str =
    "cosign attest --yes --tlog-upload=false --key ours.key --type custom --predicate predicate.json";
const VERIFY_ATTESTATION: &str =
    "cosign verify-attestation --insecure-ignore-tlog --key ours.pub --type custom";
const REFERRERS: &str = "export COSIGN_EXPERIMENTAL=1";
/// What an envelope on standard input holds.
const PAYLOAD: &str = "python3 -c 'import base64, json, sys; print(base64.b64decode(json.load(sys.stdin)[\"payload\"]).decode())'";

/// A workplace with a key pair, whose cosign is logged in, and an image of its repository by digest.
fn with_image(options: &str) -> (Workplace, String) {
    require(&["aws", "cosign", "crane", "python3"]);
    let place = Workplace::open();
    let uri = place.repository(&format!("signed {options}"));
    let layout = Layout::new(place.folder(), "layout");
    let image = layout.image("amd64", &uri);
    layout.name(image.clone(), "source");
    place
        .shell(&format!(
            "aws ecr get-login-password | cosign login --username AWS --password-stdin {}
            crane push layout {uri}:1
            for name in ours theirs; do COSIGN_PASSWORD= cosign generate-key-pair --output-key-prefix $name; done",
            place.registry()
        ))
        .ok();
    let image = format!("{uri}@{}", image["digest"].as_str().expect("a digest is text"));
    (place, image)
}

/// Runs cosign, whose keys have no password.
fn ok(place: &Workplace, script: &str) -> String {
    place.shell(&format!("export COSIGN_PASSWORD=\n{script}")).ok()
}

fn refused(place: &Workplace, script: &str) -> String {
    place.shell(&format!("export COSIGN_PASSWORD=\n{script}")).refused()
}

fn digest(image: &str) -> &str {
    image.rsplit_once('@').expect("an image by digest").1
}

/// The tag that cosign derives from a digest.
fn tag(image: &str, kind: &str) -> String {
    format!("{}.{kind}", digest(image).replace(':', "-"))
}

/// The digests of which `cosign verify` says that they are signed.
fn signed(verified: &str) -> Vec<String> {
    let signatures: Vec<Value> = from_str(verified).expect("cosign writes JSON");
    let digest = |one: &Value| one["critical"]["image"]["docker-manifest-digest"].as_str().map(str::to_owned);
    signatures.iter().map(|one| digest(one).expect("a signature names a digest")).collect()
}

#[test]
fn a_signature_under_a_tag_is_verified() {
    let (place, image) = with_image("");
    let told = refused(&place, &format!("{VERIFY} {image}"));
    assert!(told.contains("no signatures found"), "{told}");
    ok(&place, &format!("{SIGN} {image}"));
    assert_eq!(place.tags("signed"), ["1", tag(&image, "sig").as_str()]);
    assert_eq!(signed(&ok(&place, &format!("{VERIFY} {image}"))), [digest(&image)]);
    let told = refused(&place, &format!("{VERIFY} {image}").replace("ours", "theirs"));
    assert!(told.contains("no matching signatures"), "{told}");

    // A second one stands beside the first, in another image under the same tag.
    ok(&place, &format!("{SIGN} {image}").replace("ours", "theirs"));
    for key in ["ours", "theirs"] {
        let verified = ok(&place, &format!("{VERIFY} {image}").replace("ours", key));
        assert_eq!(signed(&verified), [digest(&image)], "{key}");
    }
    let tree = ok(&place, &format!("cosign tree {image}"));
    assert_eq!(tree.matches("🍒").count(), 2, "{tree}");
}

#[test]
fn an_attestation_is_verified() {
    let (place, image) = with_image("");
    fs::write(place.folder().join("predicate.json"), r#"{"builder":"ours"}"#).expect("a file is written");
    let told = refused(&place, &format!("{VERIFY_ATTESTATION} {image}"));
    assert!(told.contains("no matching attestations"), "{told}");
    ok(&place, &format!("{ATTEST} {image}"));
    assert_eq!(place.tags("signed"), ["1", tag(&image, "att").as_str()]);
    let statement = ok(&place, &format!("{VERIFY_ATTESTATION} {image} | {PAYLOAD}"));
    let statement: Value = from_str(&statement).expect("a statement is JSON");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], digest(&image).replace("sha256:", ""));
    assert_eq!(statement["predicate"]["Data"], r#"{"builder":"ours"}"#);
    let told = refused(&place, &format!("{VERIFY_ATTESTATION} {image}").replace("ours", "theirs"));
    assert!(told.contains("no matching attestations"), "{told}");
}

/// As OCI 1.1 has it: the signature names its subject, and no tag is needed. cosign 2.4 does so for signatures alone.
#[test]
fn a_signature_that_refers_to_its_image_is_verified() {
    let (place, image) = with_image("");
    let verify = format!("{REFERRERS}; {VERIFY} --experimental-oci11 {image}");
    let told = refused(&place, &verify);
    assert!(told.contains("no signatures"), "{told}");
    ok(&place, &format!("{REFERRERS}; {SIGN} --registry-referrers-mode=oci-1-1 {image}"));
    assert_eq!(place.tags("signed"), ["1"]);
    assert_eq!(signed(&ok(&place, &verify)), [digest(&image)]);
    // Having found none of this key by reference, cosign looks for the tag.
    let told = refused(&place, &verify.replace("ours", "theirs"));
    assert!(told.contains("no signatures found"), "{told}");

    let list = format!(
        "aws ecr list-image-referrers --repository-name signed --subject-id imageDigest={} --output json \
         --query 'referrers[].[artifactType, digest]'",
        digest(&image)
    );
    let listed: Value = from_str(&place.shell(&list).ok()).expect("aws writes JSON");
    assert_eq!(listed[0][0], "application/vnd.dev.cosign.artifact.sig.v1+json");
    let signature = listed[0][1].as_str().expect("a digest is text");
    let delete =
        format!("aws ecr batch-delete-image --repository-name signed --image-ids imageDigest={signature}");
    place.shell(&delete).ok();
    let told = refused(&place, &verify);
    assert!(told.contains("no signatures"), "{told}");
}

#[test]
fn signatures_go_with_a_copy_and_are_cleaned() {
    let (place, image) = with_image("");
    let other = place.repository("other");
    fs::write(place.folder().join("predicate.json"), "{}").expect("a file is written");
    ok(&place, &format!("{SIGN} {image}; {ATTEST} {image}; cosign copy {image} {other}:copied"));
    let (signature, attestation) = (tag(&image, "sig"), tag(&image, "att"));
    let copied = place.tags("other");
    assert!(
        ["copied", &signature, &attestation].iter().all(|tag| copied.iter().any(|one| one == tag)),
        "{copied:?}"
    );
    let copy = format!("{other}@{}", digest(&image));
    assert_eq!(signed(&ok(&place, &format!("{VERIFY} {copy}"))), [digest(&image)]);

    ok(&place, &format!("cosign clean --force {image}"));
    assert_eq!(place.tags("signed"), ["1"]);
    let told = refused(&place, &format!("{VERIFY} {image}"));
    assert!(told.contains("no signatures found"), "{told}");
    let told = refused(&place, &format!("crane auth logout {} >&2; {VERIFY} {copy}", place.registry()));
    assert!(told.contains("401") || told.contains("UNAUTHORIZED"), "{told}");
}

/// In a repository whose tags stay, the first signature takes the tag; a filter lets the others in (spec/oci.md 13.5).
#[test]
fn an_immutable_repository_takes_one_signature_under_the_tag() {
    let (place, image) = with_image("--image-tag-mutability IMMUTABLE");
    ok(&place, &format!("{SIGN} {image}"));
    let again = format!("{SIGN} {image}").replace("ours", "theirs");
    let told = refused(&place, &again);
    let expected =
        format!("The image tag '{}' already exists in the 'signed' repository", tag(&image, "sig"));
    assert!(told.contains(&expected), "{told}");
    let filters = json!([{ "filterType": "WILDCARD", "filter": "sha256-*" }]);
    place
        .shell(&format!(
            "aws ecr put-image-tag-mutability --repository-name signed \
             --image-tag-mutability IMMUTABLE_WITH_EXCLUSION --image-tag-mutability-exclusion-filters '{filters}'"
        ))
        .ok();
    ok(&place, &again);
    assert_eq!(signed(&ok(&place, &format!("{VERIFY} {image}"))), [digest(&image)]);
}
