"""Google's Pub/Sub emulator on this machine: started once for a folder of tests, topics of its own per test.

What it leaves out: tokens, `deliveryAttempt` and `orderingKey` in pushes, filters, permissions."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pplns.model.ids import new_token

__all__ = ["Emulator", "Received", "emulator", "emulator_host", "running_emulator"]

START_SECONDS = 60.0  # a JVM on a busy machine
PROJECT = "pplns-tests"


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a subscriber gets it."""

    message_id: str
    data: bytes
    attributes: dict[str, str]


class Emulator:
    """What tests ask of the emulator at `host` (127.0.0.1:PORT), by its REST API."""

    def __init__(self, host: str) -> None:
        self.host = host

    def topic(self) -> str:
        """Create a topic and return its full name."""
        name = f"projects/{PROJECT}/topics/topic-{new_token()}"
        self.call("PUT", name, {})
        return name

    def subscribe(self, topic: str, **options: Any) -> str:
        """Create a subscription, of pull unless `pushConfig` is given, and return its full name."""
        name = f"projects/{PROJECT}/subscriptions/subscription-{new_token()}"
        self.call("PUT", name, {"topic": topic, **options})
        return name

    def pull(self, subscription: str, count: int = 10) -> list[Received]:
        """Take what messages there are, at most `count`, and acknowledge them."""
        answer = self.call("POST", f"{subscription}:pull", {"maxMessages": count, "returnImmediately": True})
        found = answer.get("receivedMessages", [])
        if found:
            self.call("POST", f"{subscription}:acknowledge", {"ackIds": [one["ackId"] for one in found]})
        return [_received(one["message"]) for one in found]

    def call(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a call of the Pub/Sub API and return its answer."""
        request = urllib.request.Request(
            f"http://{self.host}/v1/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"},
            method=method,
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read() or b"{}")
            return found


@pytest.fixture(scope="session")
def emulator_host() -> Iterator[str]:
    """Return the address of an emulator that runs as long as the tests."""
    with running_emulator() as host:
        yield host


@contextmanager
def running_emulator() -> Iterator[str]:
    """Start an emulator, give its address, and end it."""
    command, port = _command(), _free_port()
    host = f"127.0.0.1:{port}"
    process = subprocess.Popen(
        [*command, "--host=127.0.0.1", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(host, process)
        yield host
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def emulator(emulator_host: str, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Return the emulator, which PUBSUB_EMULATOR_HOST names."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator_host)
    return Emulator(emulator_host)


def _received(message: dict[str, Any]) -> Received:
    data = base64.b64decode(message.get("data", ""))
    return Received(message["messageId"], data, message.get("attributes", {}))


def _command() -> list[str]:
    java = shutil.which("java")
    if java is None:
        pytest.skip("the Pub/Sub emulator needs Java, which is not installed here")
    sdk = os.environ.get("CLOUDSDK_ROOT_DIR") or shutil.which("gcloud")
    if sdk is None:
        pytest.skip("the Pub/Sub emulator comes with the gcloud SDK, which is not installed here")
    found = [
        jar
        for folder in (Path(sdk), *Path(sdk).resolve().parents)
        for jar in folder.glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")
    ]
    if not found:
        pytest.skip(f"the gcloud SDK of {sdk} has no Pub/Sub emulator")
    return [java, "-Xmx256m", "-jar", str(found[0])]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(host: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "the Pub/Sub emulator ended at its start"
        try:
            urllib.request.urlopen(f"http://{host}/").close()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end, "the Pub/Sub emulator didn't start"
            time.sleep(0.05)
        else:
            return
