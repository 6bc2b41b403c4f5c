"""A project whose runs are long, slow, poisoned or changed, and a service that Google's emulator delivers to."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from faulty_topic import faulty_topic
from gateway import Gateway
from pplns.state.history import list_runs, read_run
from pplns.stores import Store, open_store
from pubsub_emulator import Emulator, emulator, emulator_host
from service import Service, serving
from token_issuer import issuer

__all__ = ["emulator", "emulator_host", "faulty_topic", "issuer"]

ORDERS = '''"""Runs that a test can slow down, hold, fail and count."""
import os
import time
from datetime import date
from pathlib import Path
from pplns import PubSub, RetryableError, Schedule, TerminalError, current_run, logical_date, pipeline, step


def note(journal: str, name: object) -> None:
    with open(journal, "a") as file:
        file.write(f"{current_run().attempt} {name}\\n")


def wait_for(gate: str) -> None:
    until = time.monotonic() + 60
    while not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.01)


@step
def tick(n: int, journal: str, seconds: float) -> int:
    note(journal, n)
    time.sleep(seconds)
    return n + 1


@step
def hold(n: int, journal: str) -> int:
    note(journal, "hold")
    wait_for(f"{journal}.gate")
    return n + 1


@step
def publish(n: int, journal: str) -> int:
    note(journal, "publish")
    return n


@step
def report(n: int, journal: str) -> int:
    note(journal, "report")
    wait_for(f"{journal}.gate")
    return n


@step
def decide(how: str, journal: str) -> str:
    note(journal, how)
    if how == "poison":
        raise TerminalError("The orders are gone.", "There are some each day.", "Ask the shop.")
    if how == "closed":
        raise RetryableError("The bank is closed.")
    return how


@pipeline
def ticking(journal: str, steps: int = 40, seconds: float = 0.0):
    n = 0
    for _ in range(steps):
        n = tick(n, journal, seconds)
    return n


@pipeline
def holding(journal: str):
    return tick(hold(tick(0, journal, 0.0), journal), journal, 0.0)


@pipeline(max_concurrent_runs=1)
def alone(journal: str):
    return hold(0, journal)


@pipeline
def deciding(how: str, journal: str):
    return decide(how, journal)


@pipeline
def sinking(journal: str):
    loaded = tick(0, journal, 0.0)
    publish(loaded, journal)
    return report(hold(loaded, journal), journal)


@pipeline(triggers=[Schedule("0 6 * * *")])
def daily(journal: str = os.environ.get("JOURNAL", ""), day: date = logical_date()):
    return tick(0, journal, 0.0)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The pipelines folder of a project of the test's own, which it may change."""
    folder = tmp_path / "project" / "pipelines"
    folder.mkdir(parents=True)
    (folder / "orders.py").write_text(ORDERS)
    (folder.parent / "pyproject.toml").write_text("[tool.pplns]\n")
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> "Journal":
    """What the steps of the test's runs note."""
    return Journal(tmp_path / "journal")


@pytest.fixture
def gateway(emulator: Emulator) -> Iterator[Gateway]:
    """What stands between the emulator and the service."""
    with Gateway(emulator) as made:
        yield made


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start services of the test's own on one store; they end with the test."""
    with ExitStack() as started:

        def serve(*, server: str = "framework", **environ: str) -> Service:
            return started.enter_context(serving(project, tmp_path, server=server, **environ))

        yield serve


@pytest.fixture
def kept(tmp_path: Path) -> "Kept":
    """What the services keep."""
    return Kept(tmp_path / "store")


class Journal:
    """The notes of steps: the attempt, and what was done in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def notes(self) -> list[tuple[int, str]]:
        text = self.path.read_text() if self.path.exists() else ""
        return [(int(attempt), what) for attempt, what in map(str.split, text.splitlines())]

    @property
    def done(self) -> list[str]:
        return [what for _, what in self.notes]

    def numbered(self, number: int) -> "Journal":
        """Return a journal beside this one, for one of several runs."""
        return Journal(Path(f"{self.path}-{number}"))

    def open_gate(self) -> None:
        """Let the steps that hold go on."""
        Path(f"{self.path}.gate").touch()


class Kept:
    """The store of the services, read while they work."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def store(self) -> Store:
        return open_store(f"file:{self.path}", root=self.path.parent)

    @property
    def objects(self) -> list[str]:
        """The names of all that is kept."""
        return [str(Path(folder, name)) for folder, _, names in os.walk(self.path) for name in names]

    def runs(self, pipeline: str) -> list[dict[str, Any]]:
        if not self.path.exists():  # looking would make the folder
            return []
        return [run.as_json() for run in list_runs(self.store, pipeline=pipeline, limit=1000)]

    def has_ended(self, pipeline: str, count: int = 1) -> bool:
        """Whether so many runs of a pipeline have ended."""
        return sum(run["final"] for run in self.runs(pipeline)) >= count

    def commits(self, pipeline: str, run_id: str) -> list[str]:
        """The names of the steps that are committed, once for each commit."""
        names = self.store.children(f"{pipeline}/runs/{run_id}/steps/")
        return sorted(name.partition("@")[0] for name in names)

    def run(self, pipeline: str, run_id: str) -> dict[str, Any]:
        return read_run(self.store, pipeline, run_id).as_json()
