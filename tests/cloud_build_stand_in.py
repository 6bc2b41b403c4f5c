"""Cloud Build on this machine: its REST API, with the bucket that sources go to, held to Google's discovery documents.

Nothing is built: a test says how a build ends, and looks into the source that was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pplns_deploy.emulator.discovery import read_document
from pplns_deploy.emulator.refusals import Refusal
from pplns_deploy.emulator.schemas import check_body, check_query

Json = dict[str, Any]
DIGEST = f"sha256:{'d' * 64}"
LOG = "".join(f"line {number}\n" for number in range(30)) + "E: Unable to locate package unixodbc-def\n"
APIS = {"/cloudbuild/": "cloudbuild.v1", "/storage/": "storage.v1", "/upload/storage/": "storage.v1"}


@dataclass
class CloudBuildStandIn:
    """What it has: `ends` is the build's fields once it has ended, after `polls` looks at it."""

    ends: Json = field(default_factory=lambda: {"status": "SUCCESS", "results": {"images": [{"digest": DIGEST}]}})
    polls: int = 2
    buckets: dict[str, str] = field(default_factory=dict[str, str])  # name → project
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    builds: list[Json] = field(default_factory=list[Json])
    cancelled: list[str] = field(default_factory=list[str])
    has_logs: bool = True
    tokens: set[str] = field(default_factory=set[str])
    port: int = 0

    def environ(self) -> dict[str, str]:
        """Return the variables that lead a client here."""
        url = f"http://127.0.0.1:{self.port}"
        return {
            "GOOGLE_CLOUD_BUILD_CUSTOM_ENDPOINT": f"{url}/cloudbuild/v1/",
            "GOOGLE_STORAGE_CUSTOM_ENDPOINT": f"{url}/storage/v1/",
            "GOOGLE_OAUTH_ACCESS_TOKEN": "owner",
        }

    def answer(self, method: str, names: Json, query: Json, body: Json, data: bytes) -> Json | bytes:
        """Carry out a call that its document allows."""
        if method == "storage.buckets.list":
            mine = [one for one, owner in self.buckets.items() if owner == query["project"]]
            return {"items": [{"name": one} for one in mine if one.startswith(query.get("prefix", ""))]}
        if method == "storage.buckets.insert":
            if body["name"] in self.buckets:
                raise Refusal("ALREADY_EXISTS", "The requested bucket name is not available.")
            self.buckets[body["name"]] = query["project"]
            return body
        if method == "storage.objects.insert":
            self.objects[f"{names['bucket']}/{query['name']}"] = data
            return {"name": query["name"], "bucket": names["bucket"], "generation": "7"}
        if method == "storage.objects.get":
            if not self.has_logs:
                raise Refusal("PERMISSION_DENIED", "Permission 'storage.objects.get' denied.")
            return LOG.encode()
        return self.build(method, names, body)

    def build(self, method: str, names: Json, body: Json) -> Json:
        """Begin, show or cancel a build."""
        if method.endswith(".create"):
            self.builds.append(body)
            started = {"id": "b-1", "status": "QUEUED", "logUrl": "https://console.example.com/b-1"}
            return {"name": "operations/build/b-1", "metadata": {"build": started}}
        if method.endswith(".cancel"):
            self.cancelled.append(names["name"])
            return {}
        self.polls -= 1
        going_on = {"id": "b-1", "status": "WORKING"}
        logs = {"id": "b-1", "logsBucket": "gs://logs-of-acme", "logUrl": "https://console.example.com/b-1"}
        return going_on if self.polls >= 0 else logs | self.ends


@contextmanager
def serve_cloud_build() -> Iterator[CloudBuildStandIn]:
    """Serve it in a thread until the block ends."""
    running = CloudBuildStandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(running))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    running.port = server.server_port
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_of(running: CloudBuildStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            running.tokens.add(self.headers.get("Authorization", ""))
            try:
                self.give(200, _call(running, self.command, self.path, data))
            except Refusal as refusal:
                self.give(refusal.code, {"error": {"code": refusal.code, "message": refusal.message}})

        def give(self, status: int, answer: Json | bytes) -> None:
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

        do_GET = do_POST = respond  # noqa: N815

    return Handler


def _call(running: CloudBuildStandIn, http: str, whole: str, data: bytes) -> Json | bytes:
    """Find the method of a request, check its query and body, and carry it out."""
    split = urlsplit(whole)
    api = next(name for prefix, name in APIS.items() if split.path.startswith(prefix))
    document = read_document(api)
    is_upload = split.path.startswith("/upload/")
    path = split.path.removeprefix("/upload").partition("/v1/")[2]
    found = document.find(http, path if document.is_based else f"v1/{path}")
    if found is None:
        raise Refusal("NOT_FOUND", f"no such path: {http} {split.path}")
    method, names = found
    query = check_query(document, method, parse_qs(split.query))
    body = check_body(document, method.request, json.loads(data)) if method.request and data and not is_upload else {}
    return running.answer(method.id, {key: unquote(one) for key, one in names.items()}, query, body, data)
