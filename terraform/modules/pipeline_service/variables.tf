variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "name" {
  description = "Name of the Cloud Run service."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", var.name))
    error_message = "A service has at most 49 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "pipeline" {
  description = "Name of the pipeline that is served."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_-]{0,39}$", var.pipeline))
    error_message = "A pipeline has at most 40 letters, digits, '_' and '-'."
  }
}

variable "description" {
  description = "Description of the service."
  type        = string
  default     = ""

  validation {
    condition     = length(var.description) <= 512
    error_message = "description has at most 512 characters."
  }
}

variable "labels" {
  description = "Labels of the service."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The image, by digest."
  type        = string
}

variable "audience" {
  description = "A fixed text for which tokens are made. Never the service's address, which isn't known beforehand."
  type        = string
}

variable "ingress" {
  description = "From where the service is reached: all, internal or internal-and-cloud-load-balancing."
  type        = string
  default     = "all"
}

variable "service_account" {
  description = "E-mail address of an existing account to run as."
  type        = string
  default     = null
}

variable "account_id" {
  description = "Id of the account that is made to run as, where none exists."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null ? true : can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.account_id))
    error_message = "The id of an account has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "store" {
  description = "Where runs are kept: the bucket, and a prefix that is empty or ends with a slash."
  type = object({
    bucket = string
    prefix = string
  })
}

variable "invokers" {
  description = "All members that may call the service; others lose it."
  type        = list(string)
}

variable "cpu" {
  description = "CPUs of an instance: 0.08 to 1, 2, 4, 6 or 8."
  type        = number

  validation {
    condition     = (var.cpu >= 0.08 && var.cpu <= 1) || contains([2, 4, 6, 8], var.cpu)
    error_message = "cpu is from 0.08 to 1, or 2, 4, 6 or 8."
  }
}

variable "memory" {
  description = "Memory of an instance, such as 512Mi or 4Gi."
  type        = string

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "memory is a whole number of Mi or Gi."
  }
}

variable "cpu_always" {
  description = "Whether an instance keeps its CPU between requests, and is paid for then."
  type        = bool
  default     = false
}

variable "min_instances" {
  description = "Instances that are kept when nothing happens."
  type        = number
  default     = 0
}

variable "max_runs" {
  description = "Runs that go on at one time: each takes an instance."
  type        = number
  default     = 8

  validation {
    condition     = var.max_runs >= 1 && var.max_runs <= 1000
    error_message = "max_runs is from 1 to 1000."
  }
}

variable "spare_instances" {
  description = "Instances beside those of runs: for health checks, duplicates and cancellations."
  type        = number
  default     = 2

  validation {
    condition     = var.spare_instances >= 1
    error_message = "spare_instances is at least 1: without one nobody could cancel the last run."
  }
}

variable "timeout_s" {
  description = "How long one request may last, in seconds."
  type        = number
  default     = 3600

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 3600
    error_message = "timeout_s is from 1 to 3600."
  }
}

variable "env" {
  description = "Environment variables. Those of the service itself win."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Environment variables from versions of secrets that exist."
  type = map(object({
    secret  = string
    version = string
    project = optional(string)
  }))
  default = {}
}

variable "roles" {
  description = "Roles over the project for the account that is made."
  type        = list(string)
  default     = []
}

variable "bigquery" {
  description = "Whether it may run jobs, and the datasets (`dataset` or `project.dataset`) that it may read and write."
  type = object({
    jobs  = optional(bool, false)
    read  = optional(list(string), [])
    write = optional(list(string), [])
  })
  default = {}
}

variable "buckets" {
  description = "Buckets (`bucket` or `bucket/prefix`) that it may read and write."
  type = object({
    read  = optional(list(string), [])
    write = optional(list(string), [])
  })
  default = {}
}

variable "vpc" {
  description = "The network through which private addresses are reached; egress is private-ranges-only or all-traffic."
  type = object({
    network = optional(string)
    subnet  = optional(string)
    egress  = optional(string, "private-ranges-only")
  })
  default = null

  validation {
    condition     = var.vpc == null ? true : var.vpc.network != null || var.vpc.subnet != null
    error_message = "vpc names a network, a subnet or both."
  }
}

variable "cloudsql" {
  description = "Cloud SQL instances, as project:region:instance, found under /cloudsql."
  type        = list(string)
  default     = []
}

variable "revision" {
  description = "Name of the next revision: it begins with the service's name and was never used."
  type        = string
  default     = null

  validation {
    condition     = var.revision == null ? true : startswith(var.revision, "${var.name}-")
    error_message = "revision begins with the service's name and a hyphen."
  }
}

variable "traffic" {
  description = "Which revisions get how many percent, and tags. Without entries the newest gets everything."
  type = list(object({
    revision = optional(string)
    percent  = optional(number, 0)
    tag      = optional(string)
  }))
  default = []

  validation {
    condition     = length(var.traffic) == 0 ? true : sum([for one in var.traffic : one.percent]) == 100
    error_message = "The percentages of traffic are 100 together."
  }

  validation {
    condition     = alltrue([for one in var.traffic : length(var.name) + length(coalesce(one.tag, " ")) <= 46])
    error_message = "A tag and the service's name have 46 characters together at most: both are in one host name."
  }
}

variable "settings" {
  description = "What the pipeline is deployed with but image, revision and traffic, as JSON. It is kept in the state."
  type        = string
  default     = "{}"
}
