"""Killed between any two operations on the store, each in turn, a run goes on where it stopped.

The store dies at operation n: that operation doesn't happen (or happens, and its answer never arrives), and none after
it does, in any thread. What lies in the store then is what a killed process leaves. For all n the run is resumed, and
the journal of starts and finishes is held against the commits."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.errors import StopSignal
from pplns.stores import MemoryStore, Store
from pplns.stores.protocol import Upload

Journal = list[tuple[str, str]]
journal_of: ContextVar[Journal] = ContextVar("journal_of")  # an attempt: threads of one that died may still write


class Killed(StopSignal):
    """The process is gone."""


class DyingStore(MemoryStore):
    """Shares the objects of another store, and dies at one operation that would change something."""

    def __init__(self, shared: MemoryStore, *, dies_at: int, after: bool) -> None:
        super().__init__()
        self._objects, self._registers, self._guard = shared._objects, shared._registers, shared._guard
        self.operations = 0
        self._dies_at = dies_at
        self._after = after
        self._count_guard = threading.Lock()

    def met(self, work: Callable[[], Any]) -> Any:
        """Do an operation, unless the process dies before it, or has died."""
        with self._count_guard:
            self.operations += 1
            number = self.operations
        if number > self._dies_at or (number == self._dies_at and not self._after):
            raise Killed
        done = work()
        if number == self._dies_at:
            raise Killed
        return done

    def create(self, name: str, data: bytes) -> bool:
        return bool(self.met(lambda: super(DyingStore, self).create(name, data)))

    @contextmanager
    def upload(self, name: str) -> Iterator[Upload]:
        with super().upload(name) as upload:  # which ends in create()
            yield upload

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        return self.met(lambda: super(DyingStore, self).swap(name, data, expected=expected))  # type: ignore[no-any-return]

    def delete(self, name: str) -> None:
        self.met(lambda: super(DyingStore, self).delete(name))


def journaled(name: str, value: Any) -> Any:
    journal_of.get().extend([("start", name), ("finish", name)])
    return value


@step
def load(n: int) -> pd.DataFrame:
    return journaled("load", pd.DataFrame({"a": range(n)}))  # type: ignore[no-any-return]


@step
def left(table: pd.DataFrame) -> int:
    return journaled("left", int(table["a"].sum()))  # type: ignore[no-any-return]


@step
def right(table: pd.DataFrame) -> pd.DataFrame:
    return journaled("right", table * 2)  # type: ignore[no-any-return]


@step
def further(table: pd.DataFrame) -> int:
    return journaled("further", int(table["a"].max()))  # type: ignore[no-any-return]


@step
def publish(a: int, b: int) -> int:
    return journaled("publish", a + b)  # type: ignore[no-any-return]


@pipeline
def small(n: int = 4) -> Any:
    table = load(n)
    return publish(left(table), further(right(table)))


def committed(store: Store) -> set[str]:
    return {base.split("@", maxsplit=1)[0] for base in store.children("small/runs/r/steps/")}


def attempt(runs: Runs, shared: MemoryStore, *, dies_at: int, after: bool) -> int:
    """Run until the store dies and check what may be repeated; return the number of operations that were begun."""
    dying = DyingStore(shared, dies_at=dies_at, after=after)
    known, here = committed(shared), Journal()
    journal_of.set(here)
    with contextlib.suppress(Killed):
        Runs(dying, runs.settings).run(small, run_id="r")
    started = Counter(name for what, name in here if what == "start")
    assert not known & set(started), "a committed step ran again"
    lost = set(started) - committed(shared)
    assert len(lost) <= 3, f"more than what was running and one finished step a branch is lost: {lost}"
    return dying.operations


@pytest.fixture
def runs() -> Runs:
    return Runs(MemoryStore(), settings_of(Path(__file__).parents[2]))


def test_killed_at_each_operation_in_turn(runs: Runs) -> None:
    """One kill at operation n, for every n there is, before it takes effect and after; then a resume to the end."""
    whole = attempt(runs, MemoryStore(), dies_at=10**9, after=False)
    assert whole > 10
    for dies_at in range(1, whole + 1):
        for after in (False, True):
            shared = MemoryStore()
            attempt(runs, shared, dies_at=dies_at, after=after)
            record = Runs(shared, runs.settings).run(small, run_id="r")

            assert (record.state, record.result) == ("succeeded", 12), (dies_at, after)
            assert committed(shared) == {"load", "left", "right", "further", "publish"}


def test_killed_again_and_again(runs: Runs) -> None:
    """Each attempt dies after n further operations, until the run is through: the result is the same for each n."""
    for dies_at in range(4, 14):
        shared = MemoryStore()
        for _ in range(60):
            attempt(runs, shared, dies_at=dies_at, after=dies_at % 2 == 0)
            if len(committed(shared)) == 5:
                break
        record = Runs(shared, runs.settings).run(small, run_id="r")

        assert (record.state, record.result) == ("succeeded", 12), dies_at
