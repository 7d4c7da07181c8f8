# Every ECR resource of hashicorp/aws 5.100: what tests/terraform/registry.rs makes, changes, imports, loses and destroys.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"

  default_tags {
    tags = {
      owner = var.owner
    }
  }
}

data "aws_caller_identity" "ours" {}
data "aws_partition" "ours" {}
data "aws_region" "ours" {}

locals {
  account   = data.aws_caller_identity.ours.account_id
  partition = data.aws_partition.ours.partition
  region    = data.aws_region.ours.name
  arn       = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository"
  key       = "arn:${local.partition}:kms:${local.region}:${local.account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  role      = "arn:${local.partition}:iam::${local.account}:role"
  secret    = "arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:ecr-pullthroughcache"
}

# Read when there is an image to be read.
module "data" {
  source = "./data"
  count  = var.pushed ? 1 : 0
}

output "found" {
  value = one(module.data[*].found)
}
