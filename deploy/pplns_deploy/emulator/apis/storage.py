"""Cloud Storage: buckets, their policies and managed folders. https://cloud.google.com/storage/docs/json_api/v1"""

import re
from typing import Any

from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.values import require_between
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_number
from pplns_deploy.emulator.conditions import Attributes
from pplns_deploy.emulator.policies import forget, may, read_policy, require, write_policy
from pplns_deploy.emulator.refusals import Refusal, invalid
from pplns_deploy.emulator.tables import page

Json = dict[str, Any]
BUCKETS = "storage.buckets"
FOLDERS = "storage.managedFolders"
MULTI_REGIONS = frozenset({"US", "EU", "ASIA"})
DAY_S = 86_400
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def bucket_resource(bucket: str) -> str:
    """Return a bucket's name as policies and conditions have it."""
    return f"projects/_/buckets/{bucket}"


def object_resource(bucket: str, name: str) -> str:
    """Return an object's name as conditions have it."""
    return f"{bucket_resource(bucket)}/objects/{name}"


def permits(cloud: Cloud, caller: str, permission: str, bucket: str, *, attributes: Attributes | None = None) -> bool:
    """Tell whether a caller has a permission by the policy of a bucket or of its project."""
    known = attributes or Attributes(bucket_resource(bucket), type="storage.googleapis.com/Bucket")
    above = f"projects/{cloud.table(BUCKETS).rows.get(bucket, {}).get('_project', '')}"
    return any(may(cloud, caller, permission, one, attributes=known) for one in (bucket_resource(bucket), above))


def require_permission(
    cloud: Cloud, caller: str, permission: str, bucket: str, *, attributes: Attributes | None = None
) -> None:
    """Refuse a caller who lacks a permission, in Cloud Storage's words."""
    if not permits(cloud, caller, permission, bucket, attributes=attributes):
        who = caller.partition(":")[2] or caller
        what = attributes.name.partition("/buckets/")[2].replace("/objects/", "/", 1) if attributes else bucket
        raise Refusal(
            "PERMISSION_DENIED",
            f"{who} does not have {permission} access to the Google Cloud Storage "
            f"{'object' if '/' in what else 'bucket'}. Permission '{permission}' denied on resource (or it may not "
            f"exist): {what}.",
        )


def create(cloud: Cloud, call: Call) -> Json:
    """Create a bucket; its name is everyone's."""
    project, name = call.query["project"], call.body.get("name", "")
    require(cloud, call.caller, "storage.buckets.create", f"projects/{project}")
    _check_name(name)
    if name in cloud.table(BUCKETS):
        owned = cloud.rows[BUCKETS][name]["_project"] == project
        raise Refusal(
            "ALREADY_EXISTS",
            "Your previous request to create the named bucket succeeded and you already own it."
            if owned
            else "The requested bucket name is not available. The bucket namespace is shared by all users.",
        )
    row = _completed(cloud, dict(call.body), project)
    _check(row)
    cloud.objects.setdefault(name, {})
    legacy = [
        ("Bucket", "Owner", ["Editor", "Owner"]), ("Bucket", "Reader", ["Viewer"]),
        ("Object", "Owner", ["Editor", "Owner"]), ("Object", "Reader", ["Viewer"]),
    ]  # fmt: skip
    bindings = [
        {"role": f"roles/storage.legacy{kind}{what}", "members": [f"project{one}:{project}" for one in who]}
        for kind, what, who in legacy
    ]
    write_policy(cloud, bucket_resource(name), {"bindings": bindings})
    return shown(cloud.table(BUCKETS).create(name, row))


def read(cloud: Cloud, call: Call) -> Json:
    """Return a bucket."""
    return shown(_bucket(cloud, call, "storage.buckets.get"))


