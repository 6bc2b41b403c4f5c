resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.is_made ? var.publishers : {}

  project = var.project
  topic   = google_pubsub_topic.this[0].name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

# Pub/Sub's agent acknowledges what it moves to the dead letters.
resource "google_pubsub_subscription_iam_member" "agent" {
  for_each = var.subscriptions

  project      = var.project
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent
}
