"""Long-running operations: done at once, after some polls, failed, or never, as a fault orders.

Source: https://google.aip.dev/151"""

from typing import Any

from pplns_deploy.emulator.calls import Call
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.faults import take_operation
from pplns_deploy.emulator.refusals import missing

Json = dict[str, Any]


def start(
    cloud: Cloud,
    call: Call,
    name: str,
    *,
    kind: str,
    response: Json,
    error: Json | None = None,
    metadata: Json | None = None,
) -> Json:
    """Keep an operation and return it as it stands: `response` is what it ends with, unless it fails."""
    order = take_operation(cloud, call.method.id)
    cloud.operations[name] = {
        "name": name,
        "kind": kind,
        "metadata": metadata or {},
        "polls": order.get("polls", 0),
        "never": order.get("never", False),
        "error": order.get("error", error),
        "response": response,
    }
    return view(cloud, name)


def is_pending(cloud: Cloud, name: str) -> bool:
    """Tell whether an operation goes on."""
    operation = cloud.operations.get(name)
    return operation is not None and (operation["never"] or operation["polls"] > 0)


def fails(cloud: Cloud, name: str) -> bool:
    """Tell whether an operation ends with an error, or never."""
    return bool(cloud.operations[name]["error"]) or bool(cloud.operations[name]["never"])


def poll(cloud: Cloud, name: str) -> Json:
    """Return an operation after one more poll."""
    if name not in cloud.operations:
        raise missing(name)
    operation = cloud.operations[name]
    operation["polls"] = max(0, operation["polls"] - 1)
    return view(cloud, name)


def view(cloud: Cloud, name: str) -> Json:
    """Return an operation as the API shows it."""
    operation = cloud.operations[name]
    shown: Json = {"name": name, "metadata": operation["metadata"]}
    if is_pending(cloud, name):
        return shown | {"done": False}
    if operation["error"]:
        return shown | {"done": True, "error": operation["error"]}
    return shown | {"done": True, "response": {"@type": operation["kind"], **operation["response"]}}
