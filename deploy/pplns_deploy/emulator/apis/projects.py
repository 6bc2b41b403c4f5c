"""Resource Manager: projects and their policies; Service Usage: which APIs a project has.

Every project exists. https://cloud.google.com/resource-manager/reference/rest,
https://cloud.google.com/service-usage/docs/reference/rest"""

from typing import Any

from pplns_deploy.emulator import operations
from pplns_deploy.emulator.apis import Handler
from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud, project_number, project_of
from pplns_deploy.emulator.policies import policy_answer
from pplns_deploy.emulator.refusals import invalid
from pplns_deploy.emulator.tables import page

Json = dict[str, Any]
SERVICES = "serviceusage.services"
KIND = "type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse"


def read_v1(cloud: Cloud, call: Call) -> Json:
    """Return a project, as version 1 shows it."""
    project = call.names["projectId"]
    return {
        "projectId": project, "projectNumber": project_number(project), "name": project, "lifecycleState": "ACTIVE",
        "createTime": "2026-01-01T00:00:00.000Z", "labels": {},
    }  # fmt: skip


def read_v3(cloud: Cloud, call: Call) -> Json:
    """Return a project, as version 3 shows it."""
    project = project_of(call.name)
    return {
        "name": f"projects/{project_number(project)}", "projectId": project, "displayName": project, "state": "ACTIVE",
        "createTime": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip


def read_billing(cloud: Cloud, call: Call) -> Json:
    """Return a project's billing account: always the same one."""
    return {"name": f"{call.name}/billingInfo", "projectId": project_of(call.name), "billingEnabled": True,
            "billingAccountName": "billingAccounts/000000-000000-000000"}  # fmt: skip


def policy(cloud: Cloud, call: Call) -> Json:
    """Read or write who may do what in a project."""
    return policy_answer(cloud, call, f"projects/{call.name.removeprefix('projects/')}")


def enable(cloud: Cloud, call: Call) -> Json:
    """Enable an API of a project."""
    return _started(cloud, call, {"service": _switch(cloud, call.name, enabled=True)})


def disable(cloud: Cloud, call: Call) -> Json:
    """Disable an API of a project."""
    if call.name not in cloud.table(SERVICES):
        raise invalid(f"Service {call.name} is not enabled.")
    return _started(cloud, call, {"service": _switch(cloud, call.name, enabled=False)})


def enable_all(cloud: Cloud, call: Call) -> Json:
    """Enable up to 20 APIs at once."""
    names = call.body.get("serviceIds", [])
    if not 0 < len(names) <= 20:
        raise invalid("serviceIds: 1 to 20 services.")
    made = [_switch(cloud, f"{call.parent}/services/{name}", enabled=True) for name in names]
    return _started(cloud, call, {"services": made})


def read_service(cloud: Cloud, call: Call) -> Json:
    """Return whether an API is enabled."""
    return cloud.table(SERVICES).rows.get(call.name) or _service(call.name, enabled=False)


def listed(cloud: Cloud, call: Call) -> Json:
    """List the APIs of a project; the filter is `state:ENABLED` or nothing."""
    rows = cloud.table(SERVICES).under(call.parent)
    if call.query.get("filter", "state:ENABLED").replace(" ", "") not in ("state:ENABLED", "state:DISABLED"):
        raise invalid("filter: state:ENABLED or state:DISABLED.")
    wanted = call.query.get("filter", "").replace(" ", "").partition(":")[2]
    return page(call, "services", [row for row in rows if wanted in ("", row["state"])])


def read_batch(cloud: Cloud, call: Call) -> Json:
    """Return several APIs."""
    rows = cloud.table(SERVICES).rows
    return {"services": [rows.get(name) or _service(name, enabled=False) for name in call.query.get("names", [])]}


def read_operation(cloud: Cloud, call: Call) -> Json:
    """Return an operation, one poll later."""
    return operations.poll(cloud, call.name)


def is_enabled(cloud: Cloud, project: str, service: str) -> bool:
    """Tell whether a project has an API, by its id or its number."""
    rows = cloud.table(SERVICES).rows
    names = (f"projects/{one}/services/{service}" for one in (project, project_number(project)))
    return any(rows.get(name, {}).get("state") == "ENABLED" for name in names)


def _switch(cloud: Cloud, name: str, *, enabled: bool) -> Json:
    service = name.rpartition("/")[2]
    if not service.endswith(".googleapis.com"):
        raise invalid(f"Service '{service}' not found or permission denied.")
    row = _service(name, enabled=enabled)
    cloud.rows.setdefault(SERVICES, {})[name] = row
    return row


def _service(name: str, *, enabled: bool) -> Json:
    _, project, _, service = name.split("/")
    return {
        "name": f"projects/{project_number(project)}/services/{service}",
        "parent": f"projects/{project_number(project)}",
        "config": {"name": service, "title": service},
        "state": "ENABLED" if enabled else "DISABLED",
    }


def _started(cloud: Cloud, call: Call, response: Json) -> Json:
    return operations.start(cloud, call, f"operations/acf.{cloud.number():08d}", kind=KIND, response=response)


_IAM = ("getIamPolicy", "setIamPolicy", "testIamPermissions")
METHODS: dict[str, Handler] = {
    "cloudresourcemanager.projects.get": read_v1,
    "cloudbilling.projects.getBillingInfo": read_billing,
    **{f"cloudresourcemanager.projects.{verb}": policy for verb in _IAM},
    "serviceusage.services.enable": enable,
    "serviceusage.services.disable": disable,
    "serviceusage.services.batchEnable": enable_all,
    "serviceusage.services.batchGet": read_batch,
    "serviceusage.services.get": read_service,
    "serviceusage.services.list": listed,
    "serviceusage.operations.get": read_operation,
}
METHODS_V3: dict[str, Handler] = METHODS | {"cloudresourcemanager.projects.get": read_v3}
