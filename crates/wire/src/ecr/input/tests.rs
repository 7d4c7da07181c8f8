use super::*;
use crate::ecr::account::{CreateAccount, RotateKeys};
use crate::ecr::account_setting::{GetAccountSetting, PutAccountSetting};
use crate::ecr::cache_rule::{
    CreatePullThroughCacheRule, DeletePullThroughCacheRule, DescribePullThroughCacheRules,
    UpdatePullThroughCacheRule,
};
use crate::ecr::image::{BatchDeleteImage, BatchGetImage, DescribeImages, ListImages, PutImage};
use crate::ecr::layer::{
    BatchCheckLayerAvailability, CompleteLayerUpload, GetDownloadUrlForLayer, InitiateLayerUpload,
    UploadLayerPart,
};
use crate::ecr::policy::{
    DeleteLifecyclePolicy, DeleteRegistryPolicy, DeleteRepositoryPolicy, GetLifecyclePolicy,
    GetRegistryPolicy, GetRepositoryPolicy, PutLifecyclePolicy, PutRegistryPolicy, SetRepositoryPolicy,
};
use crate::ecr::referrers::ListImageReferrers;
use crate::ecr::registry::{DescribeRegistry, PutReplicationConfiguration};
use crate::ecr::repository::{
    CreateRepository, DeleteRepository, DescribeRepositories, PutImageScanningConfiguration,
    PutImageTagMutability,
};
use crate::ecr::scanning::{
    BatchGetRepositoryScanningConfiguration, GetRegistryScanningConfiguration,
    PutRegistryScanningConfiguration,
};
use crate::ecr::tags::{ListTagsForResource, TagResource, UntagResource};
use crate::ecr::template::{
    CreateRepositoryCreationTemplate, DeleteRepositoryCreationTemplate, DescribeRepositoryCreationTemplates,
    UpdateRepositoryCreationTemplate,
};
use crate::ecr::token::GetAuthorizationToken;
use crate::ecr::{Operation, State};
use proptest::prelude::*;
use serde_json::json;

const UPLOAD: &str = "01234567-89AB-cdef-0123-456789abcdef";

/// A value that the shape allows; of an enumeration the `turn`-th.
fn sample(shape: Shape, turn: usize) -> Value {
    match shape {
        Shape::Text { min, pattern: None, .. } => Value::String("x".repeat(min)),
        Shape::Text { pattern: Some(pattern), .. } => {
            let secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:ecr-pullthroughcache/hub";
            let text = ["000000000000", "ab", "", secret, "sha256:00", UPLOAD]
                .into_iter()
                .find(|text| (pattern.matches)(text));
            Value::String(text.unwrap().to_owned())
        }
        Shape::Enum(values) => values[turn % values.len()].into(),
        Shape::Integer { max, .. } => max.into(),
        Shape::Boolean => true.into(),
        Shape::Blob { .. } => "".into(),
        Shape::Timestamp => 0.5.into(),
        Shape::List { min, of, .. } => Value::Array(vec![sample(*of, turn); min.max(1)]),
        Shape::Map => json!({ "a": "b" }),
        Shape::Structure(members) => structure(members, turn, |_| true),
    }
}

fn structure(members: &'static [Member], turn: usize, keep: fn(&Member) -> bool) -> Value {
    members.iter().filter(|m| keep(m)).map(|m| (m.name.to_owned(), sample(m.shape, turn))).collect()
}

/// Struct and shape have the same members, of the same types, required alike.
fn agree<T: Input>() -> Operation {
    let members = T::OPERATION.input();
    for turn in 0..6 {
        let value = structure(members, turn, |_| true);
        model::validate(&value, members).unwrap();
        let input: T = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&input).unwrap(), value, "{:?}", T::OPERATION);
    }
    let least = structure(members, 1, |member| member.required);
    let input: T = parse_input(least.to_string().as_bytes()).unwrap();
    let back = serde_json::to_value(&input).unwrap();
    assert_eq!(back, least, "{:?}", T::OPERATION);
    for member in members.iter().filter(|member| member.required) {
        let mut value = least.clone();
        value[member.name] = Value::Null;
        let fault = parse_input::<T>(value.to_string().as_bytes()).err().unwrap();
        assert_eq!(fault.code(), ErrorCode::InvalidParameter);
    }
    T::OPERATION
}

