output "id" {
  description = "The topic as projects/PROJECT/topics/NAME."
  value       = local.id
  depends_on  = [google_pubsub_topic.this]
}
