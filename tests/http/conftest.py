"""A project whose runs tests can hold and fail, and a service of it that most tests share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from faulty_topic import faulty_topic
from service import Service, serving
from token_issuer import issuer

__all__ = ["faulty_topic", "issuer"]

SHOP = '''"""Pipelines that a test can steer by parameters."""
import time
from datetime import date
from enum import Enum
from pathlib import Path
import threading
from pplns import (
    PubSub, RetryableError, Schedule, TerminalError, current_run, logical_date, pipeline, step,
)

class Region(Enum):
    US = "us"
    EU = "eu"

def wait_for(gate: str) -> None:
    until = time.monotonic() + 30
    while not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.01)

@step
def add(n: int) -> int:
    return n + 1

@step
def hold(n: int, gate: str, count: str) -> int:
    if count:
        with open(count, "a") as file:
            file.write("x")
    wait_for(gate)
    return n

@step
def fail(how: str) -> int:
    if how == "terminal":
        raise TerminalError("The orders are gone.", "There are some each day.", "Ask the shop.")
    if how == "retryable":
        raise RetryableError("The bank is closed.")
    raise ValueError("secret of the step")

@step
def text(size: int) -> str:
    return "x" * size

@step(timeout=0.2)
def hang(gate: str) -> int:
    wait_for(gate)
    return 1

@step
def tell() -> dict:
    run = current_run()
    return {"kind": run.trigger.kind, "key": run.trigger.key, "details": dict(run.trigger.details)}

@step
def day_of(day: date) -> str:
    return day.isoformat()

@step
def rest(n: int) -> int:
    time.sleep(0.1)
    return n + 1

@pipeline
def adding(n: int = 1, region: Region = Region.US):
    """Add one."""
    return add(n)

@pipeline
def holding(gate: str, n: int = 1, count: str = ""):
    return add(hold(add(n), gate, count))

@pipeline(max_concurrent_runs=1)
def alone(gate: str):
    return hold(1, gate, "")

@pipeline
def failing(how: str = "terminal"):
    return fail(how)

@pipeline
def writing(size: int = 10):
    return text(size)

@pipeline
def hanging(gate: str):
    return hang(gate)

@pipeline(triggers=[Schedule("0 6 * * *", timezone="America/New_York"), PubSub("orders-landed")])
def daily(day: date = logical_date(), n: int = 0):
    return day_of(day), tell(), add(n)

@pipeline
def resting(n: int = 0):
    for _ in range(8):
        n = rest(n)
    return n
'''


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipelines folder of the project."""
    folder = tmp_path_factory.mktemp("served") / "pipelines"
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP)
    (folder.parent / "pyproject.toml").write_text("[tool.pplns]\n")
    return folder


@pytest.fixture(scope="session")
def service(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service under functions-framework; its store fills up, so a test looks at its own runs only."""
    with serving(project, tmp_path_factory.mktemp("shared"), THREADS="8") as started:
        yield started


@pytest.fixture(scope="session")
def container(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service under the container's own server."""
    with serving(project, tmp_path_factory.mktemp("container"), server="container") as started:
        yield started


@pytest.fixture(params=["service", "container"])
def any_service(request: pytest.FixtureRequest) -> Service:
    """The service under functions-framework, then under the container's server."""
    found: Service = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start services of a test's own, with its own environment; they end with the test."""
    with ExitStack() as started:

        def serve(*, server: str = "framework", folder: Path = project, **environ: str) -> Service:
            return started.enter_context(serving(folder, tmp_path, server=server, **environ))

        yield serve
