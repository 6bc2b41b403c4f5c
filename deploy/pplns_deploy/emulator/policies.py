"""IAM policies: who has which role on what, with etags and conditions, and whether a caller may.

Sources: https://cloud.google.com/iam/docs/reference/rest/v1/Policy, https://cloud.google.com/iam/docs/policies"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import OWNER, Cloud, project_of
from pplns_deploy.emulator.conditions import Attributes, check_condition, holds
from pplns_deploy.emulator.refusals import Refusal, denied, invalid
from pplns_deploy.emulator.roles import check_role, grants

Json = dict[str, Any]
EMPTY_ETAG = "ACAB"
CONDITIONAL_VERSION = 3
MAX_CONDITIONS = 20
_MEMBER = re.compile(
    r"(deleted:)?(user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer):\S+"
    r"|allUsers|allAuthenticatedUsers|principal(Set)?://\S+"
)
_ACCOUNT = re.compile(r"serviceAccount:(?P<email>[^@]+@(?P<project>[^.]+)\.iam\.gserviceaccount\.com)")


def read_policy(cloud: Cloud, resource: str, *, version: int = CONDITIONAL_VERSION) -> Json:
    """Return the policy of a resource as a caller of a version sees it; an older one sees conditions as odd roles."""
    policy = cloud.policies.get(resource)
    if policy is None:
        return {"etag": EMPTY_ETAG, "version": 1}
    if version >= CONDITIONAL_VERSION or policy["version"] < CONDITIONAL_VERSION:
        return policy
    return policy | {"version": 1, "bindings": [_without_condition(one) for one in policy["bindings"]]}


def write_policy(cloud: Cloud, resource: str, policy: Json, *, stale: str = "ABORTED") -> Json:
    """Replace the policy of a resource.

    Raises: Refusal for an etag that isn't the policy's, or a binding that can't be."""
    current = read_policy(cloud, resource)
    if policy.get("etag", current["etag"]) != current["etag"]:
        raise Refusal(
            stale,
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
            f"The request's ETag {policy['etag']!r} did not match the current policy's ETag {current['etag']!r}.",
        )
    bindings: list[Json] = policy.get("bindings", [])
    for binding in bindings:
        _check_binding(cloud, binding, int(policy.get("version", 0)))
    kept = _merged(bindings)
    _check_count(kept)
    version = CONDITIONAL_VERSION if any("condition" in one for one in kept) else 1
    cloud.policies[resource] = {"version": version, "etag": cloud.etag(), "bindings": kept}
    return cloud.policies[resource]


def policy_answer(cloud: Cloud, call: Call, resource: str) -> Json:
    """Answer getIamPolicy, setIamPolicy or testIamPermissions of a resource."""
    if call.verb == "setIamPolicy":
        policy = call.body.get("policy")
        if policy is None:
            raise invalid("The request has no policy.")
        return write_policy(cloud, resource, policy)
    if call.verb == "testIamPermissions":
        asked = call.body.get("permissions", [])
        return {"permissions": [one for one in asked if may(cloud, call.caller, one, resource)]}
    options = call.body.get("options", {}).get("requestedPolicyVersion")
    version = call.query.get("options.requestedPolicyVersion", options)
    return read_policy(cloud, resource, version=int(version or 1))


def require(cloud: Cloud, caller: str, permission: str, resource: str, *, attributes: Attributes | None = None) -> None:
    """Refuse a caller who lacks a permission on a resource and on all above it."""
    if not may(cloud, caller, permission, resource, attributes=attributes):
        raise denied(permission, resource)


def may(cloud: Cloud, caller: str, permission: str, resource: str, *, attributes: Attributes | None = None) -> bool:
    """Tell whether a caller has a permission on a resource, by its own policy or one above it."""
    if caller == OWNER:
        return True
    known = attributes or Attributes(resource)
    return any(
        grants(binding["role"], permission) and _is_of(caller, binding["members"]) and _applies(binding, known)
        for above in _lineage(resource)
        for binding in cloud.policies.get(above, {}).get("bindings", [])
    )


