"""The requests of Cloud Scheduler, Pub/Sub and Eventarc, to the header and the key, as `pplns dev` sends them.

`pplns event` prints the same ones."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

MESSAGE_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
EVENT_SOURCE = "//pplns/local"
IN_HEADERS = "!#$&'()*+,/:;<=>?@[\\]^`{|}"  # what quote() would encode, and a header of a CloudEvent holds as it is
NO_ATTRIBUTES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A POST request that is about to be sent. `body` is UTF-8 text, mostly JSON in ASCII."""

    url: str
    headers: Mapping[str, str]
    body: str

    def as_json(self) -> dict[str, Any]:
        """Return the request as one JSON document."""
        return {"method": "POST", "url": self.url, "headers": dict(self.headers), "body": self.body}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a topic as Pub/Sub keeps it."""

    data: bytes
    message_id: str
    published: datetime
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    ordering_key: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the message as a push carries it: its id and time under both spellings, as Google does."""
        published = rfc3339(self.published, places=3)
        shown: dict[str, Any] = {
            "attributes": dict(self.attributes), "data": base64.b64encode(self.data).decode(),
            "messageId": self.message_id, "message_id": self.message_id,
            "publishTime": published, "publish_time": published,
        }  # fmt: skip
        return {**shown, "orderingKey": self.ordering_key} if self.ordering_key else shown


def runs_url(service: str, pipeline: str) -> str:
    """Return where the triggers of a pipeline send their requests."""
    return f"{service.rstrip('/')}/pipelines/{pipeline}/runs"


def scheduler_request(
    url: str, *, job_name: str, schedule_time: datetime, schedule: str | None, params: Mapping[str, Any]
) -> Outgoing:
    """Return what Cloud Scheduler sends for a Scheduler job as pplns deploys it."""
    body = ({"schedule": schedule} if schedule else {}) | ({"params": dict(params)} if params else {})
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Google-Cloud-Scheduler",
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": job_name,
        "X-CloudScheduler-ScheduleTime": rfc3339(schedule_time),
    }
    return Outgoing(url, headers, json.dumps(body))


def push_request(url: str, message: Message, *, subscription: str, attempt: int) -> Outgoing:
    """Return the wrapped push of a message; `attempt` is there because the subscriptions of pplns have dead letters."""
    body = {"message": message.as_json(), "subscription": subscription, "deliveryAttempt": attempt}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "From": "noreply@google.com",
    }
    return Outgoing(url, headers, json.dumps(body))


def cloudevent_request(
    url: str, *, event_type: str, source: str, event_id: str, time: datetime, data: Any, extensions: Mapping[str, str]
) -> Outgoing:
    """Return a CloudEvent in binary mode, as Eventarc sends it; `data` becomes JSON.

    Headers are percent-encoded as CloudEvents' HTTP binding says: spaces, quotes, and what isn't printable ASCII."""
    context = {
        "specversion": "1.0", "id": event_id, "source": source, "type": event_type, "time": rfc3339(time, places=3),
        **extensions,
    }  # fmt: skip
    headers = {
        "Content-Type": "application/json",
        **{f"ce-{name}": quote(value, safe=IN_HEADERS) for name, value in context.items()},
    }
    return Outgoing(url, headers, json.dumps(data))


def new_message_id() -> str:
    """Return an id such as Pub/Sub gives messages: digits."""
    return str(secrets.randbelow(9 * 10**15) + 10**15)


def rfc3339(time: datetime, *, places: int = 0) -> str:
    """Return a time in UTC with `Z`, and with so many places of a second."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds" if places else "seconds")
    return text.replace("+00:00", "Z")
