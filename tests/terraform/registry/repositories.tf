resource "aws_ecr_repository" "plain" {
  name = "plain"
}

resource "aws_ecr_repository" "keyless" {
  name = "keyless"

  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_ecr_repository" "web" {
  name                 = "team/web"
  image_tag_mutability = var.immutable ? "IMMUTABLE" : "MUTABLE"
  force_delete         = true

  image_scanning_configuration {
    scan_on_push = var.immutable
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = local.key
  }

  tags = merge({ "Team/é" = "web <&>", "empty" = "" }, var.immutable ? { fixed = "yes" } : { loose = "yes" })
}

data "aws_ecr_lifecycle_policy_document" "web" {
  rule {
    priority    = 1
    description = "Untagged ones go after a day: <&>"

    selection {
      tag_status   = "untagged"
      count_type   = "sinceImagePushed"
      count_unit   = "days"
      count_number = 1
    }

    action {
      type = "expire"
    }
  }

  rule {
    priority = 2

    selection {
      tag_status       = "tagged"
      tag_pattern_list = ["v*", "prod-*"]
      count_type       = "imageCountMoreThan"
      count_number     = var.kept
    }

    action {
      type = "expire"
    }
  }
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy     = data.aws_ecr_lifecycle_policy_document.web.json
}

data "aws_iam_policy_document" "web" {
  statement {
    sid     = "Readers"
    actions = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${var.reader}:root", "444455556666"]
    }
  }

  statement {
    sid     = "Builders"
    actions = ["ecr:BatchGetImage"]

    principals {
      type        = "Service"
      identifiers = ["codebuild.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_ecr_repository_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy     = data.aws_iam_policy_document.web.json
}
