"""`pplns serve`: the service on this machine, as a person starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from commands import read_until
from service import free_port, is_listening, takes_requests, wait_for


@contextmanager
def serve(project: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Start the command, and end it."""
    command = [sys.executable, "-m", "pplns_deploy", "serve", "--project", str(project.parent), *options]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
        started.communicate(timeout=30)


def post(url: str, body: bytes) -> tuple[int, Any]:
    """Send a request and return status and body, also of an error."""
    try:
        with urllib.request.urlopen(url, data=body, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.skipif(sys.platform == "win32", reason="a process can't be sent Ctrl-C alone there")
def test_it_says_where_it_is_and_ends_with_ctrl_c(project: Path, tmp_path: Path):
    """The printed address answers; Ctrl-C ends the service with it."""
    port = free_port()
    with serve(project, "--port", str(port), "--store", f"file:{tmp_path / 'store'}") as command:
        read_until(command.stdout, "adding", f"http://127.0.0.1:{port}")
        read_until(command.stdout, "curl", "/pipelines/adding/runs")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/pipelines/adding/runs", data=b"{}") as answer:
            status = answer.status
        os.kill(command.pid, signal.SIGINT)
        exit_code = command.wait(20)

    assert (status, exit_code) == (200, 130)
    assert not is_listening(port)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_nothing_is_left_of_it_however_it_ends(project: Path, tmp_path: Path, number: signal.Signals, exit_code: int):
    """Told to end or killed, it takes the service with it: the port is free again."""
    port = free_port()
    with serve(project, "--port", str(port), "--store", f"file:{tmp_path / 'store'}") as command:
        read_until(command.stdout, "adding", f"http://127.0.0.1:{port}")
        os.kill(command.pid, number)
        ended_with = command.wait(20)

    assert ended_with == exit_code
    wait_for(lambda: not is_listening(port))


@pytest.mark.skipif(sys.platform == "win32", reason="a process can't be sent Ctrl-C alone there")
def test_a_run_under_way_stops_after_its_step(project: Path, tmp_path: Path):
    """Its caller is told to come back, and what is done is kept."""
    port, count, gate = free_port(), tmp_path / "count", tmp_path / "gate"
    body = json.dumps({"params": {"gate": str(gate), "count": str(count)}}).encode()
    with (
        serve(project, "--port", str(port), "--store", f"file:{tmp_path / 'store'}") as command,
        ThreadPoolExecutor(1) as caller,
    ):
        read_until(command.stdout, "adding", f"http://127.0.0.1:{port}")
        waiting = caller.submit(post, f"http://127.0.0.1:{port}/pipelines/holding/runs", body)
        wait_for(count.exists)
        os.kill(command.pid, signal.SIGINT)
        wait_for(lambda: not takes_requests(port))
        gate.touch()
        status, answer = waiting.result()

    assert (status, answer["error"]["code"]) == (503, "draining")
    assert [step["state"] for step in answer["steps"]] == ["succeeded", "succeeded", "waiting"]


def test_a_port_in_use_is_refused(project: Path):
    """Another program's answers are never taken for the service's."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with serve(project, "--port", str(other.getsockname()[1])) as command:
            said, _ = command.communicate(timeout=60)

    assert command.returncode == 3
    assert "can't be used" in said


def test_a_project_of_broken_files_is_not_served(tmp_path: Path):
    """Exit 3 with file and line."""
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "shop.py").write_text("1 +\n")

    with serve(tmp_path / "pipelines", "--port", str(free_port())) as command:
        said, _ = command.communicate(timeout=60)

    assert command.returncode == 3
    assert "shop.py:1" in said
