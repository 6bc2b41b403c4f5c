"""The stand-in itself: its state, its inventory, drift, and the process."""

import json
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from google_stand_in import SERVICES, TOPICS, Google, service
from pplns_deploy.emulator import provider_endpoints, provider_environment, serving

LINGER = "hh" if sys.platform == "win32" else "ii"


@contextmanager
def process(*options: str) -> Iterator[dict[str, Any]]:
    """Run the stand-in as a process, and yield what it prints first."""
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as started:
        try:
            assert started.stdout is not None
            yield json.loads(started.stdout.readline())
        finally:
            started.terminate()


class At:
    """A stand-in of another process, by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url


def test_a_process_prints_where_its_apis_are() -> None:
    """One line of JSON, with the callers that were given known from the start."""
    with process("--caller", "tok=user:ann@example.com") as said:
        ann = Google(At(said["url"]), "tok")  # type: ignore[arg-type]

        assert said["provider"] == provider_endpoints(said["url"])
        assert "user:" not in ann.get("oauth2/v1/userinfo")["email"]
        assert ann.refused("PUT", f"{TOPICS}/orders", {}).code == 403


@pytest.mark.parametrize("option", ["--caller=ann", "--caller=tok=ann", "--state=/nowhere/at/all.json"])
def test_a_process_that_cannot_start_says_why(option: str) -> None:
    """Exit code 3, and a word on stderr."""
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--port", "0", option]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr.startswith("error: ")) == (3, True)


def test_the_state_is_kept_in_its_file(tmp_path: Path) -> None:
    """Objects and policies too: another stand-in goes on where the first ended."""
    file = tmp_path / "cloud.json"
    with serving(file=file) as first:
        google = Google(first)
        google.furnish()
        google.post(f"{SERVICES}?serviceId=daily", service())
        google.write("acme-runs", "a", b"\x00\xff")
        before = google.control("state", data=True)

    with serving(file=file) as second:
        assert Google(second).control("state", data=True) == before


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    """With a message, not a KeyError."""
    file = tmp_path / "cloud.json"
    file.write_text('{"version": 9}')
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--state", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, "version 9" in ended.stderr) == (3, True)


def test_drift_is_planted_and_seen(furnished: Google) -> None:
    """A field set, an element of a list, a resource gone."""
    furnished.post(f"{SERVICES}?serviceId=daily", service())
    name = f"{SERVICES.removeprefix('run/v2/')}/daily"
    furnished.control(
        "drift", kind="run.services", name=name, set={"template.containers.0.image": "other", "labels.a": "b"}
    )
    found = furnished.get(f"{SERVICES}/daily")

    assert (found["template"]["containers"][0]["image"], found["labels"]) == ("other", {"a": "b"})
    furnished.control("drift", kind="run.services", name=name, delete=True)
    assert furnished.refused("GET", f"{SERVICES}/daily").code == 404
    assert furnished.refused("POST", "_control/drift", {"kind": "run.services", "name": name}).code == 404


def test_the_inventory_is_what_is_left(furnished: Google) -> None:
    """By kind; an empty cloud has an empty one."""
    furnished.write("acme-runs", "a")
    found = furnished.control("inventory")

    assert sorted(found) == ["iam.serviceAccounts", "pubsub.topics", "storage.buckets", "storage.objects"]
    furnished.control("reset")
    assert furnished.control("inventory") == {}


def test_the_calls_are_told(furnished: Google) -> None:
    """By method, resource and caller; those that were refused weren't carried out and aren't there."""
    furnished.control("requests", clear=True)
    furnished.get(f"{TOPICS}/orders")
    furnished.refused("GET", f"{TOPICS}/orders?x=1")
    (call,) = furnished.control("requests")["requests"]

    assert (call["method"], call["caller"]) == ("pubsub.projects.topics.get", "user:owner@example.com")
    assert call["names"] == {"topic": "projects/acme-data/topics/orders"}


@pytest.mark.parametrize(("command", "body"), [("nothing", {}), ("callers", {"a": "ann"}), ("faults", [1])])
def test_a_command_that_cannot_be_is_refused(google: Google, command: str, body: object) -> None:
    """With what there is, or what was expected."""
    assert google.refused("POST", f"_control/{command}", body).code in (400, 404)


def test_a_client_that_goes_away_is_no_error() -> None:
    """Terraform leaves its connections behind when it ends; nothing is printed about that."""
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        url = json.loads(started.stdout.readline())["url"]
        for _ in range(5):
            with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER, 1, 0))  # leave by a reset
                client.sendall(b"GET /")
        with urllib.request.urlopen(f"{url}/oauth2/v1/certs"):
            started.terminate()
        assert started.communicate(timeout=30)[1] == ""


def test_endpoints_end_as_the_provider_wants_them() -> None:
    """With the version and a slash; Monitoring without a version; the variables are the arguments in capitals."""
    endpoints = provider_endpoints("http://127.0.0.1:1")
    environment = provider_environment("http://127.0.0.1:1", token="tok")

    assert all(url.endswith("/") for url in endpoints.values())
    assert endpoints["monitoring_custom_endpoint"] == "http://127.0.0.1:1/monitoring/"
    assert environment["GOOGLE_CLOUD_RUN_V2_CUSTOM_ENDPOINT"] == "http://127.0.0.1:1/run/v2/"
    assert environment["GOOGLE_OAUTH_ACCESS_TOKEN"] == "tok"
