output "app_repository_name" {
  description = "Name of the server application's repository"
  value       = aws_ecr_repository.app.name
}

output "app_repository_url" {
  description = "URL of the server application's repository"
  value       = aws_ecr_repository.app.repository_url
}

output "app_repository_arn" {
  description = "ARN of the server application's repository"
  value       = aws_ecr_repository.app.arn
}

output "client_repository_name" {
  description = "Name of the client application's repository"
  value       = aws_ecr_repository.client.name
}

output "client_repository_url" {
  description = "URL of the client application's repository"
  value       = aws_ecr_repository.client.repository_url
}

output "client_repository_arn" {
  description = "ARN of the client application's repository"
  value       = aws_ecr_repository.client.arn
}

output "registry_id" {
  description = "Account of the registry"
  value       = aws_ecr_repository.app.registry_id
}

output "registry_url" {
  description = "Host of the registry"
  value       = local.registry_url
}

output "docker_login_command" {
  description = "Logs docker in"
  value       = "aws ecr get-login-password --region ${local.aws_region} | docker login --username AWS --password-stdin ${local.registry_url}"
}

output "app_docker_build_command" {
  description = "Builds the server application's image"
  value       = "docker build -t ${aws_ecr_repository.app.repository_url}:latest ."
}

output "client_docker_build_command" {
  description = "Builds the client application's image"
  value       = "docker build -t ${aws_ecr_repository.client.repository_url}:latest ."
}

output "app_docker_push_command" {
  description = "Pushes the server application's image"
  value       = "docker push ${aws_ecr_repository.app.repository_url}:latest"
}

output "client_docker_push_command" {
  description = "Pushes the client application's image"
  value       = "docker push ${aws_ecr_repository.client.repository_url}:latest"
}

output "configuration_summary" {
  description = "What this section made"
  value = {
    region               = local.aws_region
    repositories         = [aws_ecr_repository.app.name, aws_ecr_repository.client.name]
    image_tag_mutability = local.image_tag_mutability
    scan_on_push         = local.scan_on_push
    encryption_type      = "AES256"
    retention_days       = local.lifecycle_retention_days
  }
}

locals {
  # The host is what stands before the repository's name in its URL.
  registry_url = trimsuffix(aws_ecr_repository.app.repository_url, "/${local.app_repository_name}")
}