def change(cloud: Cloud, call: Call) -> Json:
    """Change a bucket: what is null goes, what is left out stays."""
    row = _bucket(cloud, call, "storage.buckets.update")
    _match(call, row)
    changed = _merged(row, call.body) if call.verb == "patch" else _completed(cloud, dict(call.body), row["_project"])
    changed |= {name: row[name] for name in ("name", "location", "id", "timeCreated", "_project")}
    changed |= {"metageneration": str(int(row["metageneration"]) + 1), "etag": cloud.etag(), "updated": cloud.now()}
    _settle_access(changed)
    _check(changed)
    cloud.rows[BUCKETS][row["name"]] = changed
    return shown(changed)


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete an empty bucket."""
    row = _bucket(cloud, call, "storage.buckets.delete")
    _match(call, row)
    if cloud.objects.get(row["name"]):
        raise Refusal("ALREADY_EXISTS", "The bucket you tried to delete is not empty.")
    cloud.table(BUCKETS).delete(row["name"])
    cloud.objects.pop(row["name"], None)
    forget(cloud, bucket_resource(row["name"]))
    return {}


def listed(cloud: Cloud, call: Call) -> Json:
    """List the buckets of a project."""
    require(cloud, call.caller, "storage.buckets.list", f"projects/{call.query['project']}")
    rows = cloud.table(BUCKETS).rows
    found = [rows[name] for name in sorted(rows) if rows[name]["_project"] == call.query["project"]]
    wanted = [shown(row) for row in found if row["name"].startswith(call.query.get("prefix", ""))]
    return {"kind": "storage#buckets"} | page(call, "items", wanted, size_name="maxResults")


def get_policy(cloud: Cloud, call: Call) -> Json:
    """Return who may do what with a bucket."""
    row = _bucket(cloud, call, "storage.buckets.getIamPolicy")
    version = int(call.query.get("optionsRequestedPolicyVersion", 1))
    return _policy_shown(row, read_policy(cloud, bucket_resource(row["name"]), version=version))


def set_policy(cloud: Cloud, call: Call) -> Json:
    """Replace who may do what with a bucket; conditions need uniform bucket-level access."""
    row = _bucket(cloud, call, "storage.buckets.setIamPolicy")
    conditional = any("condition" in one for one in call.body.get("bindings", []))
    if conditional and not row["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"]:
        raise invalid("Conditions are only supported on buckets with uniform bucket-level access enabled.")
    if _is_public(call.body) and row["iamConfiguration"]["publicAccessPrevention"] == "enforced":
        raise Refusal(
            "CONDITION_NOT_MET",
            "The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is "
            "enforced.",
        )
    policy = write_policy(cloud, bucket_resource(row["name"]), call.body, stale="CONDITION_NOT_MET")
    return _policy_shown(row, policy)


def test_policy(cloud: Cloud, call: Call) -> Json:
    """Return which of some permissions the caller has."""
    asked = call.query["permissions"]
    return {"permissions": [one for one in asked if permits(cloud, call.caller, one, call.names["bucket"])]}


def create_folder(cloud: Cloud, call: Call) -> Json:
    """Create a managed folder."""
    _bucket(cloud, call, "storage.managedFolders.create")
    name = call.body.get("name", "")
    row = {"kind": "storage#managedFolder", "bucket": call.names["bucket"], "name": name, "metageneration": "1"}
    return cloud.table(FOLDERS).create(f"{call.names['bucket']}/{name}", row)


def read_folder(cloud: Cloud, call: Call) -> Json:
    """Return a managed folder."""
    return cloud.table(FOLDERS).read(f"{call.names['bucket']}/{call.names['managedFolder']}")


def list_folders(cloud: Cloud, call: Call) -> Json:
    """List the managed folders of a bucket."""
    rows = cloud.table(FOLDERS).rows
    wanted = f"{call.names['bucket']}/{call.query.get('prefix', '')}"
    return page(call, "items", [rows[name] for name in sorted(rows) if name.startswith(wanted)])


def delete_folder(cloud: Cloud, call: Call) -> Json:
    """Delete a managed folder."""
    cloud.table(FOLDERS).delete(f"{call.names['bucket']}/{call.names['managedFolder']}")
    return {}


def agent(cloud: Cloud, call: Call) -> Json:
    """Return Cloud Storage's own account of a project."""
    number = project_number(call.names["projectId"])
    email = f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"
    return {"kind": "storage#serviceAccount", "email_address": email}


