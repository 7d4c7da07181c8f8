use super::*;
use crate::names::{AccountId, RepositoryName};
use repository::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, Repository, RepositoryAnswer,
    TagMutability,
};

#[test]
fn answers_are_in_alphabetical_order_without_nulls() {
    let repository = Repository {
        created_at: Timestamp::from_micros(1_705_072_146_123_456),
        encryption_configuration: EncryptionConfiguration {
            encryption_type: EncryptionType::Aes256,
            kms_key: None,
        },
        image_scanning_configuration: ImageScanningConfiguration::default(),
        image_tag_mutability: TagMutability::default(),
        image_tag_mutability_exclusion_filters: None,
        registry_id: AccountId::parse("000000000000").unwrap(),
        repository_arn: "arn:aws:ecr:us-east-1:000000000000:repository/team/web".into(),
        repository_name: RepositoryName::parse("team/web").unwrap(),
        repository_uri: "localhost:4510/team/web".into(),
    };
    let answer = RepositoryAnswer { repository };
    let json = serde_json::to_string(&answer).unwrap();
    insta::assert_snapshot!(json, @r#"{"repository":{"createdAt":1705072146.123,"encryptionConfiguration":{"encryptionType":"AES256"},"imageScanningConfiguration":{"scanOnPush":false},"imageTagMutability":"MUTABLE","registryId":"000000000000","repositoryArn":"arn:aws:ecr:us-east-1:000000000000:repository/team/web","repositoryName":"team/web","repositoryUri":"localhost:4510/team/web"}}"#);
    let kept = serde_json::from_str::<RepositoryAnswer>(&json).unwrap().repository.created_at;
    assert_eq!(kept.micros(), 1_705_072_146_123_000);
}

#[test]
fn bare_answers() {
    assert_eq!(serde_json::to_string(&Nothing {}).unwrap(), "{}");
    let answer = registry::DescribeRegistryAnswer {
        registry_id: AccountId::parse("000000000000").unwrap(),
        replication_configuration: registry::ReplicationConfiguration::default(),
    };
    insta::assert_snapshot!(serde_json::to_string(&answer).unwrap(), @r#"{"registryId":"000000000000","replicationConfiguration":{"rules":[]}}"#);
    let answer = image::ImageFailure {
        failure_code: image::ImageFailureCode::MissingDigestAndTag,
        failure_reason: "x".into(),
        image_id: image::ImageIdentifier::default(),
    };
    insta::assert_snapshot!(serde_json::to_string(&answer).unwrap(), @r#"{"failureCode":"MissingDigestAndTag","failureReason":"x","imageId":{}}"#);
    let answer = account::CreateAccountAnswer {
        access_key_id: "AKIA".into(),
        account_id: AccountId::parse("000000000001").unwrap(),
        secret_access_key: crate::sigv4::Secret::new("s"),
    };
    insta::assert_snapshot!(serde_json::to_string(&answer).unwrap(), @r#"{"accessKeyId":"AKIA","accountId":"000000000001","secretAccessKey":"s"}"#);
}
