"""The pitfalls of Google's APIs and their provider: how each would come back, and what a plan without it looks like.

A test plans the configuration as it is, and each claim holds; another puts one pitfall back, and its claim fails."""

from collections.abc import Callable
from dataclasses import dataclass

from claims_about_plans import (
    JOB,
    SERVICE,
    SUBSCRIPTION,
    Plan,
    absence_is_watched,
    asked_hourly,
    condition,
    container,
    dead_letters_are_granted,
    env,
    every,
    known_topics_are_left_alone,
    limited_notifications,
    newest_images_stay,
    only_declared_roles,
    own_topics,
    probe,
    scheduler_is_watched,
    template,
    tokens_say_the_audience,
    waits_for_its_secrets,
)

PIPELINE = "modules/pipeline_service/main.tf"
ACCESS = "modules/pipeline_service/iam.tf"
TOPIC = "modules/topic/main.tf"

BINDING = """\
resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  members  = distinct(var.invokers)
}"""
SOFT_DELETION = """\
  soft_delete_policy { # always written: without the block nothing would change back
    retention_duration_seconds = var.soft_delete_days * 24 * 60 * 60
  }"""
MEMBERS = """\
resource "google_cloud_run_v2_service_iam_member" "invokers" {
  for_each = toset(var.invokers)
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = each.key
}"""


@dataclass(frozen=True)
class Pitfall:
    """A pitfall comes back when `text` of `file` is replaced by `put_back`; then `holds` is false of the plan."""

    name: str
    file: str
    text: str
    put_back: str
    holds: Callable[[Plan], bool]


