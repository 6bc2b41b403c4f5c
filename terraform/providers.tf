provider "google" {
  project = var.project
  region  = var.region

  add_terraform_attribution_label = false
}
