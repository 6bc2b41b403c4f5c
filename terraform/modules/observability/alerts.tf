resource "google_monitoring_alert_policy" "failed" {
  count = length(var.services) > 0 ? 1 : 0

  project               = var.project
  display_name          = "pplns ${var.environment}: a run failed"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "A run failed for good"
    condition_matched_log {
      filter = "${local.ours} AND jsonPayload.pplns_event=\"run_ended\" AND jsonPayload.state=\"failed\" AND jsonPayload.final=true"
      label_extractors = {
        pipeline = "EXTRACT(jsonPayload.pipeline)"
        run_id   = "EXTRACT(jsonPayload.run_id)"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit { # has to be there for log entries
      period = "300s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The run `$${log.extracted_label.run_id}` of `$${log.extracted_label.pipeline}` failed for good. `pplns run-info $${log.extracted_label.pipeline}/$${log.extracted_label.run_id}` says why; `pplns resume` goes on after the step that finished."
  }
}

resource "google_monitoring_alert_policy" "missed" {
  count = var.compared > 0 ? 1 : 0

  project               = var.project
  display_name          = "pplns ${var.environment}: a scheduled run didn't happen"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "A schedule has no run"
    condition_matched_log {
      filter = "${local.ours} AND jsonPayload.pplns_event=\"missed\""
      label_extractors = {
        pipeline = "EXTRACT(jsonPayload.pipeline)"
        due      = "EXTRACT(jsonPayload.due)"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "No run of `$${log.extracted_label.pipeline}` is recorded for $${log.extracted_label.due}. See the Scheduler job's log for why it didn't get through; `pplns trigger` makes up for it."
  }
}

# The question itself may not be asked, or not be answered: then nobody would hear of missed runs.
resource "google_monitoring_alert_policy" "unasked" {
  count      = var.compared > 0 ? 1 : 0
  depends_on = [google_logging_metric.asked]

  project               = var.project
  display_name          = "pplns ${var.environment}: nobody knows whether schedules ran"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "A service hasn't compared its schedules with its runs for three hours"
    condition_prometheus_query_language {
      query                     = "(count(sum by (pipeline) (increase(logging_googleapis_com:user_pplns_${var.environment}_asked{monitored_resource=\"cloud_run_revision\"}[3h])) > 0) or vector(0)) < ${var.compared}"
      duration                  = "3600s"
      evaluation_interval       = "300s"
      disable_metric_validation = true # the metric is known only minutes after it was made
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The Scheduler jobs that end with `__missed` ask each service every hour. ${var.compared} should have compared their schedules, and fewer did: look for errors of those jobs, and for services that don't come up."
  }
}

# A request that is refused before the container leaves no line of ours: only Scheduler knows of it.
resource "google_monitoring_alert_policy" "scheduler" {
  count = length(local.jobs)

  project               = var.project
  display_name          = "pplns ${var.environment}: Cloud Scheduler was refused${count.index == 0 ? "" : " (${count.index + 1})"}"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "401, 403 or 404"
    condition_matched_log {
      filter = "resource.type=\"cloud_scheduler_job\" AND severity>=ERROR AND resource.labels.job_id=(${join(" OR ", local.jobs[count.index])}) AND jsonPayload.status=(\"UNAUTHENTICATED\" OR \"PERMISSION_DENIED\" OR \"NOT_FOUND\")"
      label_extractors = {
        job = "EXTRACT(resource.labels.job_id)"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The Scheduler job `$${log.extracted_label.job}` was refused before its request reached the container: 401 a wrong audience or account, 403 no invoker, 404 no such service. `pplns plan` shows what was changed by hand."
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  count = length(local.dead_letters)

  project               = var.project
  display_name          = "pplns ${var.environment}: dead letters${count.index == 0 ? "" : " (${count.index + 1})"}"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "Messages that no run took"
    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.labels.subscription_id=one_of(${join(", ", [for one in local.dead_letters[count.index] : jsonencode(one)])})"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
      trigger {
        count = 1
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Messages failed for good, could become no run, or were refused a hundred times. `pplns dead-letters NAME list` shows them with their reasons, `replay` sends them again."
  }
}
