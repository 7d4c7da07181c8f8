# The document passes aws_region and does not declare it: a plain error. The provider of the root has the same value.
variable "aws_region" {
  description = "The Region of the registry"
  type        = string
}

variable "services" {
  description = "What to build: a service's name and its build context"
  type = map(object({
    context    = string
    dockerfile = string
  }))
}

variable "tag_suffix" {
  description = "The tag of the images: a new one forces a new build and push"
  type        = string
  default     = "1"
}
