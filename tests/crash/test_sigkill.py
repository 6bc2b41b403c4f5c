"""Killed at any instant, and between any two operations on the store, a run goes on where it stopped.

The proofs are those of crash/harness.py, which is a command of its own; here they take a seeded sample."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crash.harness import RUNS_AT_ONCE, Place, Plan, count_points, kill, kill_many
from crash.rules import Attempt, check_run
from fake_cloud_storage import cloud_storage, make_bucket
from pplns.model.ids import new_token

__all__ = ["cloud_storage"]

HERE = Path(__file__).parent
ON_BOTH = pytest.mark.parametrize("place", ["file", pytest.param("gcs", marks=pytest.mark.needs_fake_gcs_server)])
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork, which makes kills cheap")


@pytest.fixture
def environ(place: Place, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what the killed processes find their store by."""
    if place == "gcs":
        os.environ["STORAGE_EMULATOR_HOST"] = request.getfixturevalue("cloud_storage")
        return {"STORAGE_EMULATOR_HOST": os.environ["STORAGE_EMULATOR_HOST"]}
    return {}


@pytest.fixture
def fresh_url(place: Place, environ: dict[str, str], tmp_path: Path) -> Callable[[], str]:
    """Return what gives the URL of an empty store."""
    if place == "gcs":
        return lambda: f"gs://{make_bucket(environ['STORAGE_EMULATOR_HOST'])}/state"
    return lambda: f"file:{tmp_path / new_token()}"


@NEEDS_FORK
@ON_BOTH
def test_killed_at_random_instants(
    place: Place,
    fresh_url: Callable[[], str],
    environ: dict[str, str],
    tmp_path: Path,
    rng: random.Random,
    sample: Callable[..., int],
) -> None:
    """Each kill repeats what was running and in flight, and nothing that was committed; the result is the same."""
    kills = sample(full=5000, ci=40)

    plan = Plan("", tmp_path, rng.randrange(2**32), kills, (), RUNS_AT_ONCE[place])
    tally = kill_many(fresh_url, plan, environ=environ)

    assert tally.kills == kills


@NEEDS_FORK
@ON_BOTH
def test_killed_between_any_two_operations(
    place: Place,
    fresh_url: Callable[[], str],
    environ: dict[str, str],
    tmp_path: Path,
    rng: random.Random,
    sample: Callable[..., int],
) -> None:
    """One run dies at each point there is, before an operation takes effect or after it, and once more later."""
    url = fresh_url()
    there_are = count_points(url, tmp_path, environ=environ)
    points = tuple(rng.sample(range(1, there_are + 1), sample(full=there_are, ci=20)))

    tally = kill(Plan(url, tmp_path, rng.randrange(2**32), 0, points, RUNS_AT_ONCE[place]), environ=environ)

    assert (tally.runs, tally.kills >= len(points)) == (len(points), True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with the branching pipeline."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    shutil.copy(HERE / "branching.py", tmp_path / "pipelines/branching.py")
    return tmp_path


def start(project: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "BRANCHING_JOURNAL": str(project / "journal"), "PPLNS_LEASE_SECONDS": "1"}
    command = [sys.executable, "-m", "pplns_deploy", *arguments, "--json", "--project", str(project)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(project: Path) -> dict[str, object]:
    """Resume to the end; where a dead holder can't be recognised, its lease of 1 s is waited for."""
    while True:
        process = start(project, "resume", "branching/r")
        out, err = process.communicate(timeout=60)
        document: dict[str, object] = json.loads(out)
        if process.returncode == 0:
            return document
        assert "lease_held" in out.decode(), (out, err)


def kill_after(project: Path, lines: int) -> Attempt:
    """Run or go on until so many lines were written to the journal, then kill."""
    journal = project / "journal"
    steps = project / ".pplns/branching/runs/r/steps"
    known = frozenset(one.name.partition("@")[0] for one in steps.glob("[!.]*.json"))
    before = journal.stat().st_size if journal.exists() else 0
    process = start(project, *(["resume", "branching/r"] if before else ["run", "branching", "--run-id", "r"]))
    while process.poll() is None and (not journal.exists() or journal.read_bytes()[before:].count(b"\n") < lines):
        pass
    process.kill()
    process.communicate()
    return Attempt(known, before)


def test_the_command_is_killed_and_goes_on(project: Path, rng: random.Random) -> None:
    """The same promises hold for `pplns run` and `pplns resume`, killed three times."""
    attempts = [kill_after(project, rng.randint(1, 18)) for _ in range(3)]
    steps = project / ".pplns/branching/runs/r/steps"
    known = frozenset(one.name.partition("@")[0] for one in steps.glob("[!.]*.json"))
    attempts.append(Attempt(known, (project / "journal").stat().st_size))

    record = finish(project)

    commits = [one.name for one in steps.glob("[!.]*.json")]
    assert check_run(record, commits, (project / "journal").read_text(), attempts).effects == 1
