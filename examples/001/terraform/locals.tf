# All configurable values of this section. The document's profile is left out: the environment has the credentials.
locals {
  aws_region = "us-west-2"

  app_repository_name    = "cfndev-envoy-proxy-poc-app"
  client_repository_name = "cfndev-envoy-proxy-poc-client"

  image_tag_mutability     = "MUTABLE"
  scan_on_push             = true
  lifecycle_retention_days = 30
}
