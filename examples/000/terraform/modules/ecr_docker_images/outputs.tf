output "repository_urls" {
  description = "Where each service's image is pushed to, by service"
  value       = { for service, repository in aws_ecr_repository.this : service => repository.repository_url }
}

output "images" {
  description = "The image that was pushed, by service"
  value       = { for service, push in terraform_data.push : service => push.triggers_replace }
}
