# The document has a Region variable and nothing that reads it: a plain error. This block is what it was meant for.
provider "aws" {
  region = var.aws_region
}

# ECR Repository Resource

resource "aws_ecr_repository" "private_repo" {
  name                 = var.repository_name
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true # Enable automatic vulnerability scanning
  }

  tags = {
    Name        = var.repository_name
    Environment = "Development"
  }
}

# Define the ECR Lifecycle Policy as a separate resource
resource "aws_ecr_lifecycle_policy" "cleanup_policy" {
  # Link the policy to the repository created in main.tf
  repository = aws_ecr_repository.private_repo.name

  policy = jsonencode({
    "rules" : [
      {
        "rulePriority" : 1,
        "description" : "Keep last 10 'prod' images",
        "selection" : {
          "tagStatus" : "tagged",
          "tagPrefixList" : ["prod"],
          "countType" : "imageCountMoreThan",
          "countNumber" : 10
        },
        "action" : {
          "type" : "expire"
        }
      },
      {
        "rulePriority" : 2,
        "description" : "Delete untagged images older than 7 days",
        "selection" : {
          "tagStatus" : "untagged",
          "countType" : "sinceImagePushed",
          "countUnit" : "days",
          "countNumber" : 7
        },
        "action" : {
          "type" : "expire"
        }
      }
    ]
  })
}
