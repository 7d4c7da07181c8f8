terraform {
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0"
    }
  }

  # Document: an S3 backend (bucket cfndev-envoy-proxy-poc-terraform-state) with this key.
  backend "local" {
    path = "04-ecr-repositories/terraform.tfstate"
  }
}

provider "aws" {
  region = local.aws_region
}
