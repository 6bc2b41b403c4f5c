"""Artifact Registry on this machine: Debian's docker-registry under Google's name, with tokens as Google asks for.

A tunnel, given as HTTPS_PROXY, leads names of Google's to programs of 127.0.0.1, each with a certificate for its name.
What is asked for a token is Google's: a client sends its access token as the password of `oauth2accesstoken`."""

import base64
import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from container_registry import registry_in
from token_issuer import usual_key

HOST = "europe-west1-docker.pkg.dev"
SIGN_IN = "oauth2.googleapis.com"
ACCESS_TOKEN = "ya29.not-a-token"
SERVICE, ISSUER = "docker-of-the-test", "issuer-of-the-test"
READ_BYTES = 65_536


@dataclass
class GoogleRegistry:
    """What runs; `grants` are the ways in which tokens were asked for, `users` those who asked the registry for one."""

    proxy: str
    authority: Path
    folder: Path
    grants: list[str] = field(default_factory=list[str])
    users: list[str] = field(default_factory=list[str])

    def environ(self, **more: str) -> dict[str, str]:
        """Return the variables that lead a client here."""
        bundle = str(self.authority)
        return {"HTTPS_PROXY": self.proxy, "REQUESTS_CA_BUNDLE": bundle, "DOCKER_CONFIG": str(self.folder)} | more

    def key_file(self) -> str:
        """Write the key of a service account, and return its path."""
        return self._write("key.json", {
            "type": "service_account", "client_email": "packer@acme-data.iam.gserviceaccount.com",
            "private_key": usual_key().private, "token_uri": f"https://{SIGN_IN}/token", "project_id": "acme-data",
        })  # fmt: skip

    def login_file(self) -> str:
        """Write what `gcloud auth application-default login` leaves, and return its path."""
        return self._write("login.json", {
            "type": "authorized_user", "client_id": "x", "client_secret": "y", "refresh_token": "not-a-token",
        })  # fmt: skip

    def _write(self, name: str, document: Mapping[str, str]) -> str:
        file = self.folder / name
        file.write_text(json.dumps(document))
        return str(file)


@contextlib.contextmanager
def google_registry(folder: Path) -> Iterator[GoogleRegistry]:
    """Start all of it and end it with the block."""
    (folder / "issuer.pem").write_text(usual_key().certificate)
    running = GoogleRegistry("", folder / "ca.pem", folder)
    with contextlib.ExitStack() as stack:
        tokens = stack.enter_context(_serving(_registry_tokens(running)))
        auth = (
            f"{{token: {{realm: 'http://127.0.0.1:{tokens}/token', service: {SERVICE}, issuer: {ISSUER},"
            f" rootcertbundle: {folder / 'issuer.pem'}}}}}"
        )
        registry = stack.enter_context(registry_in(folder, has_tls=True, names=(HOST, SIGN_IN), auth=auth))
        sign_in = stack.enter_context(_serving(_sign_in(running), certificate=folder))
        ports = {HOST: int(registry.host.rpartition(":")[2]), SIGN_IN: sign_in}
        running.proxy = f"http://127.0.0.1:{stack.enter_context(_tunnel(ports))}"
        yield running


def _sign_in(running: GoogleRegistry) -> type[BaseHTTPRequestHandler]:
    """Google's token endpoint: gives the access token for whatever grant."""

    class Handler(_Quiet):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            running.grants.append(form["grant_type"][0])
            self.give(200, {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    return Handler


def _registry_tokens(running: GoogleRegistry) -> type[BaseHTTPRequestHandler]:
    """Give the registry's own tokens to who has the access token for a password."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            user, _, password = base64.b64decode(given).decode().partition(":")
            running.users.append(user)
            if (user, password) != ("oauth2accesstoken", ACCESS_TOKEN):
                self.give(401, {"errors": [{"code": "UNAUTHORIZED"}]})
                return
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            self.give(200, {"token": _signed(user, scopes), "expires_in": 300})

    return Handler


def _signed(user: str, scopes: list[str]) -> str:
    """Return a token as docker-registry checks it: signed, with the certificate in its head."""
    from google.auth import crypt, jwt

    now = int(time.time())
    access = [
        {"type": kind, "name": name, "actions": actions.split(",")} for kind, name, actions in map(_parts, scopes)
    ]
    claims = {"iss": ISSUER, "aud": SERVICE, "sub": user, "iat": now, "nbf": now - 60, "exp": now + 300, "jti": "1"}
    certificate = "".join(usual_key().certificate.splitlines()[1:-1])
    signer: Any = crypt.RSASigner.from_string(usual_key().private)  # type: ignore[no-untyped-call]
    encode: Any = jwt.encode
    token: bytes = encode(signer, {**claims, "access": access}, header={"x5c": [certificate]})
    return token.decode()


def _parts(scope: str) -> tuple[str, str, str]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return kind, name, actions


class _Quiet(BaseHTTPRequestHandler):
    def give(self, status: int, document: Mapping[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler], *, certificate: Path | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.pem", certificate / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def _tunnel(ports: Mapping[str, int]) -> Iterator[int]:
    """Serve CONNECT for some names, and refuse every other."""

    class Handler(_Quiet):
        def do_CONNECT(self) -> None:
            port = ports.get(self.path.partition(":")[0])
            if port is None:
                self.give(403, {"error": f"no way to {self.path}"})
                return
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                self.send_response_only(200)
                self.end_headers()
                back = threading.Thread(target=_pass_on, args=(upstream, self.connection), daemon=True)
                back.start()
                _pass_on(self.connection, upstream)
                back.join()
            self.close_connection = True

    with _serving(Handler) as port:
        yield port


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(READ_BYTES):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
