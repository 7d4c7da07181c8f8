# The repository of the WebSocket server
resource "aws_ecr_repository" "app" {
  name                 = local.app_repository_name
  image_tag_mutability = local.image_tag_mutability

  image_scanning_configuration {
    scan_on_push = local.scan_on_push
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

# The repository of the WebSocket client
resource "aws_ecr_repository" "client" {
  name                 = local.client_repository_name
  image_tag_mutability = local.image_tag_mutability

  image_scanning_configuration {
    scan_on_push = local.scan_on_push
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = local.lifecycle_policy
}

resource "aws_ecr_lifecycle_policy" "client" {
  repository = aws_ecr_repository.client.name
  policy     = local.lifecycle_policy
}

locals {
  lifecycle_policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Remove images older than ${local.lifecycle_retention_days} days"
      selection = {
        tagStatus   = "any"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = local.lifecycle_retention_days
      }
      action = { type = "expire" }
    }]
  })
}
