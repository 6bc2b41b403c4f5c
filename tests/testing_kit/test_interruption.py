"""Interruptions: an attempt dies the instant after a commit, and the next one goes on."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import Retry, current_run, pipeline, step
from pplns.engine.events import AttemptEnded, AttemptStarted, StepCommitted
from pplns.errors import LeaseHeld, NotFoundError
from pplns.state import holders
from pplns.state.ends import read_end
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease
from pplns.stores import FileStore
from pplns.testing import FailingStore, MemoryStore, resume, run

calls: Counter[str] = Counter()
keys: set[str] = set()
slow_started, slow_may_end = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()
    keys.clear()
    slow_started.clear()
    slow_may_end.clear()


@step
def load(n: int) -> pd.DataFrame:
    calls["load"] += 1
    return pd.DataFrame({"a": range(n)})


@step
def double(table: pd.DataFrame) -> pd.DataFrame:
    calls["double"] += 1
    return table * 2


@step
def publish(table: pd.DataFrame) -> int:
    calls["publish"] += 1
    keys.add(current_run().idempotency_key)
    return int(table["a"].sum())


@pipeline
def chain(n: int = 3) -> Any:
    return publish(double(load(n)))


def test_a_run_dies_after_every_step_and_comes_out_the_same() -> None:
    """Three steps take four attempts; each step is committed once, and the effect keeps its key."""
    done = run(chain, interrupt="every-step")

    assert (done.result, done.attempts) == (6, 4)
    assert done.committed == done.interrupted_after == ("load", "double", "publish")
    assert calls["publish"] == len(keys) == 1


@pytest.mark.parametrize(
    ("interrupt", "deaths"), [("double", ("double",)), (["load", "publish"], ("load", "publish")), ([], ())]
)
def test_a_run_dies_after_the_steps_that_are_named(interrupt: Any, deaths: tuple[str, ...]) -> None:
    """One name or several; the attempts are one more than the deaths."""
    done = run(chain, interrupt=interrupt)

    assert (done.interrupted_after, done.attempts, done.result) == (deaths, len(deaths) + 1, 6)


def test_a_dead_attempt_leaves_no_end_and_is_sealed_as_lost() -> None:
    """As after a container that died: the next attempt writes its end, and only the last one reports its own."""
    store = MemoryStore()
    done = run(chain, store=store, run_id="r", interrupt="load")

    ends = [read_end(store, "chain/runs/r", attempt) for attempt in (1, 2)]
    assert [end.state for end in ends if end] == ["lost", "succeeded"]
    assert sum(isinstance(one, AttemptStarted) for one in done.events) == 2
    assert sum(isinstance(one, AttemptEnded) for one in done.events) == 1


def test_an_unknown_step_to_interrupt_after_is_refused() -> None:
    """A name that never comes would prove nothing."""
    with pytest.raises(NotFoundError, match="Did you mean 'double'"):
        run(chain, interrupt="duble")

    assert not calls


def test_a_resumed_run_is_interrupted_as_well() -> None:
    """Only after what is committed in it, not after what is reused."""
    store = FailingStore()
    store.fail("create", matching="steps/double@")
    failed = run(chain, store=store, run_id="r")

    done = resume(chain, "r", store=store, interrupt="every-step")

    assert failed.state == "failed"
    assert (done.interrupted_after, done.attempts, done.result) == (("double", "publish"), 4, 6)


def test_systems_that_do_not_tell_of_dead_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a lease only runs out: that of a dead attempt counts as run out."""
    monkeypatch.setattr(holders, "_boot", lambda: None)

    done = run(chain, store=FileStore(tmp_path), interrupt="every-step")

    assert (done.result, done.attempts) == (6, 4)


def test_another_holder_is_respected() -> None:
    """Only what an attempt of this very call held counts as run out."""
    store = MemoryStore()
    run(chain, store=store, run_id="r")
    acquire_lease(store, "chain/runs/r", Claim(Holder("elsewhere"), 30.0), reopen=True)

    with pytest.raises(LeaseHeld):
        resume(chain, "r", store=store, interrupt="every-step")


@step
def slow(x: int) -> int:
    calls["slow"] += 1
    if calls["slow"] == 1:
        slow_started.set()
        assert slow_may_end.wait(10)
    return x


@step
def quick(x: int) -> int:
    assert slow_started.wait(10)
    return x


@step
def both(a: int, b: int) -> int:
    return a + b


@pipeline
def branches() -> int:
    return both(slow(1), quick(2))


def test_what_was_at_work_is_lost_and_over_before_it_runs_again() -> None:
    """`slow` was running when `quick` killed the attempt: its value is dropped, and it never runs beside its repeat."""
    store = FailingStore()
    store.before("create", lambda name: slow_may_end.set(), matching="steps/quick@")

    done = run(branches, store=store, interrupt="quick")

    assert (done.result, done.attempts, calls["slow"]) == (3, 2, 2)
    assert store.count("create", matching="steps/slow@") == 1


@step(retry=Retry(attempts=2, delay="1h"))
def gather(xs: list[int]) -> int:
    return sum(xs) + 1


@given(edges=st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=5))
def test_any_graph_survives_a_death_after_every_step(edges: list[list[int]]) -> None:
    """As many deaths as steps, each step committed once, and the result of a run that nobody interrupted."""

    @pipeline
    def any_graph() -> Any:
        made: list[int] = []
        for before in edges:
            made.append(gather([made[one % len(made)] for one in before] if made else []))
        return made

    done = run(any_graph, interrupt="every-step")

    assert done.result == run(any_graph).result
    assert (done.attempts, len(set(done.committed))) == (len(edges) + 1, len(edges))
    assert len([one for one in done.events if isinstance(one, StepCommitted)]) == len(edges)
