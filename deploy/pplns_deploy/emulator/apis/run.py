"""Cloud Run v2: services, their revisions, traffic and policies. https://cloud.google.com/run/docs/reference/rest"""

import zlib
from collections.abc import Mapping
from typing import Any

from pplns_deploy.emulator import operations
from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.apis.revisions import (
    REVISIONS,
    complete_template,
    condition,
    failure_of,
    make_revision,
    shown_revision,
)
from pplns_deploy.emulator.apis.run_rules import check_service, check_service_id, check_traffic
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.policies import forget, policy_answer, require_account
from pplns_deploy.emulator.refusals import RPC_CODES, Refusal, invalid
from pplns_deploy.emulator.schemas import without_defaults
from pplns_deploy.emulator.tables import masked, page

Json = dict[str, Any]
SERVICES = "run.services"
SCHEMA = "GoogleCloudRunV2Service"
KIND = "type.googleapis.com/google.cloud.run.v2.Service"
LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"


def create(cloud: Cloud, call: Call) -> Json:
    """Create a service; one whose container doesn't come up is kept, and its operation fails."""
    service_id = call.query.get("serviceId", "")
    check_service_id(service_id)
    name = f"{call.parent}/services/{service_id}"
    if name in cloud.table(SERVICES):
        raise Refusal("ALREADY_EXISTS", f"Resource '{service_id}' already exists.")
    now = cloud.now()
    made: Json = {"uid": f"uid-{cloud.number():08d}", "createTime": now, "generation": 0, "creator": call.caller}
    return _apply(cloud, call, dict(call.body) | {"name": name} | made)


def update(cloud: Cloud, call: Call) -> Json:
    """Change a service: a changed template becomes a new revision, changed traffic doesn't."""
    if call.name not in cloud.table(SERVICES) and call.query.get("allowMissing"):
        return create(cloud, _as_creation(call))
    row = cloud.table(SERVICES).read(call.name)
    if call.body.get("etag", row["etag"]) != row["etag"]:
        raise Refusal("ABORTED", f"Conflict for resource '{call.name}': the etag is not the current one.")
    mask = call.query.get("updateMask") or "*"
    changes = {name: value for name, value in call.body.items() if name not in ("name", "etag")}
    changed = masked(call, SCHEMA, row, changes=changes, mask=mask)
    return _apply(cloud, call, changed | {"name": row["name"], "etag": row["etag"]}, before=row)


def read(cloud: Cloud, call: Call) -> Json:
    """Return a service."""
    return shown(cloud, cloud.table(SERVICES).read(call.name))


def listed(cloud: Cloud, call: Call) -> Json:
    """List the services of a region."""
    return page(call, "services", [shown(cloud, row) for row in cloud.table(SERVICES).under(call.parent)])


def delete(cloud: Cloud, call: Call) -> Json:
    """Delete a service with its revisions and its policy."""
    row = cloud.table(SERVICES).read(call.name)
    gone = shown(cloud, row) | {"deleteTime": cloud.now()}
    operation = operations.start(cloud, call, _operation(cloud, call.name), kind=KIND, response=gone)
    if operations.fails(cloud, operation["name"]):
        return operation
    cloud.table(SERVICES).delete(call.name)
    for revision in cloud.table(REVISIONS).under(call.name):
        cloud.table(REVISIONS).delete(revision["name"])
    forget(cloud, call.name)
    return operation


def policy(cloud: Cloud, call: Call) -> Json:
    """Read or write who may invoke a service."""
    cloud.table(SERVICES).read(call.name)
    answer = policy_answer(cloud, call, call.name)
    if call.verb == "setIamPolicy" and any("condition" in one for one in answer.get("bindings", [])):
        raise invalid("Conditions are not supported in the policy of a Cloud Run service.")
    return answer


def read_revision(cloud: Cloud, call: Call) -> Json:
    """Return a revision."""
    return shown_revision(cloud.table(REVISIONS).read(call.name))


def list_revisions(cloud: Cloud, call: Call) -> Json:
    """List the revisions of a service, the newest first."""
    rows = sorted(cloud.table(REVISIONS).under(call.parent), key=lambda row: row["createTime"], reverse=True)
    return page(call, "revisions", [shown_revision(row) for row in rows])


def delete_revision(cloud: Cloud, call: Call) -> Json:
    """Delete a revision that has no traffic."""
    row = cloud.table(REVISIONS).read(call.name)
    service = cloud.table(SERVICES).read(call.name.partition("/revisions/")[0])
    if call.name.rpartition("/")[2] in {one.get("revision") for one in _statuses(service)}:
        raise Refusal("FAILED_PRECONDITION", f"Revision '{call.name}' has traffic and can't be deleted.")
    cloud.table(REVISIONS).delete(call.name)
    kind = KIND.replace("Service", "Revision")
    return operations.start(cloud, call, _operation(cloud, call.name), kind=kind, response=shown_revision(row))


def read_operation(cloud: Cloud, call: Call) -> Json:
    """Return an operation, one poll later."""
    answer = operations.poll(cloud, call.name)
    service = cloud.operations[call.name]["metadata"].get("name", "")
    if "response" in answer and service in cloud.table(SERVICES):
        answer["response"] = {"@type": KIND, **shown(cloud, cloud.table(SERVICES).read(service))}
    return answer


def shown(cloud: Cloud, row: Json) -> Json:
    """Return a service as the API shows it: while its operation goes on, as it was to the eye, but reconciling."""
    inner = {name: value for name, value in row.items() if not name.startswith("_")}
    answer: Json = without_defaults(inner | {name: str(inner[name]) for name in ("generation", "observedGeneration")})
    if operations.is_pending(cloud, row["_operation"]):
        pending = {"type": "Ready", "state": "CONDITION_RECONCILING", "lastTransitionTime": row["updateTime"]}
        return answer | {"reconciling": True, "terminalCondition": pending}
    return answer


