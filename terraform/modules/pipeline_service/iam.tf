locals {
  member = "serviceAccount:${local.email}"
  # A prefix as the text of an IAM condition: JSON's escapes are CEL's.
  own_objects = jsonencode("projects/_/buckets/${var.store.bucket}/objects/${var.store.prefix}${var.pipeline}/")
  own_listing = jsonencode("${var.store.prefix}${var.pipeline}/")

  is_own = var.service_account == null # an account of the user's is granted what is pplns's, and nothing else

  buckets = merge(
    { for one in var.buckets.read : "read ${one}" => { place = one, role = "roles/storage.objectViewer" } },
    { for one in var.buckets.write : "write ${one}" => { place = one, role = "roles/storage.objectUser" } },
  )
  datasets = merge(
    { for one in var.bigquery.read : "read ${one}" => { place = one, role = "roles/bigquery.dataViewer" } },
    { for one in var.bigquery.write : "write ${one}" => { place = one, role = "roles/bigquery.dataEditor" } },
  )
}

# Authoritative, so that a caller who was added by hand is found and removed.
resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  members  = distinct(var.invokers)
}

# Its own runs only. Listing names the prefix in an attribute, not in the resource: without the second half it would
# be refused, and a missing object would read as forbidden.
resource "google_storage_bucket_iam_member" "store" {
  depends_on = [google_service_account.this]

  bucket = var.store.bucket
  role   = "roles/storage.objectUser"
  member = local.member

  condition {
    title      = "pplns-${var.pipeline}"
    expression = "resource.name.startsWith(${local.own_objects}) || api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(${local.own_listing})"
  }
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each   = { for one in values(var.secrets) : "${coalesce(one.project, var.project)}/${one.secret}" => one... }
  depends_on = [google_service_account.this]

  project   = coalesce(each.value[0].project, var.project)
  secret_id = each.value[0].secret
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

# Over the project: what was declared, and nothing else.
resource "google_project_iam_member" "declared" {
  for_each   = local.is_own ? toset(var.roles) : []
  depends_on = [google_service_account.this]

  project = var.project
  role    = each.key
  member  = local.member
}

resource "google_project_iam_member" "bigquery_jobs" {
  count      = local.is_own && var.bigquery.jobs ? 1 : 0
  depends_on = [google_service_account.this]

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = local.member
}

resource "google_bigquery_dataset_iam_member" "this" {
  for_each   = local.is_own ? local.datasets : {}
  depends_on = [google_service_account.this]

  project    = length(split(".", each.value.place)) == 2 ? split(".", each.value.place)[0] : var.project
  dataset_id = reverse(split(".", each.value.place))[0]
  role       = each.value.role
  member     = local.member
}

resource "google_storage_bucket_iam_member" "declared" {
  for_each   = local.is_own ? local.buckets : {}
  depends_on = [google_service_account.this]

  bucket = split("/", each.value.place)[0]
  role   = each.value.role
  member = local.member

  dynamic "condition" {
    for_each = [for prefix in [join("/", slice(split("/", each.value.place), 1, length(split("/", each.value.place))))] : prefix if prefix != ""]
    content {
      title      = "pplns-${var.pipeline}"
      expression = "resource.name.startsWith(${jsonencode("projects/_/buckets/${split("/", each.value.place)[0]}/objects/${condition.value}")}) || api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(${jsonencode(condition.value)})"
    }
  }
}

resource "google_project_iam_member" "cloudsql" {
  for_each   = local.is_own ? toset(var.cloudsql) : []
  depends_on = [google_service_account.this]

  project = split(":", each.key)[0]
  role    = "roles/cloudsql.client"
  member  = local.member

  condition {
    title      = "pplns-${var.pipeline}"
    expression = "resource.name == ${jsonencode("projects/${split(":", each.key)[0]}/instances/${split(":", each.key)[2]}")} && resource.service == \"sqladmin.googleapis.com\""
  }
}
