variable "owner" {
  type = string
}

variable "pushed" {
  description = "Whether team/web has images"
  type        = bool
}

variable "immutable" {
  type = bool
}

variable "kept" {
  description = "Images that are kept, in a lifecycle policy"
  type        = number
}

variable "reader" {
  description = "The account that may read, in policies"
  type        = string
}

variable "scan_type" {
  type = string
}

variable "frequency" {
  description = "Of the scanning of team/*"
  type        = string
}

variable "destinations" {
  description = "The Regions that are copied to, in this order"
  type        = list(string)
}

variable "secret" {
  description = "The name of the secret for docker.io"
  type        = string
}

variable "description" {
  description = "Of the template; null: none"
  type        = string
}

variable "scope" {
  description = "Of registry policies"
  type        = string
}
