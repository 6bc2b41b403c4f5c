# `terraform test`, with a provider that answers by itself: what is refused, and what follows from what.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project     = "acme-data"
  region      = "europe-west1"
  environment = "prod"
  accounts    = { schedule = "pplns-schedule", push = "pplns-push", invoke = "pplns-invoke" }
  store       = { bucket = "acme-data-pplns", prefix = "prod" }
  repository  = { name = "pplns" }
  pipelines = {
    orders = {
      service       = "orders"
      account_id    = "orders-runs"
      image         = "host/acme/shop@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
      audience      = "https://orders.acme.internal"
      continuations = "orders.continuations"
      dead_letters  = "orders.dead-letters"
      bigquery      = { jobs = true, read = ["raw"], write = ["other-project.mart"] }
      schedules     = { morning = { job = "orders_morning", cron = "0 6 * * *", body = "{}" } }
      subscriptions = { landed = { name = "orders_landed", topic = "landed" } }
    }
  }
}

run "a_pipeline_gets_what_it_needs" {
  command = plan

  assert {
    condition     = keys(module.trigger_topic) == ["landed"] && length(module.known_topic) == 0
    error_message = "The topic of the trigger is made."
  }

  assert {
    condition     = keys(module.schedule) == ["orders/morning"] && keys(module.missed) == ["orders"]
    error_message = "There is a Scheduler job for the schedule, and one that asks whether it ran."
  }

  assert {
    condition     = output.store == "gs://acme-data-pplns/prod"
    error_message = "The store is the bucket with its prefix."
  }
}

run "a_pipeline_without_schedules_is_asked_too" {
  command = plan

  variables {
    pipelines = {
      orders = {
        service       = "orders"
        account_id    = "orders-runs"
        image         = "host/acme/shop@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
        audience      = "orders"
        continuations = "orders.c"
        dead_letters  = "orders.d"
      }
    }
  }

  assert {
    condition     = length(module.schedule) == 0 && keys(module.missed) == ["orders"]
    error_message = "A continuation may get lost, whatever started the run."
  }
}

run "nothing_is_watched_where_nothing_runs" {
  command = plan

  variables {
    pipelines = {}
  }

  assert {
    condition     = output.dashboard == null && length(output.pipelines) == 0
    error_message = "Without pipelines there is no dashboard."
  }
}

run "an_image_by_tag_is_refused" {
  command = plan

  variables {
    pipelines = {
      orders = {
        service       = "orders"
        account_id    = "orders-runs"
        image         = "host/acme/shop:latest"
        audience      = "orders"
        continuations = "orders.c"
        dead_letters  = "orders.d"
      }
    }
  }

  expect_failures = [var.pipelines]
}

run "two_accounts_are_refused" {
  command = plan

  variables {
    pipelines = {
      orders = {
        service         = "orders"
        account_id      = "orders-runs"
        service_account = "loader@acme-data.iam.gserviceaccount.com"
        image           = "host/acme/shop@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
        audience        = "orders"
        continuations   = "orders.c"
        dead_letters    = "orders.d"
      }
    }
  }

  expect_failures = [var.pipelines]
}

run "a_slash_around_the_prefix_is_refused" {
  command = plan

  variables {
    store = { bucket = "acme-data-pplns", prefix = "prod/" }
  }

  expect_failures = [var.store]
}
