terraform {
  # Document: >= 1.12.0.
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Document: ~> 6.0.
      version = ">= 5.100.0"
    }
  }
}

provider "aws" {
  region = var.aws_region
}

# The document's provider "docker" is replaced by local-exec in the module. (It names aws_ecr_authorization_token.auth
# without "data." and outside the module that has it: a plain error; the module reads it where it is.)
