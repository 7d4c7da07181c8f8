# The document's null resources, as terraform_data.

# Logs docker in once both repositories exist.
resource "terraform_data" "ecr_login" {
  triggers_replace = [
    aws_ecr_repository.app.repository_url,
    aws_ecr_repository.client.repository_url,
  ]

  provisioner "local-exec" {
    command = "${path.module}/scripts/ecr-login.sh ${local.aws_region}"
  }
}

# Shows the repositories at every apply: the trigger is the time, so every plan replaces this resource.
resource "terraform_data" "ecr_status" {
  triggers_replace = timestamp()

  provisioner "local-exec" {
    # The empty argument is the profile.
    command = "${path.module}/scripts/ecr-status.sh ${local.aws_region} '' ${local.app_repository_name} ${local.client_repository_name}"
  }

  depends_on = [
    aws_ecr_repository.app,
    aws_ecr_repository.client,
    terraform_data.ecr_login,
  ]
}

# Empties the repositories on destroy, before they are deleted: a repository with images is not.
resource "terraform_data" "ecr_cleanup" {
  # A destroy provisioner may read nothing but its own resource: it gets the values of the last apply.
  input = {
    script            = "${path.module}/scripts/ecr-cleanup.sh"
    region            = local.aws_region
    app_repository    = aws_ecr_repository.app.name
    client_repository = aws_ecr_repository.client.name
  }

  provisioner "local-exec" {
    when    = destroy
    command = "${self.input.script} ${self.input.region} '' ${self.input.app_repository} ${self.input.client_repository}"
    environment = {
      CLEANUP_MODE = "true"
    }
  }
}
