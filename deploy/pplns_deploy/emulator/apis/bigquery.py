"""BigQuery's datasets, whose access lists are what Terraform's grants on a dataset are.

https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets"""

import re
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.values import require_id
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.refusals import Refusal
from pplns_deploy.emulator.tables import page

Json = dict[str, Any]
DATASETS = "bigquery.datasets"
BASIC_ROLES = {  # https://cloud.google.com/bigquery/docs/access-control-basic-roles
    "roles/bigquery.dataOwner": "OWNER", "roles/bigquery.dataEditor": "WRITER", "roles/bigquery.dataViewer": "READER",
}  # fmt: skip
_ID = re.compile(r"\w{1,1024}", re.ASCII)


def create(cloud: Cloud, call: Call) -> Json:
    """Create a dataset; its project's owners own it."""
    reference: Json = call.body.get("datasetReference", {})
    require_id("datasetId", reference.get("datasetId", ""), _ID, "letters, numbers and underscores, at most 1,024")
    project = call.names["projectId"]
    name = f"projects/{project}/datasets/{reference['datasetId']}"
    if name in cloud.table(DATASETS):
        raise Refusal("ALREADY_EXISTS", f"Already Exists: Dataset {project}:{reference['datasetId']}")
    row = call.body | {
        "kind": "bigquery#dataset", "id": f"{project}:{reference['datasetId']}", "etag": cloud.etag(),
        "datasetReference": {"projectId": project, **reference}, "location": call.body.get("location", "US"),
        "access": _basic(call.body.get("access", [{"role": "OWNER", "specialGroup": "projectOwners"}])),
    }  # fmt: skip
    return cloud.table(DATASETS).create(name, row)


def read(cloud: Cloud, call: Call) -> Json:
    """Return a dataset."""
    return cloud.table(DATASETS).read(_name(call))


def change(cloud: Cloud, call: Call) -> Json:
    """Change what the body names of a dataset, its whole access list among it."""
    row = cloud.table(DATASETS).read(_name(call))
    wanted = call.body.get("etag") or call.headers.get("if-match", row["etag"])
    if wanted != row["etag"]:
        raise Refusal("CONDITION_NOT_MET", "The dataset's etag is not the current one.")
    changes = {name: value for name, value in call.body.items() if name not in ("datasetReference", "etag", "id")}
    cloud.rows[DATASETS][_name(call)] = row | changes | {"etag": cloud.etag()}
    cloud.rows[DATASETS][_name(call)]["access"] = _basic((row | changes)["access"])
    return cloud.rows[DATASETS][_name(call)]


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a dataset; the stand-in has no tables."""
    cloud.table(DATASETS).delete(_name(call))
    return {}


def listed(cloud: Cloud, call: Call) -> Json:
    """List the datasets of a project."""
    rows = cloud.table(DATASETS).under(f"projects/{call.names['projectId']}")
    return page(call, "datasets", rows, size_name="maxResults")


def _basic(access: list[Json]) -> list[Json]:
    """Return an access list with the older names of the three basic roles, as BigQuery shows them."""
    return [one | ({"role": BASIC_ROLES.get(one["role"], one["role"])} if "role" in one else {}) for one in access]


def _name(call: Call) -> str:
    return f"projects/{call.names['projectId']}/datasets/{call.names['datasetId']}"


METHODS: dict[str, Handler] = {
    "bigquery.datasets.insert": create,
    "bigquery.datasets.get": read,
    "bigquery.datasets.patch": change,
    "bigquery.datasets.update": change,
    "bigquery.datasets.delete": delete,
    "bigquery.datasets.list": listed,
}
