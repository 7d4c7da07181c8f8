//! Bodies of the control plane: each is read as the input of every operation. What is accepted can be said again, and
//! then is the same.

#![no_main]

use acre_wire::ecr::{Input, Operation, State, parse_input};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

fuzz_target!(|data: &[u8]| {
    LazyLock::force(&COMPLETE);
    for (_, read) in INPUTS {
        read(data);
    }
});

fn check<T: Input>(body: &[u8]) {
    if body.len() > T::OPERATION.body_cap() {
        return;
    }
    let Ok(input) = parse_input::<T>(body) else { return };
    let said = serde_json::to_vec(&input).expect("an input is JSON");
    let again = parse_input::<T>(&said);
    let again = again.unwrap_or_else(|error| panic!("{}: {error}", T::OPERATION.name()));
    assert_eq!(serde_json::to_vec(&again).expect("an input is JSON"), said);
}

/// An operation that works and is not here would go untested.
static COMPLETE: LazyLock<()> = LazyLock::new(|| {
    let mut works: Vec<_> = Operation::all().filter(|operation| operation.state() == State::Works).collect();
    let mut here: Vec<_> = INPUTS.iter().map(|(operation, _)| *operation).collect();
    works.sort();
    here.sort();
    assert_eq!(here, works);
});

macro_rules! inputs {
    ($($module:ident $name:ident)*) => {
        const INPUTS: &[(Operation, fn(&[u8]))] =
            &[$((Operation::$name, check::<acre_wire::ecr::$module::$name>),)*];
    };
}

inputs! {
    account CreateAccount
    account RotateKeys
    account_setting GetAccountSetting
    account_setting PutAccountSetting
    cache_rule CreatePullThroughCacheRule
    cache_rule DeletePullThroughCacheRule
    cache_rule DescribePullThroughCacheRules
    cache_rule UpdatePullThroughCacheRule
    image BatchDeleteImage
    image BatchGetImage
    image DescribeImages
    image ListImages
    image PutImage
    layer BatchCheckLayerAvailability
    layer CompleteLayerUpload
    layer GetDownloadUrlForLayer
    layer InitiateLayerUpload
    layer UploadLayerPart
    policy DeleteLifecyclePolicy
    policy DeleteRegistryPolicy
    policy DeleteRepositoryPolicy
    policy GetLifecyclePolicy
    policy GetRegistryPolicy
    policy GetRepositoryPolicy
    policy PutLifecyclePolicy
    policy PutRegistryPolicy
    policy SetRepositoryPolicy
    referrers ListImageReferrers
    registry DescribeRegistry
    registry PutReplicationConfiguration
    repository CreateRepository
    repository DeleteRepository
    repository DescribeRepositories
    repository PutImageScanningConfiguration
    repository PutImageTagMutability
    scanning BatchGetRepositoryScanningConfiguration
    scanning GetRegistryScanningConfiguration
    scanning PutRegistryScanningConfiguration
    tags ListTagsForResource
    tags TagResource
    tags UntagResource
    template CreateRepositoryCreationTemplate
    template DeleteRepositoryCreationTemplate
    template DescribeRepositoryCreationTemplates
    template UpdateRepositoryCreationTemplate
    token GetAuthorizationToken
}
