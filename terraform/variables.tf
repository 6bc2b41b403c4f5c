variable "project" {
  description = "Id of the Google Cloud project."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "Region of the services, the bucket and the image repository."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)+[0-9]{1,2}$", var.region))
    error_message = "region is one of Google Cloud, such as europe-west1."
  }
}

variable "scheduler_region" {
  description = "Region of the Scheduler jobs, where it isn't `region`: not every region has Scheduler."
  type        = string
  default     = null
}

variable "environment" {
  description = "Name of the environment: part of every name that isn't given, and of metrics."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,11}$", var.environment))
    error_message = "environment is 1 to 12 lower-case letters and digits, and begins with a letter."
  }
}

variable "labels" {
  description = "Labels of every resource that takes some. `pplns-environment` is added."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", name)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "labels have lower-case letters, digits, '_' and '-', at most 63 of them."
  }
}

variable "notification_channels" {
  description = "Channels of Cloud Monitoring that alerts go to, as projects/PROJECT/notificationChannels/NUMBER."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "invokers" {
  description = "Members that may start runs besides the triggers. They may also take on the account `accounts.invoke`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "ingress" {
  description = "From where services are reached: all, internal, or internal-and-cloud-load-balancing."
  type        = string
  default     = "all"
  nullable    = false

  validation {
    condition     = contains(["all", "internal", "internal-and-cloud-load-balancing"], var.ingress)
    error_message = "ingress is all, internal or internal-and-cloud-load-balancing."
  }
}

variable "accounts" {
  description = "Ids of the accounts that an environment has once: of its Scheduler jobs, its subscriptions, its people and CI."
  type = object({
    schedule = string
    push     = string
    invoke   = string
  })
  nullable = false

  validation {
    condition     = alltrue([for id in values(var.accounts) : can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", id))])
    error_message = "The id of an account has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "store" {
  description = <<-EOT
    Where runs are kept: `bucket` and `prefix` (empty, or without slashes at its ends). With `create` the bucket is
    made. Deleted objects can be brought back for `soft_delete_days`. A bucket that has objects is only destroyed with
    `force_destroy`.
  EOT
  type = object({
    bucket           = string
    prefix           = optional(string, "")
    create           = optional(bool, true)
    soft_delete_days = optional(number, 7)
    force_destroy    = optional(bool, false)
  })
  nullable = false

  validation {
    condition     = !startswith(var.store.prefix, "/") && !endswith(var.store.prefix, "/")
    error_message = "store.prefix neither begins nor ends with a slash."
  }
}

variable "repository" {
  description = <<-EOT
    Artifact Registry repository of the images. Of each image the newest `keep_versions` stay, and those with a tag
    that begins with `keep-`; others go after `delete_after_days`. What a rollback may name is among those that stay.
  EOT
  type = object({
    name              = string
    create            = optional(bool, true)
    keep_versions     = optional(number, 100)
    delete_after_days = optional(number, 90)
  })
  nullable = false
}

variable "enable_services" {
  description = "Whether to enable the APIs that are used. They stay enabled when everything is destroyed."
  type        = bool
  default     = true
  nullable    = false
}

variable "pipelines_folder" {
  description = "Where the image has the pipelines; null leaves what the image says."
  type        = string
  default     = null
}

variable "pipelines" {
  description = <<-EOT
    The pipelines by name.

    `service`, `image` (by digest) and `audience` (a fixed text that tokens are made for) must be there. It runs as
    the existing account `service_account`, else as one with the id `account_id`. `continuations` and `dead_letters`
    are topics of its own.

    `max_runs` is how many runs go on at one time; `spare_instances` come on top, for health checks, duplicates and
    cancellations. `timeout_s` bounds one request.

    `roles` are granted over the project; `bigquery` and `buckets` (`bucket` or `bucket/prefix`) give access to what
    they name. `secrets` maps environment variables to versions of secrets that exist; their values never reach the
    state. `schedules` has Scheduler jobs with the `body` that they send, `subscriptions` push subscriptions to topics:
    a plain name is made, `projects/P/topics/T` exists. `traffic` without entries sends everything to the newest
    revision.
  EOT
  type = map(object({
    service         = string
    image           = string
    audience        = string
    description     = optional(string, "")
    service_account = optional(string)
    account_id      = optional(string)
    continuations   = string
    dead_letters    = string
    cpu             = optional(number, 1)
    memory          = optional(string, "512Mi")
    cpu_always      = optional(bool, false)
    min_instances   = optional(number, 0)
    max_runs        = optional(number, 8)
    spare_instances = optional(number, 2)
    timeout_s       = optional(number, 3600)
    paused          = optional(bool, false)
    roles           = optional(list(string), [])
    bigquery = optional(object({
      jobs  = optional(bool, false)
      read  = optional(list(string), [])
      write = optional(list(string), [])
    }), {})
    buckets = optional(object({
      read  = optional(list(string), [])
      write = optional(list(string), [])
    }), {})
    env = optional(map(string), {})
    secrets = optional(map(object({
      secret  = string
      version = string
      project = optional(string)
    })), {})
    vpc = optional(object({
      network = optional(string)
      subnet  = optional(string)
      egress  = optional(string, "private-ranges-only")
    }))
    cloudsql = optional(list(string), [])
    schedules = optional(map(object({
      job      = string
      cron     = string
      timezone = optional(string, "UTC")
      body     = string
    })), {})
    subscriptions = optional(map(object({
      name   = string
      topic  = string
      filter = optional(string)
    })), {})
    revision = optional(string)
    traffic = optional(list(object({
      revision = optional(string)
      percent  = optional(number, 0)
      tag      = optional(string)
    })), [])
  }))
  nullable = false

  validation {
    condition     = alltrue([for one in values(var.pipelines) : can(regex("@sha256:[0-9a-f]{64}$", one.image))])
    error_message = "image is named by its digest, …@sha256:…: a tag may change between plan and apply."
  }

  validation {
    condition     = alltrue([for one in values(var.pipelines) : (one.service_account == null) != (one.account_id == null)])
    error_message = "A pipeline has either service_account or account_id."
  }

  validation {
    condition = alltrue([
      for one in values(var.pipelines) : alltrue([for secret in values(one.secrets) : can(regex("^([1-9][0-9]*|latest)$", secret.version))])
    ])
    error_message = "A secret has a number as its version, or latest."
  }
}
