locals {
  # Bump this value to trigger a fresh docker build even if source did not change
  build_version = "1"

  # Convenience map of services: this can live in the root module
  services = {
    frontend = {
      context    = "${path.root}/frontend" # Build context path
      dockerfile = "Dockerfile"            # Relative to context
    }
    backend = {
      context    = "${path.root}/backend"
      dockerfile = "Dockerfile"
    }
  }
}

module "ecr_docker_images" {
  source = "./modules/ecr_docker_images"

  aws_region = var.aws_region
  services   = local.services      # map(frontend, backend, ...)
  tag_suffix = local.build_version # forces rebuild when incremented
}
