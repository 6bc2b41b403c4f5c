# An environment of pplns: what it has once, and for each pipeline a service with its triggers. The topics and the
# Scheduler jobs of all pipelines are made here side by side, so that each module is one thing.

data "google_project" "this" {
  project_id = var.project
}

locals {
  labels       = merge(var.labels, { pplns-environment = var.environment })
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  prefix       = var.store.prefix == "" ? "" : "${var.store.prefix}/"

  # Cloud Run lets everybody through only where everybody is an invoker; then the service itself checks signatures.
  cloud_run_checks = !contains(var.invokers, "allUsers")
  invoker_emails = [
    for member in var.invokers : trimprefix(trimprefix(member, "serviceAccount:"), "user:")
    if startswith(member, "serviceAccount:") || startswith(member, "user:")
  ]

  schedules = merge([
    for name, pipeline in var.pipelines : {
      for schedule, one in pipeline.schedules : "${name}/${schedule}" => merge(one, { pipeline = name })
    }
  ]...)

  # The hourly question of each pipeline: did every schedule run, and did every continuation come? It goes on while the
  # schedules are paused, and says so.
  questions = {
    for name, pipeline in var.pipelines : name => {
      job  = "${pipeline.service}__missed"
      body = jsonencode({ paused = pipeline.paused })
    }
  }

  subscriptions = merge([
    for name, pipeline in var.pipelines : {
      for trigger, one in pipeline.subscriptions : "${name}/${trigger}" => merge(one, { pipeline = name })
    }
  ]...)
  made_topics  = toset([for one in values(local.subscriptions) : one.topic if !startswith(one.topic, "projects/")])
  known_topics = toset([for one in values(local.subscriptions) : one.topic if startswith(one.topic, "projects/")])
  subscriptions_by_topic = {
    for topic in setunion(local.made_topics, local.known_topics) : topic => {
      for key, one in local.subscriptions : one.name => {
        endpoint     = module.pipeline_service[one.pipeline].runs_url
        audience     = var.pipelines[one.pipeline].audience
        filter       = one.filter
        dead_letters = module.dead_letters[one.pipeline].id
        is_paused    = var.pipelines[one.pipeline].paused
      } if one.topic == topic
    }
  }
}

module "platform" {
  source = "./modules/platform"

  project         = var.project
  region          = var.region
  environment     = var.environment
  labels          = local.labels
  accounts        = var.accounts
  invokers        = var.invokers
  pubsub_agent    = local.pubsub_agent
  repository      = var.repository
  enable_services = var.enable_services
}

module "state_bucket" {
  source     = "./modules/state_bucket"
  count      = var.store.create ? 1 : 0
  depends_on = [module.platform]

  project          = var.project
  name             = var.store.bucket
  location         = var.region
  labels           = local.labels
  soft_delete_days = var.store.soft_delete_days
  force_destroy    = var.store.force_destroy
}

module "pipeline_service" {
  source     = "./modules/pipeline_service"
  for_each   = var.pipelines
  depends_on = [module.platform, module.state_bucket]

  project         = var.project
  region          = var.region
  name            = each.value.service
  pipeline        = each.key
  description     = each.value.description
  labels          = local.labels
  image           = each.value.image
  audience        = each.value.audience
  ingress         = var.ingress
  service_account = each.value.service_account
  account_id      = each.value.account_id
  store           = { bucket = var.store.bucket, prefix = local.prefix }
  invokers = concat(
    [module.platform.members.schedule, module.platform.members.push, module.platform.members.invoke], var.invokers
  )

  cpu             = each.value.cpu
  memory          = each.value.memory
  cpu_always      = each.value.cpu_always
  min_instances   = each.value.min_instances
  max_runs        = each.value.max_runs
  spare_instances = each.value.spare_instances
  timeout_s       = each.value.timeout_s

