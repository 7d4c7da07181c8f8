resource "aws_ecr_account_setting" "scanner" {
  name  = "BASIC_SCAN_TYPE_VERSION"
  value = "AWS_NATIVE"
}

resource "aws_ecr_account_setting" "scope" {
  name  = "REGISTRY_POLICY_SCOPE"
  value = var.scope
}

resource "aws_ecr_registry_policy" "ours" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Replication"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${var.reader}:root" }
        Action    = ["ecr:ReplicateImage", "ecr:CreateRepository"]
        Resource  = "${local.arn}/*"
      },
    ]
  })

  depends_on = [aws_ecr_account_setting.scope]
}

resource "aws_ecr_registry_scanning_configuration" "ours" {
  scan_type = var.scan_type

  rule {
    scan_frequency = var.frequency

    repository_filter {
      filter      = "team/*"
      filter_type = "WILDCARD"
    }

    repository_filter {
      filter      = "plain"
      filter_type = "WILDCARD"
    }
  }
}

resource "aws_ecr_replication_configuration" "ours" {
  replication_configuration {
    rule {
      dynamic "destination" {
        for_each = var.destinations

        content {
          region      = destination.value
          registry_id = local.account
        }
      }

      repository_filter {
        filter      = "team/"
        filter_type = "PREFIX_MATCH"
      }

      repository_filter {
        filter      = "a-team"
        filter_type = "PREFIX_MATCH"
      }
    }

    rule {
      destination {
        region      = local.region
        registry_id = var.reader
      }
    }
  }
}
