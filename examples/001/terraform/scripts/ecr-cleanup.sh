#!/usr/bin/env bash
# Deletes every image of the two repositories, so that they can be deleted.
#
#   CLEANUP_MODE=true ./scripts/ecr-cleanup.sh [region] [profile] [app-repo] [client-repo]
#
# Without CLEANUP_MODE=true it deletes nothing and says so.
set -euo pipefail

region=${1:-us-west-2}
profile=${2:-}
repositories=("${3:-cfndev-envoy-proxy-poc-app}" "${4:-cfndev-envoy-proxy-poc-client}")

aws_ecr() {
    aws ecr "$@" --region "$region" ${profile:+--profile "$profile"}
}

exists() {
    local problem
    problem=$(aws_ecr describe-repositories --repository-names "$1" 2>&1 >/dev/null) && return 0
    [[ $problem == *RepositoryNotFoundException* ]] && return 1
    echo "$problem" >&2
    exit 1
}

# Batches of 100, the most that one call takes. The children of an index are refused while the index is there, so a
# batch may leave some for the next round; a round that deletes nothing at all is a failure.
empty() {
    local batch deleted
    while true; do
        batch=$(aws_ecr list-images --repository-name "$1" --max-items 100 --query imageIds --output json)
        [[ $batch != "[]" ]] || return 0
        deleted=$(aws_ecr batch-delete-image --repository-name "$1" --image-ids "$batch" --query 'length(imageIds)' --output text)
        if ((deleted == 0)); then
            echo "$1: its images can not be deleted" >&2
            exit 1
        fi
        echo "$1: $deleted deleted"
    done
}

if [[ ${CLEANUP_MODE:-} != true ]]; then
    echo "nothing deleted: set CLEANUP_MODE=true to delete every image of ${repositories[*]}"
    exit 0
fi
for repository in "${repositories[@]}"; do
    if exists "$repository"; then
        empty "$repository"
    fi
done
