"""Members and bindings of IAM policies: each is one line of a policy that others write too, so the policy is read,
changed and written by its ETag, and again where somebody was quicker."""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google_provider.google import Google, GoogleError
from google_provider.schema import Row

Json = dict[str, Any]
TRIES = 50
BASIC_ROLES = {  # BigQuery's older names
    "OWNER": "roles/bigquery.dataOwner", "WRITER": "roles/bigquery.dataEditor", "READER": "roles/bigquery.dataViewer",
}  # fmt: skip
MEMBERS = {"group": "groupByEmail", "domain": "domain", "user": "userByEmail", "serviceAccount": "userByEmail",
           "iamMember": "iamMember"}  # fmt: skip
_LOCKS: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Where an API has the policies of a type: `path` is a template of a grant's fields."""

    api: str
    path: str
    field: str = ""  # the grant's field that names the resource, be it in short
    read: tuple[str, str] = ("GET", ":getIamPolicy")
    write: tuple[str, str] = ("POST", ":setIamPolicy")
    asks: Json | None = None  # what a policy is asked for with
    fixed: frozenset[str] = frozenset()

    def place(self, row: Row) -> str:
        """Return the path of the resource that a grant is on."""
        name = str(row.get(self.field) or "")
        if name.startswith(("projects/", "b/")):
            return name
        return self.path.format_map({key: value for key, value in row.items() if isinstance(value, str)})


POLICIES: dict[str, Policy] = {
    "google_artifact_registry_repository": Policy(
        api="artifact_registry", path="projects/{project}/locations/{location}/repositories/{repository}",
        field="repository",
    ),
    "google_bigquery_dataset": Policy(
        api="big_query", path="projects/{project}/datasets/{dataset_id}", read=("GET", ""), write=("PATCH", ""),
    ),
    "google_cloud_run_v2_service": Policy(
        api="cloud_run_v2", path="projects/{project}/locations/{location}/services/{name}", field="name",
    ),
    "google_project": Policy(
        api="resource_manager", path="projects/{project}", read=("POST", ":getIamPolicy"),
        asks={"options": {"requestedPolicyVersion": 3}},
    ),
    "google_pubsub_subscription": Policy(
        api="pubsub", path="projects/{project}/subscriptions/{subscription}", field="subscription",
    ),
    "google_pubsub_topic": Policy(api="pubsub", path="projects/{project}/topics/{topic}", field="topic"),
    "google_secret_manager_secret": Policy(
        api="secret_manager", path="projects/{project}/secrets/{secret_id}", field="secret_id",
    ),
    "google_service_account": Policy(
        api="iam", path="{service_account_id}", field="service_account_id", read=("POST", ":getIamPolicy"),
    ),
    "google_storage_bucket": Policy(
        api="storage", path="b/{bucket}", field="bucket", read=("GET", "/iam?optionsRequestedPolicyVersion=3"),
        write=("PUT", "/iam"),
    ),
}  # fmt: skip


def policy_of(type_name: str) -> Policy | None:
    """Return where the policies are that a type of Terraform's is a line of, or None for other types."""
    resource, _, kind = type_name.rpartition("_iam_")
    return POLICIES.get(resource) if kind in ("member", "binding") else None


def grant(google: Google, policy: Policy, row: Row) -> Row:
    """Add a member to a role, or make a role's members those of a binding; return the row as it is then."""

    def add(bindings: list[Json]) -> None:
        found = _binding(bindings, row)
        if found is None:
            bindings.append(found := {"role": row["role"], "members": [], **_condition(row)})
        found["members"] = row["members"] if "members" in row else sorted({*found["members"], row["member"]})

    _change(google, policy, row, add)
    return read_grant(google, policy, row) or row


def revoke(google: Google, policy: Policy, row: Row) -> None:
    """Take a member, or a binding, out of the policy; where its resource is gone there is nothing to do."""

    def remove(bindings: list[Json]) -> None:
        found = _binding(bindings, row)
        if found is not None:
            found["members"] = [] if "members" in row else [one for one in found["members"] if one != row["member"]]
            bindings[:] = [one for one in bindings if one["members"]]

    try:
        _change(google, policy, row, remove)
    except GoogleError as error:
        if error.status != 404:
            raise