#[test]
fn structs_agree_with_shapes() {
    let mut seen = [
        agree::<BatchCheckLayerAvailability>(),
        agree::<BatchDeleteImage>(),
        agree::<BatchGetImage>(),
        agree::<BatchGetRepositoryScanningConfiguration>(),
        agree::<CompleteLayerUpload>(),
        agree::<CreateAccount>(),
        agree::<CreatePullThroughCacheRule>(),
        agree::<CreateRepository>(),
        agree::<CreateRepositoryCreationTemplate>(),
        agree::<DeleteLifecyclePolicy>(),
        agree::<DeletePullThroughCacheRule>(),
        agree::<DeleteRegistryPolicy>(),
        agree::<DeleteRepository>(),
        agree::<DeleteRepositoryCreationTemplate>(),
        agree::<DeleteRepositoryPolicy>(),
        agree::<DescribeImages>(),
        agree::<DescribePullThroughCacheRules>(),
        agree::<DescribeRegistry>(),
        agree::<DescribeRepositories>(),
        agree::<DescribeRepositoryCreationTemplates>(),
        agree::<GetAccountSetting>(),
        agree::<GetAuthorizationToken>(),
        agree::<GetDownloadUrlForLayer>(),
        agree::<GetLifecyclePolicy>(),
        agree::<GetRegistryPolicy>(),
        agree::<GetRegistryScanningConfiguration>(),
        agree::<GetRepositoryPolicy>(),
        agree::<InitiateLayerUpload>(),
        agree::<ListImageReferrers>(),
        agree::<ListImages>(),
        agree::<ListTagsForResource>(),
        agree::<PutAccountSetting>(),
        agree::<PutImage>(),
        agree::<PutImageScanningConfiguration>(),
        agree::<PutImageTagMutability>(),
        agree::<PutLifecyclePolicy>(),
        agree::<PutRegistryPolicy>(),
        agree::<PutRegistryScanningConfiguration>(),
        agree::<PutReplicationConfiguration>(),
        agree::<RotateKeys>(),
        agree::<SetRepositoryPolicy>(),
        agree::<TagResource>(),
        agree::<UntagResource>(),
        agree::<UpdatePullThroughCacheRule>(),
        agree::<UpdateRepositoryCreationTemplate>(),
        agree::<UploadLayerPart>(),
    ];
    seen.sort();
    let works: Vec<_> = Operation::all().filter(|operation| operation.state() == State::Works).collect();
    assert_eq!(seen.as_slice(), works);
}

fn told<T: Input + std::fmt::Debug>(body: &Value) -> String {
    let fault = parse_input::<T>(body.to_string().as_bytes()).unwrap_err();
    format!("{} {fault}", fault.code().as_str())
}

#[test]
fn texts_that_clients_match_on() {
    let with = |member: &str, value: Value| json!({ "repositoryName": "team/web", member: value });
    let told = [
        told::<CreateRepository>(&json!({ "repositoryName": "Team" })),
        told::<CreateRepository>(&json!({ "repositoryName": "a" })),
        told::<CreateRepository>(&json!({})),
        told::<CreateRepository>(&with("imageTagMutability", json!("mutable"))),
        told::<CreateRepository>(&with("registryId", json!("0"))),
        told::<GetAuthorizationToken>(&json!({ "registryIds": ["0"] })),
        told::<ListImages>(&with("maxResults", json!(1001))),
        told::<ListImages>(&with("maxResults", json!("10"))),
        told::<BatchGetImage>(&with("imageIds", json!([]))),
        told::<DescribeImages>(&with("imageIds", json!([{}]))),
        told::<DescribeImages>(&with("imageIds", json!([{ "imageDigest": "x" }]))),
        told::<DescribeImages>(&with("imageIds", json!([{ "imageTag": "a b" }]))),
        told::<PutLifecyclePolicy>(&with("lifecyclePolicyText", json!("{}"))),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    InvalidParameterException Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''
    InvalidParameterException Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'
    InvalidParameterException Invalid parameter at 'repositoryName' failed to satisfy constraint: 'Member must not be null'
    InvalidParameterException Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'
    InvalidParameterException Invalid parameter at 'registryId' failed to satisfy constraint: 'must satisfy regular expression [0-9]{12}'
    InvalidParameterException Invalid parameter at 'registryIds' failed to satisfy constraint: 'Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]'
    InvalidParameterException Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'
    SerializationException STRING_VALUE can not be converted to an Integer at 'maxResults'
    InvalidParameterException Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'
    InvalidParameterException Invalid parameter at 'imageIds' failed to satisfy constraint: 'both tag and digest cannot be null'
    InvalidParameterException Invalid parameter at 'imageDigest' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''
    InvalidParameterException Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9-_.]+''
    InvalidParameterException Invalid parameter at 'lifecyclePolicyText' failed to satisfy constraint: 'Member must have length greater than or equal to 100'
    ");
}

