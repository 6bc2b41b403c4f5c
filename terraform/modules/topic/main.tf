# One topic with its subscriptions.

locals {
  is_made = !startswith(var.name, "projects/")
  id      = local.is_made ? "projects/${var.project}/topics/${var.name}" : var.name
}

resource "google_pubsub_topic" "this" {
  count = local.is_made ? 1 : 0

  project = var.project
  name    = var.name
  labels  = var.labels
}

resource "google_pubsub_subscription" "push" {
  for_each   = var.subscriptions
  depends_on = [google_pubsub_topic.this]

  project                    = var.project
  name                       = each.key
  topic                      = local.id
  labels                     = var.labels
  filter                     = each.value.filter
  ack_deadline_seconds       = 600 # it is how long a push may take
  message_retention_duration = "604800s"

  dynamic "push_config" { # without it messages wait
    for_each = each.value.is_paused ? [] : [each.value]
    content {
      push_endpoint = push_config.value.endpoint
      oidc_token {
        service_account_email = var.push_account
        audience              = push_config.value.audience
      }
    }
  }

  expiration_policy {
    ttl = "" # never: by default a subscription goes after 31 idle days
  }

  retry_policy { # without the block a refused push comes again at once
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = each.value.dead_letters
    max_delivery_attempts = 100
  }
}

resource "google_pubsub_subscription" "kept" {
  count      = var.is_kept ? 1 : 0
  depends_on = [google_pubsub_topic.this]

  project                    = var.project
  name                       = var.name
  topic                      = local.id
  labels                     = var.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s" # 31 days, the longest there is

  expiration_policy {
    ttl = ""
  }
}
