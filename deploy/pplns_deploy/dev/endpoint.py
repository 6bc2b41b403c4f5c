"""What `pplns dev` answers itself, on 127.0.0.1: Pub/Sub's REST call to publish, and what other commands ask.

    POST /v1/projects/P/topics/T:publish     as Pub/Sub's: what the service's publisher calls
    GET  /v1/projects/P/topics/T             whether there is such a topic
    POST /dev/schedules/NAME:fire            fire a schedule now
    GET  /dev                                which project this is

A page in a browser can't call it: requests with an Origin, or for another host than this machine, are refused."""

import base64
import binascii
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from pplns.errors import PplnsError
from pplns.triggers.dead_letters import MAX_ATTRIBUTES, MAX_NAME_BYTES, MAX_VALUE_BYTES

MOST_BYTES = 10 * 2**20  # of a publish request, as Pub/Sub's
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_TOPIC = re.compile(r"/v1/(projects/[^/]+/topics/[^/:]+)(:publish)?")
_URL_SAFE = str.maketrans("-_", "+/")  # protobuf's JSON takes both alphabets
_FIRE = re.compile(r"/dev/schedules/(.+):fire")  # decoded: PIPELINE/NAME has a slash


@dataclass(frozen=True, slots=True)
class Published:
    """A message as a publisher sends it."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str


class Refused(Exception):
    """A request that is answered with an error in Google's shape."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"error": {"code": status, "message": message, "status": reason}}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the endpoint asks of the emulation; `publish` returns the ids of the messages."""

    about: Callable[[], Mapping[str, Any]]
    has_topic: Callable[[str], bool]
    publish: Callable[[str, Sequence[Published]], list[str]]
    fire: Callable[[str], Mapping[str, Any]]


def open_endpoint(answers: Answers) -> ThreadingHTTPServer:
    """Return a server on a free port of 127.0.0.1, which serves in a thread of its own until it is shut down."""

    class Bound(_Handler):
        pass

    Bound.answers = answers
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="endpoint", daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    answers: Answers

    def do_GET(self) -> None:
        self._respond(self._get)

    def do_POST(self) -> None:
        self._respond(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing: the emulation says what happens."""

    def _get(self, path: str) -> Mapping[str, Any]:
        if path == "/dev":
            return self.answers.about()
        if (match := _TOPIC.fullmatch(path)) and not match[2] and self.answers.has_topic(match[1]):
            return {"name": match[1]}
        raise Refused(404, "NOT_FOUND", f"Resource not found (resource={path.rpartition('/')[2]}).")

    def _post(self, path: str) -> Mapping[str, Any]:
        body = self.rfile.read(self._length())
        if match := _FIRE.fullmatch(path):
            return self.answers.fire(match[1])
        match = _TOPIC.fullmatch(path)
        if match is None or not match[2] or not self.answers.has_topic(match[1]):
            raise Refused(404, "NOT_FOUND", f"Resource not found (resource={path.rpartition('/')[2]}).")
        return {"messageIds": self.answers.publish(match[1], _messages(body))}

    def _length(self) -> int:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MOST_BYTES:
            self.close_connection = True  # the body is left unread
            raise Refused(400, "INVALID_ARGUMENT", f"The request has {length} bytes; {MOST_BYTES} are the most.")
        return int(length)

    def _respond(self, answer: Callable[[str], Mapping[str, Any]]) -> None:
        status, document = 200, cast("Mapping[str, Any]", {})
        try:
            host = (self.headers.get("Host") or "127.0.0.1").rpartition(":")[0] or self.headers.get("Host")
            if self.headers.get("Origin") or host not in LOOPBACK:
                self.close_connection = True
                raise Refused(403, "PERMISSION_DENIED", "Only programs of this machine may call.")
            document = answer(unquote(urlsplit(self.path).path))
        except Refused as refused:
            status, document = refused.status, refused.document
        except PplnsError as error:
            status = 400
            document = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _messages(body: bytes) -> list[Published]:
    """Return the messages of a publish request, checked as Pub/Sub checks them."""
    try:
        given = json.loads(body)["messages"]
        found = [_message(one) for one in given]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise Refused(400, "INVALID_ARGUMENT", "The body holds no messages.") from None
    if not found:
        raise Refused(400, "INVALID_ARGUMENT", "The request has no message.")
    return found


def _message(given: Mapping[str, Any]) -> Published:
    attributes = cast("Mapping[str, Any]", given.get("attributes") or {})
    data = base64.b64decode((given.get("data") or "").translate(_URL_SAFE), validate=True)
    if not data and not attributes:
        raise Refused(400, "INVALID_ARGUMENT", "A message has data or attributes.")
    key = given.get("orderingKey", given.get("ordering_key")) or ""
    published = Published(data, {str(name): str(value) for name, value in attributes.items()}, str(key))
    if wrong := _beyond_limits(published):
        raise Refused(400, "INVALID_ARGUMENT", wrong)
    return published


def _beyond_limits(message: Published) -> str:
    """Return what Pub/Sub would refuse of a message's attributes and key, or ''."""
    if len(message.attributes) > MAX_ATTRIBUTES:
        return f"The message has {len(message.attributes)} attributes; {MAX_ATTRIBUTES} are the most."
    for name, value in message.attributes.items():
        if not 0 < len(name.encode()) <= MAX_NAME_BYTES or name.startswith("goog"):
            return (
                f"An attribute is named {name[:50]!r}; a name has 1 to {MAX_NAME_BYTES} bytes, and 'goog' is reserved."
            )
        if len(value.encode()) > MAX_VALUE_BYTES:
            return f"The attribute {name!r} has {len(value.encode())} bytes; {MAX_VALUE_BYTES} are the most."
    if len(message.ordering_key.encode()) > MAX_VALUE_BYTES:
        return f"The ordering key has {len(message.ordering_key.encode())} bytes; {MAX_VALUE_BYTES} are the most."
    return ""
