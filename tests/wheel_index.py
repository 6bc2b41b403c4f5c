"""A package index on this machine: small wheels made on the spot, served behind a user name and password."""

import base64
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from io import BytesIO
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

USER, PASSWORD = "laptop", "index-password"
ANY = "py3-none-any"
AMD64 = "cp311-abi3-manylinux_2_17_x86_64"
ARM64 = "cp311-abi3-manylinux_2_17_aarch64"


@dataclass(frozen=True)
class Index:
    """An index that runs: where it is, and the files that it offers by name."""

    port: int
    files: dict[str, bytes]

    @property
    def url(self) -> str:
        """The address with its credentials, as a user's settings have it."""
        return f"http://{USER}:{PASSWORD}@127.0.0.1:{self.port}/simple/"

    def add(self, name: str, version: str, *, tag: str = ANY, needs: tuple[str, ...] = ()) -> None:
        """Offer a wheel."""
        stem = f"{name.replace('-', '_')}-{version}"
        self.files[f"{stem}-{tag}.whl"] = wheel(name, version, stem=stem, tag=tag, needs=needs)

    def add_source(self, name: str, version: str) -> None:
        """Offer a package that would have to be built."""
        self.files[f"{name.replace('-', '_')}-{version}.tar.gz"] = b"never opened"


def wheel(name: str, version: str, *, stem: str, tag: str, needs: tuple[str, ...]) -> bytes:
    """Return a wheel of one empty module."""
    facts = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: requests"]
    facts += [f"Requires-Dist: {one}" for one in needs]
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{stem.partition('-')[0]}.py", "")
        archive.writestr(f"{stem}.dist-info/METADATA", "\n".join(facts) + "\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return content.getvalue()


@contextmanager
def serve_index() -> Iterator[Index]:
    """Serve an index that holds what pplns itself needs."""
    files: dict[str, bytes] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    index = Index(server.server_address[1], files)
    for text in metadata.requires("pplns") or []:
        one = Requirement(text)
        if "extra" not in str(one.marker):
            lowest = next(part.version for part in one.specifier if part.operator == ">=")
            index.add(one.name, lowest)
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(files: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != expected:
                self._answer(401, b"")
                return
            last = self.path.rstrip("/").rpartition("/")[2]
            if last in files:
                self._answer(200, files[last])
                return
            page = _page(files, last)
            self._answer(200 if page else 404, page)

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def _page(files: dict[str, bytes], name: str) -> bytes:
    links = [
        f'<a href="/files/{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a>'
        for file, data in files.items()
        if canonicalize_name(file.split("-")[0]) == name
    ]
    return "\n".join(links).encode()
