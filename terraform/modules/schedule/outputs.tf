output "id" {
  description = "Id of the Scheduler job."
  value       = google_cloud_scheduler_job.this.id
}
