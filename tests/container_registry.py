"""A registry of Debian's docker-registry on this machine, with users and TLS where a test wants them."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pplns_deploy.image.references import Reference
from pplns_deploy.image.registry.calls import Registry

USER, PASSWORD = "packer", "not-a-secret"


@dataclass(frozen=True, slots=True)
class LocalRegistry:
    """A registry that runs; `environ` is what a client needs to reach it."""

    host: str
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str])

    def client(self) -> Registry:
        """Return a client for it."""
        return Registry(Reference(self.host, "any"), environ=self.environ)

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, from its files."""
        folder = self.folder / "docker/registry/v2/repositories" / repository / "_manifests/tags"
        return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def registry_in(
    folder: Path, *, has_users: bool = False, has_tls: bool = False, names: tuple[str, ...] = (), auth: str = ""
) -> Iterator[LocalRegistry]:
    """Start a registry and end it with the block; `names` are others in its certificate, `auth` its own setting."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no docker-registry here: apt-get install docker-registry")
    host = f"127.0.0.1:{free_port()}"
    environ = {"DOCKER_CONFIG": str(folder)}
    lines = [
        "version: 0.1", "log: {level: error, accesslog: {disabled: true}}",
        f"storage: {{filesystem: {{rootdirectory: {folder / 'storage'}}}}}", "http:", f"  addr: {host}",
    ]  # fmt: skip
    if has_tls:
        authority = make_certificates(folder, *names)
        lines.append(f"  tls: {{certificate: {folder / 'server.pem'}, key: {folder / 'server.key'}}}")
        environ["REQUESTS_CA_BUNDLE"] = str(authority)
    if has_users:
        written = _run("htpasswd", "-Bbn", USER, PASSWORD)
        (folder / "htpasswd").write_text(written)
        auth = f"{{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}"
    if auth:
        lines.append(f"auth: {auth}")
    (folder / "registry.yml").write_text("\n".join(lines))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        _wait_for(host, process)
        yield LocalRegistry(host, folder / "storage", environ)
    finally:
        process.kill()
        process.wait()


def log_in(folder: Path, host: str) -> None:
    """Write the user of the registry into docker's configuration, as `docker login` does."""
    from base64 import b64encode

    entry = {"auth": b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))


def make_certificates(folder: Path, *names: str) -> Path:
    """Make an authority and a certificate for 127.0.0.1 and other names; return the authority's file."""
    subject = ["-subj", "/CN=pplns tests", "-days", "2", "-nodes"]
    _run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, "-keyout", f"{folder}/ca.key", "-out",
        f"{folder}/ca.pem", "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    hosts = ",".join(["subjectAltName=IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    _run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, "-keyout", f"{folder}/server.key", "-out",
        f"{folder}/server.pem", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-addext", hosts,
        "-addext", "basicConstraints=critical,CA:FALSE",
    )  # fmt: skip
    return folder / "ca.pem"


def _run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here: apt-get install apache2-utils openssl")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _wait_for(host: str, process: "subprocess.Popen[bytes]") -> None:
    name, _, port = host.partition(":")
    ends = time.monotonic() + 20
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((name, int(port)), timeout=1):
            return
    raise AssertionError("docker-registry doesn't come up")
