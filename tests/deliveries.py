"""Requests as Google sends them, for tests: Scheduler, Pub/Sub wrapped and unwrapped, CloudEvents."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pplns.triggers.requests import Request

NOW = datetime(2013, 1, 5, 6, 0, 3, tzinfo=UTC)
SUBSCRIPTION = "projects/acme-data/subscriptions/daily-orders"


def request(body: bytes | str | object = b"", headers: Mapping[str, str] | None = None) -> Request:
    """Return a POST with a body, JSON unless it is text or bytes."""
    if isinstance(body, str):
        body = body.encode()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", "/pipelines/daily/runs", dict(headers or {}), data)


def scheduler_headers(time: str | None = "2013-01-05T06:00:00Z", job: str = "daily-us") -> dict[str, str]:
    """Return the headers of Cloud Scheduler."""
    headers = {"user-agent": "Google-Cloud-Scheduler", "x-cloudscheduler": "true", "x-cloudscheduler-jobname": job}
    return headers if time is None else {**headers, "x-cloudscheduler-scheduletime": time}


def envelope(data: bytes | object = b"", **message: Any) -> dict[str, Any]:
    """Return the envelope of a push, as Pub/Sub wraps a message."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    fields = {
        "data": base64.b64encode(raw).decode(), "attributes": {}, "messageId": "11", "message_id": "11",
        "publishTime": "2013-01-05T05:59:58.123Z", "publish_time": "2013-01-05T05:59:58.123Z",
    }  # fmt: skip
    return {"message": {**fields, **message}, "subscription": SUBSCRIPTION}


def unwrapped_headers(**attributes: str) -> dict[str, str]:
    """Return the headers of an unwrapped push with metadata; attributes are headers too."""
    return {
        **attributes,
        "x-goog-pubsub-subscription-name": SUBSCRIPTION,
        "x-goog-pubsub-message-id": "11",
        "x-goog-pubsub-publish-time": "2013-01-05T05:59:58.123Z",
    }


def event_headers(**more: str) -> dict[str, str]:
    """Return the headers of a binary CloudEvent."""
    return {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "//example.org/orders",
        "ce-type": "org.example.landed",
        "ce-time": "2013-01-05T05:59:59Z",
        **{f"ce-{name}": value for name, value in more.items()},
    }
