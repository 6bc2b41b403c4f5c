# One Scheduler job: a signed request at each time of a cron line.

resource "google_cloud_scheduler_job" "this" {
  project          = var.project
  region           = var.region
  name             = var.name
  description      = var.description
  schedule         = var.cron
  time_zone        = var.timezone
  attempt_deadline = "${var.attempt_s}s"
  paused           = var.is_paused

  retry_config { # without it a request that fails once is not sent again
    retry_count          = 5
    min_backoff_duration = "30s"
    max_backoff_duration = "600s"
    max_doublings        = 5
    max_retry_duration   = "0s"
  }

  http_target {
    uri         = var.uri
    http_method = "POST"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(var.body)

    oidc_token {
      service_account_email = var.account
      audience              = var.audience
    }
  }
}
