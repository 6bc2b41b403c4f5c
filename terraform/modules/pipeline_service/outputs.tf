output "uri" {
  description = "Address of the service."
  value       = google_cloud_run_v2_service.this.uri
}

output "runs_url" {
  description = "Address to which triggers send their requests."
  value       = "${google_cloud_run_v2_service.this.uri}/pipelines/${var.pipeline}/runs"
}

output "email" {
  description = "E-mail address of the account that it runs as."
  value       = local.email
}

output "member" {
  description = "The same account as a member of policies."
  value       = local.member
  depends_on  = [google_service_account.this]
}

output "revision" {
  description = "The newest revision that came up."
  value       = google_cloud_run_v2_service.this.latest_ready_revision
}
