# What an environment has once: APIs, accounts that call services, the repository of images.

locals {
  services = [
    "artifactregistry.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ]
  purposes = {
    schedule = "calls pipelines for Cloud Scheduler"
    push     = "calls pipelines for Pub/Sub"
    invoke   = "calls pipelines for people and CI"
  }
}

resource "google_project_service" "this" {
  for_each = var.enable_services ? toset(local.services) : []

  project            = var.project
  service            = each.key
  disable_on_destroy = false # others in the project use them too
}

# Three accounts for all pipelines together: a project has about a hundred.
resource "google_service_account" "this" {
  for_each   = local.purposes
  depends_on = [google_project_service.this]

  project      = var.project
  account_id   = var.accounts[each.key]
  display_name = "pplns ${var.environment}: ${each.value}"
}

resource "google_artifact_registry_repository" "images" {
  count      = var.repository.create ? 1 : 0
  depends_on = [google_project_service.this]

  project                = var.project
  location               = var.region
  repository_id          = var.repository.name
  description            = "Images of pplns, environment ${var.environment}"
  format                 = "DOCKER"
  labels                 = var.labels
  cleanup_policy_dry_run = false

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "${var.repository.delete_after_days * 24 * 60 * 60}s"
    }
  }

  # What a rollback may name: a policy that keeps wins over one that deletes.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.repository.keep_versions
    }
  }

  cleanup_policies {
    id     = "keep-tagged"
    action = "KEEP"
    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["keep-"]
    }
  }
}
