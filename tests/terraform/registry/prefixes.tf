resource "aws_ecr_pull_through_cache_rule" "public" {
  ecr_repository_prefix = "public"
  upstream_registry_url = "public.ecr.aws"
}

resource "aws_ecr_pull_through_cache_rule" "hub" {
  ecr_repository_prefix = "hub"
  upstream_registry_url = "registry-1.docker.io"
  credential_arn        = "${local.secret}/${var.secret}"
}

resource "aws_ecr_pull_through_cache_rule" "theirs" {
  ecr_repository_prefix      = "theirs"
  upstream_registry_url      = "444455556666.dkr.ecr.${local.region}.amazonaws.com"
  upstream_repository_prefix = "base"
  custom_role_arn            = "${local.role}/${var.secret}"
}

resource "aws_ecr_pull_through_cache_rule" "all" {
  ecr_repository_prefix = "ROOT"
  upstream_registry_url = "quay.io"
}

resource "aws_ecr_repository_creation_template" "least" {
  prefix      = "ROOT"
  applied_for = ["REPLICATION"]
}

resource "aws_ecr_repository_creation_template" "team" {
  prefix               = "team"
  applied_for          = var.immutable ? ["PULL_THROUGH_CACHE"] : ["PULL_THROUGH_CACHE", "REPLICATION"]
  description          = var.description
  image_tag_mutability = var.immutable ? "IMMUTABLE" : "MUTABLE"
  custom_role_arn      = "${local.role}/${var.secret}"
  lifecycle_policy     = data.aws_ecr_lifecycle_policy_document.web.json
  repository_policy    = data.aws_iam_policy_document.web.json

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = local.key
  }

  resource_tags = {
    owner    = var.owner
    "Team/é" = "web <&>"
  }
}
