# What is watched: runs that failed, runs that were missed, the question after them, Scheduler's own errors, dead letters.
#
# Alerts match log entries, and metrics that Google has, wherever they can: an alert on a metric from logs is refused
# until that metric is known, minutes after it was made. The one that needs such a metric asks by PromQL, where that
# can be switched off.

locals {
  # Names are written out: that leaves the other environments of a project out.
  ours = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for one in var.services : jsonencode(one)])})"

  # An alert on log entries has one condition, and a filter of Cloud Logging takes 20,000 characters.
  jobs = chunklist([for one in var.jobs : jsonencode(one)], 200)

  # A filter of Cloud Monitoring takes 2,048 characters.
  dead_letters = chunklist(var.dead_letters, 25)
}

resource "google_logging_metric" "runs" {
  count = length(var.services) > 0 ? 1 : 0

  project     = var.project
  name        = "pplns_${var.environment}_runs"
  description = "Runs that ended, by pipeline and state."
  filter      = "${local.ours} AND jsonPayload.pplns_event=\"run_ended\""
  label_extractors = {
    pipeline = "EXTRACT(jsonPayload.pipeline)"
    state    = "EXTRACT(jsonPayload.state)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "pplns ${var.environment}: runs"
    labels {
      key         = "pipeline"
      value_type  = "STRING"
      description = "Name of the pipeline."
    }
    labels {
      key         = "state"
      value_type  = "STRING"
      description = "succeeded, failed or cancelled."
    }
  }
}

resource "google_logging_metric" "run_seconds" {
  count = length(var.services) > 0 ? 1 : 0

  project         = var.project
  name            = "pplns_${var.environment}_attempt_seconds"
  description     = "How long attempts took, by pipeline."
  filter          = "${local.ours} AND jsonPayload.pplns_event=\"attempt_ended\""
  value_extractor = "EXTRACT(jsonPayload.duration_s)"
  label_extractors = {
    pipeline = "EXTRACT(jsonPayload.pipeline)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "s"
    display_name = "pplns ${var.environment}: seconds of an attempt"
    labels {
      key         = "pipeline"
      value_type  = "STRING"
      description = "Name of the pipeline."
    }
  }

  bucket_options { # from 0.1 s to about 15 hours
    exponential_buckets {
      num_finite_buckets = 20
      growth_factor      = 2
      scale              = 0.1
    }
  }
}

resource "google_logging_metric" "asked" {
  count = var.compared > 0 ? 1 : 0

  project     = var.project
  name        = "pplns_${var.environment}_asked"
  description = "Answers to the question whether every schedule ran, by service."
  filter      = "${local.ours} AND jsonPayload.pplns_event=\"schedules_compared\""
  label_extractors = {
    pipeline = "EXTRACT(jsonPayload.pipeline)"
  }

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "pplns ${var.environment}: schedules compared with runs"
    labels {
      key         = "pipeline"
      value_type  = "STRING"
      description = "Name of the pipeline."
    }
  }
}
