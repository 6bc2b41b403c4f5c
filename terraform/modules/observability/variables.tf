variable "project" {
  description = "Id of the project."
  type        = string
}

variable "environment" {
  description = "Name of the environment: part of the names of metrics and alerts."
  type        = string
}

variable "labels" {
  description = "Labels of the alerts."
  type        = map(string)
  default     = {}
}

variable "notification_channels" {
  description = "Channels that alerts go to."
  type        = list(string)
  default     = []
}

variable "services" {
  description = "The Cloud Run services that are watched: 300 at most, since a filter takes 20,000 characters."
  type        = list(string)

  validation {
    condition     = length(var.services) <= 300
    error_message = "An environment has 300 pipelines at most: make a second one for the others."
  }
}

variable "jobs" {
  description = "The Scheduler jobs that are watched."
  type        = list(string)
}

variable "dead_letters" {
  description = "The subscriptions that keep dead letters."
  type        = list(string)
}

variable "compared" {
  description = "How many services have schedules, which they compare with their runs every hour."
  type        = number
}
