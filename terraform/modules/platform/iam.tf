# People have no tokens with an audience of ours; they get those of this account.
resource "google_service_account_iam_binding" "invoke" {
  count = length(local.impersonators) > 0 ? 1 : 0

  service_account_id = google_service_account.this["invoke"].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  members            = local.impersonators
}

# In projects from before April 2021 Pub/Sub's agent has to be told that it may sign tokens.
resource "google_service_account_iam_member" "push" {
  service_account_id = google_service_account.this["push"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = var.pubsub_agent
}

locals {
  impersonators = [for one in var.invokers : one if !contains(["allUsers", "allAuthenticatedUsers"], one)]
}
