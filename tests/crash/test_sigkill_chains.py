"""Requests of two runs with one slot are killed at any point: no chain forks, no run is forgotten, the slot goes round.

The points lie before and after each operation on the store, reads and renewals too, and before and after publishing."""

import json
import random
import signal
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crash.chaining import STEPS
from crash.harness import Place
from crash.test_sigkill import NEEDS_FORK, ON_BOTH, environ, fresh_url
from fake_cloud_storage import cloud_storage
from nursery import Nursery
from pplns.stores import Store, open_store

__all__ = ["cloud_storage", "environ", "fresh_url"]

RUN_IDS = ("r", "q")
LEASE_SECONDS = 2.0  # a step takes a millisecond; a lease that runs out under it would be a collision
NURSERIES = {"file": 2, "gcs": 4}  # on Cloud Storage a request waits until a slot may be written again
CASES_AT_ONCE = 6  # so that the leases of killed holders run out while others go on
MAX_REQUESTS = 2_000


@dataclass(slots=True)
class Case:
    """A store with two runs, and at which points its next requests die: None goes on to its end."""

    url: str
    folder: Path
    deaths: deque[int | None]
    waiting: deque[tuple[str, int | None]] = field(default_factory=lambda: deque((one, None) for one in RUN_IDS))
    known: int = 0
    requests: int = 0
    killed: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    results: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def messages(self) -> list[tuple[str, int]]:
        topic = self.folder / "topic"
        return [tuple(json.loads(line)) for line in topic.read_text().splitlines()] if topic.exists() else []

    def go_on(self, nursery: Nursery) -> int:
        """Let one request come, and return how many points it passed, if it lived to tell."""
        self.requests += 1
        assert self.requests < MAX_REQUESTS, f"{self.waiting} come again for ever"
        run_id, message = self.waiting.popleft()
        child = nursery.start(
            "crash.chaining:request", url=self.url, run_id=run_id, journal=str(self.journal), message=message,
            topic=str(self.folder / "topic"), lease_seconds=LEASE_SECONDS,
            dies_at=self.deaths.popleft() if self.deaths else None,
        )  # fmt: skip
        ended = nursery.wait(child)
        if ended.died_of is not None:
            assert ended.died_of == signal.SIGKILL
            self.killed += 1
        if ended.answer is None or not ended.answer["answered"]:
            self.waiting.append((run_id, message))
        if ended.answer is not None:
            self.refused[ended.answer["state"]] += 1
            if ended.answer["state"] == "succeeded":
                self.results[run_id] = ended.answer["result"]
        self.waiting.extend(self.messages[self.known :])
        self.known = len(self.messages)
        return 0 if ended.answer is None else int(ended.answer["points"])

    def check(self) -> None:
        """Hold what was done against what is promised."""
        where = (self.url, self.refused, self.journal.read_text(), self.messages)
        assert self.results == dict.fromkeys(RUN_IDS, STEPS), where
        lines = [line.split() for line in self.journal.read_text().splitlines()]
        assert not [line for line in lines if line[0] == "collision"], where
        starts = Counter((run_id, number) for what, run_id, number in lines if what == "start")
        assert starts.keys() == {(run_id, str(number)) for run_id in RUN_IDS for number in range(STEPS)}, where
        assert sum(starts.values()) <= 2 * STEPS + self.killed, ("more than what was running ran again", where)
        assert len(set(self.messages)) == len(self.messages), ("an attempt was continued twice", where)
        store = open_store(self.url, root=self.folder)
        for run_id in RUN_IDS:
            assert _ends(store, run_id) <= STEPS + self.killed, where


def _ends(store: Store, run_id: str) -> int:
    return len(store.children(f"chaining/runs/{run_id}/attempts/"))


@pytest.fixture
def new_case(fresh_url: Callable[[], str], tmp_path: Path) -> Callable[..., Case]:
    """Return what makes a case."""

    def make(*deaths: int | None) -> Case:
        url = fresh_url()
        folder = tmp_path / f"case {len(list(tmp_path.glob('case *')))}"
        folder.mkdir()
        return Case(url, folder, deque(deaths))

    return make


@NEEDS_FORK
@ON_BOTH
def test_requests_that_are_killed_at_any_point(
    place: Place,
    environ: dict[str, str],
    new_case: Callable[..., Case],
    rng: random.Random,
    sample: Callable[..., int],
) -> None:
    """The first push, the next request, or a continuation dies at each point that it passes, and another one later."""
    with Nursery(environ) as nursery:
        whole = new_case()
        points = [whole.go_on(nursery) for _ in range(3)]
    there_are = [(number, point) for number in (0, 2) for point in range(1, points[number] + 1)]
    taken = rng.sample(there_are, sample(full=len(there_are), ci=6 if place == "file" else 4))
    cases = [
        new_case(*[None] * number, point, *[None] * rng.randrange(3), rng.randint(1, points[2]))
        for number, point in taken
    ]

    side_by_side = NURSERIES[place]
    with ThreadPoolExecutor(side_by_side) as threads:
        list(threads.map(_finish, [cases[number::side_by_side] for number in range(side_by_side)]))

    assert all(case.killed >= 1 for case in cases)
    kills, requests = sum(case.killed for case in cases), sum(case.requests for case in cases)
    print(f"{place}: {len(cases)} of {len(there_are)} points, {kills} kills, {requests} requests")


def _finish(cases: list[Case]) -> None:
    """Let the requests of several cases come in turn until all is answered."""
    waiting, under_way = deque(cases), deque[Case]()
    with Nursery() as nursery:
        while waiting or under_way:
            while waiting and len(under_way) < CASES_AT_ONCE:
                under_way.append(waiting.popleft())
            case = under_way.popleft()
            case.go_on(nursery)
            if case.waiting:
                under_way.append(case)
            else:
                case.check()
