variable "project" {
  description = "Id of the project."
  type        = string
}

variable "name" {
  description = "Name of the bucket; bucket names are everyone's."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket has 3 to 63 lower-case letters, digits, '.', '_' and '-'."
  }
}

variable "location" {
  description = "Region of the bucket."
  type        = string
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
  default     = {}
}

variable "soft_delete_days" {
  description = "How long deleted objects can be brought back: 0, or 7 to 90 days."
  type        = number
  default     = 7

  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90)
    error_message = "soft_delete_days is 0, or from 7 to 90."
  }
}

variable "force_destroy" {
  description = "Whether a bucket with objects is destroyed with them."
  type        = bool
  default     = false
}
