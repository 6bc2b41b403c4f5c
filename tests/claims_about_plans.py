"""What can be claimed about a plan of the Terraform configuration: what it holds, and what is true of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Plan = Mapping[str, Any]
SERVICE = "google_cloud_run_v2_service"
SUBSCRIPTION = "google_pubsub_subscription"
JOB = "google_cloud_scheduler_job"


def resources(plan: Plan, kind: str, where: str = "") -> list[dict[str, Any]]:
    """Return the planned values of all resources of a kind whose address contains a text."""
    return [
        one["values"]
        for one in _all(plan["planned_values"]["root_module"])
        if one["type"] == kind and where in one["address"]
    ]


def _all(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _all(child)


def every(kind: str, claim: Callable[[dict[str, Any]], object], where: str = "") -> Callable[[Plan], bool]:
    """Return the claim that there are resources of a kind and that something is true of each."""

    def holds(plan: Plan) -> bool:
        found = resources(plan, kind, where)
        return bool(found) and all(claim(one) for one in found)

    return holds


def template(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template of a service."""
    found: dict[str, Any] = service["template"][0]
    return found


def container(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the container of a service."""
    found: dict[str, Any] = template(service)["containers"][0]
    return found


def env(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the plain environment variables of a service; one whose value isn't known yet is missing."""
    return {one["name"]: one["value"] for one in container(service)["env"] if one.get("value")}


def probe(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the startup probe of a service, or nothing."""
    found = container(service).get("startup_probe") or [{}]
    return dict(found[0])


def tokens_say_the_audience(plan: Plan) -> bool:
    """Service, its environment, jobs and pushes say the same text, and it is known before there is an address."""
    known = {audience for one in resources(plan, SERVICE) for audience in one.get("custom_audiences") or ()}
    said = {env(one).get("PPLNS_AUDIENCE") for one in resources(plan, SERVICE)}
    jobs = {one["http_target"][0]["oidc_token"][0].get("audience") for one in resources(plan, JOB)}
    pushes = {
        one["push_config"][0]["oidc_token"][0].get("audience")
        for one in resources(plan, SUBSCRIPTION)
        if one.get("push_config")
    }
    return known == said == pushes and jobs <= known and bool(jobs)


def own_topics(plan: Plan) -> bool:
    """Each service has a subscription without a filter for its continuations."""
    own = [one for one in resources(plan, SUBSCRIPTION, "module.continuations") if not one.get("filter")]
    return len(own) == len(resources(plan, SERVICE))


def known_topics_are_left_alone(plan: Plan) -> bool:
    """No topic of somebody else's is managed."""
    return all(
        "/" not in one["name"] and "partner" not in one["name"] for one in resources(plan, "google_pubsub_topic")
    )


def condition(grant: Mapping[str, Any]) -> str:
    """Return the condition of a grant."""
    conditions = grant.get("condition") or [{}]
    return str(conditions[0].get("expression", ""))


def dead_letters_are_granted(plan: Plan) -> bool:
    """Pub/Sub's agent may publish to dead letters, and acknowledge what it moves there."""
    agents = [
        one
        for one in resources(plan, "google_pubsub_topic_iam_member", "dead_letters")
        if "gcp-sa-pubsub" in one["member"]
    ]
    pushes = [one for one in resources(plan, SUBSCRIPTION) if one.get("dead_letter_policy")]
    takers = [
        one
        for one in resources(plan, "google_pubsub_subscription_iam_member")
        if one["role"] == "roles/pubsub.subscriber"
    ]
    return len(agents) == len(resources(plan, SERVICE)) and len(takers) == len(pushes) > 0


def only_declared_roles(plan: Plan) -> bool:
    """Over the project there are the roles that the environment declares."""
    found = {(one["role"], bool(one.get("condition"))) for one in resources(plan, "google_project_iam_member")}
    return found == {
        ("roles/datastore.user", False),
        ("roles/bigquery.jobUser", False),
        ("roles/cloudsql.client", True),
    }


def scheduler_is_watched(plan: Plan) -> bool:
    """There are alerts on Scheduler's own errors and on missed runs."""
    filters = [
        matched["filter"]
        for policy in resources(plan, "google_monitoring_alert_policy")
        for condition in policy["conditions"]
        for matched in condition.get("condition_matched_log") or ()
    ]
    return any("cloud_scheduler_job" in one and "UNAUTHENTICATED" in one for one in filters) and any(
        '"missed"' in one for one in filters
    )


def asked_hourly(plan: Plan) -> bool:
    """Every hour somebody asks each service what was missed or forgotten."""
    asked = resources(plan, JOB, "module.missed")
    return len(asked) == len(resources(plan, SERVICE)) and all(
        one["schedule"].endswith("* * * *") and not one["paused"] for one in asked
    )


def absence_is_watched(plan: Plan) -> bool:
    """Queries of alerts do without validation."""
    queries = [
        query
        for policy in resources(plan, "google_monitoring_alert_policy")
        for condition in policy["conditions"]
        for query in condition.get("condition_prometheus_query_language") or ()
    ]
    return bool(queries) and all(one["disable_metric_validation"] for one in queries)


def limited_notifications(plan: Plan) -> bool:
    """Alerts on log entries have a rate limit."""
    return all(
        one["alert_strategy"][0].get("notification_rate_limit")
        for one in resources(plan, "google_monitoring_alert_policy")
        if any(condition.get("condition_matched_log") for condition in one["conditions"])
    )


def waits_for_its_secrets(plan: Plan) -> bool:
    """A service comes after the grants by which it reads its secrets and its bucket."""
    called = plan["configuration"]["root_module"]["module_calls"]["pipeline_service"]["module"]["resources"]
    [service] = [one for one in called if one["type"] == SERVICE]
    return {"google_secret_manager_secret_iam_member.this", "google_storage_bucket_iam_member.store"} <= {
        *service["depends_on"]
    }


def newest_images_stay(plan: Plan) -> bool:
    """Some images are kept by their number, some by their tag."""
    [repository] = resources(plan, "google_artifact_registry_repository")
    kept = [one for one in repository["cleanup_policies"] if one["action"] == "KEEP"]
    return any(one["most_recent_versions"] for one in kept) and any(one["condition"] for one in kept)
