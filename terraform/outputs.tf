output "pipelines" {
  description = "Each pipeline's service, address, audience, account and newest revision that is ready."
  value = {
    for name, one in module.pipeline_service : name => {
      service     = var.pipelines[name].service
      description = var.pipelines[name].description
      uri         = one.uri
      audience    = var.pipelines[name].audience
      account     = one.email
      revision    = one.revision
      image       = var.pipelines[name].image
    }
  }
}

output "invoke_account" {
  description = "E-mail address of the account that people and CI start runs as."
  value       = module.platform.emails.invoke
}

output "repository" {
  description = "Where images are pushed to: HOST/PROJECT/REPOSITORY."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${var.repository.name}"
}

output "store" {
  description = "URL of the store of runs."
  value       = "gs://${var.store.bucket}${var.store.prefix == "" ? "" : "/${var.store.prefix}"}"
}

output "dashboard" {
  description = "Id of the dashboard in Cloud Monitoring."
  value       = module.observability.dashboard
}
