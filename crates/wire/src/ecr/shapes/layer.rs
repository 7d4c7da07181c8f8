//! Inputs about layers and referrers.

use super::{
    ANY, DIGEST_PATTERN, Form, Member, NEXT_TOKEN, Pattern, REGISTRY_ID, REPOSITORY_NAME, Shape, list,
    optional, required, text,
};
use crate::oci::request::UploadId;

const LAYER_DIGEST: Shape = Shape::Text { min: 0, max: ANY, pattern: Some(DIGEST_PATTERN) };
const LISTED_LAYER_DIGEST: Shape =
    Shape::Text { min: 0, max: ANY, pattern: Some(Pattern { form: Form::Member, ..DIGEST_PATTERN }) };
const UPLOAD_ID: Member = required(
    "uploadId",
    Shape::Text {
        min: 0,
        max: ANY,
        pattern: Some(Pattern {
            text: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
            form: Form::Quoted,
            matches: |text| UploadId::parse(text).is_some(),
        }),
    },
);
const POSITION: Shape = Shape::Integer { min: 0, max: i64::MAX };

/// A bad digest among them is told in the answer, not as a fault of the call.
pub(in crate::ecr) const BATCH_CHECK_LAYER_AVAILABILITY: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("layerDigests", list(1, 100, &text(0, 1000)))];
pub(in crate::ecr) const GET_DOWNLOAD_URL_FOR_LAYER: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, required("layerDigest", LAYER_DIGEST)];
pub(in crate::ecr) const UPLOAD_LAYER_PART: &[Member] = &[
    REGISTRY_ID,
    REPOSITORY_NAME,
    UPLOAD_ID,
    required("partFirstByte", POSITION),
    required("partLastByte", POSITION),
    required("layerPartBlob", Shape::Blob { max: 20_971_520 }),
];
pub(in crate::ecr) const COMPLETE_LAYER_UPLOAD: &[Member] =
    &[REGISTRY_ID, REPOSITORY_NAME, UPLOAD_ID, required("layerDigests", list(1, 100, &LISTED_LAYER_DIGEST))];

const ARTIFACT_STATUS: Shape = Shape::Enum(&["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"]);
const REFERRERS_FILTER: Shape = Shape::Structure(&[
    optional("artifactTypes", list(0, 5, &text(1, 255))),
    optional("artifactStatus", ARTIFACT_STATUS),
]);
pub(in crate::ecr) const LIST_IMAGE_REFERRERS: &[Member] = &[
    REGISTRY_ID,
    REPOSITORY_NAME,
    required("subjectId", Shape::Structure(&[required("imageDigest", LAYER_DIGEST)])),
    optional("filter", REFERRERS_FILTER),
    NEXT_TOKEN,
    optional("maxResults", Shape::Integer { min: 1, max: 50 }),
];
