"""Killed at any instant, a run goes on where it stopped.

Each round runs a pipeline of 30 steps in a process of its own, kills it at a random instant, and resumes it until it
ends. After each kill the commits in the store are compared with a journal of every start and finish."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STEPS = 30


@dataclass
class Harness:
    """A project with the branching pipeline, its journal, and the command that runs it."""

    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        environ = {**os.environ, "BRANCHING_JOURNAL": str(self.journal), "PPLNS_LEASE_SECONDS": "1"}
        command = [sys.executable, "-m", "pplns_deploy", *arguments, "--json", "--project", str(self.folder)]
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, run_id: str) -> dict[str, object]:
        """Resume a run to its end; where a dead holder can't be recognised, its lease of 1 s is waited for."""
        for _ in range(50):
            process = self.start("resume", f"branching/{run_id}")
            out, err = process.communicate(timeout=60)
            document: dict[str, object] = json.loads(out)
            if process.returncode == 0:
                return document
            assert "lease_held" in out.decode(), (out, err)
            time.sleep(0.1)
        raise AssertionError("the lease of the killed process never ran out")

    def lines(self) -> list[tuple[str, str]]:
        text = self.journal.read_text() if self.journal.exists() else ""
        pairs = [line.split() for line in text.splitlines()]
        return [(what, name) for what, name in pairs]

    def committed(self, run_id: str) -> set[str]:
        steps = self.folder / ".pplns/branching/runs" / run_id / "steps"
        return {one.name.split("@")[0] for one in steps.glob("[!.]*.json")}


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    shutil.copy(HERE / "branching.py", tmp_path / "pipelines/branching.py")
    return Harness(tmp_path)


def wait_for_a_step(harness: Harness, process: "subprocess.Popen[bytes]", before: int) -> None:
    """Wait until the process has written to the journal, so that kills hit the run and not the interpreter's start."""
    end = time.monotonic() + 60
    while len(harness.lines()) == before and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.001)


def seconds_of_a_run(harness: Harness) -> float:
    """Return what the steps take without a kill: the span from which instants are drawn."""
    process = harness.start("run", "branching", "--run-id", "unkilled")
    wait_for_a_step(harness, process, 0)
    begun = time.monotonic()
    process.communicate(timeout=60)
    return time.monotonic() - begun


def branch_of(name: str) -> str:
    return name.split("_", maxsplit=1)[0]


def kill_once(harness: Harness, run_id: str, instant: float) -> Counter[str] | None:
    """Run or resume until a random instant, kill, and return the steps whose work has to be repeated.

    None when the run was over before the kill."""
    known = harness.committed(run_id)
    before = len(harness.lines())
    first = not (harness.folder / ".pplns/branching/runs" / run_id / "run.json").exists()
    arguments = ("run", "branching", "--run-id", run_id) if first else ("resume", f"branching/{run_id}")
    process = harness.start(*arguments)
    wait_for_a_step(harness, process, before)
    time.sleep(instant)
    was_alive = process.poll() is None
    process.kill()
    process.communicate()

    here = harness.lines()[before:]
    started = Counter(name for what, name in here if what == "start")
    finished = {name for what, name in here if what == "finish"}
    assert not known & set(started), "a committed step ran again"
    assert max(started.values(), default=1) == 1
    uncommitted = set(started) - harness.committed(run_id)
    in_flight = Counter(branch_of(name) for name in uncommitted & finished)
    running = Counter(branch_of(name) for name in uncommitted - finished)
    assert max(in_flight.values(), default=0) <= 1, f"more than one finished step of a branch is lost: {uncommitted}"
    assert max(running.values(), default=0) <= 1
    return Counter(uncommitted) if was_alive else None


def expected_result() -> int:
    """Compute what the branching pipeline returns, without it."""
    total = 0
    for branch in "abc":
        values = [7]
        for number in range(1, 10):
            values.append(values[-1] * 3 % 1009 + len(f"{branch}_{number}"))
        total += sum(values)
    return total


def test_killed_at_random_instants_it_ends_with_the_same_result(
    harness: Harness, rng: random.Random, sample: Callable[..., int]
) -> None:
    """Runs are killed up to four times each; no committed step starts again, and every repeat is accounted for."""
    kills, number = sample(full=400, ci=40), 0
    span = seconds_of_a_run(harness)
    while kills:
        run_id = f"run-{number}"
        number += 1
        before = len(harness.lines())
        repeats: Counter[str] = Counter()
        for _ in range(min(kills, rng.randint(1, 4))):
            repeated = kill_once(harness, run_id, rng.uniform(0, span))
            if repeated is None:
                break
            repeats += repeated
            kills -= 1
        record = harness.finish(run_id)

        starts = Counter(name for what, name in harness.lines()[before:] if what == "start")
        assert record["result"] == expected_result()
        assert record["state"] == "succeeded"
        assert len(starts) == STEPS
        assert {name: count - 1 for name, count in starts.items() if count > 1} == dict(repeats)
