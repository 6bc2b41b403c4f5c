"""Where Google's shape of a resource isn't Terraform's: each function makes the one of the other.

Those with `_of` in their name change what Google says so that its fields are named as Terraform's, the others what
Google is told."""

import json
from typing import Any

Json = dict[str, Any]
HEADERS_OF_GOOGLE = ("User-Agent", "X-CloudScheduler", "X-Google", "Content-Length", "X-AppEngine")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def labelled(body: Json, row: Json) -> Json:
    """Tell Google the labels without those that only Terraform would have."""
    return {**body, "labels": row["effective_labels"]} if row["effective_labels"] else body


def repository(body: Json, row: Json) -> Json:
    """Tell policies by their ids."""
    policies = {one.pop("id"): one for one in body.pop("cleanupPolicies", [])}
    return labelled(body, row) | {"cleanupPolicies": policies}


def row_of_repository(found: Json, row: Json) -> Json:
    """Have the policies in a list, and the short name."""
    policies = [{**one, "id": name} for name, one in sorted(found.get("cleanupPolicies", {}).items())]
    return {**found, "name": _last(found["name"]), "repositoryId": _last(found["name"]), "cleanupPolicies": policies}


def job(body: Json, row: Json) -> Json:
    """Leave out whether a job is paused: it is told in a request of its own."""
    return {name: value for name, value in body.items() if name != "paused"}


def row_of_job(found: Json, row: Json) -> Json:
    """Leave out the headers that Scheduler adds."""
    http = found.get("httpTarget")
    if http is None:
        return {**found, "paused": found.get("state") == "PAUSED"}
    headers = {name: text for name, text in http.get("headers", {}).items() if not name.startswith(HEADERS_OF_GOOGLE)}
    return {**found, "paused": found.get("state") == "PAUSED", "httpTarget": {**http, "headers": headers}}


def account(body: Json, row: Json) -> Json:
    """Tell the id of an account beside the account."""
    return {"accountId": row["account_id"], "serviceAccount": body}


def row_of_account(found: Json, row: Json) -> Json:
    """Have the id, and the account as a member of policies."""
    email = found["email"]
    return {**found, "accountId": email.partition("@")[0], "member": f"serviceAccount:{email}"}


def bucket(body: Json, row: Json) -> Json:
    """Tell access, lifecycle and location as Cloud Storage has them."""
    access = {
        "uniformBucketLevelAccess": {"enabled": bool(body.pop("uniformBucketLevelAccess", False))},
        "publicAccessPrevention": body.pop("publicAccessPrevention", "inherited"),
    }
    rules = [_rule(one) for one in body.pop("lifecycleRule", [])]
    return labelled(body, row) | {"iamConfiguration": access, "lifecycle": {"rule": rules}}


def _rule(rule: Json) -> Json:
    condition = {name: value for name, value in rule.get("condition", {}).items() if value}
    state = condition.pop("withState", "ANY")
    return {"action": rule["action"], "condition": condition | ({} if state == "ANY" else {"isLive": state == "LIVE"})}


def row_of_bucket(found: Json, row: Json) -> Json:
    """Have access and lifecycle at the top, as Terraform does."""
    access = found.get("iamConfiguration", {})
    return found | {
        "uniformBucketLevelAccess": access.get("uniformBucketLevelAccess", {}).get("enabled", False),
        "publicAccessPrevention": access.get("publicAccessPrevention"),
        "lifecycleRule": [_rule_of(one) for one in found.get("lifecycle", {}).get("rule", [])],
        "hierarchicalNamespace": found.get("hierarchicalNamespace") or {"enabled": False},
        "requesterPays": found.get("billing", {}).get("requesterPays", False),
        "url": f"gs://{found['name']}",
    }


def _rule_of(rule: Json) -> Json:
    condition = rule.get("condition", {})
    state = {None: "ANY", True: "LIVE", False: "ARCHIVED"}[condition.get("isLive")]
    return {**rule, "condition": {**condition, "withState": state}}


def dashboard(body: Json, row: Json) -> Json:
    """Tell what the text says."""
    told: Json = json.loads(row["dashboard_json"])
    return told


def row_of_dashboard(found: Json, row: Json) -> Json:
    """Have it as a text."""
    return {"name": found["name"], "dashboardJson": json.dumps(found, sort_keys=True)}


def row_of_secret(found: Json, row: Json) -> Json:
    """Have the id of a secret, whose name has the project's number."""
    return {**found, "secretId": _last(found["name"])}


def dataset(body: Json, row: Json) -> Json:
    """Tell a dataset's id with its project's."""
    body.pop("datasetId", None)
    return {**body, "datasetReference": {"projectId": row["project"], "datasetId": row["dataset_id"]}}


def row_of_dataset(found: Json, row: Json) -> Json:
    """Have the id at the top."""
    return {**found, "datasetId": found["datasetReference"]["datasetId"]}
