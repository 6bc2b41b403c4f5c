"""Commits follow the data, effects wait for them, and values leave memory when they may."""

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit import Runs, steps_of, stored_values
from pplns import Retry, RetryableError, current_run, pipeline, step
from pplns.engine.events import Event, StepCommitted, StepStarted
from pplns.engine.runner import Selection
from pplns.testing import FailingStore, FrozenClock, run

seen: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    seen.clear()


def committed(store: FailingStore, prefix: str) -> set[str]:
    return {base.split("@")[0] for base in store.children(f"{prefix}/steps/")}


@step
def first() -> int:
    return 1


@step
def second(x: int) -> int:
    return x + 1


@step
def third(x: int) -> int:
    seen["third"] = True
    return x + 1


@step
def outside(x: int) -> int:
    seen["at_outside"] = committed(seen["store"], f"chain/runs/{current_run().run_id}")
    return x


@pipeline
def chain() -> Any:
    return outside(third(second(first())))


def test_a_sink_sees_everything_before_it_durable(runs: Runs, store: FailingStore) -> None:
    """When the sink's function begins, the commits of all its ancestors stand in the store."""
    seen["store"] = store

    assert runs.run(chain).state == "succeeded"
    assert seen["at_outside"] == {"first", "second", "third"}


def test_no_step_starts_while_the_commit_before_last_is_in_flight(runs: Runs, store: FailingStore) -> None:
    """The commit of `first` hangs: `second` runs meanwhile, `third` doesn't start until it stands."""
    log: list[str] = []
    second_started = threading.Event()

    def hang(name: str) -> None:
        assert second_started.wait(10)
        log.append("first commits")

    def note(event: Event) -> None:
        if isinstance(event, StepStarted):
            log.append(f"{event.step} starts")
            if event.step == "second":
                second_started.set()
        elif isinstance(event, StepCommitted):
            log.append(f"{event.step} is durable")

    seen["store"] = store
    store.before("create", hang, matching="/steps/first@")
    runs.run(chain, observer=note)

    assert log.index("second starts") < log.index("first commits")
    assert log.index("first is durable") < log.index("third starts")


@step
def keyed(x: int) -> str:
    key = current_run().idempotency_key
    seen.setdefault("keys", []).append(key)
    seen["at_key"] = committed(seen["store"], f"keys/runs/{current_run().run_id}")
    if len(seen["keys"]) == 1:
        raise ValueError("once")
    return key


@step
def after_keyed(key: str) -> str:
    return key


@pipeline
def keys() -> Any:
    return after_keyed(keyed.options(retry=Retry(attempts=2, delay=0))(second(first())))


def test_an_idempotency_key_is_the_same_for_every_try_and_waits(runs: Runs, store: FailingStore) -> None:
    """Reading the key waits until the inputs are durable, though the step itself needn't."""
    seen["store"] = store
    record = runs.run(keys)

    assert record.state == "succeeded"
    assert seen["at_key"] >= {"first", "second"}
    assert seen["keys"] == [record.result] * 2


@step
def table() -> pd.DataFrame:
    numbers = np.arange(1000)
    seen["table"] = weakref.ref(numbers)  # which the engine's own copy-on-write copies of the table share
    return pd.DataFrame({"a": numbers}, copy=False)


@step
def rows(data: pd.DataFrame) -> int:
    return len(data)


@step
def look(count: int) -> int:
    return count


@step
def alive(count: int) -> bool:
    gc.collect()
    return seen["table"]() is not None


@pipeline
def freeing() -> Any:
    return alive(look(rows(table())))


def test_a_value_is_dropped_after_its_last_consumer(runs: Runs) -> None:
    """Two steps later the table is gone from memory; its checkpoint stands."""
    assert runs.run(freeing).result is False


@step
def fails_once(count: int) -> bool:
    if not seen.setdefault("failed", False):
        seen["failed"] = True
        raise RetryableError("Not yet.")
    return alive.function(count)


@pipeline
def freeing_again() -> Any:
    return fails_once(look(rows(table())))


def test_a_value_that_nobody_will_take_is_dropped(runs: Runs) -> None:
    """The table is made again and comes out equal, so what would take it is reused: it stays in memory for nobody."""
    runs.run(freeing_again, run_id="r")

    resumed = runs.resume(freeing_again, "r", selection=Selection(redo="table"))

    assert steps_of(resumed) == {"table": "succeeded", "rows": "reused", "look": "reused", "fails_once": "succeeded"}
    assert resumed.result is False


@step
def other(data: pd.DataFrame) -> int:
    return len(data)


@pipeline
def forked() -> Any:
    data = table()
    return other(data), alive(look(rows(data)))


def test_a_value_is_kept_for_nobody_that_was_left_out(runs: Runs) -> None:
    """With `--only` a step that is left out takes nothing."""
    runs.run(forked, run_id="r", selection=Selection(only="alive"))

    assert stored_values(runs.store, "forked", "r", "alive") == [False]


@step(timeout="10m", retry=Retry(attempts=2, delay=0))
def endless() -> int:
    seen["tries"] = seen.get("tries", 0) + 1
    seen["clock"].advance("11m")
    seen["gate"].wait(30)
    return 1


@pipeline
def endless_run() -> Any:
    return endless()


def test_a_step_past_its_timeout_is_abandoned() -> None:
    """Two tries are waited for, abandoned by name and recorded; the run ends although their threads go on."""
    seen.update(gate=threading.Event(), clock=FrozenClock())

    done = run(endless_run, clock=seen["clock"])
    seen["gate"].set()

    assert (done.state, done.step("endless").attempts, seen["tries"]) == ("failed", 2, 2)
    assert done.error is not None
    assert done.error.code == "timed_out"
    assert "'endless' ran longer than its timeout of 600 s" in done.error.message


@step(timeout="10m")
def cooperative() -> int:
    while True:
        seen["clock"].advance("1m")
        current_run().check_deadline()


@pipeline
def cooperative_run() -> Any:
    return cooperative()


def test_a_step_may_end_itself_at_its_deadline() -> None:
    """check_deadline() raises once the time is up, and the try ends in good order."""
    seen["clock"] = FrozenClock()
    done = run(cooperative_run, clock=seen["clock"])

    assert done.error is not None
    assert (done.error.code, done.record.final) == ("timed_out", True)
    assert done.step("cooperative").duration_s == 600


@step
def wide(n: int) -> int:
    with seen["guard"]:
        seen["now"] = seen.get("now", 0) + 1
        seen["most"] = max(seen.get("most", 0), seen["now"])
    seen["barrier"].wait(10)
    with seen["guard"]:
        seen["now"] -= 1
    return n


@pipeline(max_parallel_steps=3)
def wide_run() -> Any:
    return [wide(n) for n in range(6)]


def test_independent_steps_run_side_by_side_up_to_the_limit(runs: Runs) -> None:
    """Six independent steps meet three at a time, never more."""
    seen["guard"], seen["barrier"] = threading.Lock(), threading.Barrier(3)
    record = runs.run(wide_run)

    assert record.result == [0, 1, 2, 3, 4, 5]
    assert seen["most"] == 3
