"""Pushes as Google's own emulator sends them are recognised."""

import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deliveries import scheduler_headers
from pplns.triggers.continuation import Continuation
from pplns.triggers.envelope import Delivery
from pplns.triggers.requests import Request
from pplns.triggers.topics import publish
from pubsub_emulator import Emulator, emulator, emulator_host

__all__ = ["emulator", "emulator_host"]

pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.filterwarnings("ignore:You are using a Python version:FutureWarning"),  # google.api_core, on its import
]


class Endpoint:
    """Takes pushes, answers them with the statuses in `answers`, then 204, and keeps them."""

    def __init__(self) -> None:
        self.pushes: queue.Queue[Request] = queue.Queue()
        self.answers: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/pipelines/daily/runs"

    def __enter__(self) -> "Endpoint":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as made:
        yield made


@pytest.fixture
def next_push(recognised: Any) -> Any:
    """Recognise the next push that an endpoint gets."""

    def call(endpoint: Endpoint) -> Delivery:
        push = endpoint.pushes.get(timeout=60)
        delivery: Delivery = recognised(push.body, push.headers)
        return delivery

    return call


def test_a_wrapped_push(emulator: Emulator, endpoint: Endpoint, next_push: Any) -> None:
    """Its redelivery after a refusal is the same run."""
    endpoint.answers = [500]
    topic = emulator.topic()
    subscription = emulator.subscribe(topic, pushConfig={"pushEndpoint": endpoint.url})

    message_id = publish(topic, b'{"day": "2013-01-04"}', attributes={"kind": "daily"}, timeout_s=20)

    first, again = next_push(endpoint), next_push(endpoint)
    assert (first.kind, first.params["day"]) == ("pubsub", "2013-01-04")
    assert first.origin.trigger.key == again.origin.trigger.key == f"{subscription} {message_id}"
    assert first.origin.logical_date == again.origin.logical_date
    assert first.origin.trigger.details["attributes"] == {"kind": "daily"}


def test_an_unwrapped_push(emulator: Emulator, endpoint: Endpoint, next_push: Any) -> None:
    """Subscription and message id come in headers."""
    topic = emulator.topic()
    config = {"pushEndpoint": endpoint.url, "noWrapper": {"writeMetadata": True}}
    subscription = emulator.subscribe(topic, pushConfig=config)

    message_id = publish(topic, b'{"day": "2013-01-04"}', attributes={"kind": "daily"}, timeout_s=20)

    delivery = next_push(endpoint)
    assert (delivery.kind, delivery.params["day"]) == ("pubsub", "2013-01-04")
    assert delivery.origin.trigger.key == f"{subscription} {message_id}"


def test_an_unwrapped_push_whose_attributes_are_forged(emulator: Emulator, endpoint: Endpoint, next_push: Any) -> None:
    """They arrive as the headers of Scheduler, its User-Agent too, and make no schedule of the message."""
    topic = emulator.topic()
    emulator.subscribe(topic, pushConfig={"pushEndpoint": endpoint.url, "noWrapper": {"writeMetadata": True}})

    publish(topic, b"{}", attributes=dict(scheduler_headers()), timeout_s=20)

    assert next_push(endpoint).kind == "pubsub"


def test_a_continuation(emulator: Emulator, endpoint: Endpoint, next_push: Any) -> None:
    """From one request to the next, through a topic."""
    topic = emulator.topic()
    emulator.subscribe(topic, pushConfig={"pushEndpoint": endpoint.url})
    sent = Continuation("daily", "run-1", 3)

    publish(topic, sent.as_bytes(), attributes=sent.attributes, timeout_s=20)

    assert next_push(endpoint).continuation == sent


def _handler_of(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = endpoint.answers.pop(0) if endpoint.answers else 204
            endpoint.pushes.put(Request("POST", self.path, headers, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
