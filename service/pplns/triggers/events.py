"""CloudEvents in a request: binary (attributes in `ce-` headers, data in the body) or structured (one JSON document).

Source: CloudEvents 1.0.2, HTTP protocol binding and JSON format."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import unquote

from pplns.model.names import shorten
from pplns.triggers.messages import BadDelivery, PushMessage
from pplns.triggers.requests import Request, UnfitJson, read_json, read_time

STRUCTURED = "application/cloudevents+json"
MESSAGE_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"

_HEADER = "ce-"
_REMEDY = "Send what the CloudEvents specification asks for; `pplns event cloudevent NAME` prints such a request."


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event. `attributes` are all of its context, id, source, type and extensions among them; `time` is UTC."""

    id: str
    source: str
    type: str
    time: datetime | None
    attributes: Mapping[str, str]
    data: bytes

    @property
    def has_own_shape(self) -> bool:
        """Whether Google made it: nobody chooses what fields such an event has."""
        return self.type.startswith("google.")

    @property
    def as_message(self) -> PushMessage:
        """The event as a message, its context in attributes as Pub/Sub's binding of CloudEvents has them."""
        return _as_message(self.attributes, self.data)


def is_event(request: Request) -> bool:
    """Tell whether the request carries a CloudEvent, of either form, or a batch of them."""
    return f"{_HEADER}specversion" in request.headers or request.media_type.startswith("application/cloudevents")


def read_event(request: Request) -> CloudEvent:
    """Return the event of a request.

    Raises: BadDelivery for an event that lacks what the specification demands, and for a batch."""
    if not request.media_type.startswith("application/cloudevents"):
        return _checked(_from_headers(request), request.body)
    if request.media_type != STRUCTURED:
        raise BadDelivery(
            f"The content type is {shorten(request.media_type)}.",
            f"An event comes alone, binary or as {STRUCTURED}.",
            "Send one request for each event.",
            push=PushMessage(request.body),
        )
    return _structured(request.body)


def _from_headers(request: Request) -> dict[str, str]:
    prefix = len(_HEADER)
    return {
        name[prefix:]: unquote(value.strip(), errors="replace")
        for name, value in request.headers.items()
        if name.startswith(_HEADER)
    }


def _structured(body: bytes) -> CloudEvent:
    try:
        found: Any = read_json(body)
    except ValueError as error:
        met = f"In a CloudEvent {error}." if isinstance(error, UnfitJson) else f"A CloudEvent is no JSON: {error}."
        raise _refuse(met, PushMessage(body)) from None
    if not isinstance(found, dict):
        raise _refuse(f"A CloudEvent is {shorten(found)}.", PushMessage(body))
    document = cast("dict[str, Any]", found)
    attributes = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in document.items()
        if name not in ("data", "data_base64") and value is not None
    }
    try:
        data = _data_of(document)
    except (TypeError, ValueError, binascii.Error):
        raise _refuse("data_base64 of a CloudEvent is no base64.", _as_message(attributes, body)) from None
    return _checked(attributes, data)


def _data_of(document: Mapping[str, Any]) -> bytes:
    if document.get("data_base64") is not None:
        return base64.b64decode(document["data_base64"], validate=True)
    return b"" if document.get("data") is None else json.dumps(document["data"]).encode("ascii")


def _checked(attributes: Mapping[str, str], data: bytes) -> CloudEvent:
    missing = [name for name in ("specversion", "id", "source", "type") if not attributes.get(name, "").strip()]
    message = _as_message(attributes, data)
    if missing:
        raise _refuse(f"A CloudEvent has no {' and no '.join(missing)}.", message)
    time = attributes.get("time")
    try:
        moment = None if time is None else read_time(time)
    except ValueError:
        raise _refuse(f"The time of a CloudEvent is {shorten(time)}.", message) from None
    return CloudEvent(attributes["id"], attributes["source"], attributes["type"], moment, attributes, data)


def _as_message(attributes: Mapping[str, str], data: bytes) -> PushMessage:
    return PushMessage(data, {f"{_HEADER}{name}": value for name, value in attributes.items()})


def _refuse(met: str, push: PushMessage) -> BadDelivery:
    expected = "An event has specversion, id, source and type; its time, if any, is like 2013-01-05T06:00:00Z."
    return BadDelivery(met, expected, _REMEDY, push=push)
