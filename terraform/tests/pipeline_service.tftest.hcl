# The module of one service by itself.

mock_provider "google" {}

variables {
  project    = "acme-data"
  region     = "europe-west1"
  name       = "orders"
  pipeline   = "orders"
  image      = "host/acme/shop@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
  audience   = "https://orders.acme.internal"
  account_id = "orders-runs"
  store      = { bucket = "acme-data-pplns", prefix = "prod/" }
  invokers   = ["serviceAccount:pplns-schedule@acme-data.iam.gserviceaccount.com"]
  cpu        = 2
  memory     = "4Gi"
}

run "whole_cpus_are_plain_numbers" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].resources[0].limits.cpu == "2"
    error_message = "2000m would differ from what is read back."
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].scaling[0].max_instance_count == 10
    error_message = "Two instances come on top of eight runs."
  }
}

run "part_of_a_cpu_is_of_the_first_generation" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    cpu    = 0.5
    memory = "512Mi"
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].resources[0].limits.cpu == "500m"
    error_message = "Parts are in thousandths."
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].execution_environment == "EXECUTION_ENVIRONMENT_GEN1"
    error_message = "The second generation needs a whole CPU."
  }
}

run "a_revision_takes_the_services_name" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    revision = "other-1"
  }

  expect_failures = [var.revision]
}

run "traffic_is_whole" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    traffic = [{ revision = "orders-1", percent = 40 }, { tag = "next" }]
  }

  expect_failures = [var.traffic]
}

run "too_much_memory_is_refused" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    memory = "16Gi"
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "too_little_memory_is_refused" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    cpu    = 4
    memory = "1Gi"
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "a_part_of_a_cpu_has_little_memory" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    cpu    = 0.25
    memory = "1Gi"
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "a_tag_and_the_service_fit_in_a_host_name" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    name    = "a-service-whose-name-has-forty-three-letter"
    traffic = [{ percent = 100, tag = "next" }]
  }

  expect_failures = [var.traffic]
}

run "a_vpc_names_a_network" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }
  variables {
    vpc = { egress = "all-traffic" }
  }

  expect_failures = [var.vpc]
}

run "the_prefix_is_in_both_halves_of_the_condition" {
  command = plan
  module {
    source = "./modules/pipeline_service"
  }

  assert {
    condition = google_storage_bucket_iam_member.store.condition[0].expression == join(" || ", [
      "resource.name.startsWith(\"projects/_/buckets/acme-data-pplns/objects/prod/orders/\")",
      "api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"prod/orders/\")",
    ])
    error_message = "Objects and lists of its own prefix only."
  }
}
