terraform {
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0"
    }
  }
}

# The document's profile (terraform-deploy) is left out: the environment has the credentials.
provider "aws" {
  region = "us-west-2"
}
