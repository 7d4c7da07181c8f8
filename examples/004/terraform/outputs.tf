output "repository_url" {
  description = "For docker push/pull"
  value       = aws_ecr_repository.this.repository_url
}

output "repository_arn" {
  description = "For IAM policies"
  value       = aws_ecr_repository.this.arn
}

output "repository_name" {
  description = "For CI/CD scripts"
  value       = aws_ecr_repository.this.name
}

output "registry_id" {
  description = "For cross-account access"
  value       = aws_ecr_repository.this.registry_id
}
