variable "aws_region" {
  description = "The Region of the registry"
  type        = string
  # The document uses the variable and gives it no default.
  default = "us-east-1"
}
