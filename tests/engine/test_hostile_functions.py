"""What a pipeline's own function may do without harming its run, another run, or the process that serves both."""

import asyncio
import gc
import os
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import pytest

from kit import MetStore, Runs
from pplns import DefinitionError, current_run, pipeline, step
from pplns.engine.workers import FORKED
from pplns.model.run import Trigger
from pplns.state.history import read_run
from pplns.testing.interruption import settle_threads

MANY_DAYS = ["b", "a"]


class Payload:
    """Something large that a step holds in its closure."""


@step
def load(day: str) -> str:
    return day


@step
def spoil_params(value: str) -> str:
    current_run().params["days"].append("spoilt")
    return value


@step
def spoil_trigger(value: str) -> str:
    current_run().trigger.details["data"].clear()
    return value


@step
def data_of_the_run(value: str) -> Any:
    return current_run().trigger.details["data"]


@pipeline
def spoiling_data() -> Any:
    return data_of_the_run(spoil_trigger(load("x")))


@dataclass
class Limits:
    rows: int

    def __post_init__(self) -> None:
        self.lock = threading.Lock()


@step
def rows_of_the_run() -> Any:
    return current_run().params["limits"].rows


@pipeline
def guarding(limits: Limits) -> Any:
    return rows_of_the_run()


@step
def days_of_the_run(value: str) -> Any:
    return current_run().params["days"]


@pipeline
def by_day(days: list[str]) -> Any:
    days.sort()
    days.append("all")
    return [load(day) for day in days]


@pipeline
def spoiling(days: list[str]) -> Any:
    return days_of_the_run(spoil_params(load("x")))


@pytest.mark.parametrize("error", [SystemExit("bye"), asyncio.CancelledError("bye")])
def test_a_function_that_ends_python_ends_nothing(runs: Runs, error: BaseException) -> None:
    """`sys.exit()` in it is a mistake of the function, with its place, and not the end of the service."""

    def body() -> Any:
        raise error

    with pytest.raises(DefinitionError, match=r"test_hostile_functions\.py:\d+: ") as refused:
        runs.run(pipeline(name="tested")(body))

    assert f"raised {type(error).__name__}: bye" in refused.value.met
    assert runs.store.children("") == []


def test_ctrl_c_in_a_function_passes(runs: Runs) -> None:
    """Whoever typed it wants the command to end."""

    def body() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(pipeline(name="tested")(body))


def test_a_function_that_changes_its_parameters_changes_no_record(runs: Runs) -> None:
    """The record says what was sent, also where the function sorts and extends the list that it is given."""
    record = runs.run(by_day, {"days": MANY_DAYS}, run_id="r")

    assert (record.state, record.result) == ("succeeded", ["a", "b", "all"])
    assert read_run(runs.store, "by_day", "r").params == {"days": ["b", "a"]}


def test_a_run_of_such_a_function_is_resumed_as_it_was(runs: Runs, store: MetStore) -> None:
    """The next attempt has the same steps as the first, and reuses what that has committed."""
    store.fail("create", matching="/steps/load_3@")
    first = runs.run(by_day, {"days": MANY_DAYS}, run_id="r")
    store.mend()

    record = runs.resume(by_day, "r")

    assert (first.state, record.state) == ("failed", "succeeded")
    assert [(one.step, one.reused) for one in record.steps] == [("load", True), ("load_2", True), ("load_3", False)]


def test_a_step_that_changes_the_parameters_changes_its_own(runs: Runs) -> None:
    """`current_run().params` is each try's own: no other step, and no retry, sees what one did to it."""
    record = runs.run(spoiling, {"days": ["a"]})

    assert record.result == ["a"]
    assert record.params == {"days": ["a"]}


def test_a_parameter_that_cannot_be_copied_is_shared(runs: Runs) -> None:
    """A dataclass may make itself a lock: it is no reason to refuse the run."""
    record = runs.run(guarding, {"limits": {"rows": 3}})

    assert (record.state, record.result) == ("succeeded", 3)


def test_a_step_that_changes_the_trigger_changes_its_own(runs: Runs) -> None:
    """What a message brought is in the record as it came."""
    trigger = Trigger("pubsub", "s m", details={"data": {"kind": "daily"}})

    record = runs.run(spoiling_data, trigger=trigger)

    assert record.result == {"kind": "daily"}
    assert record.trigger.details == {"data": {"kind": "daily"}}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("fails", [True, False])
def test_a_process_that_a_step_forks_ends_with_the_step(runs: Runs, fails: bool) -> None:
    """A child that raises, or goes on as its parent does, has no engine to report to."""

    @step
    def fork() -> int:
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if fails:
            raise ValueError
        return 0

    def body() -> Any:
        return fork()

    record = runs.run(pipeline(name="tested")(body))

    assert (record.state, record.result) == ("succeeded", FORKED)


def test_steps_defined_in_a_function_are_let_go_after_the_run(runs: Runs) -> None:
    """A service runs such a function thousands of times: what their closures hold must not stay in memory."""
    held: list[weakref.ref[Payload]] = []

    def body() -> Any:
        payload = Payload()
        held.append(weakref.ref(payload))

        @step
        def inner() -> str:
            return type(payload).__name__

        return inner()

    before = threading.enumerate()
    record = runs.run(pipeline(name="tested")(body))
    settle_threads(before)
    gc.collect()

    assert record.result == "Payload"
    assert held[0]() is None
