"""Kills runs of the branching pipeline and holds what is left against what PROTOCOL promises.

    python tests/crash/harness.py --store file --kills 5000 --seed 1      SIGKILL at random instants
    python tests/crash/harness.py --store gcs --every-operation           SIGKILL between any two store operations

Each attempt is a process of its own (tests/nursery.py). Many runs are killed in turn, so that the lease of a killed
holder, which on Cloud Storage has to run out, does so while others are killed."""

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

TESTS = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "service")]

from crash.rules import Attempt, check_run  # noqa: E402
from nursery import Nursery  # noqa: E402
from pplns.stores import FileStore, open_store  # noqa: E402

Place = Literal["file", "gcs"]
NURSERIES = 2
LEASE_SECONDS = 1.0
STEP_SECONDS = 0.002
RUNS_AT_ONCE = {"file": 1, "gcs": 24}  # as many as it takes for a lease to run out before a run's turn comes again
KILLS_A_RUN = 6
KILLS_A_STORE = 500  # the stand-in for Cloud Storage looks through all of a bucket to list a part of it
LITTER_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to kill: `kills` at random instants, or one at each point between operations (`points`)."""

    url: str
    folder: Path
    seed: int
    kills: int = 0
    points: tuple[int, ...] = ()
    runs_at_once: int = 1


@dataclass(slots=True)
class Tally:
    """What was done. `repeated` counts steps that ran again, `waited` attempts that met the lease of a killed one."""

    kills: int = 0
    runs: int = 0
    attempts: int = 0
    repeated: int = 0
    behind: int = 0
    waited: int = 0
    litter: int = 0
    effects: Counter[int] = field(default_factory=Counter[int])

    def add(self, other: "Tally") -> None:
        """Take in what another nursery did."""
        for name in ("kills", "runs", "attempts", "repeated", "behind", "waited", "litter"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.effects += other.effects


@dataclass(slots=True)
class _Run:
    """A run that is being killed: `deaths` are the instants (seconds) or points (numbers) still to come."""

    run_id: str
    journal: Path
    deaths: list[float | int]
    attempts: list[Attempt] = field(default_factory=list[Attempt])


class Killer:
    """Kills runs in turn, with one nursery. `expected` is what an unkilled run comes to."""

    def __init__(self, plan: Plan, nursery: Nursery, *, number: int) -> None:
        self._plan = plan
        self._nursery = nursery
        self._number = number
        self._rng = random.Random(f"{plan.seed}:{number}")
        self._store = open_store(plan.url, root=plan.folder)
        self._made = 0
        self.tally = Tally()

    def kill_at_random(self, kills: int) -> None:
        """Kill at instants drawn from the time that an unkilled run takes."""
        self._finish_unkilled()  # the first child is born late: its nursery imports everything
        begun = time.monotonic()
        self._finish_unkilled()
        span = time.monotonic() - begun
        while self.tally.kills < kills:
            count = min(kills - self.tally.kills, KILLS_A_RUN * self._plan.runs_at_once)
            self._kill_all(self._draw_runs(count, span))

    def kill_at(self, points: tuple[int, ...]) -> None:
        """Kill one run at each point; a second kill at another point follows."""
        runs = [self._new_run([point, self._rng.choice(points)]) for point in points]
        self._kill_all(runs)

    def _draw_runs(self, kills: int, span: float) -> list[_Run]:
        runs: list[_Run] = []
        while kills:
            count = min(kills, self._rng.randint(1, KILLS_A_RUN))
            kills -= count
            runs.append(self._new_run([self._rng.uniform(0.0, span) for _ in range(count)]))
        return runs

    def _new_run(self, deaths: list[float | int]) -> _Run:
        self._made += 1
        run_id = f"run-{self._number}-{self._made}"
        return _Run(run_id, self._plan.folder / f"{run_id}.journal", deaths)

    def _finish_unkilled(self) -> None:
        run = self._new_run([])
        while not self._attempt(run):
            pass

    def _kill_all(self, runs: list[_Run]) -> None:
        waiting = deque(runs)
        open_runs: deque[_Run] = deque()
        while waiting or open_runs:
            while waiting and len(open_runs) < self._plan.runs_at_once:
                open_runs.append(waiting.popleft())
            run = open_runs.popleft()
            if not self._attempt(run):
                open_runs.append(run)

    def _attempt(self, run: _Run) -> bool:
        """Attempt a run, to its death if one is to come; tell whether it is over and was checked."""
        death = run.deaths[0] if run.deaths else None
        attempt = Attempt(known=self._committed(run), before=_size(run.journal))
        if self._rng.random() < LITTER_SHARE and attempt.known:
            self._leave_litter(run, attempt.known)
        child = self._nursery.start(
            "crash.children:attempt", url=self._plan.url, run_id=run.run_id, journal=str(run.journal),
            step_seconds=STEP_SECONDS, lease_seconds=LEASE_SECONDS, dies_at=death if isinstance(death, int) else None,
        )  # fmt: skip
        if isinstance(death, float):
            time.sleep(death)
            os.kill(child.pid, signal.SIGKILL)
        ended = self._nursery.wait(child)
        if ended.answer is not None and ended.answer["held"]:
            self.tally.waited += 1
            return False
        run.attempts.append(attempt)
        if ended.died_of is not None:
            assert ended.died_of == signal.SIGKILL, ended
            run.deaths.pop(0)
            self.tally.kills += 1
            return False
        self._check(run, ended.answer["record"])
        return True

    def _check(self, run: _Run, record: dict[str, Any]) -> None:
        names = self._store.children(f"branching/runs/{run.run_id}/steps/")
        found = check_run(record, names, run.journal.read_text(), run.attempts)
        self.tally.runs += 1
        self.tally.attempts += len(run.attempts)
        self.tally.repeated += found.repeated
        self.tally.behind += found.behind
        self.tally.effects[found.effects] += 1
        run.journal.unlink()

    def _committed(self, run: _Run) -> frozenset[str]:
        names = self._store.children(f"branching/runs/{run.run_id}/steps/")
        return frozenset(name.partition("@")[0] for name in names)

    def _leave_litter(self, run: _Run, known: frozenset[str]) -> None:
        """Leave what a killed writer could have left: artifacts without a commit, and half-written temporary files."""
        self.tally.litter += 1
        prefix = f"branching/runs/{run.run_id}"
        step = self._rng.choice(sorted(known))
        (commit,) = [name for name in self._store.children(f"{prefix}/steps/") if name.startswith(f"{step}@")]
        stem = commit.removesuffix(".json")
        self._store.create(f"{prefix}/artifacts/{stem}.{self._rng.randbytes(4).hex()}.arrow", b"never committed")
        if isinstance(self._store, FileStore):
            data = self._store.read(f"{prefix}/steps/{commit}") or b""
            folder = Path(self._store.folder) / prefix
            (folder / f"steps/.tmp-dead-1-{self._rng.random()}").write_bytes(data[: len(data) // 2])
            (folder / f"steps/.tmp-publish@{stem[-16:]}.json").write_bytes(data)


def kill(plan: Plan, *, environ: dict[str, str] | None = None) -> Tally:
    """Kill as planned, in several nurseries at once.

    Raises: AssertionError for what PROTOCOL doesn't allow, naming the run."""

    def work(number: int) -> Tally:
        with Nursery(environ) as nursery:
            killer = Killer(plan, nursery, number=number)
            if plan.points:
                killer.kill_at(plan.points[number::NURSERIES])
            else:
                killer.kill_at_random(plan.kills // NURSERIES + (number < plan.kills % NURSERIES))
            return killer.tally

    total = Tally()
    with ThreadPoolExecutor(NURSERIES) as threads:
        for tally in threads.map(work, range(NURSERIES)):
            total.add(tally)
    return total


def count_points(url: str, folder: Path, *, environ: dict[str, str] | None = None) -> int:
    """Return how many points between operations an unkilled run passes."""
    with Nursery(environ) as nursery:
        child = nursery.start(
            "crash.children:attempt", url=url, run_id="whole", journal=str(folder / "whole.journal"),
            step_seconds=STEP_SECONDS, lease_seconds=LEASE_SECONDS, dies_at=10**9,
        )  # fmt: skip
        points: int = nursery.wait(child).answer["points"]
        return points


def kill_many(fresh_url: Callable[[], str], plan: Plan, *, environ: dict[str, str] | None = None) -> Tally:
    """Kill at random instants, in one empty store after another.

    Raises: AssertionError, as `kill`."""
    total = Tally()
    for number in range(0, plan.kills, KILLS_A_STORE):
        kills = min(KILLS_A_STORE, plan.kills - number)
        total.add(kill(replace(plan, url=fresh_url(), seed=plan.seed + number, kills=kills), environ=environ))
    return total


def _size(journal: Path) -> int:
    return journal.stat().st_size if journal.exists() else 0


@contextmanager
def _opened(place: Place, folder: Path) -> Iterator[Callable[[], str]]:
    """Yield what gives the URL of an empty store."""
    numbers = itertools.count()
    if place == "file":
        yield lambda: f"file:{folder / f'store-{next(numbers)}'}"
        return
    from fake_cloud_storage import make_bucket, serving

    with serving() as url:
        os.environ["STORAGE_EMULATOR_HOST"] = url
        yield lambda: f"gs://{make_bucket(url)}/state"


def main() -> None:
    """Kill as the command line says and print what was done."""
    parser = argparse.ArgumentParser(description="Kill runs of a branching pipeline, and check what is left.")
    parser.add_argument("--store", choices=("file", "gcs"), default="file")
    parser.add_argument("--kills", type=int, default=5000, help="kills at random instants (default 5000)")
    parser.add_argument("--seed", type=int, default=20130101)
    parser.add_argument("--every-operation", action="store_true", help="kill at each point between two operations")
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, _opened(options.store, Path(name)) as fresh_url:
        folder = Path(name)
        points: tuple[int, ...] = ()
        plan = Plan(fresh_url(), folder, options.seed, options.kills, points, RUNS_AT_ONCE[options.store])
        if options.every_operation:
            points = tuple(range(1, count_points(plan.url, folder) + 1))
            tally = kill(replace(plan, points=points))
        else:
            tally = kill_many(fresh_url, plan)
    print(json.dumps({"store": options.store, "seed": options.seed, "points": len(points), **_shown(tally)}))
    print(f"{time.monotonic() - begun:.0f} s")


def _shown(tally: Tally) -> dict[str, Any]:
    names = ("kills", "runs", "attempts", "repeated", "behind", "waited", "litter")
    return {name: getattr(tally, name) for name in names} | {"effects": dict(tally.effects)}


if __name__ == "__main__":
    main()
