"""The stdout of a service: one JSON line an event, in the trace of its request."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

MAIN = Path(__file__).parents[2] / "service" / "main.py"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TALKING = """
import logging
from pplns import pipeline, step

print("loading")

@step
def load() -> int:
    print("from a step")
    logging.getLogger("a.library").info("from a library, Bearer abc.def-123456")
    return 1

@pipeline
def talking():
    return load()
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A service under functions-framework, as on Cloud Run, and the file of its stdout."""
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "talking.py").write_text(TALKING)
    port, out = free_port(), tmp_path / "stdout"
    environ = {**os.environ, "K_SERVICE": "talking", "GOOGLE_CLOUD_PROJECT": "shop-1", "PYTHONUNBUFFERED": "1"}
    environ |= {"PPLNS_PIPELINES": str(tmp_path / "pipelines")}
    command = [sys.executable, "-m", "functions_framework", "--source", str(MAIN), "--target", "handle"]
    with out.open("wb") as stream, (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], cwd=tmp_path, env=environ, stdout=stream,
            stderr=errors,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}", out
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a server answers."""
    for _ in range(600):
        assert process.poll() is None, "the service ended"
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)  # it comes up
        else:
            return
    raise AssertionError("the service doesn't answer")


def test_each_line_of_a_step_is_an_entry_of_the_request(service):
    """Printed or logged, it has labels and trace; what isn't said in a step passes as it is."""
    url, out = service
    request = urllib.request.Request(
        f"{url}/pipelines/talking/runs", data=b"{}", method="POST",
        headers={"Content-Type": "application/json", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
    )  # fmt: skip

    with urllib.request.urlopen(request, timeout=60) as answer:
        record = json.load(answer)

    plain, *lines = out.read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert plain == "loading"
    assert [entry["message"] for entry in entries if "pplns_event" not in entry] == [
        "from a step", "from a library, Bearer [hidden]",
    ]  # fmt: skip
    assert {entry["logging.googleapis.com/trace"] for entry in entries} == {f"projects/shop-1/traces/{TRACE}"}
    assert {entry["logging.googleapis.com/labels"]["pplns_run_id"] for entry in entries} == {record["run_id"]}
    assert entries[-1]["pplns_event"] == "run_ended"
