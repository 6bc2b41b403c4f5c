# What the environment was deployed with, for whoever deploys a single pipeline from another working tree.
resource "terraform_data" "settings" {
  depends_on = [module.platform, module.state_bucket]

  input = jsonencode({
    project               = var.project
    region                = var.region
    scheduler_region      = var.scheduler_region
    environment           = var.environment
    labels                = var.labels
    notification_channels = var.notification_channels
    invokers              = var.invokers
    ingress               = var.ingress
    accounts              = var.accounts
    store                 = var.store
    repository            = var.repository
    enable_services       = var.enable_services
    pipelines_folder      = var.pipelines_folder
  })
}
