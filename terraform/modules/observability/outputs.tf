output "dashboard" {
  description = "Id of the dashboard; null where nothing is watched."
  value       = one(google_monitoring_dashboard.this[*].id)
}
