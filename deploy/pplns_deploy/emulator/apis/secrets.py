"""Secret Manager: secrets, versions and who may read them. https://cloud.google.com/secret-manager/docs/reference/rest

Payloads are kept in the state as they came: nothing real belongs here."""

import base64
import re
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.values import require_id
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.policies import forget, policy_answer
from pplns_deploy.emulator.refusals import Refusal, invalid, missing
from pplns_deploy.emulator.tables import masked, page

Json = dict[str, Any]
SECRETS = "secretmanager.secrets"
VERSIONS = "secretmanager.versions"
MAX_PAYLOAD_BYTES = 65_536
STATES = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def create(cloud: Cloud, call: Call) -> Json:
    """Create a secret without a version."""
    require_id("secret_id", call.query.get("secretId", ""), _ID, "1 to 255 letters, numerals, hyphens and underscores")
    if "replication" not in call.body:
        raise invalid("replication: is required.")
    name = f"{call.parent}/secrets/{call.query['secretId']}"
    row = call.body | {"name": name, "createTime": cloud.now(), "etag": cloud.etag()}
    return _shown(cloud.table(SECRETS).create(name, row))


def read(cloud: Cloud, call: Call) -> Json:
    """Return a secret."""
    return _shown(cloud.table(SECRETS).read(call.name))


def change(cloud: Cloud, call: Call) -> Json:
    """Change a secret; its replication stays."""
    row = cloud.table(SECRETS).read(call.name)
    mask = call.query.get("updateMask", "")
    if "replication" in mask:
        raise invalid("replication: can't be changed.")
    changes = {name: value for name, value in call.body.items() if name != "name"}
    changed = masked(call, "Secret", row, changes=changes, mask=mask)
    cloud.rows[SECRETS][call.name] = changed | {"name": call.name, "etag": cloud.etag()}
    return _shown(cloud.rows[SECRETS][call.name])


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a secret with its versions."""
    row = cloud.table(SECRETS).read(call.name)
    if call.query.get("etag", row["etag"]) != row["etag"]:
        raise Refusal("FAILED_PRECONDITION", "The etag provided does not match the current one.")
    cloud.table(SECRETS).delete(call.name)
    for version in cloud.table(VERSIONS).under(call.name):
        cloud.table(VERSIONS).delete(version["name"])
    forget(cloud, call.name)
    return {}


def listed(cloud: Cloud, call: Call) -> Json:
    """List the secrets of a project."""
    return page(call, "secrets", [_shown(row) for row in cloud.table(SECRETS).under(f"{call.parent}/secrets")])


def add_version(cloud: Cloud, call: Call) -> Json:
    """Add a version: the next number, which is never given again."""
    secret = cloud.table(SECRETS).read(call.parent)
    data = call.body.get("payload", {}).get("data")
    if not data or len(base64.b64decode(data)) > MAX_PAYLOAD_BYTES:
        raise invalid(f"payload.data: 1 to {MAX_PAYLOAD_BYTES} bytes.")
    secret["_versions"] = secret.get("_versions", 0) + 1
    name = f"{call.parent}/versions/{secret['_versions']}"
    row = {"name": name, "createTime": cloud.now(), "state": "ENABLED", "etag": cloud.etag(), "_data": data}
    return _shown(cloud.table(VERSIONS).create(name, row))


def read_version(cloud: Cloud, call: Call) -> Json:
    """Return a version without its payload."""
    return _shown(_version(cloud, call.name))


def access(cloud: Cloud, call: Call) -> Json:
    """Return a version's payload, if it is enabled."""
    row = _version(cloud, call.name)
    if row["state"] != "ENABLED":
        raise Refusal("FAILED_PRECONDITION", f"Secret Version [{row['name']}] is in {row['state']} state.")
    return {"name": _shown(row)["name"], "payload": {"data": row["_data"]}}


def switch(cloud: Cloud, call: Call) -> Json:
    """Enable, disable or destroy a version; what is destroyed stays so."""
    row = _version(cloud, call.name)
    if row["state"] == "DESTROYED" and call.verb != "destroy":
        raise Refusal("FAILED_PRECONDITION", f"Secret Version [{row['name']}] is in DESTROYED state.")
    row |= {"state": STATES[call.verb], "etag": cloud.etag()}
    if call.verb == "destroy":
        row |= {"_data": "", "destroyTime": cloud.now()}
    return _shown(row)


def list_versions(cloud: Cloud, call: Call) -> Json:
    """List the versions of a secret, the newest first."""
    cloud.table(SECRETS).read(call.parent)
    rows = sorted(cloud.table(VERSIONS).under(call.parent), key=lambda row: int(row["name"].rpartition("/")[2]))
    return page(call, "versions", [_shown(row) for row in reversed(rows)])


def policy(cloud: Cloud, call: Call) -> Json:
    """Read or write who may read a secret."""
    cloud.table(SECRETS).read(call.name)
    return policy_answer(cloud, call, call.name)


def _version(cloud: Cloud, name: str) -> Json:
    secret, _, version = name.rpartition("/versions/")
    if version != "latest":
        return cloud.table(VERSIONS).read(name)
    rows = [row for row in cloud.table(VERSIONS).under(secret) if row["state"] != "DESTROYED"]
    if not rows:
        raise missing(name)
    return max(rows, key=lambda row: int(row["name"].rpartition("/")[2]))


def _shown(row: Json) -> Json:
    """Return a secret or a version as the API shows it: with the project's number in its name."""
    project = project_of(row["name"])
    name = row["name"].replace(f"projects/{project}/", f"projects/{project_number(project)}/", 1)
    return {key: value for key, value in row.items() if not key.startswith("_")} | {"name": name}


_BASE = "secretmanager.projects.secrets"
METHODS: dict[str, Handler] = {
    f"{_BASE}.create": create,
    f"{_BASE}.get": read,
    f"{_BASE}.patch": change,
    f"{_BASE}.delete": delete,
    f"{_BASE}.list": listed,
    f"{_BASE}.addVersion": add_version,
    f"{_BASE}.getIamPolicy": policy,
    f"{_BASE}.setIamPolicy": policy,
    f"{_BASE}.testIamPermissions": policy,
    f"{_BASE}.versions.get": read_version,
    f"{_BASE}.versions.access": access,
    f"{_BASE}.versions.list": list_versions,
    **{f"{_BASE}.versions.{verb}": switch for verb in STATES},
}