def require_account(cloud: Cloud, email: str, *, caller: str) -> None:
    """Refuse a service account that doesn't exist, or that the caller may not act as.

    Source: https://cloud.google.com/iam/docs/service-accounts-actas"""
    name = f"projects/{email.partition('@')[2].split('.')[0]}/serviceAccounts/{email}"
    is_users = email.endswith(".iam.gserviceaccount.com") and "@gcp-sa-" not in email
    if (is_users and name not in cloud.table("iam.serviceAccounts")) or not may(
        cloud, caller, "iam.serviceAccounts.actAs", name
    ):
        raise Refusal(
            "PERMISSION_DENIED",
            f"Permission 'iam.serviceaccounts.actAs' denied on service account {email} (or it may not exist).",
        )


def forget(cloud: Cloud, resource: str) -> None:
    """Drop the policy of a resource that goes."""
    cloud.policies.pop(resource, None)


def _check_binding(cloud: Cloud, binding: Json, version: int) -> None:
    check_role(binding.get("role", ""))
    for member in binding.get("members", []):
        _check_member(cloud, member)
    if "condition" in binding:
        if version != CONDITIONAL_VERSION:
            raise invalid("A policy with conditions must have version 3.")
        check_condition(binding["condition"].get("expression", ""))


def _check_count(bindings: list[Json]) -> None:
    """Refuse more conditions for one role and one member than a policy takes.

    Source: https://cloud.google.com/iam/quotas#limits"""
    conditional = [one for one in bindings if "condition" in one]
    counts = Counter((one["role"], member) for one in conditional for member in one["members"])
    for (role, member), count in counts.items():
        if count > MAX_CONDITIONS:
            raise invalid(
                f"The policy has {count} bindings of {role!r} for {member!r} with different conditions: at most"
                f" {MAX_CONDITIONS}."
            )


def _check_member(cloud: Cloud, member: str) -> None:
    if not _MEMBER.fullmatch(member):
        raise invalid(f"Invalid member: {member!r}.")
    found = _ACCOUNT.fullmatch(member)
    if found is None or found["project"].startswith("gcp-sa-") or found["project"].startswith("developer"):
        return
    if f"projects/{found['project']}/serviceAccounts/{found['email']}" not in cloud.table("iam.serviceAccounts"):
        raise invalid(f"Service account {found['email']} does not exist.")


def _merged(bindings: list[Json]) -> list[Json]:
    """Return bindings with one for each role and condition, members once each; those without members go."""
    found: dict[str, Json] = {}
    for binding in bindings:
        key = json.dumps([binding["role"], binding.get("condition")], sort_keys=True)
        kept = found.setdefault(key, binding | {"members": []})
        kept["members"] = sorted({*kept["members"], *binding.get("members", [])})
    return [found[key] for key in sorted(found) if found[key]["members"]]


def _without_condition(binding: Json) -> Json:
    if "condition" not in binding:
        return binding
    digest = hashlib.sha256(json.dumps(binding["condition"], sort_keys=True).encode()).hexdigest()[:20]
    return {"role": f"{binding['role']}_withcond_{digest}", "members": binding["members"]}


def _is_of(caller: str, members: list[str]) -> bool:
    return caller in members or "allUsers" in members or "allAuthenticatedUsers" in members


def _applies(binding: Json, attributes: Attributes) -> bool:
    return "condition" not in binding or holds(binding["condition"]["expression"], attributes)


def _lineage(resource: str) -> Iterator[str]:
    """Yield a resource and those above it: each two parts shorter; a bucket's project is in no name of it."""
    parts = resource.split("/")
    for length in range(len(parts), 1, -2):
        yield "/".join(parts[:length])
    if parts[0] == "projects" and project_of(resource):
        yield f"projects/{project_of(resource)}"
