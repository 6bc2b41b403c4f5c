"""A thousand steps in a row, two hundred side by side, ten thousand runs: what grows, grows with what there is."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.engine.plan import plan_steps, shapes_of
from pplns.graph import Graph, build_graph
from pplns.model.ids import derive_run_id
from pplns.model.run import Trigger
from pplns.state.checkpoints import Checkpoints
from pplns.state.history import list_runs
from pplns.state.runs import RunHead, create_or_join, digest_params
from pplns.testing import FailingStore, FrozenClock

ROOT = Path(__file__).parents[2]


@step
def increase(value: int) -> int:
    return value + 1


@step
def add(values: list[int]) -> int:
    return sum(values)


@pipeline
def row(steps: int = 1000) -> Any:
    value: Any = 0
    for _ in range(steps):
        value = increase(value)
    return value


@pipeline
def wide(steps: int = 200) -> Any:
    return add([increase(number) for number in range(steps)])


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def runs(store: FailingStore) -> Runs:
    return Runs(store, settings_of(ROOT))


def operations(store: FailingStore) -> int:
    return sum(store.count(one) for one in ("create", "upload", "read", "open", "children", "read_register", "swap"))


def test_a_thousand_steps_in_a_row(runs: Runs, store: FailingStore) -> None:
    """They take one operation each, and the same few besides as ten steps do."""
    runs.run(row, {"steps": 10})
    few = operations(store) - 10

    assert runs.run(row, {"steps": 1000}).result == 1000

    assert operations(store) - (few + 10) <= 1000 + few


def test_two_hundred_steps_side_by_side(runs: Runs, store: FailingStore) -> None:
    """All of them before the one that brings them together."""
    assert runs.run(wide, {"steps": 200}).result == sum(range(1, 201))
    assert store.count("create", matching="/steps/") == 201


def test_a_resume_of_a_thousand_steps_reads_each_commit_once(runs: Runs, store: FailingStore) -> None:
    """And runs none of them."""
    runs.run(row, {"steps": 1000}, run_id="r")
    before = store.count("read", matching="/steps/")

    record = runs.resume(row, "r")

    assert all(one.reused for one in record.steps)
    assert store.count("read", matching="/steps/") - before <= 2 * 1000
    assert store.count("create", matching="/steps/") == 1000


def calls_of(work: Any) -> int:
    """Count the calls of Python functions that some work takes, in this thread."""
    counted: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: counted.update((event,)))
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted["call"] + counted["c_call"]


def plan(graph: Graph) -> None:
    shapes = shapes_of(graph, digest_code=lambda call: "code", digest_constant=lambda value, where: repr(value))
    plan_steps(graph, shapes, Checkpoints())


@pytest.mark.parametrize("shape", [row, wide], ids=["row", "wide"])
def test_planning_is_linear(shape: Any) -> None:
    """Four times the steps take four times the calls, by the count of calls."""
    few, many = (calls_of(lambda steps=steps: plan(build_graph(shape, {"steps": steps}))) for steps in (250, 1000))

    assert many < 4.2 * few


@pytest.mark.parametrize("shape", [row, wide], ids=["row", "wide"])
def test_deciding_is_linear(runs: Runs, shape: Any) -> None:
    """The thread that decides takes four times the calls for four times the steps, a few waits more or less."""
    few, many = (calls_of(lambda steps=steps: runs.run(shape, {"steps": steps})) for steps in (150, 600))

    assert many < 4.6 * few


RUNS, PAGE = 10_000, 500


@pytest.fixture(scope="module")
def crowded() -> FailingStore:
    """Return a store with ten thousand runs that nobody has begun, a minute apart."""
    store, clock = FailingStore(), FrozenClock()
    for number in range(RUNS):
        clock.advance("1m")
        trigger = Trigger("schedule", f"{number}", timezone="UTC")
        run_id = derive_run_id("row", kind="schedule", key=trigger.key, logical_date=clock.now())
        head = RunHead(run_id, "row", trigger, {}, digest_params({}), logical_date=clock.now(), created_at=clock.now())
        create_or_join(store, head)
    return store


def counted(store: FailingStore) -> Counter[str]:
    return Counter({one: store.count(one) for one in ("read", "children", "read_register")})  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [None, "queued"])
def test_a_list_reads_as_many_runs_as_it_shows(crowded: FailingStore, state: str | None) -> None:
    """Of ten thousand runs the newest twenty are read, and nothing of the others but their names."""
    before = counted(crowded)

    shown = list_runs(crowded, pipeline="row", state=state, limit=20)

    assert len(shown) == 20
    assert [one.logical_date for one in shown] == sorted((one.logical_date for one in shown), reverse=True)
    assert counted(crowded) - before == {"read": 20, "read_register": 20, "children": 1}


def test_all_runs_are_listed_by_pages(crowded: FailingStore) -> None:
    """Each run stands on one page, and a page takes as many reads as it shows runs."""
    before, seen, last = counted(crowded), [], None
    while page := list_runs(crowded, pipeline="row", limit=PAGE, before=last):
        seen += [one.run_id for one in page]
        last = (page[-1].pipeline, page[-1].run_id)

    assert len(seen) == len(set(seen)) == RUNS
    assert seen == sorted(seen, reverse=True)
    assert (counted(crowded) - before)["read"] == RUNS
