"""Revisions of a Cloud Run service: what a changed template becomes, and whether its container comes up.

A revision that didn't come up stays, as the service does, with a failed condition; the traffic stays where it was.
Source: https://cloud.google.com/run/docs/managing/revisions"""

import hashlib
from collections.abc import Mapping
from typing import Any

from pplns_deploy.emulator.apis.logging import keep_lines
from pplns_deploy.emulator.apis.run_rules import DEFAULT_LIMITS, check_revision_name, secrets_of
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.faults import take_startup
from pplns_deploy.emulator.policies import may
from pplns_deploy.emulator.refusals import Refusal
from pplns_deploy.emulator.schemas import without_defaults

Json = dict[str, Any]
REVISIONS = "run.revisions"
DEFAULT_TIMEOUT = "300s"


def complete_template(template: Mapping[str, Any], project: str) -> Json:
    """Return a template with what Cloud Run fills in."""
    containers = [_complete_container(one, place == 0) for place, one in enumerate(template["containers"])]
    cpu = containers[0]["resources"]["limits"]["cpu"]
    is_small = cpu.endswith("m") and int(cpu[:-1]) < 1000
    completed = dict(template) | {"containers": containers}
    completed.setdefault("timeout", DEFAULT_TIMEOUT)
    completed.setdefault("serviceAccount", f"{project_number(project)}-compute@developer.gserviceaccount.com")
    completed["maxInstanceRequestConcurrency"] = template.get("maxInstanceRequestConcurrency") or (
        1 if is_small else 80
    )
    scaling = dict(template.get("scaling", {}))
    completed["scaling"] = scaling | {"maxInstanceCount": scaling.get("maxInstanceCount") or 100}
    return completed


def _complete_container(container: Mapping[str, Any], is_first: bool) -> Json:
    completed = dict(container)
    given = container.get("resources")
    resources: Json = dict(given) if given is not None else {"cpuIdle": True}
    completed["resources"] = resources | {"limits": DEFAULT_LIMITS | resources.get("limits", {})}
    if is_first:
        ports: list[Json] = container.get("ports", [])
        port: Json = {"name": "http1", "containerPort": 8080, **(ports[0] if ports else {})}
        completed["ports"] = [port]
        completed["startupProbe"] = _complete_probe(container.get("startupProbe"), port["containerPort"])
    if "livenessProbe" in container:
        completed["livenessProbe"] = _complete_probe(container["livenessProbe"], 8080)
    return completed


def _complete_probe(probe: Json | None, port: int) -> Json:
    if probe is None:
        return {"timeoutSeconds": 240, "periodSeconds": 240, "failureThreshold": 1, "tcpSocket": {"port": port}}
    given = {name: value for name, value in probe.items() if value != 0}
    completed: Json = {"timeoutSeconds": 1, "periodSeconds": 10, "failureThreshold": 3, **given}
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if kind in completed:
            path = {"path": "/"} if kind == "httpGet" else {}
            completed[kind] = {**path, "port": port, **completed[kind]}
    return completed


def make_revision(cloud: Cloud, service: Json) -> Json:
    """Make the revision of a service's template and return it, ready or failed.

    Raises: Refusal for a name that isn't the service's, or is another revision's."""
    service_id = service["name"].rpartition("/")[2]
    template: Json = service["template"]
    name = template.get("revision") or _new_name(cloud, service_id, service["generation"])
    check_revision_name(name, service_id)
    full = f"{service['name']}/revisions/{name}"
    table = cloud.table(REVISIONS)
    if full in table:
        raise Refusal("ALREADY_EXISTS", f"Revision named '{name}' with different configuration already exists.")
    failure = _failure(cloud, service, name)
    return table.create(full, _revision(cloud, service, full, failure))


def failure_of(revision: Mapping[str, Any]) -> str | None:
    """Return why a revision isn't ready, or None if it is."""
    ready: Json = revision["conditions"][0]
    return ready["message"] if ready["state"] == "CONDITION_FAILED" else None


def condition(cloud: Cloud, kind: str, failure: str | None, *, reason: Json | None = None) -> Json:
    """Return a condition: succeeded, or failed with its message."""
    shown: Json = {"type": kind, "state": "CONDITION_SUCCEEDED", "lastTransitionTime": cloud.now()}
    if failure is None:
        return shown
    return shown | {"state": "CONDITION_FAILED", "message": failure, "severity": "ERROR"} | (reason or {})


def _revision(cloud: Cloud, service: Json, full: str, failure: str | None) -> Json:
    template = {name: value for name, value in service["template"].items() if name != "revision"}
    now = cloud.now()
    return template | {
        "name": full, "uid": f"uid-{cloud.number():08d}", "generation": "1", "createTime": now, "updateTime": now,
        "service": service["name"].rpartition("/")[2], "launchStage": service["launchStage"],
        "observedGeneration": "1", "etag": cloud.etag(), "logUri": f"https://console.cloud.google.com/logs/{full}",
        "conditions": [condition(cloud, "Ready", failure, reason={"revisionReason": "HEALTH_CHECK_CONTAINER_ERROR"})],
    }  # fmt: skip


def _new_name(cloud: Cloud, service_id: str, generation: int) -> str:
    digest = hashlib.sha256(f"{service_id}{cloud.number()}".encode()).hexdigest()
    letters = "".join("bcdfghjklmnpqrstvwxz"[int(one, 16)] for one in digest[:3])
    return f"{service_id}-{generation:05d}-{letters}"


def _failure(cloud: Cloud, service: Json, revision: str) -> str | None:
    """Return why the revision can't start: a secret that it can't read, or a container that is to fail and may write
    some lines before."""
    template: Json = service["template"]
    project = project_of(service["name"])
    for secret, version in secrets_of(template):
        if failure := _secret_failure(cloud, template["serviceAccount"], _secret_name(secret, project), version):
            return failure
    images = [str(one["image"]) for one in template["containers"]]
    service_id = service["name"].rpartition("/")[2]
    order = take_startup(cloud, service_id, images)
    if order is None:
        return None
    keep_lines(cloud, project, {"service_name": service_id, "revision_name": revision}, order["logs"])
    return str(order["message"])


def _secret_name(secret: str, project: str) -> str:
    return secret if secret.startswith("projects/") else f"projects/{project}/secrets/{secret}"


def _secret_failure(cloud: Cloud, account: str, secret: str, version: str) -> str | None:
    """Source: https://cloud.google.com/run/docs/configuring/services/secrets"""
    versions = [row for row in cloud.table("secretmanager.versions").under(secret) if row["state"] == "ENABLED"]
    known = {str(row["name"]).rpartition("/")[2] for row in versions} | ({"latest"} if versions else set[str]())
    if secret not in cloud.table("secretmanager.secrets") or version not in known:
        return f"Secret {secret}/versions/{version} was not found"
    if not may(cloud, f"serviceAccount:{account}", "secretmanager.versions.access", secret):
        return (
            f"Permission denied on secret: {secret}/versions/{version} for Revision service account {account}. The "
            "service account used must be granted the 'Secret Manager Secret Accessor' role "
            "(roles/secretmanager.secretAccessor) at the secret, project or higher level."
        )
    return None


def shown_revision(revision: Json) -> Json:
    """Return a revision as the API shows it."""
    shown: Json = without_defaults(revision)
    return shown