#[test]
fn texts_about_layers() {
    let with = |member: &str, value: Value| {
        let mut body = json!({
            "repositoryName": "ab", "uploadId": UPLOAD, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "AA==",
            "layerDigests": ["sha256:00"], "layerDigest": "sha256:00", "subjectId": { "imageDigest": "sha256:00" },
        });
        body[member] = value;
        body
    };
    let told = [
        told::<UploadLayerPart>(&with("uploadId", json!("0123"))),
        told::<UploadLayerPart>(&with("partFirstByte", json!(-1))),
        told::<UploadLayerPart>(&with("layerPartBlob", json!("A".repeat(27_962_032)))),
        told::<UploadLayerPart>(&with("layerPartBlob", json!("not base64"))),
        told::<UploadLayerPart>(&with("layerPartBlob", json!(["AA=="]))),
        told::<CompleteLayerUpload>(&with("layerDigests", json!([]))),
        told::<CompleteLayerUpload>(&with("layerDigests", json!(["latest"]))),
        told::<GetDownloadUrlForLayer>(&with("layerDigest", json!("latest"))),
        told::<BatchCheckLayerAvailability>(&with("layerDigests", json!(["x".repeat(1001)]))),
        told::<ListImageReferrers>(&with("subjectId", json!({}))),
        told::<ListImageReferrers>(&with("subjectId", json!({ "imageDigest": "latest" }))),
        told::<ListImageReferrers>(&with("maxResults", json!(51))),
        told::<ListImageReferrers>(&with(
            "filter",
            json!({ "artifactTypes": ["a", "b", "c", "d", "e", "f"] }),
        )),
        told::<ListImageReferrers>(&with("filter", json!({ "artifactTypes": [""] }))),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    InvalidParameterException Invalid parameter at 'uploadId' failed to satisfy constraint: 'must satisfy regular expression '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}''
    InvalidParameterException Invalid parameter at 'partFirstByte' failed to satisfy constraint: 'Member must have value greater than or equal to 0'
    InvalidParameterException Invalid parameter at 'layerPartBlob' failed to satisfy constraint: 'Member must have length less than or equal to 20971520'
    SerializationException STRING_VALUE can not be converted to a Blob at 'layerPartBlob'
    SerializationException Start of list can not be converted to a Blob at 'layerPartBlob'
    InvalidParameterException Invalid parameter at 'layerDigests' failed to satisfy constraint: 'Member must have length greater than or equal to 1'
    InvalidParameterException Invalid parameter at 'layerDigests' failed to satisfy constraint: 'Member must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+]'
    InvalidParameterException Invalid parameter at 'layerDigest' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''
    InvalidParameterException Invalid parameter at 'layerDigests' failed to satisfy constraint: 'Member must satisfy constraint: [Member must have length less than or equal to 1000]'
    InvalidParameterException Invalid parameter at 'imageDigest' failed to satisfy constraint: 'Member must not be null'
    InvalidParameterException Invalid parameter at 'imageDigest' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''
    InvalidParameterException Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 50'
    InvalidParameterException Invalid parameter at 'artifactTypes' failed to satisfy constraint: 'Member must have length less than or equal to 5'
    InvalidParameterException Invalid parameter at 'artifactTypes' failed to satisfy constraint: 'Member must satisfy constraint: [Member must have length greater than or equal to 1]'
    ");
    let good = with("layerPartBlob", json!("AAECAw=="));
    let input: UploadLayerPart = parse_input(good.to_string().as_bytes()).unwrap();
    assert_eq!(input.layer_part_blob.0, [0, 1, 2, 3]);
    assert_eq!(format!("{:?}", input.layer_part_blob), "Blob(4 bytes)");
    let bad = with("layerDigests", json!(["", "latest", "md5:00"]));
    assert!(parse_input::<BatchCheckLayerAvailability>(bad.to_string().as_bytes()).is_ok());
}

