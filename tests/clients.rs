//! Other people's clients against the real binary: docker, skopeo, podman, the AWS CLI, boto3.
//!
//! Each test has its own server, data folder, home and credentials; the docker tests share one daemon. What a test needs
//! and does not find on the machine fails it: `.ci/install` brings it.

#![expect(clippy::expect_used, reason = "what a test can not set up fails it")]

mod clients {
    mod aws_cli;
    mod boto3;
    mod docker;
    mod dockerd;
    mod images;
    mod podman;
    mod programs;
    mod skopeo;
    mod workplace;
}
