"""A registry of docker-registry's, and in it a base with Debian's Python and pip; for the benchmark of images.

The system is unpacked by debootstrap once, into ~/.cache/pplns-benchmarks."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

NEEDED = ("docker-registry", "buildah", "debootstrap")
PACKAGES = "python3,python3-pip,python-is-python3,ca-certificates"
PYTHON = (3, 11)  # of Debian 12
ROOT = Path.home() / ".cache" / "pplns-benchmarks" / "rootfs-bookworm"
START_SECONDS = 20


@contextlib.contextmanager
def serve_base(folder: Path) -> Generator[str]:
    """Start a registry that has the base, and give the base's name."""
    missing = [one for one in NEEDED if shutil.which(one) is None]
    if missing or sys.version_info[:2] != PYTHON:
        raise SystemExit(f"Without --base this needs Python 3.11 and {', '.join(NEEDED)}; missing: {missing}.")
    with _serve_registry(folder) as host:
        name = f"{host}/bench/python:3.11"
        _make_base(folder, name)
        try:
            yield name
        finally:
            _call("buildah", "rmi", "-f", name)


@contextlib.contextmanager
def _serve_registry(folder: Path) -> Generator[str]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    storage = f"storage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}"
    settings = f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n{storage}\n"
    (folder / "registry.yml").write_text(f"{settings}http: {{addr: '127.0.0.1:{port}'}}\n")
    process = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "registry.yml")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _make_base(folder: Path, name: str) -> None:
    if not ROOT.is_dir():
        part = ROOT.with_name(f"{ROOT.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        _call("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(part))
        part.rename(ROOT)
    context = folder / "base"
    context.mkdir()
    _call("tar", "-C", str(ROOT), "-cf", str(context / "root.tar"), "--exclude=./var/cache/apt", ".")
    (context / "Dockerfile").write_text("FROM scratch\nADD root.tar /\nENV PYTHON_VERSION=3.11.2\n")
    _call("buildah", "bud", "-q", "--isolation=chroot", "-t", name, str(context))
    _call("buildah", "push", "-q", "--tls-verify=false", name)
    shutil.rmtree(context)


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:2])} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")


def _wait_for(port: int) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("docker-registry doesn't come up.")
