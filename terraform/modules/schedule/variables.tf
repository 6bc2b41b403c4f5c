variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of Cloud Scheduler."
  type        = string
}

variable "name" {
  description = "Name of the Scheduler job."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,500}$", var.name))
    error_message = "A Scheduler job has letters, digits, '_' and '-' in its name."
  }
}

variable "description" {
  description = "What the job is for."
  type        = string
  default     = ""
}

variable "cron" {
  description = "When it fires: five fields of unix-cron."
  type        = string

  validation {
    condition     = length(split(" ", trimspace(replace(var.cron, "/[ \\t]+/", " ")))) == 5
    error_message = "cron has five fields: minute, hour, day of month, month, day of week."
  }
}

variable "timezone" {
  description = "IANA time zone in which `cron` is read."
  type        = string
  default     = "UTC"
}

variable "uri" {
  description = "Where the request goes to."
  type        = string
}

variable "body" {
  description = "JSON text of the request."
  type        = string

  validation {
    condition     = can(jsondecode(var.body)) && length(var.body) <= 1000000
    error_message = "body is JSON of less than 1 MB."
  }
}

variable "account" {
  description = "E-mail address of the account that calls."
  type        = string
}

variable "audience" {
  description = "The audience of its tokens: a fixed text, one of the service's custom audiences."
  type        = string
}

variable "attempt_s" {
  description = "How long Scheduler waits for the answer, in seconds."
  type        = number
  default     = 1800

  validation {
    condition     = var.attempt_s >= 15 && var.attempt_s <= 1800
    error_message = "attempt_s is from 15 to 1800."
  }
}

variable "is_paused" {
  description = "Whether the job is kept from firing."
  type        = bool
  default     = false
}
