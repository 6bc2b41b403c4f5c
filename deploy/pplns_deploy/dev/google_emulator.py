"""Topics that Google's Pub/Sub emulator keeps, for `pplns dev` with PUBSUB_EMULATOR_HOST set.

The emulator's own push leaves out `deliveryAttempt` and `orderingKey`, and it keeps filters without applying them. So
its messages are pulled, and delivered as those of the built-in broker are. A message is acknowledged to the emulator
once the service has acknowledged it or it is a dead letter; until then it stays there, also when `pplns dev` ends.

Spoken to by Pub/Sub's REST API, which the emulator answers on the same port as gRPC."""

import base64
import http.client
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from pplns.errors import PublishError
from pplns_deploy.dev.broker import Subscription
from pplns_deploy.dev.outgoing import Message

ACK_DEADLINE_SECONDS = 60  # then one that a `pplns dev` took with it as it was killed comes again
PULL = {"maxMessages": 20, "returnImmediately": True}
CALL_SECONDS = 30
PAUSE_SECONDS = 0.2  # between two pulls: one that waited in the emulator would take a message after its caller's death

Offer = Callable[[Subscription, Message], bool]


class GoogleEmulator:
    """The topics and subscriptions of a project in the emulator at `host`, which is HOST:PORT."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._ack_ids: dict[tuple[str, str], str] = {}
        self._pulled: set[str] = set()

    def prepare(self, subscriptions: Iterable[Subscription]) -> None:
        """Make the topics and subscriptions that aren't there; one that keeps the dead letters, too.

        Raises: PublishError where the emulator can't be reached or refuses."""
        for one in subscriptions:
            for topic in (one.topic, one.dead_letter_topic):
                self._make(topic, {})
            self._make(one.name, {"topic": one.topic, "ackDeadlineSeconds": ACK_DEADLINE_SECONDS})
            letters = one.dead_letter_topic.replace("/topics/", "/subscriptions/")
            self._make(letters, {"topic": one.dead_letter_topic})

    def start(self, subscriptions: Iterable[Subscription], *, offer: Offer, stop: threading.Event) -> None:
        """Pull each subscription in a thread of its own, if it isn't pulled yet, and offer what comes."""
        for one in subscriptions:
            if one.name not in self._pulled:
                self._pulled.add(one.name)
                threading.Thread(target=self._pull, args=(one, offer, stop), name=one.name, daemon=True).start()

    def publish(self, topic: str, message: Message) -> str:
        """Publish a message and return its id.

        Raises: PublishError."""
        return publish(self.host, topic, message.data, attributes=message.attributes, ordering_key=message.ordering_key)

    def acknowledge(self, subscription: Subscription, message: Message) -> None:
        """Tell the emulator that a message is done with; one that can't be told is delivered again some time."""
        ack_id = self._ack_ids.pop((subscription.name, message.message_id), None)
        if ack_id is not None:
            call(self.host, "POST", f"/v1/{subscription.name}:acknowledge", {"ackIds": [ack_id]})

    def _pull(self, subscription: Subscription, offer: Offer, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                found = call(self.host, "POST", f"/v1/{subscription.name}:pull", PULL)
            except PublishError:  # it is away: it may come back
                stop.wait(2)
                continue
            for one in found.get("receivedMessages", []):
                message = _message(one["message"])
                self._ack_ids[subscription.name, message.message_id] = one["ackId"]
                if not offer(subscription, message):
                    self.acknowledge(subscription, message)
            if not found:
                stop.wait(PAUSE_SECONDS)

    def _make(self, name: str, fields: Mapping[str, Any]) -> None:
        call(self.host, "PUT", f"/v1/{name}", fields, allowed=(409,))


def publish(host: str, topic: str, data: bytes, *, attributes: Mapping[str, str], ordering_key: str = "") -> str:
    """Publish a message by REST to an emulator, or to the broker of `pplns dev`, and return its id.

    Raises: PublishError."""
    message: dict[str, Any] = {"data": base64.b64encode(data).decode(), "attributes": dict(attributes)}
    if ordering_key:
        message["orderingKey"] = ordering_key
    found = call(host, "POST", f"/v1/{topic}:publish", {"messages": [message]})
    return str(found["messageIds"][0])


def call(
    host: str, method: str, path: str, fields: Mapping[str, Any], *, allowed: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Call Pub/Sub's REST API and return the document that it answers; `host` may have http:// before it.

    Raises: PublishError for an answer that is no success nor `allowed`, and for none."""
    connection = http.client.HTTPConnection(host.rpartition("://")[2].rstrip("/"), timeout=CALL_SECONDS)
    try:
        connection.request(method, path, json.dumps(fields), {"Content-Type": "application/json"})
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise PublishError(
            f"Pub/Sub at {host!r} can't be reached: {error or type(error).__name__}.",
            "`pplns dev`, or Google's emulator at PUBSUB_EMULATOR_HOST, answers there.",
            "Start it, or correct the address.",
        ) from None
    finally:
        connection.close()
    if status != 200 and status not in allowed:
        raise PublishError(
            f"Pub/Sub at {host!r} refused {path.removeprefix('/v1/')!r}: {status} {_reason(body)}",
            "It takes messages for the topics of the project that `pplns dev` serves." if status == 404 else "",
            "See `pplns dev`: it lists its topics as it starts." if status == 404 else "Correct what it names.",
        )
    return dict(json.loads(body)) if status == 200 else {}


def _message(given: Mapping[str, Any]) -> Message:
    return Message(
        data=base64.b64decode(given.get("data", "")), message_id=given["messageId"],
        published=datetime.fromisoformat(given["publishTime"]), attributes=given.get("attributes", {}),
        ordering_key=given.get("orderingKey", ""),
    )  # fmt: skip


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
