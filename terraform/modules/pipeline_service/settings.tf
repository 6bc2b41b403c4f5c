# What the pipeline was deployed with, for whoever deploys another one: noted once the service has taken it.
resource "terraform_data" "settings" {
  depends_on = [google_cloud_run_v2_service.this]

  input = var.settings
}
