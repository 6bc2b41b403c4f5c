variable "project" {
  description = "Id of the project."
  type        = string
}

variable "name" {
  description = "Name of a topic that is made, or projects/PROJECT/topics/NAME of one that exists and is left alone."
  type        = string
}

variable "labels" {
  description = "Labels of the topic and its subscriptions."
  type        = map(string)
  default     = {}
}

variable "publishers" {
  description = "Members that may publish to the topic, by any names."
  type        = map(string)
  default     = {}
}

variable "is_kept" {
  description = "Whether a subscription without a receiver, of the topic's name, keeps the messages."
  type        = bool
  default     = false
}

variable "subscriptions" {
  description = <<-EOT
    Push subscriptions by name: where they push to, the audience of their tokens, what they let through, the topic that
    what can't be delivered goes to (projects/P/topics/T). A paused one keeps its messages for a week.
  EOT
  type = map(object({
    endpoint     = string
    audience     = string
    dead_letters = string
    filter       = optional(string)
    is_paused    = optional(bool, false)
  }))
  default = {}
}

variable "push_account" {
  description = "E-mail address of the account that pushes."
  type        = string
  default     = null
}

variable "pubsub_agent" {
  description = "Member of the project's Pub/Sub agent, which moves what can't be delivered."
  type        = string
  default     = null
}
