"""A bad connection to a registry: a proxy that refuses, cuts, spoils, and asks for tokens, on order.

It passes everything else on to a real registry, and counts what came by."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

How = Literal["refuse", "cut", "cut_body", "spoil", "lose_answer"]
NOT_PASSED_ON = ("authorization", "host")
TOKEN = "token-of-the-test"


@dataclass(slots=True)
class Trouble:
    """What happens to the next `times` requests of a method whose path has `about`.

    refuse: answered with `status`. cut: the connection ends. cut_body: half of the body is passed on, then it ends.
    lose_answer: passed on, never answered. spoil: a byte of the answer is another one."""

    method: str
    about: str
    how: How
    status: int = 503
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict[str, str])


class FaultyRegistry:
    """A proxy in threads of its own; `with` ends it. With `asks_for_token` each request needs a bearer token."""

    def __init__(self, upstream: str, *, asks_for_token: bool = False) -> None:
        self.upstream = upstream
        self.asks_for_token = asks_for_token
        self.troubles: list[Trouble] = []
        self.seen: list[tuple[str, str]] = []
        self.authorized: list[tuple[str, str | None]] = []
        self.body_bytes = 0
        self.token_requests: list[tuple[str, str | None]] = []
        self.guard = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultyRegistry":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, method: str, about: str = "") -> int:
        """Count the requests that came by."""
        return sum(one == method and re.search(about, path) is not None for one, path in self.seen)

    def take_trouble(self, method: str, path: str) -> Trouble | None:
        with self.guard:
            for trouble in self.troubles:
                if trouble.method == method and re.search(trouble.about, path) and trouble.times:
                    trouble.times -= 1
                    return trouble
        return None


def _handler_of(proxy: FaultyRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            if self.path.startswith("/token"):
                self.give_token()
                return
            trouble = proxy.take_trouble(self.command, self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.seen.append((self.command, self.path))
            proxy.authorized.append((self.command, self.headers.get("Authorization")))
            proxy.body_bytes += len(body)
            if proxy.asks_for_token and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                realm = f'Bearer realm="http://{proxy.host}/token",service="test"'
                self.give(401, {"WWW-Authenticate": realm}, b'{"errors":[{"code":"UNAUTHORIZED"}]}')
            elif trouble is not None and trouble.how == "refuse":
                self.give(trouble.status, trouble.headers, b'{"errors":[{"code":"DENIED","message":"by order"}]}')
            elif trouble is not None and trouble.how == "cut":
                self.close_connection = True
            else:
                self.pass_on(body, trouble)

        def give_token(self) -> None:
            proxy.token_requests.append((self.path, self.headers.get("Authorization")))
            self.give(200, {}, json.dumps({"token": TOKEN, "expires_in": 300}).encode())

        def pass_on(self, body: bytes, trouble: Trouble | None) -> None:
            headers = {key: value for key, value in self.headers.items() if key.lower() not in NOT_PASSED_ON}
            how = None if trouble is None else trouble.how
            connection = http.client.HTTPConnection(proxy.upstream, timeout=20)
            try:
                if how == "cut_body":
                    connection.putrequest(self.command, self.path, skip_host=True)
                    for key, value in {**headers, "Host": proxy.host}.items():
                        connection.putheader(key, value)
                    connection.endheaders(body[: len(body) // 2])
                    self.close_connection = True
                    return
                connection.request(self.command, self.path, body, {**headers, "Host": proxy.host})
                answer = connection.getresponse()
                data = answer.read()
            finally:
                connection.close()
            if how == "lose_answer":
                self.close_connection = True
                return
            if how == "spoil":
                data = data[:-1] + bytes([data[-1] ^ 1])
            self.give(answer.status, dict(answer.getheaders()), data)

        def give(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response_only(status)
            for key, value in headers.items():
                if key.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(key, value)
            length = headers.get("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    return Handler


@contextmanager
def plain_answers(body: bytes, *, status: int = 200) -> Iterator[str]:
    """Answer every request the same, and give the host: what isn't a registry at all."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
