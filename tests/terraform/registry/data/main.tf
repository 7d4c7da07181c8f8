# Every ECR data source of hashicorp/aws 5.100 that asks the server.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

data "aws_ecr_authorization_token" "ours" {}

data "aws_ecr_repositories" "ours" {}

data "aws_ecr_repository" "web" {
  name = "team/web"
}

data "aws_ecr_repository" "plain" {
  name = "plain"
}

data "aws_ecr_image" "by_tag" {
  repository_name = "team/web"
  image_tag       = "v1"
}

data "aws_ecr_image" "by_digest" {
  repository_name = "team/web"
  image_digest    = data.aws_ecr_image.by_tag.image_digest
}

data "aws_ecr_image" "newest" {
  repository_name = "team/web"
  most_recent     = true
}

data "aws_ecr_pull_through_cache_rule" "public" {
  ecr_repository_prefix = "public"
}

data "aws_ecr_pull_through_cache_rule" "theirs" {
  ecr_repository_prefix = "theirs"
}

data "aws_ecr_repository_creation_template" "least" {
  prefix = "ROOT"
}

data "aws_ecr_repository_creation_template" "team" {
  prefix = "team"
}

locals {
  token = data.aws_ecr_authorization_token.ours
}

# What stays the same from plan to plan.
output "found" {
  value = {
    repositories = data.aws_ecr_repositories.ours.names
    web          = data.aws_ecr_repository.web
    plain        = data.aws_ecr_repository.plain
    by_tag       = data.aws_ecr_image.by_tag
    by_digest    = data.aws_ecr_image.by_digest
    newest       = data.aws_ecr_image.newest
    public       = data.aws_ecr_pull_through_cache_rule.public
    theirs       = data.aws_ecr_pull_through_cache_rule.theirs
    least        = data.aws_ecr_repository_creation_template.least
    team         = data.aws_ecr_repository_creation_template.team
    token = {
      user_name      = local.token.user_name
      proxy_endpoint = local.token.proxy_endpoint
      # The password is the token's second half.
      is_whole = nonsensitive(base64decode(local.token.authorization_token) == "AWS:${local.token.password}")
    }
  }
}
