import {
  for_each = var.adopt
  to       = module.pipeline_service[each.key].google_cloud_run_v2_service.this
  id       = "projects/${var.project}/locations/${var.region}/services/${var.pipelines[each.key].service}"
}
