"""Faults on order: which method fails how, how often, and from which call on; which container doesn't come up.

An order is `{"method": GLOB, "status": "UNAVAILABLE", "message": …, "after": 2, "times": 3}` for a refusal,
`{"permission": GLOB}` for a permission that everybody lacks, or `{"method": GLOB, "operation": {"polls": 3}}`, with
`"never": true` or `"error": {"code": 13, "message": …}`, for the operations that a method starts."""

from fnmatch import fnmatchcase
from typing import Any

from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.refusals import HTTP_CODES, RPC_CODES, Refusal, denied, invalid

Json = dict[str, Any]
ORDER_FIELDS = frozenset({"method", "status", "message", "after", "times", "permission", "operation"})
OPERATION_FIELDS = frozenset({"polls", "never", "error"})
STARTUP_FIELDS = frozenset({"image", "service", "message", "times", "logs"})
NOT_STARTED = (
    "The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment "
    "variable within the allocated timeout. Logs for this revision might contain more information."
)


def order_fault(cloud: Cloud, order: Json) -> Json:
    """Keep an order.

    Raises: Refusal for one that can't be understood."""
    unknown = sorted(set(order) - ORDER_FIELDS) + sorted(set(order.get("operation", {})) - OPERATION_FIELDS)
    if unknown or sum(name in order for name in ("status", "permission", "operation")) != 1:
        raise invalid(f"A fault has one of 'status', 'permission' and 'operation', and no {unknown}.")
    if order.get("status", "UNAVAILABLE") not in HTTP_CODES:
        raise invalid(f"{order['status']!r} is no status; there are {', '.join(HTTP_CODES)}.")
    kept = {"method": "*", "after": 0, "times": None} | order
    cloud.faults.append(kept)
    return kept


def order_startup(cloud: Cloud, order: Json) -> Json:
    """Keep an order by which containers don't come up: of images and services that match, for a number of revisions."""
    if unknown := sorted(set(order) - STARTUP_FIELDS):
        raise invalid(f"An order for start-ups has no {unknown}.")
    kept: Json = {"image": "*", "service": "*", "times": None, "message": NOT_STARTED, "logs": list[str]()} | order
    cloud.startups.append(kept)
    return kept


def refuse(cloud: Cloud, method: str, permission: str, resource: str) -> None:
    """Raise what is on order for a call.

    Raises: Refusal if something is."""
    for order in [one for one in cloud.faults if "operation" not in one]:
        lacks = "permission" in order
        if fnmatchcase(method, order["method"]) and (not lacks or fnmatchcase(permission, order["permission"])):
            if not _is_due(cloud.faults, order):
                continue
            if lacks:
                raise denied(permission, resource)
            raise Refusal(order["status"], order.get("message", f"A fault on order: {order['status']}."))


def take_operation(cloud: Cloud, method: str) -> Json:
    """Return how the operation of a call goes, if that is on order."""
    for order in [one for one in cloud.faults if "operation" in one]:
        if fnmatchcase(method, order["method"]) and _is_due(cloud.faults, order):
            taken: Json = order["operation"]
            return taken | ({"error": {"code": RPC_CODES["INTERNAL"]} | taken["error"]} if "error" in taken else {})
    return {}


def take_startup(cloud: Cloud, service: str, images: list[str]) -> Json | None:
    """Return the order by which the container of a new revision doesn't come up, or None if it does."""
    for order in list(cloud.startups):
        if fnmatchcase(service, order["service"]) and any(fnmatchcase(one, order["image"]) for one in images):
            _is_due(cloud.startups, order)
            return order
    return None


def _is_due(orders: list[Json], order: Json) -> bool:
    if order.get("after"):
        order["after"] -= 1
        return False
    if order["times"] is not None:
        order["times"] -= 1
        if order["times"] <= 0:
            orders.remove(order)
    return True
