"""What a plan would do, by pipeline: read from Terraform's JSON, without running anything."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

Action = Literal["create", "update", "replace", "destroy", "import"]
Json = Mapping[str, Any]

SERVICE = "google_cloud_run_v2_service"
NOTES = "terraform_data"  # what the state keeps for the next deployment; nothing of Google's

KINDS: Mapping[str, str] = {
    SERVICE: "service",
    "google_cloud_run_v2_service_iam_binding": "invokers",
    "google_service_account": "account",
    "google_service_account_iam_binding": "grant",
    "google_service_account_iam_member": "grant",
    "google_cloud_scheduler_job": "schedule",
    "google_pubsub_topic": "topic",
    "google_pubsub_topic_iam_member": "grant",
    "google_pubsub_subscription": "subscription",
    "google_pubsub_subscription_iam_member": "grant",
    "google_storage_bucket": "bucket",
    "google_storage_bucket_iam_member": "grant",
    "google_secret_manager_secret_iam_member": "grant",
    "google_project_iam_member": "grant",
    "google_bigquery_dataset_iam_member": "grant",
    "google_artifact_registry_repository": "image repository",
    "google_project_service": "API",
    "google_logging_metric": "metric",
    "google_monitoring_alert_policy": "alert",
    "google_monitoring_dashboard": "dashboard",
    NOTES: "note in the state",
}
LOSSES: Mapping[str, str] = {
    "google_pubsub_subscription": "the messages that wait in it are lost",
    "google_pubsub_topic": "messages that nobody has received yet are lost",
    "google_storage_bucket": "what it keeps is lost: runs and their artifacts",
    "google_artifact_registry_repository": "its images are lost, and with them every rollback",
    "google_service_account": "roles that others gave the account are lost",
}
_ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}
_INDEX = re.compile(r'^module\.\w+\["([^"]+)"\]')
_GRANTED_ON = ("topic", "subscription", "bucket", "secret_id", "dataset_id", "service_account_id")
_AGENTS: Mapping[str, str] = {"gcp-sa-pubsub": "Pub/Sub"}  # grants that would look alike otherwise
_COMPUTED = frozenset({"traffic_statuses", "effective_labels", "terraform_labels"})


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that would change. `pipeline` is None for what all pipelines share; `fields` are those of an
    update that differ; `loss` says what a replacement or destruction takes with it."""

    address: str
    type: str
    action: Action
    name: str
    pipeline: str | None
    fields: tuple[str, ...] = ()
    loss: str | None = None

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return KINDS.get(self.type, self.type)

    @property
    def is_note(self) -> bool:
        """Whether only the state changes, and nothing in the cloud."""
        return self.type == NOTES

    def as_json(self) -> dict[str, Any]:
        """Return the change for `pplns plan --json`."""
        return {
            "address": self.address, "kind": self.kind, "name": self.name, "pipeline": self.pipeline,
            "action": self.action, "fields": list(self.fields), "loss": self.loss,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """All changes of a plan, sorted by pipeline and address."""

    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change, in the cloud or in the state."""
        return not self.changes

    @property
    def losses(self) -> tuple[Change, ...]:
        """The changes that take something with them that can't be made again."""
        return tuple(one for one in self.changes if one.loss)

    def of(self, pipeline: str | None) -> tuple[Change, ...]:
        """Return the changes of a pipeline, or of what all share, without notes."""
        return tuple(one for one in self.changes if one.pipeline == pipeline and not one.is_note)

    def count(self, action: Action) -> int:
        """Return how many resources of Google's meet an action."""
        return sum(one.action == action and not one.is_note for one in self.changes)


def summarize(plan: Json) -> PlanSummary:
    """Return what a plan would do, from the JSON of `terraform show`."""
    services = _services_of(plan)
    found = [_change(one, services) for one in plan.get("resource_changes", []) if _action_of(one)]
    return PlanSummary(
        tuple(sorted(found, key=lambda one: (one.pipeline is not None, one.pipeline or "", one.address)))
    )


def beyond_traffic(plan: Json) -> tuple[str, ...]:
    """Return what a plan changes besides the traffic of services: addresses with their fields, none if nothing."""
    return tuple(
        f"{one.address} ({one.action}{': ' + ', '.join(one.fields) if one.fields else ''})"
        for one in summarize(plan).changes
        if one.type != SERVICE or one.action != "update" or set(one.fields) != {"traffic"}
    )


def changed_containers(plan: Json) -> tuple[str, ...]:
    """Return the addresses of services that are made anew, or whose container would change."""
    return tuple(
        one["address"]
        for one in plan.get("resource_changes", [])
        if one["type"] == SERVICE
        and (_action_of(one) in ("create", "replace") or (_action_of(one) == "update" and _differs(one["change"])))
    )


def same_named_revisions(plan: Json) -> tuple[str, ...]:
    """Return the addresses of services whose container would change under the name of a revision that exists.

    Cloud Run refuses that: somebody else has changed the service, or a newer pplns describes it otherwise."""
    changes = {one["address"]: one["change"] for one in plan.get("resource_changes", [])}
    updated = (one for one in changed_containers(plan) if changes[one]["actions"] == ["update"])
    return tuple(address for address in updated if _keeps_name(changes[address]))


def pipeline_of(address: str) -> str | None:
    """Return the pipeline that an address of a module with an index belongs to."""
    found = _INDEX.match(address)
    return found.group(1).partition("/")[0] if found else None


def _differs(change: Json) -> bool:
    before, after = _sides(change)
    return _template(before) != _template(after)


def _keeps_name(change: Json) -> bool:
    before, after = (_template(one) for one in _sides(change))
    return bool(after.get("revision")) and before.get("revision") == after.get("revision")


def _template(service: Json) -> Json:
    templates: list[Json] = service.get("template") or []
    return templates[0] if templates else {}


def _sides(change: Json) -> tuple[Json, Json]:
    """Return a resource before and after its change, empty where it isn't there.

    Right after a resource was made its state has null where a plan has an empty list; so what is empty is left out."""
    before: Json = _filled(change.get("before")) or {}
    after: Json = _filled(change.get("after")) or {}
    return before, after


def _filled(value: Any) -> Any:
    """Return a value without what is null or empty in it."""
    if isinstance(value, dict):
        inner = {key: _filled(one) for key, one in cast("dict[str, Any]", value).items()}
        return {key: one for key, one in inner.items() if one not in (None, [], {})}
    if isinstance(value, list):
        return [_filled(one) for one in cast("list[object]", value)]
    return value


def _services_of(plan: Json) -> dict[str, str]:
    """Return each pipeline's service, of the variables and of the state before."""
    wanted = plan.get("variables", {}).get("pipelines", {}).get("value", {})
    found = {entry["service"]: name for name, entry in wanted.items()}
    for one in plan.get("resource_changes", []):
        before, _ = _sides(one["change"])
        if one["type"] == SERVICE and before.get("name") and (name := pipeline_of(one["address"])):
            found.setdefault(before["name"], name)
    return found


def _action_of(resource: Json) -> Action | None:
    if resource.get("mode") == "data":
        return None
    actions = tuple(resource["change"]["actions"])
    if actions == ("no-op",) and resource["change"].get("importing"):
        return "import"
    return _ACTIONS.get(actions)


def _change(resource: Json, services: Mapping[str, str]) -> Change:
    action = _action_of(resource)
    assert action is not None
    address, kind, change = resource["address"], resource["type"], resource["change"]
    before, after = _sides(change)
    values = after or before
    is_lost = action in ("replace", "destroy")
    return Change(
        address, kind, action, _name_of(resource, values), _owner(resource, services),
        tuple(_fields(change)) if action in ("update", "replace") else (), LOSSES.get(kind) if is_lost else None,
    )  # fmt: skip


def _name_of(resource: Json, values: Json) -> str:
    for key in ("account_id", "repository_id", "display_name", "service", "name"):
        if isinstance(values.get(key), str) and not (key == "service" and resource["type"] != "google_project_service"):
            return str(values[key]).rpartition("/")[2] if key == "name" else str(values[key])
    if "dashboard_json" in values:
        return str(json.loads(values["dashboard_json"]).get("displayName"))
    return _grant(values) if "role" in values else str(resource["address"])


def _grant(values: Json) -> str:
    """Return what a grant gives, on what where that is known before it is made, and if it is for Google's agent."""
    given = [str(values[key]).rpartition("/")[2] for key in _GRANTED_ON if values.get(key)]
    agent = next((name for domain, name in _AGENTS.items() if f"@{domain}." in str(values.get("member"))), None)
    return " on ".join([str(values["role"]), *given[:1]]) + (f" for {agent}" if agent else "")


def _owner(resource: Json, services: Mapping[str, str]) -> str | None:
    """Return the pipeline of a resource. A subscription to a shared topic is known by its name, SERVICE_TRIGGER."""
    if not resource["address"].startswith(("module.trigger_topic", "module.known_topic")):
        return pipeline_of(resource["address"])
    service, underscore, _ = str(resource.get("index", "")).partition("_")
    return services.get(service) if underscore else None


def _fields(change: Json) -> Iterator[str]:
    """Yield the fields that differ; of a service's container one by one."""
    before, after = _sides(change)
    unknown: Json = change.get("after_unknown") or {}
    for key in sorted({*before, *after} - _COMPUTED):
        if before.get(key) == after.get(key) or unknown.get(key) is True:
            continue
        if key == "template" and before.get(key) and after.get(key):
            yield from _template_fields(before[key][0], after[key][0])
        else:
            yield key


def _template_fields(before: Json, after: Json) -> Iterator[str]:
    for key in sorted({*before, *after}):
        if before.get(key) == after.get(key):
            continue
        if key == "containers" and before.get(key) and after.get(key):
            old, new = before[key][0], after[key][0]
            yield from (one for one in sorted({*old, *new}) if old.get(one) != new.get(one))
        else:
            yield key
