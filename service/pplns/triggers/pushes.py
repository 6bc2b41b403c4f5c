"""Messages of Pub/Sub in a push: wrapped in an envelope, or unwrapped, with the metadata in headers.

Source: Pub/Sub, "Create push subscriptions" and "Payload unwrapping"."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from pplns.model.names import shorten
from pplns.triggers.details import header_attributes
from pplns.triggers.messages import BadDelivery, PushMessage
from pplns.triggers.requests import Request, read_time

METADATA = "x-goog-pubsub-"
_USER_AGENTS = ("cloudpubsub-google", "apis-google")
_REMEDY = "Send what Pub/Sub sends; `pplns event pubsub NAME` prints such a request."


def is_unwrapped(request: Request) -> bool:
    """Tell whether the request is an unwrapped push with metadata.

    Attributes of the message are headers of such a request, so no other header may say what the request is."""
    return any(name.startswith(METADATA) for name in request.headers)


def is_from_pubsub(request: Request) -> bool:
    """Tell whether the sender calls itself Pub/Sub, as its pushes and Eventarc's do."""
    return (request.header("user-agent") or "").lower().startswith(_USER_AGENTS)


def is_envelope(body: Any) -> bool:
    """Tell whether a JSON body means to be the envelope of a push."""
    if not isinstance(body, dict):
        return False
    found = cast("dict[str, Any]", body)
    return isinstance(found.get("message"), dict) or ("message" in found and "subscription" in found)


def read_envelope(envelope: Mapping[str, Any], *, raw: bytes) -> PushMessage:
    """Return the message in the envelope of a push, or in the data of Eventarc's messagePublished.

    Both `messageId` and `message_id` stand in it, and so on.

    Raises: BadDelivery, with `raw` as the message's data where it has none that can be read."""
    fields = cast("dict[str, Any]", envelope.get("message"))
    if not isinstance(fields, dict):
        raise _garbled("message", fields, "an object", PushMessage(raw))
    message_id = _text(fields.get("messageId", fields.get("message_id")))
    subscription = _text(envelope.get("subscription"))
    push = PushMessage(raw, _attributes(fields), subscription=subscription, message_id=message_id)
    push = replace(push, data=_data(fields.get("data"), push))
    if fields.get("attributes") is not None and push.attributes != fields["attributes"]:
        raise _garbled("attributes", fields["attributes"], "an object of texts", push)
    if message_id is None:
        raise _garbled("messageId", fields.get("messageId"), "the id by which a redelivery is recognised", push)
    if subscription is None:
        raise _garbled("subscription", envelope.get("subscription"), "projects/PROJECT/subscriptions/NAME", push)
    return replace(
        push,
        publish_time=_time(fields.get("publishTime", fields.get("publish_time")), push),
        ordering_key=_text(fields.get("orderingKey", fields.get("ordering_key"))),
        delivery_attempt=_count(envelope.get("deliveryAttempt", envelope.get("delivery_attempt"))),
    )


def read_unwrapped(request: Request) -> PushMessage:
    """Return the message of an unwrapped push: the body is its data, its attributes are headers.

    Raises: BadDelivery where the metadata doesn't name subscription and message."""
    push = PushMessage(request.body, header_attributes(request.headers))
    subscription = request.header(f"{METADATA}subscription-name")
    message_id = request.header(f"{METADATA}message-id")
    if subscription is None or message_id is None:
        raise BadDelivery(
            "An unwrapped push names no subscription or no message.",
            f"Its metadata stands in the headers {METADATA}subscription-name and {METADATA}message-id.",
            "Set write_metadata of the subscription, or have it wrap its messages.",
            push=push,
        )
    attempt = request.header(f"{METADATA}delivery-attempt") or ""
    return PushMessage(
        push.data, push.attributes, subscription=subscription, message_id=message_id,
        publish_time=_time(request.header(f"{METADATA}publish-time"), push),
        ordering_key=request.header(f"{METADATA}ordering-key"),
        delivery_attempt=_digits(attempt),
    )  # fmt: skip


def refuse_without_metadata(request: Request) -> BadDelivery:
    """Return the error for a push that says nothing of its message: each redelivery would be a run of its own."""
    return BadDelivery(
        "Pub/Sub sent a message without its envelope and without metadata.",
        "Subscription and message id tell a redelivery from a new message.",
        "Set write_metadata of the subscription, or have it wrap its messages.",
        push=PushMessage(request.body, header_attributes(request.headers)),
    )


def _attributes(fields: Mapping[str, Any]) -> dict[str, str]:
    found: Any = fields.get("attributes")
    pairs = cast("dict[str, Any]", found).items() if isinstance(found, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def _data(text: Any, push: PushMessage) -> bytes:
    if text is None:
        return b""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        raise _garbled("data", text, "base64", push) from None


def _time(text: Any, push: PushMessage) -> datetime | None:
    if text is None:
        return None
    try:
        return read_time(text)
    except (AttributeError, TypeError, ValueError):
        raise _garbled("publishTime", text, "a time such as 2013-01-05T06:00:00Z", push) from None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _garbled(field: str, value: Any, wanted: str, push: PushMessage) -> BadDelivery:
    met = f"has no {field}" if value is None else f"has {shorten(value)} as its {field}"
    return BadDelivery(f"A Pub/Sub message {met}.", f"It is {wanted}.", _REMEDY, push=push)
