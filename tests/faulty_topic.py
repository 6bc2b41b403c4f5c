"""A stand-in for Pub/Sub's publish call that answers as a test orders: refused, lost, late, garbled."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import pytest

__all__ = ["FaultyTopic", "faulty_topic"]

Answer = Literal["drop", "stall", "garble", "cut", "empty"] | int


@dataclass(frozen=True, slots=True)
class Published:
    """A message that arrived, whether or not that was answered."""

    path: str
    data: bytes
    attributes: dict[str, str]


class FaultyTopic:
    """Takes messages. `answers` are those to the next requests; when they are used up, each is confirmed.

    A status is answered as such. drop: the connection ends. stall: no answer until the test is over. garble: an answer
    that is no JSON. cut: half of one. empty: one that names no message."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.published: list[Published] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultyTopic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def faulty_topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyTopic]:
    """Return a topic, which PUBSUB_EMULATOR_HOST names."""
    with FaultyTopic() as made:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", made.host)
        yield made


def _handler_of(topic: FaultyTopic) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = topic.answers.pop(0) if topic.answers else 200
            if answer == "stall":
                topic.over.wait()
            if answer in ("drop", "stall"):
                self.close_connection = True
                return
            self._answer(answer)

        def _take(self, body: dict[str, Any]) -> None:
            (message,) = body["messages"]
            data = base64.b64decode(message.get("data", ""))
            topic.published.append(Published(self.path, data, message.get("attributes", {})))

        def _answer(self, answer: Answer) -> None:
            status = answer if isinstance(answer, int) else 200
            found: dict[str, Any] = {"error": {"code": status, "message": f"refused with {status}"}}
            if status == 200:
                found = {"messageIds": [] if answer == "empty" else [str(len(topic.published))]}
            body = b"<html>" if answer == "garble" else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answer == "cut" else body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler
