"""Several processes run and resume one run at once: each step is committed once, and all get the same result."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from fake_cloud_storage import cloud_storage, make_bucket
from nursery import Child, Nursery
from pplns.stores import FileStore, Store, open_store
from races.checks import Answer, check_race, snapshot

__all__ = ["cloud_storage"]

Place = Literal["file", "gcs"]
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork, nor stop a process"),
    pytest.mark.parametrize("place", ["file", pytest.param("gcs", marks=pytest.mark.needs_fake_gcs_server)]),
]
LEASE_SECONDS = {"file": 0.4, "gcs": 1.0}
EXPIRED_AFTER = {"file": 0.8, "gcs": 2.5}  # the `Date` of Cloud Storage has whole seconds


@dataclass
class Track:
    """Where processes race: a store, and the nursery that they come from."""

    place: Place
    store: Store
    folder: Path
    nursery: Nursery

    def start(self, run_id: str, **options: Any) -> Child:
        """Start a racer."""
        return self.nursery.start(
            "races.racing:race", url=self.store.url, run_id=run_id, journal=str(self.journal(run_id)),
            lease_seconds=LEASE_SECONDS[self.place], **options,
        )  # fmt: skip

    def journal(self, run_id: str) -> Path:
        """Return the journal of a run."""
        return self.folder / f"{run_id}.journal"

    def answers(self, children: list[Child]) -> list[Answer]:
        """Wait for racers."""
        return [self.nursery.wait(child).answer for child in children]

    def wait_for(self, run_id: str, line: str) -> None:
        """Wait until a step has begun, by the journal."""
        end = time.monotonic() + 30
        while not self.journal(run_id).exists() or line not in self.journal(run_id).read_text():
            assert time.monotonic() < end, f"no {line!r} came"


@pytest.fixture
def track(place: Place, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Track]:
    if place == "gcs":
        os.environ["STORAGE_EMULATOR_HOST"] = server = request.getfixturevalue("cloud_storage")
        url = f"gs://{make_bucket(server)}/state"
    else:
        url = f"file:{tmp_path / 'store'}"
    with Nursery() as nursery:
        yield Track(place, open_store(url, root=tmp_path), tmp_path, nursery)


def racers(rng: random.Random) -> int:
    return rng.randint(2, 8)


def test_of_many_processes_one_works(track: Track, rng: random.Random, sample: Callable[..., int]) -> None:
    """While leases hold, every step is started once, whoever starts and resumes the run."""
    for number in range(sample(full=50, ci=2)):
        children = [track.start(f"r{number}", is_person=rng.random() < 0.4) for _ in range(racers(rng))]

        started = check_race(track.store, f"r{number}", track.journal(f"r{number}"), track.answers(children))

        assert set(started.values()) == {1}


def test_holders_that_are_stopped_past_their_lease(
    track: Track, rng: random.Random, sample: Callable[..., int]
) -> None:
    """Stopped and continued at random, again and again: steps are repeated, and what is committed is what counts."""
    for number in range(sample(full=50, ci=1)):
        children = [track.start(f"r{number}") for _ in range(racers(rng))]
        for child in rng.sample(children, len(children) - 1):
            pause(child, rng.uniform(0.0, EXPIRED_AFTER[track.place]), after=rng.uniform(0.0, 0.1))

        check_race(track.store, f"r{number}", track.journal(f"r{number}"), track.answers(children))


def pause(child: Child, seconds: float, *, after: float) -> None:
    """Stop a process for some time; one that has ended meanwhile isn't waited for yet, so its number is its own."""
    time.sleep(after)
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(child.pid, signal.SIGCONT)


def test_clocks_that_are_minutes_apart_and_jump(track: Track, rng: random.Random, sample: Callable[..., int]) -> None:
    """No two clocks are compared: processes ten minutes apart, each jumping, keep the lease all the same."""
    for number in range(sample(full=50, ci=1)):
        seeds = [rng.randrange(2**32) for _ in range(racers(rng))]
        children = [track.start(f"r{number}", clock_seed=seed) for seed in seeds]

        started = check_race(track.store, f"r{number}", track.journal(f"r{number}"), track.answers(children))

        assert set(started.values()) == {1}


def test_the_clock_of_the_store_jumps(track: Track, rng: random.Random, sample: Callable[..., int]) -> None:
    """The disk's clock leaps by minutes: a lease is taken for expired, or for young; results are those of commits."""
    if not isinstance(track.store, FileStore):
        pytest.skip("the clock of Cloud Storage is Google's")
    for number in range(sample(full=50, ci=2)):
        children = [track.start(f"r{number}") for _ in range(racers(rng))]
        for _ in range(10):
            time.sleep(rng.uniform(0.0, 0.03))
            make_leases_older(Path(track.store.folder), rng.choice([-1.0, 600.0]))

        check_race(track.store, f"r{number}", track.journal(f"r{number}"), track.answers(children))


def make_leases_older(folder: Path, seconds: float) -> None:
    for lease in folder.glob("racing/runs/*/lease.*.json"):
        with contextlib.suppress(FileNotFoundError):
            then = time.time() - seconds
            os.utime(lease, (then, then))


def test_c_code_that_holds_the_interpreters_lock(track: Track, rng: random.Random, sample: Callable[..., int]) -> None:
    """Its lease can't be renewed, so another process repeats the step; the first commit counts for both."""
    for number in range(sample(full=50, ci=1)):
        step, seconds = rng.choice(["first", "left", "both", "publish"]), EXPIRED_AFTER[track.place] * 1.5
        holder = track.start(f"r{number}", holds=[step, seconds])
        track.wait_for(f"r{number}", f"start {step}")
        others = [track.start(f"r{number}") for _ in range(rng.randint(1, 3))]

        started = check_race(track.store, f"r{number}", track.journal(f"r{number}"), track.answers([*others, holder]))

        assert started[step] >= 2


@pytest.mark.parametrize("step", ["first", "right", "publish"])
def test_a_stale_holder_changes_nothing(track: Track, step: str) -> None:
    """Stopped in a step and overtaken, it wakes when all is done: no commit, redo or end is written or changed."""
    stale = track.start("r", stops_in=step)
    track.wait_for("r", f"start {step}")
    answers = track.answers([track.start("r")])
    before = snapshot(track.store, "r")

    os.kill(stale.pid, signal.SIGCONT)
    answers += track.answers([stale])

    assert snapshot(track.store, "r") == before
    check_race(track.store, "r", track.journal("r"), answers)
    assert [answer["attempt"] for answer in answers] == [2, 2]
