# Outputs the full URI needed for Docker push/pull commands and deployments
output "ecr_repository_uri" {
  description = "The full URI of the newly created ECR repository."
  value       = aws_ecr_repository.private_repo.repository_url
}

# Outputs the AWS Account ID and Region (useful for authentication command)
# This is the name that the registry has at AWS; the host of ecr_repository_uri is right everywhere.
output "ecr_login_info" {
  description = "Information for Docker login command."
  value       = "${data.aws_caller_identity.current.account_id}.dkr.ecr.${var.aws_region}.amazonaws.com"
}

# Data source to fetch the current AWS Account ID
data "aws_caller_identity" "current" {}
