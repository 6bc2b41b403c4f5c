"""What of a request is kept beside its parameters: `current_run().trigger.details`, stored in the run's record.

It is bounded: 64 KiB of data, 100 attributes with 256 characters of name and 1,024 of value each. Headers of the
transport and of authentication are never kept."""

import base64
from collections.abc import Mapping
from itertools import islice
from typing import Any

from pplns.triggers.requests import read_json

MAX_DATA_BYTES = 65_536
MAX_ATTRIBUTES = 100
MAX_NAME = 256
MAX_TEXT = 1024

_TRANSPORT = frozenset(
    [
        "accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control",
        "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "forwarded", "from",
        "host", "keep-alive", "origin", "pragma", "prefer", "proxy-authorization", "referer", "te", "traceparent",
        "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "via", "x-cloud-trace-context",
        "x-real-ip", "x-request-id", "x-serverless-authorization",
    ]
)  # fmt: skip
_TRANSPORT_PREFIXES = ("x-forwarded-", "x-goog-", "x-appengine-", "sec-", "x-cloudscheduler")


def kept(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value; long text is cut."""
    return {
        name: value[:MAX_TEXT] if isinstance(value, str) else value
        for name, value in fields.items()
        if value is not None and value != {}
    }


def kept_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the first 100 attributes of a message, long ones cut."""
    return {name[:MAX_NAME]: value[:MAX_TEXT] for name, value in islice(attributes.items(), MAX_ATTRIBUTES)}


def kept_data(data: bytes) -> dict[str, Any]:
    """Return what is kept of data that isn't parameters.

    `data` is the JSON value, else the text; `data_base64` stands in its place for bytes that are neither. Of what is
    longer than 64 KiB the beginning is kept as text or bytes, and `data_bytes` says how long it was."""
    if not data:
        return {}
    if len(data) > MAX_DATA_BYTES:
        return {**_as_text(data[:MAX_DATA_BYTES], is_cut=True), "data_bytes": len(data)}
    try:
        return {"data": read_json(data)}
    except ValueError:
        return _as_text(data, is_cut=False)


def header_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that an unwrapped push made of a message's attributes: all but those of the transport."""
    return {
        name: value
        for name, value in headers.items()
        if name not in _TRANSPORT and not name.startswith(_TRANSPORT_PREFIXES)
    }


def _as_text(data: bytes, *, is_cut: bool) -> dict[str, Any]:
    try:
        return {"data": data.decode("utf-8")}
    except UnicodeDecodeError as error:
        if is_cut and error.start >= len(data) - 3 and error.reason == "unexpected end of data":
            return {"data": data[: error.start].decode("utf-8")}
        return {"data_base64": base64.b64encode(data).decode("ascii")}
