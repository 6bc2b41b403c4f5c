"""Google's own addresses on this machine: a proxy that has a certificate for them and passes on to a stand-in.

Programs are told of it by HTTPS_PROXY and by the file of its authority; nothing else points them away from Google, so
that they sign in, and find their APIs, as they would anywhere."""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pplns_deploy.emulator.server import read_body

NAMES = ("*.googleapis.com", "*.run.app", "*.a.run.app")
PASS_SECONDS = 120


@contextmanager
def google_addresses(stand_in: str, folder: Path) -> Iterator[dict[str, str]]:
    """Serve Google's addresses, and give the environment in which programs go there."""
    authority, server_file = _make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _proxy(urlsplit(stand_in).netloc, context))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        yield {
            "HTTPS_PROXY": address, "https_proxy": address, "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": str(authority), "SSL_CERT_FILE": str(authority),
        }  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()


def path_in_stand_in(host: str, path: str) -> str:
    """Return where the stand-in has what Google has at an address."""
    if host.endswith(".run.app") or host in ("storage.googleapis.com", "www.googleapis.com"):
        return path
    if host == "openidconnect.googleapis.com":
        return "/userinfo"
    return f"/{host.partition('.')[0]}{path}"


def _proxy(stand_in: str, context: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    class Inside(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            host = str(self.headers["Host"]).partition(":")[0]
            body = read_body(self)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
            if not host.endswith(".run.app"):
                del headers["Host"]
            connection = http.client.HTTPConnection(stand_in, timeout=PASS_SECONDS)
            with contextlib.closing(connection):
                connection.request(self.command, path_in_stand_in(host, self.path), body, headers)
                answered = connection.getresponse()
                self._answer(answered, answered.read())

        def _answer(self, answered: http.client.HTTPResponse, body: bytes) -> None:
            self.send_response(answered.status)
            for name, value in answered.getheaders():
                if name.lower() not in ("date", "server", "content-length"):
                    self.send_header(name, value)
            if answered.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.pass_on
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            with contextlib.suppress(OSError), context.wrap_socket(self.connection, server_side=True) as secured:
                Inside(secured, self.client_address, self.server)

        def log_message(self, *_: object) -> None:
            pass

    return Proxy


def _make_certificates(folder: Path) -> tuple[Path, Path]:
    """Make an authority and a certificate for Google's names; return the files of both, the second with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = datetime.now(UTC)

    def certificate(subject: str, *, is_authority: bool) -> x509.Certificate:
        name, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (subject, "pplns tests"))
        begun = (
            x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .add_extension(_usage(x509, signs=is_authority), critical=True)
        )  # fmt: skip
        if not is_authority:
            names = x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES])
            begun = begun.add_extension(names, critical=False)
        return begun.sign(key, hashes.SHA256())

    authority, server = folder / "authority.pem", folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    authority.write_bytes(certificate("pplns tests", is_authority=True).public_bytes(pem))
    server.write_bytes(private + certificate("google", is_authority=False).public_bytes(pem))
    return authority, server


def _usage(x509: Any, *, signs: bool) -> Any:
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    nothing = dict.fromkeys((*names, "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **nothing)
