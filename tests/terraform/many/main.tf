# Two hundred repositories at once: tests/terraform/many.rs counts what the provider asks for.

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
  region = "us-east-1"
}

resource "aws_ecr_repository" "many" {
  count = 200
  name  = "many/${count.index}"

  tags = {
    number = count.index
  }
}
