# One resource of every type that pplns makes, for the tests of the stand-in; nobody deploys it.

terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.45, < 8"
    }
  }
}

provider "google" {
  project                         = "acme-data"
  region                          = "us-central1"
  user_project_override           = false
  add_terraform_attribution_label = false
  batching { enable_batching = false }
}

variable "image" {
  type    = string
  default = "us-central1-docker.pkg.dev/acme-data/images/daily@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

locals {
  project = "acme-data"
  region  = "us-central1"
  apis    = ["run.googleapis.com", "cloudscheduler.googleapis.com", "pubsub.googleapis.com"]
}

data "google_project" "this" {}

resource "google_project_service" "api" {
  for_each           = toset(local.apis)
  service            = each.value
  disable_on_destroy = false
}

resource "google_service_account" "runtime" {
  account_id   = "daily-prod"
  display_name = "runs daily"
}

resource "google_service_account" "caller" {
  account_id = "caller-prod"
}

resource "google_project_iam_member" "logs" {
  project = local.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.runtime.member
}

resource "google_service_account_iam_member" "token" {
  service_account_id = google_service_account.caller.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "user:ann@example.com"
}

resource "google_storage_bucket" "state" {
  name                        = "acme-data-pplns-prod"
  location                    = "us-central1"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true
  soft_delete_policy { retention_duration_seconds = 0 }
  versioning { enabled = false }
  labels = { env = "prod" }
  lifecycle_rule {
    action { type = "AbortIncompleteMultipartUpload" }
    condition { age = 1 }
  }
}

resource "google_storage_bucket_iam_member" "runs" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = google_service_account.runtime.member
  condition {
    title      = "own-prefix"
    expression = "resource.name.startsWith(\"projects/_/buckets/acme-data-pplns-prod/objects/runs/daily/\") || api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"runs/daily/\")"
  }
}

resource "google_storage_bucket_object" "note" {
  bucket  = google_storage_bucket.state.name
  name    = "notes/read me.txt"
  content = "kept by a test"
}

resource "google_artifact_registry_repository" "images" {
  repository_id          = "images"
  location               = local.region
  format                 = "DOCKER"
  cleanup_policy_dry_run = false
  docker_config { immutable_tags = true }
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions { keep_count = 20 }
  }
  cleanup_policies {
    id     = "drop-old"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "2592000s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "pull" {
  repository = google_artifact_registry_repository.images.name
  location   = local.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.runtime.member
}

resource "google_secret_manager_secret" "password" {
  secret_id           = "warehouse-password"
  deletion_protection = false
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "password" {
  secret                 = google_secret_manager_secret.password.id
  secret_data_wo         = "not-a-secret"
  secret_data_wo_version = 1
}

resource "google_secret_manager_secret_iam_member" "password" {
  secret_id = google_secret_manager_secret.password.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.runtime.member
}

resource "google_cloud_run_v2_service" "daily" {
  name                = "pplns-daily-prod"
  location            = local.region
  deletion_protection = false
  ingress             = "INGRESS_TRAFFIC_ALL"
  custom_audiences    = ["pplns://acme-data/prod/daily"]
  labels              = { env = "prod" }
  depends_on          = [google_secret_manager_secret_iam_member.password, google_secret_manager_secret_version.password]
  scaling { min_instance_count = 0 }
  template {
    service_account                  = google_service_account.runtime.email
    timeout                          = "3600s"
    max_instance_request_concurrency = 1
    scaling {
      min_instance_count = 0
      max_instance_count = 4
    }
    containers {
      image = var.image
      ports { container_port = 8080 }
      resources {
        limits            = { cpu = "2", memory = "4Gi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }
      env {
        name  = "PPLNS_PIPELINE"
        value = "daily"
      }
      env {
        name = "PASSWORD"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.password.secret_id
            version = google_secret_manager_secret_version.password.version
          }
        }
      }
      startup_probe {
        http_get { path = "/health" }
        period_seconds    = 5
        failure_threshold = 24
      }
    }
  }
  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }
}

resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  name     = google_cloud_run_v2_service.daily.name
  location = local.region
  role     = "roles/run.invoker"
  members  = [google_service_account.caller.member]
}

