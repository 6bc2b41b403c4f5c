"""Containers by podman and runc on this machine, and a base for them from Debian's packages."""

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from container_registry import free_port

PACKAGES = "python3,python3-pip,python-is-python3,ca-certificates"
SYSTEM = "localhost/pplns-base"
NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")  # half of it
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    """Calls podman with settings that work without systemd."""

    def __init__(self, folder: Path) -> None:
        for program in ("podman", "runc", "debootstrap"):
            if shutil.which(program) is None:
                pytest.skip(f"no {program} here: apt-get install podman runc buildah debootstrap")
        if os.geteuid() != 0:
            pytest.skip("only root may unpack a system and start containers here")
        self.folder = folder
        (folder / "containers.conf").write_text(SETTINGS)
        self._environ = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}

    def call(self, *arguments: str) -> str:
        """Call podman and return what it says."""
        done = subprocess.run(
            ["podman", *arguments], env=self._environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"podman {arguments[0]}: {done.stderr}"
        return done.stdout.strip()

    @contextlib.contextmanager
    def service(self, image: str, *options: str, environ: Mapping[str, str]) -> Iterator[str]:
        """Start an image as Cloud Run would, with a root that can't be written, and give its URL."""
        name, port = f"pplns-{free_port()}", free_port()
        variables = [f"--env={key}={value}" for key, value in environ.items()]
        try:
            self.call(
                "run", "-d", "--name", name, "--read-only", "--tmpfs", "/tmp", "--memory=1g", "--memory-swap=1g",
                "-p", f"127.0.0.1:{port}:8080", *variables, *options, image,
            )  # fmt: skip
            url = f"http://127.0.0.1:{port}"
            if not _is_up(f"{url}/health"):
                raise AssertionError(f"the container doesn't come up: {self.call('logs', name)}")
            yield url
        finally:
            subprocess.run(["podman", "rm", "-f", name], env=self._environ, capture_output=True, check=False)

    def forget(self, *images: str) -> None:
        """Delete images, those that are there."""
        subprocess.run(["podman", "rmi", "-f", *images], env=self._environ, capture_output=True, check=False)

    def import_base(self, name: str) -> None:
        """Make an image of Debian with Python; its files are made once and kept beside other caches of tests."""
        root = Path.home() / ".cache" / "pplns-tests" / "rootfs-bookworm-pip"
        if not root.is_dir():
            root.parent.mkdir(parents=True, exist_ok=True)
            part = root.with_name(f"{root.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            made = subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(part)],
                capture_output=True, timeout=900,
                check=False,
            )  # fmt: skip
            if made.returncode:
                pytest.skip(f"debootstrap can't make a base: {made.stdout.decode()[-300:]}")
            part.rename(root)
        without = [f"--exclude=./{place}" for place in NOT_NEEDED]
        packed = subprocess.Popen(["tar", "-C", str(root), *without, "-c", "."], stdout=subprocess.PIPE)
        change = 'ENV PYTHON_VERSION="3.11.2"'
        subprocess.run(
            ["podman", "import", "-q", "--change", change, "-", name],
            stdin=packed.stdout, env=self._environ, check=True, capture_output=True,
        )  # fmt: skip
        packed.communicate()


def ask(url: str, body: Mapping[str, object] | None = None) -> tuple[int, dict[str, object]]:
    """Send a request, a POST where it has a body, and return status and document."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.status, json.load(answer)


def _is_up(url: str) -> bool:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with contextlib.suppress(OSError):
            return ask(url)[0] == 200
        time.sleep(0.05)
    return False