#[test]
fn members_that_exclude_each_other() {
    type Put = PutImageTagMutability;
    const FILTERS: &str = "imageTagMutabilityExclusionFilters";
    let put = |mode: &str, filter: &str| {
        let filters = json!([{ "filterType": "WILDCARD", "filter": filter }]);
        json!({ "repositoryName": "ab", "imageTagMutability": mode, FILTERS: filters })
    };
    let mut unfiltered = put("IMMUTABLE_WITH_EXCLUSION", "a");
    unfiltered[FILTERS] = Value::Null;
    let mut no_mode = put("", "a");
    no_mode["imageTagMutability"] = Value::Null;
    let told = [
        told::<Put>(&unfiltered),
        told::<Put>(&put("MUTABLE", "a*")),
        told::<CreateRepository>(&no_mode),
        told::<Put>(&put("MUTABLE_WITH_EXCLUSION", "*a*b*")),
        told::<Put>(&put("MUTABLE_WITH_EXCLUSION", "a/b")),
        told::<DescribeRepositories>(&json!({ "repositoryNames": ["ab"], "nextToken": "x" })),
        told::<DescribeImages>(
            &json!({ "repositoryName": "ab", "imageIds": [{ "imageTag": "a" }], "maxResults": 1 }),
        ),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    InvalidParameterException Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as IMMUTABLE_WITH_EXCLUSION'
    InvalidParameterException Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as MUTABLE'
    InvalidParameterException Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as MUTABLE'
    InvalidParameterException Invalid parameter at 'filter' failed to satisfy constraint: 'Member must have at most 2 wildcards (*)'
    InvalidParameterException Invalid parameter at 'filter' failed to satisfy constraint: 'Member must satisfy regular expression pattern: ^[0-9a-zA-Z._*-]{1,128}$'
    InvalidParameterException Invalid parameter at 'nextToken' failed to satisfy constraint: 'Member must be null when repositoryNames is set'
    InvalidParameterException Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must be null when imageIds is set'
    ");
    let good = put("MUTABLE_WITH_EXCLUSION", "*a*");
    assert!(parse_input::<Put>(good.to_string().as_bytes()).is_ok());
}

#[test]
fn false_may_be_left_out() {
    let body = br#"{"repositoryName":"ab","imageScanningConfiguration":{}}"#;
    let input: PutImageScanningConfiguration = parse_input(body).unwrap();
    assert!(!input.image_scanning_configuration.scan_on_push);
    let input: DeleteRepository = parse_input(br#"{"repositoryName":"ab","force":null}"#).unwrap();
    assert!(!input.force);
}

#[test]
fn a_bad_entry_is_left_to_the_operation() {
    let ids =
        r#"{"repositoryName":"ab","imageIds":[{},{"imageTag":"-"},{"imageDigest":"x","imageTag":null}]}"#;
    let input: BatchGetImage = parse_input(ids.as_bytes()).unwrap();
    assert_eq!(input.image_ids.len(), 3);
    assert_eq!(input.image_ids[2].image_tag, None);
    assert!(parse_input::<BatchDeleteImage>(ids.as_bytes()).is_ok());
}

#[test]
fn manifests_are_kept_to_the_letter() {
    let manifest = "{\r\n\t\"a\" : \"\u{e9}\u{1F600}\\u00e9\\/\" }\n\0";
    let body = json!({ "repositoryName": "ab", "imageManifest": manifest }).to_string();
    assert_eq!(parse_input::<PutImage>(body.as_bytes()).unwrap().image_manifest, manifest);
}

#[test]
fn bodies() {
    assert!(parse_input::<DescribeRepositories>(b"").is_ok());
    assert!(parse_input::<DescribeRepositories>(b" {\"x\": [1, {\"y\": 1e400000}], \"x\": null} \n").is_ok());
    for bad in [
        &b" "[..],
        b"{",
        b"{}{}",
        b"[]",
        b"null",
        b"{\"maxResults\":1e400000}",
        b"\"x\"",
        b"{\"nextToken\":\"\xff\"}",
        b"{\"nextToken\":\"\\ud800\"}",
    ] {
        let fault = parse_input::<DescribeRepositories>(bad).unwrap_err();
        assert_eq!(fault.code(), ErrorCode::Serialization, "{fault}");
    }
    let twice = br#"{"nextToken":"a","nextToken":null,"nextToken":"b","nextToken":"c"}"#;
    assert_eq!(parse_input::<DescribeRepositories>(twice).unwrap().next_token.as_deref(), Some("c"));
}

#[test]
fn nesting_and_repeating_cost_nothing() {
    let deep = |member: &str| format!("{{\"repositoryName\":\"ab\",\"{member}\":{}", "[".repeat(100_000));
    assert!(parse_input::<ListImages>(deep("unknown").as_bytes()).is_err());
    assert!(parse_input::<ListImages>(deep("filter").as_bytes()).is_err());
    let closed = deep("unknown") + &"]".repeat(100_000) + "}";
    assert!(parse_input::<ListImages>(closed.as_bytes()).is_ok());
    let wide = format!(
        "{{\"imageManifest\":[{}0],\"imageIds\":[{}{{}}]}}",
        "0,".repeat(100_000),
        "{},".repeat(100_000)
    );
    let value = read(wide.as_bytes(), Operation::BatchGetImage.input()).unwrap();
    assert_eq!(value["imageIds"].as_array().unwrap().len(), 101);
    let value = read(wide.as_bytes(), Operation::PutImage.input()).unwrap();
    assert_eq!(value, json!({ "imageManifest": [] }));
}

proptest! {
    #[test]
    fn any_body(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_input::<CreateRepository>(&body);
    }

    #[test]
    fn any_json(value in "\\{\"(repositoryName|tags|imageTagMutability|imageTagMutabilityExclusionFilters|encryptionConfiguration|repositoryNames|maxResults)\":[\\[\\]\\{\\}a-zA-Z0-9\":,.-]{0,40}\\}?") {
        let _ = parse_input::<CreateRepository>(value.as_bytes());
        let _ = parse_input::<DescribeRepositories>(value.as_bytes());
    }
}
