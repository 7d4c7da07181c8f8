output "repository_urls" {
  description = "Where each service's image is pushed to, by service"
  value       = module.ecr_docker_images.repository_urls
}

output "images" {
  description = "The image that this configuration pushed, by service"
  value       = module.ecr_docker_images.images
}
