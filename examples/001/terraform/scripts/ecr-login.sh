#!/usr/bin/env bash
# Logs docker in to the ECR registry of the caller's account.
#
#   ./scripts/ecr-login.sh [region] [profile]
set -euo pipefail

region=${1:-us-west-2}
profile=${2:-}

aws_ecr() {
    aws ecr "$@" --region "$region" ${profile:+--profile "$profile"}
}

# The registry says where it is: https://<account>.dkr.ecr.<region>.amazonaws.com at AWS.
registry=$(aws_ecr get-authorization-token --query 'authorizationData[0].proxyEndpoint' --output text)
aws_ecr get-login-password | docker login --username AWS --password-stdin "${registry#*://}"
