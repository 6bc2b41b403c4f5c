"""`/_control/…`: what a test or a person does to the stand-in that no Google API does.

See docs/stand-in.md for each of them with an example."""

from collections.abc import Callable
from typing import Any

from pplns_deploy.emulator.apis.run import SERVICES as RUN_SERVICES
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.endpoints import provider_endpoints, provider_environment
from pplns_deploy.emulator.faults import order_fault, order_startup
from pplns_deploy.emulator.front import order_answer
from pplns_deploy.emulator.refusals import Refusal, invalid, missing

Json = dict[str, Any]


def control(cloud: Cloud, command: str, body: Json, *, base_url: str) -> Json:
    """Carry out a command.

    Raises: Refusal for one that there isn't, or that asks for what can't be."""
    if command == "endpoints":
        return {"provider": provider_endpoints(base_url), "environment": provider_environment(base_url)}
    if command not in COMMANDS:
        raise Refusal(
            "NOT_FOUND", f"There is no command {command!r}; there are {', '.join(sorted({*COMMANDS, 'endpoints'}))}."
        )
    with cloud.lock:
        return COMMANDS[command](cloud, body)


def _state(cloud: Cloud, body: Json) -> Json:
    """Return everything, as one document."""
    return cloud.document(with_data=bool(body.get("data")))


def _inventory(cloud: Cloud, body: Json) -> Json:
    """Return every resource that is left: kind → names; what comes with a project, and its policies, don't count."""
    found = {kind: sorted(rows) for kind, rows in cloud.rows.items() if rows and kind not in _NOT_RESOURCES}
    found |= {"storage.objects": sorted(f"{bucket}/{name}" for bucket, rows in cloud.objects.items() for name in rows)}
    return {kind: names for kind, names in sorted(found.items()) if names}


def _requests(cloud: Cloud, body: Json) -> Json:
    """Return the last calls, or those since the last time if `clear` is true."""
    found = list(cloud.requests)
    if body.get("clear"):
        cloud.requests.clear()
    return {"requests": found}


def _fault(cloud: Cloud, body: Json) -> Json:
    return order_fault(cloud, body)


def _startup(cloud: Cloud, body: Json) -> Json:
    return order_startup(cloud, body)


def _answer(cloud: Cloud, body: Json) -> Json:
    return order_answer(cloud, body)


def _machine(cloud: Cloud, body: Json) -> Json:
    """Say which service account the metadata server is asked for: `account` is its email."""
    cloud.machine = str(body.get("account", ""))
    return {"account": cloud.machine}


def _clear(cloud: Cloud, body: Json) -> Json:
    """Drop all orders."""
    for orders in (cloud.faults, cloud.startups, cloud.answers):
        orders.clear()
    return {}


def _drift(cloud: Cloud, body: Json) -> Json:
    """Change a resource behind the back of whoever manages it, or delete it: `kind`, `name`, `set` or `delete`."""
    kind, name = body.get("kind", ""), body.get("name", "")
    rows = cloud.policies if kind == "policies" else cloud.rows.get(kind, {})
    if name not in rows:
        raise missing(f"{kind}: {name}")
    if body.get("delete"):
        return rows.pop(name)
    for path, value in body.get("set", {}).items():
        _place(rows[name], path.split("."), value)
    if kind == RUN_SERVICES:
        rows[name]["etag"] = cloud.etag()
    return rows[name]


def _place(row: Any, path: list[str], value: object) -> None:
    """Set the value at a path such as `template.containers.0.image`."""
    *parents, last = path
    for part in parents:
        row = row[int(part)] if isinstance(row, list) else row.setdefault(part, {})  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(row, list):
        row[int(last)] = value
    else:
        row[last] = value


def _callers(cloud: Cloud, body: Json) -> Json:
    """Make callers known: token → member."""
    if not all(isinstance(member, str) and ":" in member for member in body.values()):
        raise invalid("A caller is a token with its member, such as user:ann@example.com.")
    cloud.callers.update(body)
    return dict(cloud.callers)


def _services(cloud: Cloud, body: Json) -> Json:
    """Say whether an API has to be enabled before it is used."""
    cloud.enforces_services = bool(body.get("enforce"))
    return {"enforce": cloud.enforces_services}


def _reset(cloud: Cloud, body: Json) -> Json:
    """Forget everything but the callers."""
    cloud.reset()
    return {}


_NOT_RESOURCES = frozenset(
    {"projects", "serviceusage.services", "logging.entries", "pubsub.messages", "monitoring.timeSeries"}
)
COMMANDS: dict[str, Callable[[Cloud, Json], Json]] = {
    "state": _state,
    "inventory": _inventory,
    "requests": _requests,
    "faults": _fault,
    "startups": _startup,
    "answers": _answer,
    "machine": _machine,
    "clear": _clear,
    "drift": _drift,
    "callers": _callers,
    "services": _services,
    "reset": _reset,
}