def shown(row: Json) -> Json:
    """Return a bucket as the API shows it."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _bucket(cloud: Cloud, call: Call, permission: str) -> Json:
    name = call.names["bucket"]
    if name not in cloud.table(BUCKETS):
        raise Refusal("NOT_FOUND", "The specified bucket does not exist.")
    require_permission(cloud, call.caller, permission, name)
    return cloud.rows[BUCKETS][name]


def _match(call: Call, row: Json) -> None:
    wanted = call.query.get("ifMetagenerationMatch")
    if wanted is not None and wanted != row["metageneration"]:
        raise Refusal("CONDITION_NOT_MET", "At least one of the pre-conditions you specified did not hold.")


def _completed(cloud: Cloud, row: Json, project: str) -> Json:
    location = row.get("location", "US").upper()
    now = cloud.now()
    row = {name: value for name, value in row.items() if value is not None}
    row |= {
        "kind": "storage#bucket", "id": row["name"], "location": location, "_project": project, "etag": cloud.etag(),
        "locationType": "multi-region" if location in MULTI_REGIONS else "region", "metageneration": "1",
        "projectNumber": project_number(project), "timeCreated": now, "updated": now, "generation": str(cloud.number()),
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{row['name']}",
        "storageClass": row.get("storageClass", "STANDARD"),
    }  # fmt: skip
    row.setdefault("softDeletePolicy", {"retentionDurationSeconds": str(7 * DAY_S)}).setdefault("effectiveTime", now)
    _settle_access(row)
    return row


def _settle_access(row: Json) -> None:
    """Write both names of uniform access, and what isn't said about public access."""
    access: Json = dict(row.get("iamConfiguration") or {})
    switch: Json = access.get("uniformBucketLevelAccess") or access.get("bucketPolicyOnly") or {}
    uniform = bool(switch.get("enabled"))
    row["iamConfiguration"] = access | {
        "bucketPolicyOnly": {"enabled": uniform},
        "uniformBucketLevelAccess": {"enabled": uniform},
        "publicAccessPrevention": access.get("publicAccessPrevention", "inherited"),
    }


def _check_name(name: str) -> None:
    """Source: https://cloud.google.com/storage/docs/buckets#naming"""
    parts = name.split(".")
    is_short = all(len(one) <= 63 for one in parts) and len(name) <= (222 if len(parts) > 1 else 63)
    if not _NAME.fullmatch(name) or not is_short or _ADDRESS.fullmatch(name) or ".." in name:
        raise invalid(f"Invalid bucket name: '{name}'")
    if name.startswith("goog") or "google" in name:
        raise invalid(f"Invalid bucket name: '{name}': it may not begin with goog or contain google.")


def _check(row: Json) -> None:
    """Refuse a retention or a life cycle that Cloud Storage would.

    Sources: https://cloud.google.com/storage/docs/soft-delete, https://cloud.google.com/storage/docs/lifecycle"""
    soft_delete: Json = row.get("softDeletePolicy") or {}
    lifecycle: Json = row.get("lifecycle") or {}
    soft_s = int(soft_delete.get("retentionDurationSeconds", 0))
    if soft_s:
        require_between("softDeletePolicy.retentionDurationSeconds", soft_s, least=7 * DAY_S, most=90 * DAY_S)
    rules: list[Json] = lifecycle.get("rule", [])
    if len(rules) > 100:
        raise invalid("lifecycle: at most 100 rules.")
    for rule in rules:
        if not rule.get("condition") or rule.get("action", {}).get("type") not in (
            "Delete", "SetStorageClass", "AbortIncompleteMultipartUpload",
        ):  # fmt: skip
            raise invalid("lifecycle.rule: needs a condition and an action that there is.")
    if row["iamConfiguration"]["publicAccessPrevention"] not in ("inherited", "enforced", "unspecified"):
        raise invalid("iamConfiguration.publicAccessPrevention: inherited or enforced.")


def _merged(row: Any, changes: Json) -> Json:
    """Return a resource after a merge patch (RFC 7396)."""
    merged: Json = {**row} if isinstance(row, dict) else {}
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownArgumentType]
    return merged


def _is_public(policy: Json) -> bool:
    members = {member for one in policy.get("bindings", []) for member in one.get("members", [])}
    return bool(members & {"allUsers", "allAuthenticatedUsers"})


def _policy_shown(row: Json, policy: Json) -> Json:
    return {"kind": "storage#policy", "resourceId": bucket_resource(row["name"])} | policy


METHODS: dict[str, Handler] = {
    "storage.buckets.insert": create,
    "storage.buckets.get": read,
    "storage.buckets.patch": change,
    "storage.buckets.update": change,
    "storage.buckets.delete": delete,
    "storage.buckets.list": listed,
    "storage.buckets.getIamPolicy": get_policy,
    "storage.buckets.setIamPolicy": set_policy,
    "storage.buckets.testIamPermissions": test_policy,
    "storage.managedFolders.insert": create_folder,
    "storage.managedFolders.get": read_folder,
    "storage.managedFolders.list": list_folders,
    "storage.managedFolders.delete": delete_folder,
    "storage.projects.serviceAccount.get": agent,
}