def read_grant(google: Google, policy: Policy, row: Row) -> Row | None:
    """Return a grant as the policy has it, or None where it hasn't."""
    try:
        found = _read(google, policy, policy.place(row))
    except GoogleError as error:
        if error.status == 404:
            return None
        raise
    binding = _binding(found["bindings"], row)
    if binding is None or ("member" in row and row["member"] not in binding["members"]):
        return None
    named = "/".join([policy.place(row), row["role"], *([row["member"]] if "member" in row else [])])
    members = {"members": sorted(binding["members"])} if "members" in row else {}
    return {**row, **members, "etag": found.get("etag"), "id": "/".join([named, *_title(row)])}


def _change(google: Google, policy: Policy, row: Row, change: Callable[[list[Json]], None]) -> None:
    place = policy.place(row)
    with _LOCKS[f"{policy.api}/{place}"]:
        for number in range(1, TRIES + 1):
            found = _read(google, policy, place)
            change(found["bindings"])
            try:
                _write(google, policy, place, found)
                return
            except GoogleError as error:
                if error.status not in (409, 412) or number == TRIES:
                    raise


def _read(google: Google, policy: Policy, place: str) -> Json:
    method, end = policy.read
    found = google.call(method, policy.api, place + end, policy.asks if method == "GET" else policy.asks or {})
    if policy.api == "big_query":
        return {"etag": found.get("etag"), "bindings": _bindings_of(found.get("access", [])), "_rest": _views(found)}
    return {"version": 3, "bindings": [], **found}


def _write(google: Google, policy: Policy, place: str, found: Json) -> None:
    method, end = policy.write
    if policy.api == "big_query":
        access = [*found["_rest"], *_access_of(found["bindings"])]
        google.call(method, policy.api, place, {"access": access}, headers={"If-Match": found["etag"]})
    elif policy.api == "storage":
        google.call(method, policy.api, place + end, {**found, "version": 3})
    else:
        google.call(method, policy.api, place + end, {"policy": {**found, "version": 3}})


def _binding(bindings: list[Json], row: Row) -> Json | None:
    """Return the binding of a grant's role under the same condition."""
    wanted = _condition(row).get("condition")
    return next((one for one in bindings if one["role"] == row["role"] and one.get("condition") == wanted), None)


def _condition(row: Row) -> Json:
    conditions: list[Row] = row.get("condition") or []
    return {"condition": {name: text for name, text in conditions[0].items() if text}} if conditions else {}


def _title(row: Row) -> list[str]:
    conditions: list[Row] = row.get("condition") or []
    return [f"{one['title']}/{one['description'] or ''}/{one['expression']}" for one in conditions]


def _bindings_of(access: list[Json]) -> list[Json]:
    """Return BigQuery's access list as bindings of a policy."""
    found: dict[str, list[str]] = {}
    for one in access:
        if "role" in one:
            role: str = one["role"]
            found.setdefault(BASIC_ROLES.get(role, role), []).append(_member_of(one))
    return [{"role": role, "members": members} for role, members in found.items()]


def _member_of(access: Json) -> str:
    if "userByEmail" in access:
        email = access["userByEmail"]
        return f"{'serviceAccount' if 'gserviceaccount' in email else 'user'}:{email}"
    kind = next(name for name in ("specialGroup", "groupByEmail", "domain", "iamMember") if name in access)
    words = {field: word for word, field in MEMBERS.items() if word != "user"}
    return str(access[kind]) if kind == "specialGroup" else f"{words[kind]}:{access[kind]}"


def _access_of(bindings: list[Json]) -> list[Json]:
    found: list[Json] = []
    for one in bindings:
        for member in one["members"]:
            word, _, name = member.partition(":")
            found.append({"role": one["role"], **({MEMBERS[word]: name} if name else {"specialGroup": word})})
    return found


def _views(dataset: Json) -> list[Json]:
    """Return what an access list has beside roles."""
    return [one for one in dataset.get("access", []) if "role" not in one]
