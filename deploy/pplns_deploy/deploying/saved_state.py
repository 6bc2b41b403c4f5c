"""Terraform's state as it was saved last, read from its bucket.

`terraform show` says the same, but starts the provider first, to learn the shapes of its resources: that takes seconds,
and a deployment asks several times. The format is the one that Terraform has written since 0.12, version 4."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pplns.errors import StateError
from pplns_deploy.cloud import GoogleApis, GoogleRefused

VERSION = 4
Json = Mapping[str, Any]


def saved_state(google: GoogleApis, bucket: str, name: str) -> dict[str, Any]:
    """Return a saved state in the shape of `terraform show -json`, without anything where none was saved.

    Raises: StateError for a state of a newer format."""
    try:
        text = google.download(bucket, name)
    except GoogleRefused as refused:
        if refused.status == 404:
            return {}
        raise
    return shown_state(json.loads(text))


def shown_state(document: Json) -> dict[str, Any]:
    """Return a state in the shape of `terraform show -json`, its modules in one list.

    Raises: StateError for a state of a newer format."""
    if document.get("version") != VERSION:
        raise StateError(
            f"The state has the format {document.get('version')!r}.",
            f"pplns reads {VERSION}, which Terraform writes.",
            "Install a newer pplns.",
        )
    resources = [one for resource in document.get("resources", []) for one in _instances(resource)]
    return {"values": {"outputs": document.get("outputs") or {}, "root_module": {"resources": resources}}}


def _instances(resource: Json) -> Iterator[dict[str, Any]]:
    """Yield each instance of a resource by its address."""
    module = f"{resource['module']}." if resource.get("module") else ""
    prefix = "data." if resource["mode"] == "data" else ""
    for one in resource["instances"]:
        index = f"[{json.dumps(one['index_key'])}]" if "index_key" in one else ""
        yield {
            "address": f"{module}{prefix}{resource['type']}.{resource['name']}{index}",
            "mode": resource["mode"], "type": resource["type"], "name": resource["name"],
            "values": {key: _plain(value) for key, value in one["attributes"].items()},
        }  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a value; one that may be of any type is saved with its type."""
    is_typed = isinstance(value, dict) and value.keys() == {"value", "type"}  # pyright: ignore[reportUnknownMemberType]
    return value["value"] if is_typed else value  # pyright: ignore[reportUnknownVariableType]