def _as_creation(call: Call) -> Call:
    parent, _, service_id = call.name.rpartition("/services/")
    names, query = {"parent": parent}, {"serviceId": service_id}
    return Call(call.document, call.method, names, query, call.body, call.caller, call.base_url)


def _apply(cloud: Cloud, call: Call, service: Json, *, before: Json | None = None) -> Json:
    """Check what a service is to be, make its revision, settle its traffic, keep it and start the operation."""
    check_service(service)
    project = project_of(service["name"])
    service |= {"template": complete_template(service["template"], project), "generation": service["generation"] + 1}
    require_account(cloud, service["template"]["serviceAccount"], caller=call.caller)
    service["launchStage"] = service.get("launchStage", "GA")
    service["ingress"] = service.get("ingress", "INGRESS_TRAFFIC_ALL")
    service["traffic"] = service.get("traffic") or [{"type": LATEST, "percent": 100}]
    _check_traffic(cloud, service)
    service |= {"updateTime": cloud.now(), "lastModifier": call.caller, **_urls(service["name"])}
    if call.query.get("validateOnly"):
        return {"name": _operation(cloud, service["name"]), "done": True, "response": {"@type": KIND, **call.body}}
    failure = _roll_out(cloud, service, before)
    service |= {"etag": cloud.etag(), "_operation": _operation(cloud, service["name"])}
    cloud.rows[SERVICES][service["name"]] = service
    error = {"code": RPC_CODES["FAILED_PRECONDITION"], "message": failure} if failure else None
    return _start(cloud, call, service, error)


def _start(cloud: Cloud, call: Call, service: Json, error: Json | None) -> Json:
    name = service["_operation"]
    metadata = {"@type": KIND, "name": service["name"]}
    operation = operations.start(cloud, call, name, kind=KIND, response={}, error=error, metadata=metadata)
    ordered = cloud.operations[name]["error"]
    if ordered and not error:
        service["terminalCondition"] = condition(cloud, "Ready", ordered.get("message", ""))
    return read_operation_now(cloud, operation, service)


def read_operation_now(cloud: Cloud, operation: Json, service: Json) -> Json:
    """Return a just started operation with the service in its response, if it is done."""
    done = "response" in operation
    return operation | ({"response": {"@type": KIND, **shown(cloud, service)}} if done else {})


def _check_traffic(cloud: Cloud, service: Json) -> None:
    known = {row["name"].rpartition("/")[2] for row in cloud.table(REVISIONS).under(service["name"])}
    own = service["template"].get("revision")
    name = service["name"].rpartition("/")[2]
    check_traffic(service["traffic"], known | ({own} if own else set()), service=name)


def _roll_out(cloud: Cloud, service: Json, before: Json | None) -> str | None:
    """Make a revision if the template has changed; return why it doesn't come up."""
    if before is None or before["template"] != service["template"]:
        revision = make_revision(cloud, service)
        service["latestCreatedRevision"] = revision["name"]
    else:
        revision = cloud.table(REVISIONS).read(service["latestCreatedRevision"])
    failure = failure_of(revision)
    if failure is None:
        service |= {"latestReadyRevision": revision["name"], "observedGeneration": service["generation"]}
    message = failure and (
        f"Revision '{revision['name'].rpartition('/')[2]}' is not ready and cannot serve traffic. {failure}"
    )
    service.setdefault("observedGeneration", service["generation"])
    service |= {
        "terminalCondition": condition(cloud, "Ready", message),
        "conditions": [condition(cloud, "RoutesReady", message), condition(cloud, "ConfigurationsReady", message)],
        "trafficStatuses": _statuses(service),
    }
    return message


def _statuses(service: Mapping[str, Any]) -> list[Json]:
    """Return where the traffic goes: to no revision while none is ready."""
    latest = service.get("latestReadyRevision", "").rpartition("/")[2]
    statuses: list[Json] = []
    for target in service["traffic"]:
        status = dict(target) | ({"revision": latest} if target.get("type", LATEST) == LATEST and latest else {})
        if target.get("tag"):
            status["uri"] = service["uri"].replace("https://", f"https://{target['tag']}---")
        statuses.append(status)
    return statuses


def _urls(name: str) -> Json:
    """Return a service's addresses: the one by project number and region, and the older one with a hash."""
    project, region, service = project_of(name), name.split("/")[3], name.rpartition("/")[2]
    digest = f"{zlib.crc32(project.encode()):010d}"
    uri = f"https://{service}-{digest}-{region[:2]}.a.run.app"
    return {"uri": uri, "urls": [f"https://{service}-{project_number(project)}.{region}.run.app", uri]}


def _operation(cloud: Cloud, name: str) -> str:
    return f"{'/'.join(name.split('/')[:4])}/operations/operation-{cloud.number():08d}"


_BASE = "run.projects.locations"
METHODS: dict[str, Handler] = {
    f"{_BASE}.services.create": create,
    f"{_BASE}.services.patch": update,
    f"{_BASE}.services.get": read,
    f"{_BASE}.services.list": listed,
    f"{_BASE}.services.delete": delete,
    f"{_BASE}.services.getIamPolicy": policy,
    f"{_BASE}.services.setIamPolicy": policy,
    f"{_BASE}.services.testIamPermissions": policy,
    f"{_BASE}.services.revisions.get": read_revision,
    f"{_BASE}.services.revisions.list": list_revisions,
    f"{_BASE}.services.revisions.delete": delete_revision,
    f"{_BASE}.operations.get": read_operation,
    f"{_BASE}.operations.wait": read_operation,
}
