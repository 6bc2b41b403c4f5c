"""An issuer of OIDC tokens on this machine: Google's stand-in, with a key and certificates of its own."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

__all__ = ["AUDIENCE", "CALLER", "Issuer", "SigningKey", "issuer"]

AUDIENCE = "https://daily-abc.a.run.app"
CALLER = "scheduler@acme-data.iam.gserviceaccount.com"


class SigningKey:
    """An RSA key with its certificate."""

    def __init__(self, key_id: str) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.x509.oid import NameOID

        self.key_id = key_id
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key_id)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode()

    def sign(self, claims: dict[str, Any], *, key_id: str | None = None) -> str:
        """Return a token of these claims, under this key's id or another."""
        from google.auth import crypt, jwt

        signer: Any = crypt.RSASigner.from_string(self.private, key_id or self.key_id)  # type: ignore[no-untyped-call]
        encode: Any = jwt.encode
        token: bytes = encode(signer, claims)
        return token.decode()


@cache
def usual_key() -> SigningKey:
    """Return the key of every issuer: making one takes a tenth of a second."""
    return SigningKey("test-key")


class Issuer:
    """Serves certificates and signs tokens. `status`, `cache_control` and `keys` may be changed while it runs."""

    def __init__(self) -> None:
        self.keys = [usual_key()]
        self.status = 200
        self.cache_control = "public, max-age=3600, must-revalidate"
        self.fetches = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/certs"

    def __enter__(self) -> "Issuer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, *, at_s: float = 0.0, key: SigningKey | None = None, **claims: Any) -> str:
        """Return a token as Scheduler and Pub/Sub send it, issued `at_s` seconds from now; None leaves a claim out."""
        issued = int(time.time() + at_s)
        usual = {
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": "1234", "azp": "1234", "email": CALLER,
            "email_verified": True, "iat": issued, "exp": issued + 3600,
        }  # fmt: skip
        wanted = {name: value for name, value in (usual | claims).items() if value is not None}
        return (key or self.keys[0]).sign(wanted)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Return an issuer that runs as long as the test."""
    pytest.importorskip("cryptography", reason="tokens are signed with the package cryptography")
    with Issuer() as made:
        yield made


def _handler_of(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = json.dumps({key.key_id: key.certificate for key in issuer.keys}).encode()
            self.send_response(issuer.status)
            self.send_header("Cache-Control", issuer.cache_control)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
