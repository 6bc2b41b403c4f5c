"""What runs again on a resume after the code changed, through the real command in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINE = """
from pathlib import Path
from pplns import pipeline, step
from tools.clean import tidy

JOURNAL = Path(__file__).parent / "journal"


def note(name):
    with JOURNAL.open("a") as journal:
        journal.write(name + "\\n")


@step
def load() -> list:
    note("load")
    return [3, 1, 2]


@step
def clean(values: list) -> list:
    note("clean")
    return tidy(values)


@step
def other(values: list) -> int:
    note("other")
    return len(values)


@step
def publish(values: list, count: int) -> list:
    note("publish")
    if (JOURNAL.parent / "closed").exists():
        raise ValueError("closed")
    return [*values, count]


@pipeline
def changing():
    loaded = load()
    return publish(clean(loaded), other(loaded))
"""
CLEAN = "from tools.deep.order import ordered\n\n\ndef tidy(values):\n    return ordered(values)\n"
ORDER = "FACTOR = 1\n\n\ndef ordered(values):\n    return sorted(value * FACTOR for value in values)\n"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    for name, text in {
        "pipelines/changing.py": PIPELINE,
        "tools/clean.py": CLEAN,
        "tools/deep/order.py": ORDER,
        "pipelines/closed": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def command(project: Path) -> Run:
    def run(*arguments: str, expect: int = 0) -> dict[str, Any]:
        process = subprocess.run(
            [sys.executable, "-m", "pplns_deploy", *arguments, "--json", "--project", str(project)],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert process.returncode == expect, (process.stdout, process.stderr)
        document: dict[str, Any] = json.loads(process.stdout)
        return document

    return run


def journal(project: Path) -> list[str]:
    path = project / "pipelines/journal"
    lines = path.read_text().split()
    path.unlink()
    return sorted(lines)


def change(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def fail_then_open(project: Path, command: Run) -> None:
    """Leave a run `r` that failed in its last step for a reason that has gone."""
    command("run", "changing", "--run-id", "r", expect=1)
    (project / "pipelines/closed").unlink()
    journal(project)


@pytest.mark.parametrize(
    ("name", "old", "new", "again", "result"),
    [
        ("tools/deep/order.py", "sorted(", "list(", ["clean", "publish"], [3, 1, 2, 3]),
        ("tools/deep/order.py", "FACTOR = 1", "FACTOR = 10", ["clean", "publish"], [10, 20, 30, 3]),
        ("pipelines/changing.py", "len(values)", "-len(values)", ["other", "publish"], [1, 2, 3, -3]),
        ("pipelines/changing.py", "[3, 1, 2]", "[5]", ["clean", "load", "other", "publish"], [5, 1]),
    ],
)
def test_a_changed_step_runs_again_with_all_that_depends_on_it(
    project: Path, command: Run, name: str, old: str, new: str, again: list[str], result: list[int]
) -> None:
    """A helper or a constant two modules away counts as the step's own code; siblings are reused."""
    fail_then_open(project, command)
    change(project, name, old, new)

    record = command("resume", "r")

    assert record["result"] == result
    assert journal(project) == again


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tools/deep/order.py", "    return sorted", "    # sorted, ascending\n\n    return sorted"),
        ("pipelines/changing.py", "@step\ndef clean", "# tidies\n@step(timeout=60)\ndef clean"),
        ("tools/clean.py", "\n\n\n", "\r\n\r\n\r\n\r\nUNUSED = 1\r\n\r\n"),
    ],
)
def test_a_comment_or_layout_changes_nothing(project: Path, command: Run, name: str, old: str, new: str) -> None:
    """Only the step that had failed runs."""
    fail_then_open(project, command)
    change(project, name, old, new)

    record = command("resume", "r")

    assert record["result"] == [1, 2, 3, 3]
    assert journal(project) == ["publish"]


def test_a_succeeded_run_follows_the_code_too(project: Path, command: Run) -> None:
    """A person's resume of a run that succeeded runs what changed since."""
    fail_then_open(project, command)
    command("resume", "r")
    journal(project)
    change(project, "tools/deep/order.py", "FACTOR = 1", "FACTOR = 2")

    assert command("resume", "r")["result"] == [2, 4, 6, 3]
    assert journal(project) == ["clean", "publish"]
