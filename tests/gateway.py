"""What stands between Google's Pub/Sub emulator and the service in tests: it passes on requests both ways.

The emulator pushes to it, so that a service that was killed may come back at another port; the service publishes
through it. It keeps what was answered, and tells a test of the moments in which a service may die."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from pubsub_emulator import Emulator
from service import Service

PASS_SECONDS = 60

Moment = Literal["published", "confirmed", "answered"]


@dataclass(frozen=True, slots=True)
class Passed:
    """A push that the service answered, or, with status 0, that it left without an answer. `came` is in monotonic s."""

    status: int
    body: bytes
    answer: bytes
    came: float

    @property
    def message_id(self) -> str:
        """The id of the message that was pushed."""
        return str(json.loads(self.body)["message"]["messageId"])

    @property
    def record(self) -> dict[str, Any]:
        """What was answered."""
        found: dict[str, Any] = json.loads(self.answer)
        return found


@dataclass(slots=True)
class Gateway:
    """Passes pushes on to `service`, and what that publishes to the emulator.

    `meet` is called with each moment. published: a message is in its topic, the service hasn't heard so. confirmed:
    it just has. answered: a push was answered, its sender hasn't heard so; True keeps the answer from it."""

    emulator: Emulator
    service: Service | None = None
    meet: Callable[[Moment], bool] = lambda moment: False
    pushes: list[Passed] = field(default_factory=list[Passed])
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> "Gateway":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """What the service finds Pub/Sub at."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def statuses(self) -> list[int]:
        """The status of each push, 0 for none."""
        return [push.status for push in list(self.pushes)]

    def subscribe(self, topic: str, pipeline: str, **options: Any) -> str:
        """Have a topic's messages pushed to a pipeline, again after a second if refused; return the subscription.

        Without a retry policy: with one the emulator forgets messages (docs/proofs.md)."""
        endpoint = f"http://{self.host}/pipelines/{pipeline}/runs"
        return self.emulator.subscribe(topic, **{"pushConfig": {"pushEndpoint": endpoint}} | options)

    def topics_of(self, pipeline: str, **options: Any) -> dict[str, str]:
        """Make a pipeline's own topic and that of its dead letters; return the environment that names them."""
        own, dead = self.emulator.topic(), self.emulator.topic()
        self.subscribe(own, pipeline, **options)
        return {
            "PUBSUB_EMULATOR_HOST": self.host, "PPLNS_TOPIC": own, "PPLNS_DEAD_LETTER_TOPIC": dead,
            "GRPC_VERBOSITY": "ERROR",
        }  # fmt: skip

    def push(self, path: str, body: bytes) -> Passed:
        """Pass a push on to the service, and keep what is answered."""
        came, service = time.monotonic(), self.service
        status, answer = 0, b""
        if service is not None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, answer = _send(f"127.0.0.1:{service.port}", path, body)
        passed = Passed(status, body, answer, came)
        self.pushes.append(passed)
        return passed


def _send(host: str, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, timeout=PASS_SECONDS)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _handler_of(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with contextlib.suppress(OSError):  # whoever asked was killed meanwhile
                self._publish(body) if self.path.startswith("/v1/") else self._push(body)

        def _publish(self, body: bytes) -> None:
            status, answer = _send(gateway.emulator.host, self.path.partition("?")[0], body)
            try:
                gateway.meet("published")
                self._answer(status, answer)
            finally:
                gateway.meet("confirmed")

        def _push(self, body: bytes) -> None:
            passed = gateway.push(self.path, body)
            is_lost = gateway.meet("answered")
            self._answer(503 if is_lost or not passed.status else passed.status, b"")  # the emulator reads no bodies

        def _answer(self, status: int, answer: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
