"""The server: HTTP on loopback, one thread a connection, one state."""

import json
import sys
import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from pplns_deploy.emulator.calls import Raw
from pplns_deploy.emulator.cloud import Cloud
from pplns_deploy.emulator.control import control
from pplns_deploy.emulator.dispatch import Request, answer
from pplns_deploy.emulator.refusals import Refusal, StandInError, invalid

HOST = "127.0.0.1"
SAVE_SECONDS = 1.0
_METHODS = frozenset(f"do_{one}" for one in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))


class StandIn:
    """A stand-in that listens; `url` is where. With a file, its state is taken from there and kept there."""

    def __init__(self, cloud: Cloud, *, port: int = 0, file: Path | None = None) -> None:
        self.cloud = cloud
        self.file = file
        self._saved = -1
        self._ended = threading.Event()
        if file is not None:
            _restore(cloud, file)
        self._server = _Server((HOST, port), cloud)
        self.url = f"http://{HOST}:{self._server.server_port}"

    def serve(self) -> None:
        """Serve until `close` is called, and save the state now and then."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        while not self._ended.wait(SAVE_SECONDS):
            self.save()
        self._server.shutdown()
        self._server.server_close()
        self.save()

    def close(self) -> None:
        """Let `serve` return, after it has saved."""
        self._ended.set()

    def save(self) -> None:
        """Write the state to the file, if it has changed: a new file in place of the old one."""
        if self.file is None:
            return
        with self.cloud.lock:
            if self.cloud.requests_seen == self._saved:
                return
            self._saved = self.cloud.requests_seen
            text = json.dumps(self.cloud.document(with_data=True), indent=1)
        new = self.file.with_name(f"{self.file.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.file)


@contextmanager
def serving(cloud: Cloud | None = None, *, port: int = 0, file: Path | None = None) -> Generator[StandIn]:
    """Run a stand-in in a thread, for tests of one process."""
    made = StandIn(cloud or Cloud(), port=port, file=file)
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], cloud: Cloud) -> None:
        super().__init__(address, _Handler)
        self.cloud = cloud

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away: Terraform leaves its connections when it ends."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "pplns-stand-in"

    def respond(self) -> None:
        """Answer any request."""
        cloud = cast(_Server, self.server).cloud
        path, _, query = self.path.partition("?")
        base_url = f"http://{self.headers.get('Host') or HOST}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, query, headers, read_body(self), base_url)
        try:
            self._send(_answered(cloud, request))
        except Refusal as refusal:
            self._send_json(refusal.code, refusal.document())
        except Exception as error:  # a mistake of the stand-in's own: the client is told, and where shows on stderr
            traceback.print_exc()
            mistake = Refusal("INTERNAL", f"The stand-in failed: {type(error).__name__}: {error}")
            self._send_json(mistake.code, mistake.document())

    def __getattr__(self, name: str) -> Any:
        """Return what answers a method of HTTP: the base class asks for `do_GET` and its like."""
        if name in _METHODS:
            return self.respond
        raise AttributeError(name)

    def _send(self, answered: dict[str, Any] | Raw) -> None:
        if isinstance(answered, Raw):
            self._send_bytes(answered)
        else:
            self._send_json(200, answered)

    def _send_json(self, status: int, document: dict[str, Any]) -> None:
        self._send_bytes(Raw(json.dumps(document).encode(), "application/json; charset=UTF-8", status))

    def _send_bytes(self, raw: Raw) -> None:
        self.send_response(raw.status)
        for name, value in raw.headers.items():
            self.send_header(name, value)
        if raw.status != 204:
            self.send_header("Content-Type", raw.content_type)
            self.send_header("Content-Length", str(len(raw.data)))
        self.end_headers()
        if self.command != "HEAD" and raw.status != 204:
            self.wfile.write(raw.data)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing: the calls are in the state."""


def read_body(handler: BaseHTTPRequestHandler) -> bytes:
    """Return the body of a request, which Go sends in chunks where it doesn't know its length."""
    headers, stream = handler.headers, handler.rfile
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return stream.read(int(headers.get("Content-Length") or 0))
    parts: list[bytes] = []
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return b"".join(parts)


def _answered(cloud: Cloud, request: Request) -> dict[str, Any] | Raw:
    try:
        return _carried_out(cloud, request)
    finally:
        with cloud.lock:
            cloud.requests_seen += 1


def _carried_out(cloud: Cloud, request: Request) -> dict[str, Any] | Raw:
    if request.path.startswith("/_control/"):
        body = _json(request.data)
        return control(cloud, request.path.removeprefix("/_control/"), body, base_url=request.base_url)
    return answer(cloud, request)


def _restore(cloud: Cloud, file: Path) -> None:
    if not file.parent.is_dir():
        raise StandInError(f"There is no folder {str(file.parent)!r}.", "One for the state's file.", "Make it.")
    if not file.exists():
        return
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StandInError(
            f"{str(file)!r} is no state: {error}.", "One document of JSON.", "Begin a new file."
        ) from None
    cloud.restore(document)


def _json(data: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(data or b"{}"))
    except (TypeError, ValueError):
        raise invalid("A command takes one JSON object.") from None