  env = merge(each.value.env, {
    GOOGLE_CLOUD_PROJECT    = var.project
    PPLNS_TOPIC             = "projects/${var.project}/topics/${each.value.continuations}"
    PPLNS_DEAD_LETTER_TOPIC = "projects/${var.project}/topics/${each.value.dead_letters}"
    PPLNS_ALLOWED_CALLERS   = join(",", concat(values(module.platform.emails), local.invoker_emails))
    PPLNS_PUSH_SECONDS      = "600"
    PPLNS_SCHEDULE_SECONDS  = "1800"
    },
    local.cloud_run_checks ? { PPLNS_CLOUD_RUN_CHECKS = "1" } : {},
    var.pipelines_folder == null ? {} : { PPLNS_PIPELINES = var.pipelines_folder },
  )
  secrets  = each.value.secrets
  roles    = each.value.roles
  bigquery = each.value.bigquery
  buckets  = each.value.buckets
  vpc      = each.value.vpc
  cloudsql = each.value.cloudsql
  revision = each.value.revision
  traffic  = each.value.traffic
  settings = jsonencode({
    for key, value in each.value : key => value if !contains(["image", "revision", "traffic"], key)
  })
}

module "continuations" {
  source     = "./modules/topic"
  for_each   = var.pipelines
  depends_on = [module.platform]

  project      = var.project
  name         = each.value.continuations
  labels       = local.labels
  publishers   = { service = module.pipeline_service[each.key].member }
  push_account = module.platform.emails.push
  pubsub_agent = local.pubsub_agent
  subscriptions = {
    (each.value.continuations) = {
      endpoint     = module.pipeline_service[each.key].runs_url
      audience     = each.value.audience
      dead_letters = module.dead_letters[each.key].id
    }
  }
}

module "dead_letters" {
  source     = "./modules/topic"
  for_each   = var.pipelines
  depends_on = [module.platform]

  project    = var.project
  name       = each.value.dead_letters
  labels     = local.labels
  publishers = { service = module.pipeline_service[each.key].member, pubsub = local.pubsub_agent }
  is_kept    = true
}

module "trigger_topic" {
  source     = "./modules/topic"
  for_each   = local.made_topics
  depends_on = [module.platform]

  project       = var.project
  name          = each.key
  labels        = local.labels
  push_account  = module.platform.emails.push
  pubsub_agent  = local.pubsub_agent
  subscriptions = local.subscriptions_by_topic[each.key]
}

module "known_topic" {
  source     = "./modules/topic"
  for_each   = local.known_topics
  depends_on = [module.platform]

  project       = var.project
  name          = each.key
  labels        = local.labels
  push_account  = module.platform.emails.push
  pubsub_agent  = local.pubsub_agent
  subscriptions = local.subscriptions_by_topic[each.key]
}

module "schedule" {
  source     = "./modules/schedule"
  for_each   = local.schedules
  depends_on = [module.platform]

  project     = var.project
  region      = coalesce(var.scheduler_region, var.region)
  name        = each.value.job
  description = "pplns: starts ${each.value.pipeline}"
  cron        = each.value.cron
  timezone    = each.value.timezone
  uri         = module.pipeline_service[each.value.pipeline].runs_url
  body        = each.value.body
  account     = module.platform.emails.schedule
  audience    = var.pipelines[each.value.pipeline].audience
  is_paused   = var.pipelines[each.value.pipeline].paused
}

module "missed" {
  source     = "./modules/schedule"
  for_each   = local.questions
  depends_on = [module.platform]

  project     = var.project
  region      = coalesce(var.scheduler_region, var.region)
  name        = each.value.job
  description = "pplns: asks which runs of ${each.key} were missed or forgotten"
  cron        = "17 * * * *"
  timezone    = "UTC"
  uri         = "${module.pipeline_service[each.key].uri}/missed"
  body        = each.value.body
  account     = module.platform.emails.schedule
  audience    = var.pipelines[each.key].audience
  attempt_s   = 180
}

module "observability" {
  source     = "./modules/observability"
  depends_on = [module.platform]

  project               = var.project
  environment           = var.environment
  labels                = local.labels
  notification_channels = var.notification_channels
  services              = sort([for one in values(var.pipelines) : one.service])
  jobs                  = sort(concat([for one in values(local.schedules) : one.job], [for one in values(local.questions) : one.job]))
  dead_letters          = sort([for one in values(var.pipelines) : one.dead_letters])
  compared              = length([for one in values(var.pipelines) : one if length(one.schedules) > 0])
}
