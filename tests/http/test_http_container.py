"""The container's own server: SIGTERM, a step that nothing stops, a project that doesn't load."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deliveries import envelope
from service import Service, free_port, read_until_event, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the container's server is for Linux and macOS")

LINES = {"Accept": "application/x-ndjson"}


def test_sigterm_stops_a_run_at_its_step_boundary(start: Callable[..., Service], tmp_path: Path):
    """Its 503 reaches the caller, the process is gone in time, and a redelivery goes on where it stopped."""
    service = start(server="container")
    body = envelope({"params": {"gate": str(tmp_path / "gate"), "count": str(tmp_path / "count")}})

    with service.open("POST", "/pipelines/holding/runs", body=body, headers=LINES) as running:
        read_until_event(running, "step_started", "hold")
        service.terminate()
        (tmp_path / "gate").touch()
        last = running.read().splitlines()[-1]
    exit_code = service.process.wait(8)
    resumed = start(server="container").post("/pipelines/holding/runs", body)

    assert (exit_code, b'"code":"draining"' in last) == (0, True)
    assert (resumed.status, resumed.json["attempt"], resumed.json["result"]) == (200, 2, 3)
    assert (tmp_path / "count").read_text() == "x"


def test_sigterm_is_answered_503(start: Callable[..., Service], tmp_path: Path):
    """A plain request is told when to come back."""
    service = start(server="container")
    count = tmp_path / "count"
    body = {"params": {"gate": str(tmp_path / "gate"), "count": str(count)}}

    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(service.post, "/pipelines/holding/runs", body)
        wait_for(count.exists)
        service.terminate()
        (tmp_path / "gate").touch()
        answer = waiting.result()

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "draining", "10")


def test_a_step_that_never_ends_is_left_and_the_process_is_gone(start: Callable[..., Service], tmp_path: Path):
    """No boundary comes: the answer is 503 all the same, before Cloud Run would kill the container."""
    service = start(server="container", PPLNS_LEASE_SECONDS="1")
    body = {"params": {"gate": str(tmp_path / "never")}}

    with service.open("POST", "/pipelines/holding/runs", body=body, headers=LINES) as running:
        read_until_event(running, "step_started", "hold")
        service.terminate()
        last = running.read().splitlines()[-1]

    assert b'"code":"draining"' in last
    assert service.process.wait(4) == 0


@pytest.mark.parametrize("server", ["framework", "container"])
def test_a_process_with_an_abandoned_step_is_replaced(start: Callable[..., Service], tmp_path: Path, server: str):
    """It answers, takes nothing more, and ends; the next request meets a new process."""
    service = start(server=server)

    answer = service.post("/pipelines/hanging/runs", {"params": {"gate": str(tmp_path / "never")}})

    assert (answer.status, answer.code) == (422, "timed_out")
    assert _first_taken(service) == 200


def test_a_broken_pipeline_is_named_by_health(start: Callable[..., Service], tmp_path: Path):
    """A service of one pipeline that doesn't load doesn't come up healthy, and no request runs anything."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "shop.py").write_text(
        "import nothing_of_that_name\nfrom pplns import pipeline\n\n@pipeline\ndef shop():\n    pass\n"
    )
    service = start(server="container", folder=folder, PPLNS_PIPELINE="shop")

    health = service.get("/health")

    assert (health.status, health.code) == (503, "broken_file")
    assert "shop.py:1" in health.json["error"]["message"]
    assert service.post("/").status == 500


def test_a_broken_file_hides_no_other_pipeline(start: Callable[..., Service], tmp_path: Path):
    """Where several are served, the others are; health says which file is broken."""
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "bad.py").write_text("1 +\n")
    (folder / "good.py").write_text("from pplns import pipeline\n\n@pipeline\ndef good():\n    return 1\n")
    service = start(folder=folder)

    health = service.get("/health")

    assert (health.status, health.json["pipelines"], health.json["broken"][0]["file"]) == (200, ["good"], "bad.py")
    assert "bad.py:1" in service.get("/pipelines/bad").json["error"]["message"]


def test_a_malformed_setting_ends_the_start(tmp_path: Path):
    """Exit 3 with the setting's name, before anything listens."""
    environ = {**os.environ, "PORT": "many", "PPLNS_PIPELINES": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-m", "pplns.server"], check=False, env=environ, capture_output=True, text=True
    )

    assert (ended.returncode, "PORT" in ended.stderr) == (3, True)
    assert "Traceback" not in ended.stderr


def test_a_project_that_ends_the_process_ends_the_container(tmp_path: Path):
    """It isn't started again and again: Cloud Run is told that it can't come up."""
    (tmp_path / "shop.py").write_text("import os\nos._exit(7)\nfrom pplns import pipeline\n")
    environ = {**os.environ, "PORT": str(free_port()), "PPLNS_PIPELINES": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-m", "pplns.server"], check=False, env=environ, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 1
    assert len(set(re.findall(r"pid:(\d+)\) exited with code 7", ended.stderr))) == 1  # gunicorn 22 says it twice
    assert "The process that loads the project died before it was up." in ended.stderr


def test_it_needs_no_folder_to_write_to(start: Callable[..., Service], tmp_path: Path):
    """Nothing appears where the process works: an image's root may be read-only."""
    start(server="container")

    assert sorted(path.suffix or path.name for path in tmp_path.iterdir()) == [".log"]


def _first_taken(service: Service) -> int:
    """Ask until a process takes the request, and return its status; one that ends refuses with 503."""
    for _ in range(600):
        try:
            status = service.post("/pipelines/adding/runs").status
        except OSError:
            continue
        if status != 503:
            return status
    raise AssertionError("no process took a request")
