"""Damage that is met as a value is read: by several consumers, beside a value that is made again, in a stream."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kit import MetStore, Runs, stored_values
from pplns import Retry, RetryableError, pipeline, step
from pplns.engine import events
from pplns.engine.planner import Planner
from pplns.engine.runner import Selection
from pplns.engine.values import Values
from pplns.engine.work import Work
from pplns.errors import LeaseLost
from pplns.graph import Reference, build_graph
from pplns.model.artifact import Commit
from pplns.model.run import Trigger
from pplns.state.checkpoints import Checkpoints
from pplns.state.history import read_commit
from pplns.state.holders import Holder
from pplns.state.lease import Claim, Lease, acquire_lease
from pplns.state.runs import RunHead
from pplns.stores import MemoryStore, Store

calls: Counter[str] = Counter()
closed = threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()
    closed.clear()


@step
def make() -> pd.DataFrame:
    calls["make"] += 1
    return pd.DataFrame({"a": [1, 2, 3]})


@step
def total(table: pd.DataFrame) -> int:
    if closed.is_set():
        raise RetryableError("Closed.")
    return int(table["a"].sum())


@step
def add(x: int, y: int) -> int:
    return x + y


@pipeline
def two_readers() -> Any:
    table = make()
    return add(total(table), total(table))


def leave_damaged(runs: Runs, store: MetStore) -> None:
    """Leave a run `r` with `make` committed in two equal versions, the record of its redo and its first bytes gone."""
    closed.set()
    runs.run(two_readers, run_id="r")
    first = read_commit(store, "two_readers", "r", "make").artifact
    runs.resume(two_readers, "r", selection=Selection(redo="make"))
    closed.clear()
    calls.clear()
    store.delete("two_readers/runs/r/redo/make.1.json")
    whole = store.open
    store.open = lambda name: whole(name) if name != first else b"damaged"  # type: ignore[method-assign]


def test_two_readers_of_a_damaged_value_redo_its_step_once(runs: Runs, store: MetStore) -> None:
    """The first redo finds an equal commit, so both readers go on; the report of the second one comes too late."""
    leave_damaged(runs, store)
    second_reads, redone, damaged = threading.Event(), threading.Event(), store.open
    met: list[str] = []

    def meet(name: str) -> Any:
        met.append(name)
        if len(met) == 2:
            second_reads.set()
            assert redone.wait(10)
        return damaged(name)

    store.open = meet  # type: ignore[method-assign]
    store.before_create = lambda name: assert_set(second_reads) if "/redo/" in name else None
    record = runs.run(two_readers, run_id="r", by_person=False, observer=set_when_reused(redone))

    assert (record.state, record.result) == ("succeeded", 12)
    assert store.children("two_readers/runs/r/redo/") == ["make.1.json"]
    assert calls["make"] == 0


def assert_set(event: threading.Event) -> None:
    assert event.wait(10)


def set_when_reused(event: threading.Event) -> Callable[[events.Event], None]:
    return lambda one: event.set() if isinstance(one, events.StepReused) else None


@step(retry=Retry(attempts=2, delay=0))
def fails_first(table: pd.DataFrame) -> int:
    calls["fails_first"] += 1
    if calls["fails_first"] == 1:
        raise ValueError("at the first try")
    return int(table["a"].sum())


@pipeline
def retried() -> Any:
    return fails_first(make())


def test_a_try_that_could_not_begin_is_none(runs: Runs, store: MetStore) -> None:
    """Its input was damaged: of the two tries that the step has, two are left."""
    runs.run(retried, run_id="r", selection=Selection(only="make"))
    damaged, whole = read_commit(store, "retried", "r", "make").artifact, store.open
    store.open = lambda name: whole(name) if name != damaged else b"damaged"  # type: ignore[method-assign]

    record = runs.run(retried, run_id="r", by_person=False)

    assert (record.state, record.result) == ("succeeded", 6)
    assert calls["fails_first"] == 2


class Clock:
    """A clock that stands still until it is moved."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def begin(store: Store, clock: Clock) -> Lease:
    claim = Claim(Holder("elsewhere"), duration_s=30.0)
    lease = acquire_lease(store, "two_readers/runs/r", claim, reopen=False)
    assert isinstance(lease, Lease)
    lease.monotonic, lease._acknowledged = clock, clock()
    return lease


def test_a_holder_that_was_overtaken_records_no_redo() -> None:
    """It slept while another one took the run over: what it finds damaged is that one's to judge."""
    clock = Clock()
    store = MemoryStore(monotonic=clock)
    graph, now = build_graph(two_readers, {}), datetime.now(UTC)
    work = Work(
        head=RunHead("r", "two_readers", Trigger("manual", "r"), {}, "", logical_date=now, created_at=now),
        graph=graph, shapes=dict.fromkeys(graph.names, "shape"), checkpoints=Checkpoints(), params={}, store=store,
        lease=begin(store, clock), table_format="arrow", parallel_steps=1,
    )  # fmt: skip
    clock.seconds += 60
    begin(store, clock)

    with pytest.raises(LeaseLost):
        Planner(work, observer=events.ignore).redo("make", "damaged")

    assert store.children("two_readers/runs/r/redo/") == []


def commit_of_made(runs: Runs, run_id: str) -> Commit:
    runs.run(two_readers, run_id=run_id)
    return read_commit(runs.store, "two_readers", run_id, "make")


def test_a_value_that_was_replaced_while_it_was_read_is_not_kept(runs: Runs, store: MetStore) -> None:
    """Whoever read it has given up by then; the next consumer gets the value of the commit that stands."""
    old, new = commit_of_made(runs, "old"), commit_of_made(runs, "new")
    commits = {"make": old}
    values = Values(store, commits.get)
    store.before("open", lambda name: commits.update(make=new), matching=str(old.artifact))

    values.supply(Reference(step="make"))
    values.supply(Reference(step="make"))

    assert store.names("open")[-2:] == [old.artifact, new.artifact]


def test_a_stream_whose_artifact_is_damaged_is_made_again(file_runs: Runs, tmp_path: Path) -> None:
    """Its bytes are looked at when the first consumer comes: the step runs again instead of failing the run."""
    made: list[int] = []

    @step
    def stream() -> Iterator[pd.DataFrame]:
        made.append(len(made))
        yield pd.DataFrame({"a": [1, 2, 3]})

    @step
    def spoil() -> int:
        (artifact,) = tmp_path.rglob("stream@*.batches")
        artifact.write_bytes(b"damaged")
        return 0

    @step
    def read(tables: Iterator[pd.DataFrame]) -> int:
        return sum(int(table["a"].sum()) for table in tables)

    @pipeline
    def streamed() -> Any:
        tables = stream()
        return read.after(spoil.after(tables)())(tables)

    record = file_runs.run(streamed, run_id="r")

    assert (record.state, record.result, made) == ("succeeded", 6, [0, 1])
    assert stored_values(file_runs.store, "streamed", "r", "read") == [6]
