"""What is there though Terraform's state doesn't know it: a deployment was killed before it could save its state.

Each resource that a plan would make is looked up by its name. What is found, and is this environment's own by its
label, is taken over by an `import` block beside the configuration; the plan then shows it, and making it again doesn't
fail. What is somebody else's is left to fail: its name is taken."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from pplns_deploy.cloud import GoogleApis, GoogleRefused
from pplns_deploy.deploying.summary import SERVICE

IMPORTS_FILE = "pplns_leftovers.tf.json"
LABEL = "pplns-environment"
QUESTIONS_AT_ONCE = 16
Json = Mapping[str, Any]


class Place(NamedTuple):
    """Where an API has a resource of a type, and the id by which Terraform imports it, made of planned values."""

    api: str
    path: str
    id: str | None = None  # the path, where nothing else is said


PLACES: Mapping[str, Place] = {
    SERVICE: Place("run", "projects/{project}/locations/{location}/services/{name}"),
    "google_service_account": Place(
        "iam", "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com"
    ),
    "google_pubsub_topic": Place("topics", "projects/{project}/topics/{name}"),
    "google_pubsub_subscription": Place("topics", "projects/{project}/subscriptions/{name}"),
    "google_cloud_scheduler_job": Place("scheduler", "projects/{project}/locations/{region}/jobs/{name}"),
    "google_artifact_registry_repository": Place(
        "registry", "projects/{project}/locations/{location}/repositories/{repository_id}"
    ),
    "google_storage_bucket": Place("storage", "b/{name}", "{project}/{name}"),
    "google_logging_metric": Place("logging", "projects/{project}/metrics/{name}", "{name}"),
}
# Google names these itself; they are found in a list by the name for people, which has the environment in it.
LISTS: Mapping[str, Place] = {
    "google_monitoring_alert_policy": Place("monitoring", "v3/projects/{project}/alertPolicies"),
    "google_monitoring_dashboard": Place("monitoring", "v1/projects/{project}/dashboards"),
}


def find_leftovers(plan: Json, google: GoogleApis) -> dict[str, str]:
    """Return what a plan would make and is there already: address → id to import it by."""
    changes: list[Json] = plan.get("resource_changes", [])
    made = [one for one in changes if one["change"]["actions"] == ["create"]]
    named = [one for one in made if one["type"] in PLACES]

    def find(resource: Json) -> str | None:
        return _find(resource, google)

    with ThreadPoolExecutor(QUESTIONS_AT_ONCE) as pool:
        found = dict(zip((str(one["address"]) for one in named), pool.map(find, named), strict=True))
    found |= _find_listed([one for one in made if one["type"] in LISTS], google)
    return {address: known for address, known in found.items() if known}


def imports_text(leftovers: Mapping[str, str]) -> str:
    """Return the file of configuration that takes leftovers over."""
    return json.dumps({"import": [{"to": address, "id": known} for address, known in sorted(leftovers.items())]})


def _find(resource: Json, google: GoogleApis) -> str | None:
    """Return the id of a resource that is there and this environment's own."""
    place, values = PLACES[resource["type"]], resource["change"]["after"]
    found = _ask(google, place.api, place.path.format_map(values))
    if found is None or not _is_own(found, values):
        return None
    return (place.id or place.path).format_map(values)


def _find_listed(resources: list[Json], google: GoogleApis) -> dict[str, str]:
    """Return the ids of resources that are in the lists of their types."""
    found: dict[str, str] = {}
    lists: dict[str, dict[str, str]] = {}
    for one in resources:
        values, place = one["change"]["after"], LISTS[one["type"]]
        path = place.path.format_map(values)
        if path not in lists:
            rows = _rows(google, place.api, path)
            lists[path] = {str(row.get("displayName")): _in_project(values, row) for row in rows}
        found[one["address"]] = lists[path].get(_title(values), "")
    return found


def _rows(google: GoogleApis, api: str, path: str) -> Iterator[Json]:
    """Yield all rows of a list, page by page."""
    token = ""
    while True:
        answer = _ask(google, api, path, {"pageToken": token} if token else None) or {}
        yield from answer.get(path.rpartition("/")[2], [])
        if not (token := answer.get("nextPageToken", "")):
            return


def _ask(google: GoogleApis, api: str, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """Return an answer, or None where there is nothing, or nothing that we may see."""
    try:
        return google.call("GET", api, path, query=query)
    except GoogleRefused as refused:
        if refused.status in (403, 404):
            return None
        raise


def _is_own(found: Json, wanted: Json) -> bool:
    """Tell whether a resource has the environment's label, or is of a type without labels, whose names are ours."""
    planned: Json = wanted.get("labels") or {}
    given: Json = found.get("labels") or {}
    return LABEL not in planned or given.get(LABEL) == planned[LABEL]


def _in_project(values: Json, row: Json) -> str:
    """Return a name with the project's id, where Google has its number: Terraform would replace it for that."""
    return "/".join(["projects", str(values["project"]), *str(row["name"]).split("/")[2:]])


def _title(values: Json) -> str:
    """Return the name for people of an alert policy or a dashboard."""
    if "dashboard_json" in values:
        return str(json.loads(values["dashboard_json"]).get("displayName"))
    return str(values["display_name"])
