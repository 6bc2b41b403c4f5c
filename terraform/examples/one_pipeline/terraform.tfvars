# One pipeline, started every morning and by messages, without the tool. The names are yours to choose; the image is
# what `pplns package --push` printed.

project     = "acme-data"
region      = "europe-west1"
environment = "prod"
invokers    = ["group:data@acme.com"]

accounts = {
  schedule = "pplns-schedule"
  push     = "pplns-push"
  invoke   = "pplns-invoke"
}

store      = { bucket = "acme-data-pplns" }
repository = { name = "pplns" }

pipelines = {
  daily_orders = {
    service       = "daily-orders"
    account_id    = "daily-orders"
    image         = "europe-west1-docker.pkg.dev/acme-data/pplns/shop@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    audience      = "https://daily-orders.acme.internal"
    continuations = "daily-orders.continuations"
    dead_letters  = "daily-orders.dead-letters"
    cpu           = 2
    memory        = "4Gi"
    bigquery      = { jobs = true, read = ["raw"], write = ["mart"] }
    secrets       = { WAREHOUSE_PASSWORD = { secret = "warehouse-password", version = "3" } }
    schedules = {
      morning = {
        job      = "daily-orders_morning"
        cron     = "0 6 * * *"
        timezone = "America/New_York"
        body     = "{\"schedule\": \"morning\"}"
      }
    }
    subscriptions = {
      landed = { name = "daily-orders_landed", topic = "orders-landed" }
    }
  }
}
