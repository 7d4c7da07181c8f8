variable "region" {
  description = "AWS Region"
  type        = string
  default     = "us-west-2"
}

variable "repository_name" {
  description = "Name of the ECR repository"
  type        = string
  default     = "app-template-dev"
}

variable "image_tag_mutability" {
  description = "MUTABLE or IMMUTABLE"
  type        = string
  default     = "MUTABLE"
}

variable "scan_on_push" {
  description = "Enable vulnerability scanning"
  type        = bool
  default     = true
}

# The types matter: an untyped value from -var is a string, and ECR wants a number.
variable "image_retention_count" {
  description = "Number of tagged images to keep"
  type        = number
  default     = 10
}

variable "untagged_retention_days" {
  description = "Days after which untagged images are deleted"
  type        = number
  default     = 7
}
