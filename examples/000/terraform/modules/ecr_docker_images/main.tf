resource "aws_ecr_repository" "this" {
  for_each = var.services
  name     = each.key

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Named in the document's table of resources and in its note 2 ("retain only recent images"), without a number.
resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = var.services
  repository = aws_ecr_repository.this[each.key].name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 10 images"
      selection = {
        tagStatus   = "any"
        countType   = "imageCountMoreThan"
        countNumber = 10
      }
      action = { type = "expire" }
    }]
  })
}

data "aws_ecr_authorization_token" "auth" {}

# The document's docker_image: built when the tag or the repository changes.
resource "terraform_data" "image" {
  for_each         = var.services
  triggers_replace = "${aws_ecr_repository.this[each.key].repository_url}:${var.tag_suffix}"

  provisioner "local-exec" {
    command = "docker build --tag \"$IMAGE\" --file \"$CONTEXT/$DOCKERFILE\" \"$CONTEXT\""
    environment = {
      IMAGE      = self.triggers_replace
      CONTEXT    = each.value.context
      DOCKERFILE = each.value.dockerfile
    }
  }
}

# The document's docker_registry_image. Like its keep_remotely = true, it deletes nothing from the registry.
resource "terraform_data" "push" {
  for_each         = var.services
  triggers_replace = terraform_data.image[each.key].triggers_replace

  provisioner "local-exec" {
    command = <<-EOT
      printf %s "$PASSWORD" | docker login --username "$USERNAME" --password-stdin "$REGISTRY" &&
      docker push "$IMAGE"
    EOT
    environment = {
      IMAGE    = self.triggers_replace
      REGISTRY = data.aws_ecr_authorization_token.auth.proxy_endpoint
      USERNAME = data.aws_ecr_authorization_token.auth.user_name
      PASSWORD = data.aws_ecr_authorization_token.auth.password
    }
  }
}
