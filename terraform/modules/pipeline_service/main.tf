# One pipeline as a Cloud Run service, running as an account of its own.

locals {
  email = coalesce(var.service_account, try("${var.account_id}@${var.project}.iam.gserviceaccount.com", null))

  # Whole CPUs as they are read back, parts in thousandths.
  cpu = var.cpu >= 1 ? tostring(var.cpu) : "${ceil(var.cpu * 1000)}m"
  mib = endswith(var.memory, "Gi") ? tonumber(trimsuffix(var.memory, "Gi")) * 1024 : tonumber(trimsuffix(var.memory, "Mi"))

  ingress = {
    all                               = "INGRESS_TRAFFIC_ALL"
    internal                          = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    internal-and-cloud-load-balancing = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  }

  env = merge(var.env, {
    PPLNS_PIPELINE            = var.pipeline
    PPLNS_STORE               = trimsuffix("gs://${var.store.bucket}/${var.store.prefix}", "/")
    PPLNS_AUDIENCE            = var.audience
    CLOUD_RUN_TIMEOUT_SECONDS = tostring(var.timeout_s)
  })
}

resource "google_service_account" "this" {
  count = var.service_account == null ? 1 : 0

  project      = var.project
  account_id   = var.account_id
  display_name = "pplns: runs ${var.pipeline}"
}

resource "google_cloud_run_v2_service" "this" {
  # Its first instance needs the secrets; the first run the bucket.
  depends_on = [
    google_service_account.this,
    google_secret_manager_secret_iam_member.this,
    google_storage_bucket_iam_member.store,
  ]

  project              = var.project
  location             = var.region
  name                 = var.name
  description          = var.description
  labels               = var.labels
  ingress              = local.ingress[var.ingress]
  custom_audiences     = [var.audience]
  invoker_iam_disabled = false
  deletion_protection  = false # by default nothing could be destroyed

  scaling { # always written: left out it would differ from what is read back
    min_instance_count = var.min_instances
  }

  template {
    revision                         = var.revision
    service_account                  = local.email
    labels                           = var.labels
    timeout                          = "${var.timeout_s}s"
    max_instance_request_concurrency = 1 # one run an instance; by default it would be 80 for each CPU
    execution_environment            = var.cpu >= 1 && local.mib >= 512 ? "EXECUTION_ENVIRONMENT_GEN2" : "EXECUTION_ENVIRONMENT_GEN1"

    scaling {
      max_instance_count = min(1000, max(var.max_runs, var.min_instances) + var.spare_instances)
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = local.cpu, memory = var.memory }
        cpu_idle          = !var.cpu_always # always written: beside limits it would be false
        startup_cpu_boost = true
      }

      startup_probe { # of HTTP: a TCP probe passes as soon as the port is bound. 240 s are the most there are.
        initial_delay_seconds = 0
        timeout_seconds       = 5
        period_seconds        = 5
        failure_threshold     = 48
        http_get {
          path = "/health"
          port = 8080
        }
      }

      dynamic "env" {
        for_each = local.env
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.project == null ? env.value.secret : "projects/${env.value.project}/secrets/${env.value.secret}"
              version = env.value.version
            }
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = length(var.cloudsql) > 0 ? ["cloudsql"] : []
        content {
          name       = "cloudsql"
          mount_path = "/cloudsql"
        }
      }
    }

    dynamic "volumes" {
      for_each = length(var.cloudsql) > 0 ? ["cloudsql"] : []
      content {
        name = "cloudsql"
        cloud_sql_instance {
          instances = var.cloudsql
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.vpc == null ? [] : [var.vpc]
      content {
        egress = vpc_access.value.egress == "all-traffic" ? "ALL_TRAFFIC" : "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnet
        }
      }
    }
  }

  dynamic "traffic" {
    for_each = length(var.traffic) == 0 ? [{ revision = null, percent = 100, tag = null }] : var.traffic
    content {
      type     = traffic.value.revision == null ? "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" : "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
      revision = traffic.value.revision
      percent  = traffic.value.percent
      tag      = traffic.value.tag
    }
  }

  lifecycle {
    precondition {
      condition     = var.cpu >= 1 || !var.cpu_always
      error_message = "cpu_always needs whole CPUs."
    }
    precondition {
      condition     = local.mib <= { "8" = 32768, "6" = 24576, "4" = 16384, "2" = 8192, "1" = 4096 }[tostring(ceil(var.cpu))]
      error_message = "Cloud Run gives at most 4Gi with 1 CPU, 8Gi with 2, 16Gi with 4, 24Gi with 6, 32Gi with 8."
    }
    precondition {
      condition     = local.mib >= (var.cpu >= 6 ? 4096 : var.cpu >= 4 ? 2048 : 128)
      error_message = "Cloud Run gives at least 128Mi, 2Gi with 4 CPUs, 4Gi with 6 or 8."
    }
    precondition {
      condition     = local.mib <= (var.cpu < 0.5 ? 512 : var.cpu < 1 ? 1024 : 32768)
      error_message = "Cloud Run gives at most 512Mi with less than half a CPU, 1Gi with less than a whole one."
    }
    precondition {
      condition     = length(setintersection(keys(local.env), keys(var.secrets))) == 0
      error_message = "A variable has one source: env or secrets."
    }
  }
}
