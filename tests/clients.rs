//! Other people's clients against the real binary, a file for each.
//!
//! Each test has its own server, data folder, home and credentials; the docker tests share one daemon. What a test needs
//! and does not find on the machine fails it: `.ci/install` brings it.

#![expect(clippy::expect_used, reason = "what a test can not set up fails it")]

mod clients {
    mod aws_cli;
    mod boto3;
    mod buildah;
    mod cosign;
    mod crane;
    mod credential_helper;
    mod docker;
    mod dockerd;
    mod helm;
    mod images;
    mod oras;
    mod podman;
    mod programs;
    mod regctl;
    mod skopeo;
    mod workplace;
}
