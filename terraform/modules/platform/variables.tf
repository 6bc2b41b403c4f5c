variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of the image repository."
  type        = string
}

variable "environment" {
  description = "Name of the environment, for descriptions."
  type        = string
}

variable "labels" {
  description = "Labels of the image repository."
  type        = map(string)
  default     = {}
}

variable "accounts" {
  description = "Ids of the accounts of Scheduler jobs, of subscriptions, and of people and CI."
  type = object({
    schedule = string
    push     = string
    invoke   = string
  })
}

variable "invokers" {
  description = "Members that may get tokens of the account `accounts.invoke`."
  type        = list(string)
  default     = []
}

variable "pubsub_agent" {
  description = "Member of the project's Pub/Sub agent, which signs the tokens of pushes."
  type        = string
}

variable "repository" {
  description = "The image repository: its name, whether it is made, and how long images stay."
  type = object({
    name              = string
    create            = optional(bool, true)
    keep_versions     = optional(number, 100)
    delete_after_days = optional(number, 90)
  })

  validation {
    condition     = var.repository.keep_versions >= 10
    error_message = "repository.keep_versions is at least 10: a rollback names an image that was deployed before."
  }
}

variable "enable_services" {
  description = "Whether to enable the APIs that are used."
  type        = bool
  default     = true
}
