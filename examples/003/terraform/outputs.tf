output "ecr_frontend_repository_url" {
  description = "Full URL for frontend repository"
  value       = aws_ecr_repository.frontend.repository_url
}

output "ecr_backend_repository_url" {
  description = "Full URL for backend repository"
  value       = aws_ecr_repository.backend.repository_url
}

output "ecr_frontend_repository_arn" {
  description = "ARN for IAM policies"
  value       = aws_ecr_repository.frontend.arn
}

output "ecr_backend_repository_arn" {
  description = "ARN for IAM policies"
  value       = aws_ecr_repository.backend.arn
}

output "ecr_frontend_repository_name" {
  description = "Repository name"
  value       = aws_ecr_repository.frontend.name
}

output "ecr_backend_repository_name" {
  description = "Repository name"
  value       = aws_ecr_repository.backend.name
}