resource "google_pubsub_topic" "orders" {
  name   = "orders-prod"
  labels = { env = "prod" }
}

resource "google_pubsub_topic" "dead" {
  name                       = "orders-prod.dead-letters"
  message_retention_duration = "86400s"
}

resource "google_pubsub_topic_iam_member" "dead" {
  topic  = google_pubsub_topic.dead.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_subscription" "dead" {
  name  = "orders-prod.dead-letters"
  topic = google_pubsub_topic.dead.id
  expiration_policy { ttl = "" }
}

resource "google_pubsub_subscription" "orders" {
  name                       = "orders-prod"
  topic                      = google_pubsub_topic.orders.id
  ack_deadline_seconds       = 600
  message_retention_duration = "604800s"
  filter                     = "attributes.kind = \"daily\""
  expiration_policy { ttl = "" }
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = 100
  }
  push_config {
    push_endpoint = "${google_cloud_run_v2_service.daily.uri}/pipelines/daily/runs"
    oidc_token {
      service_account_email = google_service_account.caller.email
      audience              = "pplns://acme-data/prod/daily"
    }
  }
}

resource "google_pubsub_subscription_iam_member" "orders" {
  subscription = google_pubsub_subscription.orders.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_cloud_scheduler_job" "morning" {
  name             = "pplns-daily-prod_schedule"
  region           = local.region
  schedule         = "0 6 * * MON-FRI"
  time_zone        = "America/New_York"
  attempt_deadline = "1800s"
  retry_config {
    retry_count          = 5
    min_backoff_duration = "30s"
  }
  http_target {
    uri         = "${google_cloud_run_v2_service.daily.uri}/pipelines/daily/runs"
    http_method = "POST"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode({ schedule = "schedule", params = {} }))
    oidc_token {
      service_account_email = google_service_account.caller.email
      audience              = "pplns://acme-data/prod/daily"
    }
  }
}

resource "google_logging_metric" "failed" {
  name   = "pplns/prod/failed"
  filter = "resource.type=\"cloud_run_revision\" AND jsonPayload.pplns_event=\"run_failed\""
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key        = "pipeline"
      value_type = "STRING"
    }
  }
  label_extractors = { pipeline = "EXTRACT(jsonPayload.pipeline)" }
}

resource "google_monitoring_notification_channel" "mail" {
  display_name = "data team"
  type         = "email"
  labels       = { email_address = "data@example.com" }
}

resource "google_monitoring_alert_policy" "failed" {
  display_name          = "a run failed"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.mail.id]
  severity              = "ERROR"
  conditions {
    display_name = "run failed"
    condition_threshold {
      filter          = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.failed.name}\" AND resource.type=\"cloud_run_revision\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }
  documentation {
    content   = "See the runs."
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "missed" {
  display_name          = "a run was missed"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.mail.id]
  conditions {
    display_name = "missed"
    condition_matched_log {
      filter = "jsonPayload.pplns_event=\"missed\" AND severity>=WARNING"
    }
  }
  alert_strategy {
    notification_rate_limit { period = "3600s" }
    auto_close = "86400s"
  }
}

resource "google_monitoring_alert_policy" "absent" {
  display_name = "the check is absent"
  combiner     = "OR"
  conditions {
    display_name = "absent"
    condition_absent {
      filter   = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.failed.name}\" AND resource.type=\"cloud_run_revision\""
      duration = "10800s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }
}

resource "google_monitoring_dashboard" "runs" {
  dashboard_json = jsonencode({
    displayName = "pplns prod"
    mosaicLayout = {
      columns = 48
      tiles = [{
        width  = 24
        height = 16
        widget = {
          title = "failed runs"
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter      = "metric.type=\"logging.googleapis.com/user/pplns/prod/failed\" resource.type=\"cloud_run_revision\""
                  aggregation = { alignmentPeriod = "300s", perSeriesAligner = "ALIGN_SUM" }
                }
              }
            }]
          }
        }
      }]
    }
  })
}

resource "google_bigquery_dataset" "sales" {
  dataset_id = "sales"
  location   = "US"
}

resource "google_bigquery_dataset_iam_member" "sales" {
  dataset_id = google_bigquery_dataset.sales.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.runtime.member
}
