"""A small project, and the command called in this process as a shell would call it."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pplns_deploy.cli import call as call_pplns

SHOP = '''"""Steps that a test can steer by parameters."""
from pathlib import Path
from pplns import Retry, Schedule, logical_date, pipeline, step
from datetime import date

@step(outputs=2)
def split(n: int):
    print("printed by a step")
    return n, "x" * n

@step(retry=Retry(attempts=2, delay=0))
def check(number: int, broken: bool) -> dict[str, int]:
    if broken:
        raise KeyError("amount")
    return {"number": number}

@step
def publish(text: str) -> str:
    return text.upper()

@pipeline(triggers=[Schedule("0 6 * * *", timezone="America/New_York")])
def shop(n: int = 3, broken: bool = False, day: date = logical_date()):
    """Sell things."""
    number, text = split(n)
    checked = check(number, broken)
    return publish.after(checked)(text)
'''


class Answer(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that stdout holds."""
        return json.loads(self.out)


Command = Callable[..., Answer]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one pipeline, and the current folder."""
    folder = tmp_path / "shop"
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pplns]\n")
    (folder / "pipelines" / "shop.py").write_text(SHOP)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def pplns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Command]:
    """Call `pplns` with some arguments and return its answer; projects of earlier tests are no longer on sys.path."""
    projects = tmp_path_factory.getbasetemp()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not Path(entry).is_relative_to(projects)])
    before = set(sys.modules)

    def call(*arguments: str) -> Answer:
        with contextlib.redirect_stdout(sys.stdout), pytest.raises(SystemExit) as ended:
            call_pplns(arguments)
        out, err = capsys.readouterr()
        return Answer(int(ended.value.code or 0), out, err)

    yield call
    for name in set(sys.modules) - before:
        if not name.startswith("pplns"):
            _forget_if_of_a_project(name)


@pytest.fixture
def started() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start `pplns` as a process of its own, which is killed after a minute and with the test."""
    begun: list[tuple[subprocess.Popen[str], threading.Timer]] = []

    def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-u", "-X", "utf8", "-m", "pplns_deploy", *arguments],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        begun.append((process, watchdog))
        return process

    yield start
    for process, watchdog in begun:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _forget_if_of_a_project(name: str) -> None:
    """Forget a pipeline file's module, so that the next test's project may have one of the same name."""
    file = getattr(sys.modules[name], "__file__", None) or ""
    if Path(file).name == "pipeline.py" or Path(file).parent.name == "pipelines":
        del sys.modules[name]
