resource "aws_ecr_repository" "frontend" {
  name                 = "durableai-dev-frontend"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_repository" "backend" {
  name                 = "durableai-dev-backend"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "frontend" {
  repository = aws_ecr_repository.frontend.name
  policy     = local.lifecycle_policy
}

resource "aws_ecr_lifecycle_policy" "backend" {
  repository = aws_ecr_repository.backend.name
  policy     = local.lifecycle_policy
}

locals {
  # The document's three rules say "tagged with v, release, or prod". As one rule they are a plain error: ECR takes an
  # image only if *every* prefix of a rule's list is met by one of its tags. So there is one rule for each prefix.
  kept_prefixes    = ["v", "release", "prod"]
  removed_prefixes = ["dev", "staging"]

  production_rules = [for index, prefix in local.kept_prefixes : {
    rulePriority = 1 + index
    description  = "Keep last 10 images tagged ${prefix}"
    selection = {
      tagStatus     = "tagged"
      tagPrefixList = [prefix]
      countType     = "imageCountMoreThan"
      countNumber   = 10
    }
    action = { type = "expire" }
  }]

  development_rules = [for index, prefix in local.removed_prefixes : {
    rulePriority = 11 + index
    description  = "Remove images tagged ${prefix} after 7 days"
    selection = {
      tagStatus     = "tagged"
      tagPrefixList = [prefix]
      countType     = "sinceImagePushed"
      countUnit     = "days"
      countNumber   = 7
    }
    action = { type = "expire" }
  }]

  untagged_rule = {
    rulePriority = 21
    description  = "Remove untagged images after 1 day"
    selection = {
      tagStatus   = "untagged"
      countType   = "sinceImagePushed"
      countUnit   = "days"
      countNumber = 1
    }
    action = { type = "expire" }
  }

  lifecycle_policy = jsonencode({
    rules = concat(local.production_rules, local.development_rules, [local.untagged_rule])
  })
}
