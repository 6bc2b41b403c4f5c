"""Artifact Registry's repositories (not the images in them). https://cloud.google.com/artifact-registry/docs/reference/rest"""

import re
from typing import Any

from pplns_deploy.emulator import operations
from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.values import require_id
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_of
from pplns_deploy.emulator.policies import forget, policy_answer
from pplns_deploy.emulator.refusals import Refusal, invalid
from pplns_deploy.emulator.schemas import without_defaults
from pplns_deploy.emulator.tables import masked, page

Json = dict[str, Any]
REPOSITORIES = "artifactregistry.repositories"
KIND = "type.googleapis.com/google.devtools.artifactregistry.v1.Repository"
EMPTY = "type.googleapis.com/google.protobuf.Empty"
_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def create(cloud: Cloud, call: Call) -> Json:
    """Create a repository; one whose operation fails isn't made."""
    repository = call.query.get("repositoryId", "")
    require_id("repository_id", repository, _ID, "lowercase letters, numbers and hyphens, 1 to 63, beginning with a "
               "letter")  # fmt: skip
    name = f"{call.parent}/repositories/{repository}"
    if name in cloud.table(REPOSITORIES):
        raise Refusal("ALREADY_EXISTS", "the repository already exists")
    if call.body.get("format", "FORMAT_UNSPECIFIED") == "FORMAT_UNSPECIFIED":
        raise invalid("format: a repository needs a format.")
    region, project = call.parent.split("/")[3], project_of(name)
    row = call.body | {
        "name": name, "createTime": cloud.now(), "updateTime": cloud.now(),
        "mode": call.body.get("mode", "STANDARD_REPOSITORY"),
        "registryUri": f"{region}-docker.pkg.dev/{project}/{repository}",
    }  # fmt: skip
    _check(row)
    operation = operations.start(cloud, call, _operation(cloud, call.parent), kind=KIND, response=_shown(row))
    if not operations.fails(cloud, operation["name"]):
        cloud.table(REPOSITORIES).create(name, row)
    return operation


def read(cloud: Cloud, call: Call) -> Json:
    """Return a repository."""
    return _shown(cloud.table(REPOSITORIES).read(call.name))


def change(cloud: Cloud, call: Call) -> Json:
    """Change a repository; its format and its mode stay."""
    row = cloud.table(REPOSITORIES).read(call.name)
    changes = {name: value for name, value in call.body.items() if name != "name"}
    changed = masked(call, "Repository", row, changes=changes, mask=call.query.get("updateMask"))
    if (changed["format"], changed["mode"]) != (row["format"], row["mode"]):
        raise invalid("format and mode: can't be changed.")
    _check(changed)
    cloud.rows[REPOSITORIES][call.name] = changed | {"name": call.name, "updateTime": cloud.now()}
    return _shown(cloud.rows[REPOSITORIES][call.name])


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a repository with all that is in it."""
    cloud.table(REPOSITORIES).read(call.name)
    parent = call.name.partition("/repositories/")[0]
    operation = operations.start(cloud, call, _operation(cloud, parent), kind=EMPTY, response={})
    if not operations.fails(cloud, operation["name"]):
        cloud.table(REPOSITORIES).delete(call.name)
        forget(cloud, call.name)
    return operation


def listed(cloud: Cloud, call: Call) -> Json:
    """List the repositories of a region."""
    return page(call, "repositories", [_shown(row) for row in cloud.table(REPOSITORIES).under(call.parent)])


def policy(cloud: Cloud, call: Call) -> Json:
    """Read or write who may pull and push."""
    cloud.table(REPOSITORIES).read(call.name)
    return policy_answer(cloud, call, call.name)


def read_operation(cloud: Cloud, call: Call) -> Json:
    """Return an operation, one poll later."""
    return operations.poll(cloud, call.name)


def _check(row: Json) -> None:
    """Refuse clean-up policies whose ids differ from their keys, or that both match and keep.

    Source: https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy"""
    for key, policy in row.get("cleanupPolicies", {}).items():
        if policy.get("id", key) != key or ("condition" in policy) == ("mostRecentVersions" in policy):
            raise invalid(
                f"cleanup_policies: {key!r} needs its key as id, and one of condition and most_recent_versions."
            )
        if "mostRecentVersions" in policy and policy.get("action") != "KEEP":
            raise invalid(f"cleanup_policies: {key!r}: most_recent_versions is only for KEEP.")


def _operation(cloud: Cloud, parent: str) -> str:
    return f"{parent}/operations/operation-{cloud.number():08d}"


def _shown(row: Json) -> Json:
    answer: Json = without_defaults(row)
    return answer


_BASE = "artifactregistry.projects.locations"
METHODS: dict[str, Handler] = {
    f"{_BASE}.repositories.create": create,
    f"{_BASE}.repositories.get": read,
    f"{_BASE}.repositories.patch": change,
    f"{_BASE}.repositories.delete": delete,
    f"{_BASE}.repositories.list": listed,
    f"{_BASE}.repositories.getIamPolicy": policy,
    f"{_BASE}.repositories.setIamPolicy": policy,
    f"{_BASE}.repositories.testIamPermissions": policy,
    f"{_BASE}.operations.get": read_operation,
}