PITFALLS = (
    Pitfall("the address as audience", PIPELINE, "custom_audiences     = [var.audience]", "", tokens_say_the_audience),
    Pitfall(
        "the address as a schedule's audience",
        "modules/schedule/main.tf",
        "= var.audience",
        "= var.uri",
        tokens_say_the_audience,
    ),
    Pitfall(
        "the address as a push's audience",
        TOPIC,
        "= push_config.value.audience",
        "= push_config.value.endpoint",
        tokens_say_the_audience,
    ),
    Pitfall(
        "invokers by members, which don't see who was added",
        ACCESS,
        BINDING,
        MEMBERS,
        every("google_cloud_run_v2_service_iam_binding", lambda one: len(one["members"]) == 5),
    ),
    Pitfall(
        "instances that can't be destroyed",
        PIPELINE,
        "deletion_protection  = false",
        "deletion_protection  = true",
        every(SERVICE, lambda one: one["deletion_protection"] is False),
    ),
    Pitfall(
        "no scaling of the service",
        PIPELINE,
        "min_instance_count = var.min_instances",
        "",
        every(SERVICE, lambda one: (one.get("scaling") or [{}])[0].get("min_instance_count") is not None),
    ),
    Pitfall(
        "80 requests an instance",
        PIPELINE,
        "max_instance_request_concurrency = 1 ",
        "# ",
        every(SERVICE, lambda one: template(one).get("max_instance_request_concurrency") == 1),
    ),
    Pitfall(
        "CPU that is paid for all the time",
        PIPELINE,
        "cpu_idle          = !var.cpu_always",
        "",
        every(SERVICE, lambda one: container(one)["resources"][0].get("cpu_idle") is True),
    ),
    Pitfall(
        "a CPU that reads back otherwise",
        PIPELINE,
        "tostring(var.cpu) :",
        '"${var.cpu * 1000}m" :',
        every(SERVICE, lambda one: container(one)["resources"][0]["limits"]["cpu"].isdigit()),
    ),
    Pitfall(
        "no instance left to cancel",
        PIPELINE,
        "+ var.spare_instances)",
        ")",
        every(SERVICE, lambda one: template(one)["scaling"][0]["max_instance_count"] >= 5),
    ),
    Pitfall(
        "a probe of the port",
        PIPELINE,
        'path = "/health"',
        "",
        every(SERVICE, lambda one: (probe(one).get("http_get") or [{}])[0].get("path") == "/health"),
    ),
    Pitfall(
        "more time to start than Cloud Run gives",
        PIPELINE,
        "failure_threshold     = 48",
        "failure_threshold     = 49",
        every(SERVICE, lambda one: probe(one)["failure_threshold"] * probe(one)["period_seconds"] <= 240),
    ),
    Pitfall(
        "a service that doesn't know its timeout",
        PIPELINE,
        "CLOUD_RUN_TIMEOUT_SECONDS = tostring(var.timeout_s)",
        "",
        every(SERVICE, lambda one: f"{env(one).get('CLOUD_RUN_TIMEOUT_SECONDS')}s" == template(one)["timeout"]),
    ),
    Pitfall(
        "a container that starts before it may read its secrets",
        PIPELINE,
        "    google_secret_manager_secret_iam_member.this,\n",
        "",
        waits_for_its_secrets,
    ),
    Pitfall(
        "checks that Cloud Run doesn't make",
        "main.tf",
        '{ PPLNS_CLOUD_RUN_CHECKS = "1" }',
        "{}",
        every(SERVICE, lambda one: env(one).get("PPLNS_CLOUD_RUN_CHECKS") == "1"),
    ),
    Pitfall(
        "a bucket that can't be listed",
        ACCESS,
        '|| api.getAttribute(\\"storage.googleapis.com/objectListPrefix\\", \\"\\").startsWith(${local.own_listing})"',
        '"',
        every("google_storage_bucket_iam_member", lambda one: "objectListPrefix" in condition(one), "store"),
    ),
    Pitfall(
        "a neighbour whose name begins alike",
        ACCESS,
        '${var.pipeline}/")\n  own_listing',
        '${var.pipeline}")\n  own_listing',
        every(
            "google_storage_bucket_iam_member",
            lambda one: "/objects/" in condition(one) and '/")' in condition(one).split("||")[0],
            "store",
        ),
    ),
    Pitfall(
        "a role over the project that nobody declared",
        ACCESS,
        'role    = "roles/bigquery.jobUser"',
        'role    = "roles/editor"',
        only_declared_roles,
    ),
    Pitfall(
        "a subscription that goes after 31 idle days",
        TOPIC,
        'ttl = "" # never',
        'ttl = "2678400s" # never',
        every(SUBSCRIPTION, lambda one: one["expiration_policy"][0]["ttl"] == ""),
    ),
    Pitfall(
        "a push that comes again at once",
        TOPIC,
        'minimum_backoff = "10s"',
        'minimum_backoff = "0s"',
        every(
            SUBSCRIPTION,
            lambda one: (
                one["retry_policy"][0]["minimum_backoff"] == "10s"
                and one["retry_policy"][0]["maximum_backoff"] == "600s"
            ),
            ".push[",
        ),
    ),
    Pitfall(
        "a dead letter after five attempts",
        TOPIC,
        "max_delivery_attempts = 100",
        "max_delivery_attempts = 5",
        every(SUBSCRIPTION, lambda one: one["dead_letter_policy"][0]["max_delivery_attempts"] == 100, ".push["),
    ),
    Pitfall(
        "ten seconds for a push",
        TOPIC,
        "ack_deadline_seconds       = 600",
        "ack_deadline_seconds       = 10",
        every(SUBSCRIPTION, lambda one: one["ack_deadline_seconds"] == 600, ".push["),
    ),
    Pitfall(
        "dead letters that nobody keeps",
        "main.tf",
        "is_kept    = true",
        "is_kept    = false",
        every(SUBSCRIPTION, lambda one: not one.get("push_config"), "dead_letters"),
    ),
    Pitfall(
        "dead letters that Pub/Sub may not move",
        "main.tf",
        ", pubsub = local.pubsub_agent }",
        " }",
        dead_letters_are_granted,
    ),
    Pitfall(
        "a filter on continuations",
        "main.tf",
        "      dead_letters = module.dead_letters[each.key].id\n    }",
        '      dead_letters = module.dead_letters[each.key].id\n      filter = "attributes:x"\n    }',
        own_topics,
    ),
    Pitfall(
        "a topic of somebody else's that is managed",
        TOPIC,
        "count = local.is_made ? 1 : 0",
        "count = 1",
        known_topics_are_left_alone,
    ),
    Pitfall(
        "a schedule that is tried once",
        "modules/schedule/main.tf",
        "retry_count          = 5",
        "retry_count          = 0",
        every(
            JOB,
            lambda one: (
                one["retry_config"][0]["retry_count"] == 5 and one["retry_config"][0]["min_backoff_duration"] == "30s"
            ),
        ),
    ),
    Pitfall(
        "three minutes for a schedule's run",
        "modules/schedule/main.tf",
        'attempt_deadline = "${var.attempt_s}s"',
        "",
        every(JOB, lambda one: one.get("attempt_deadline") == "1800s", "module.schedule"),
    ),
    Pitfall(
        "a body of unknown type",
        "modules/schedule/main.tf",
        '{ "Content-Type" = "application/json" }',
        "{}",
        every(JOB, lambda one: (one["http_target"][0].get("headers") or {}).get("Content-Type") == "application/json"),
    ),
    Pitfall(
        "objects with access lists of their own",
        "modules/state_bucket/main.tf",
        "uniform_bucket_level_access = true",
        "uniform_bucket_level_access = false",
        every(
            "google_storage_bucket",
            lambda one: one["uniform_bucket_level_access"] and one["public_access_prevention"] == "enforced",
        ),
    ),
    Pitfall(
        "a soft deletion that nothing changes back",
        "modules/state_bucket/main.tf",
        SOFT_DELETION,
        "",
        every(
            "google_storage_bucket",
            lambda one: (one.get("soft_delete_policy") or [{}])[0].get("retention_duration_seconds") == 604800,
        ),
    ),
    Pitfall(
        "APIs that are switched off for all",
        "modules/platform/main.tf",
        "disable_on_destroy = false",
        "disable_on_destroy = true",
        every("google_project_service", lambda one: one["disable_on_destroy"] is False),
    ),
    Pitfall(
        "images deleted that a rollback names",
        "modules/platform/main.tf",
        "most_recent_versions {\n      keep_count = var.repository.keep_versions\n    }",
        'condition {\n      tag_state = "TAGGED"\n    }',
        newest_images_stay,
    ),
    Pitfall(
        "errors that only Scheduler sees",
        "modules/observability/alerts.tf",
        '\\"UNAUTHENTICATED\\" OR ',
        "",
        scheduler_is_watched,
    ),
    Pitfall(
        "a question that isn't asked",
        "main.tf",
        'cron        = "17 * * * *"',
        'cron        = "17 6 * * *"',
        asked_hourly,
    ),
    Pitfall(
        "an alert on a metric that isn't known yet",
        "modules/observability/alerts.tf",
        "disable_metric_validation = true",
        "disable_metric_validation = false",
        absence_is_watched,
    ),
    Pitfall(
        "an alert on entries without a limit",
        "modules/observability/alerts.tf",
        'notification_rate_limit { # has to be there for log entries\n      period = "300s"\n    }',
        "",
        limited_notifications,
    ),
)
