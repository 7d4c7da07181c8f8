#!/usr/bin/env bash
# Shows the two repositories (URI, creation date, settings) and their latest images. Fails if one does not exist.
#
#   ./scripts/ecr-status.sh [region] [profile] [app-repo] [client-repo]
set -euo pipefail

region=${1:-us-west-2}
profile=${2:-}
repositories=("${3:-cfndev-envoy-proxy-poc-app}" "${4:-cfndev-envoy-proxy-poc-client}")

aws_ecr() {
    aws ecr "$@" --region "$region" ${profile:+--profile "$profile"}
}

for repository in "${repositories[@]}"; do
    aws_ecr describe-repositories --repository-names "$repository" --output table \
        --query 'repositories[].{Name: repositoryName, URI: repositoryUri, Created: createdAt, Mutability: imageTagMutability, ScanOnPush: imageScanningConfiguration.scanOnPush}'
    aws_ecr describe-images --repository-name "$repository" --output table \
        --query 'reverse(sort_by(imageDetails, &imagePushedAt))[:5].{Tags: join(`, `, imageTags || `["<untagged>"]`), Digest: imageDigest, Bytes: imageSizeInBytes, Pushed: imagePushedAt}'
done
