"""How the service of `pplns serve` and `pplns dev` ends: by a pipe, since functions-framework tells of no signal."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pplns_deploy.dev import tether
from service import Answer, Service, wait_for

SERVERS = [
    pytest.param("gunicorn", marks=pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")),
    "werkzeug",
]


@pytest.fixture(params=SERVERS)
def local(request: pytest.FixtureRequest, start: Callable[..., Service], tmp_path: Path) -> Service:
    """A service whose server has a worker of its own, or is all one process, as on Windows."""
    if request.param == "gunicorn":
        return start()
    return start(PYTHONPATH=str(without_gunicorn(tmp_path)))


def without_gunicorn(folder: Path) -> Path:
    """Return a path that hides gunicorn: functions-framework then serves as it does on Windows."""
    (folder / "gunicorn.py").write_text("raise ImportError")
    return folder


def tell(service: Service) -> None:
    """Tell a service that it is about to be ended, and wait until it has heard."""
    assert service.process.stdin is not None
    tether.tell_to_drain(service.process.stdin.fileno())
    wait_for(lambda: service.get("/health").status == 503)


def test_a_run_stops_at_its_step_boundary(local: Service, tmp_path: Path):
    """Its caller is answered, what is done is kept, and a redelivery goes on behind it."""
    count, gate = tmp_path / "count", tmp_path / "gate"
    body, key = {"params": {"gate": str(gate), "count": str(count)}}, {"Idempotency-Key": "one"}

    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(local.post, "/pipelines/holding/runs", body, key)
        wait_for(count.exists)
        tell(local)
        gate.touch()
        answer: Answer = waiting.result()

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "draining", "10")
    assert [step["state"] for step in answer.json["steps"]] == ["succeeded", "succeeded", "waiting"]


def test_nothing_more_begins(local: Service, tmp_path: Path):
    """What comes while a run still stops is refused, to be sent again."""
    count, gate = tmp_path / "count", tmp_path / "gate"

    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(
            local.post, "/pipelines/holding/runs", {"params": {"gate": str(gate), "count": str(count)}}
        )
        wait_for(count.exists)
        tell(local)
        refused = local.post("/pipelines/adding/runs")
        gate.touch()
        waiting.result()

    assert (refused.status, refused.code) == (503, "draining")


@pytest.mark.skipif(os.name == "nt", reason="counts on an exit code that Windows has for other ends too")
def test_a_process_that_serves_by_itself_ends_by_itself(start: Callable[..., Service], tmp_path: Path):
    """Where a signal would kill at once: it answers what is under way, and is gone."""
    service = start(PYTHONPATH=str(without_gunicorn(tmp_path)))

    assert service.process.stdin is not None
    tether.tell_to_drain(service.process.stdin.fileno())

    assert service.process.wait(20) == 0
