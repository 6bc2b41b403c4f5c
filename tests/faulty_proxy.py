"""A bad connection to Cloud Storage: a proxy that counts requests, and on order refuses, drops, delays or cuts them.

It also mends what fake-gcs-server gets wrong about resumable uploads: the server ignores their precondition, and
finishes one that is only asked how far it came."""

import contextlib
import http.client
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pplns.stores.gcs.patience import Patience

QUICK = Patience(seconds=20.0, answer_s=10.0, first_wait_s=0.01, longest_wait_s=0.05)  # for stores behind a proxy
HASTY = replace(QUICK, answer_s=0.5)  # for those whose answers never come

Kind = Literal["write", "begin", "chunk", "ask", "read", "about", "list", "delete"]
How = Literal["refuse", "drop", "cut", "stall", "truncate"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came by: what it was for, the name in the bucket, and what was answered (0: nothing)."""

    kind: Kind
    name: str
    status: int
    at_s: float


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests of a kind, about objects whose name contains `about`.

    refuse: answered with `status`, never passed on. drop: passed on, never answered. cut: neither. stall: passed on,
    answered when the test is over. truncate: half of the answer's body."""

    kind: Kind
    how: How
    status: int = 503
    times: int = 1
    skip: int = 0
    about: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class _Chunks:
    """How far a resumable upload came, as the server answered it."""

    range: str | None = None
    finished: "_Reply | None" = None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class FaultyProxy:
    """A proxy in threads of its own; `with` ends it."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.replaced_headers: dict[str, str] = {}
        self.meanwhile: Callable[[Seen], None] = lambda seen: None
        self.uploads: dict[str, _Chunks] = {}
        self.over = threading.Event()
        self.guard = threading.Lock()
        self.passing = threading.Lock()  # of each request passed on; who holds it changes the server at one blow
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultyProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def counts(self) -> Counter[str]:
        """Count the requests by kind."""
        return Counter(one.kind for one in self.seen)

    def writes(self) -> list[Seen]:
        """Return the requests that wrote an object under its name."""
        return [one for one in self.seen if one.kind in ("write", "begin")]

    def take_fault(self, kind: Kind, name: str) -> Fault | None:
        with self.guard:
            for fault in self.faults:
                if fault.kind != kind or fault.about not in name or not fault.times:
                    continue
                if not fault.skip:
                    fault.times -= 1
                    return fault
                fault.skip -= 1
        return None


def _handler_of(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind, name = _describe(self.command, self.path, dict(self.headers), body)
            fault = proxy.take_fault(kind, name)
            reply = self.reply_to(kind, body, fault)
            answered = reply.status if fault is None or fault.how in ("refuse", "truncate") else 0
            seen = Seen(kind, name, answered, time.monotonic())
            proxy.seen.append(seen)
            proxy.meanwhile(seen)
            self.give(reply, fault)

        def reply_to(self, kind: Kind, body: bytes, fault: Fault | None) -> _Reply:
            if fault is not None and fault.how == "refuse":
                return _Reply(fault.status, list(fault.headers.items()), b"out of order")
            if fault is not None and fault.how == "cut":
                return _Reply(0, [], b"")
            return self.ask_progress() if kind == "ask" else self.forward(kind, body)

        def forward(self, kind: Kind, body: bytes) -> _Reply:
            is_last = kind == "chunk" and not self.headers["Content-Range"].endswith("/*")
            with proxy.guard if kind == "write" or is_last else contextlib.nullcontext():
                if (kind == "begin" or is_last) and self.stands_already():
                    return _Reply(412, [], b"the object exists")
                reply = self.pass_on(body)
            if kind == "chunk":
                self.note_progress(reply)
            return reply

        def pass_on(self, body: bytes) -> _Reply:
            with proxy.passing:
                connection = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                headers = [(key, value.replace(proxy.upstream, proxy.url)) for key, value in answer.getheaders()]
                reply = _Reply(answer.status, headers, answer.read())
                connection.close()
            return reply

        def stands_already(self) -> bool:
            path, _, query = self.path.partition("?")
            name = quote(parse_qs(query)["name"][0], safe="")
            connection = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc)
            connection.request("GET", f"{path.removeprefix('/upload')}/{name}")
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status == 200

        def note_progress(self, reply: _Reply) -> None:
            upload = proxy.uploads.setdefault(self.path, _Chunks())
            if reply.status == 308:
                upload.range = dict(reply.headers).get("Range")
            elif reply.status == 200:
                upload.finished = reply

        def ask_progress(self) -> _Reply:
            upload = proxy.uploads.setdefault(self.path, _Chunks())
            return upload.finished or _Reply(308, [("Range", upload.range)] if upload.range else [], b"")

        def give(self, reply: _Reply, fault: Fault | None) -> None:
            how = None if fault is None else fault.how
            if how == "stall":
                proxy.over.wait()
            if how in ("stall", "drop", "cut"):
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for key, value in (dict(reply.headers) | proxy.replaced_headers).items():
                if key.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if how != "truncate" else reply.body[: len(reply.body) // 2])
            self.close_connection = self.close_connection or how == "truncate"

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    return Handler


def _describe(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[Kind, str]:
    url = urlsplit(path)
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    name = unquote(url.path.partition("/o/")[2])
    if method == "PUT":
        return ("ask" if "bytes */" in headers.get("Content-Range", "") else "chunk"), query.get("name", "")
    if method == "POST":
        if query["uploadType"] == "resumable":
            return "begin", query["name"]
        found = re.search(rb"\r\n\r\n({.*?})\r\n--", body, re.DOTALL)
        return "write", json.loads(found.group(1))["name"] if found else ""
    if method == "DELETE":
        return "delete", name
    if not name:
        return "list", query.get("prefix", "")
    return ("read" if query.get("alt") == "media" else "about"), name
