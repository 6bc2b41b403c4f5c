"""A run from its trigger to its end: results, reuse, parameters, failures, resume."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from kit import Runs, steps_of
from pplns import (
    LeaseHeld,
    ParameterError,
    Retry,
    RetryableError,
    TerminalError,
    current_run,
    logical_date,
    pipeline,
    step,
)
from pplns.engine import events
from pplns.engine.runner import Selection
from pplns.errors import KeyReused, StateError, StorageRefused, StoreError
from pplns.model.run import Trigger
from pplns.state.history import read_run
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease
from pplns.testing import FailingStore

calls: Counter[str] = Counter()
broken: set[str] = set()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()
    broken.clear()


@step
def load(n: int) -> list[int]:
    calls["load"] += 1
    return list(range(n))


@step
def total(numbers: list[int]) -> int:
    calls["total"] += 1
    if "total" in broken:
        raise ValueError("no total today")
    return sum(numbers)


@step
def halves(numbers: list[int]) -> tuple[list[int], list[int]]:
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


@step
def together(parts: list[Any], *, named: dict[str, Any]) -> dict[str, Any]:
    return {"parts": parts, "named": named}


@pipeline
def sums(n: int = 4) -> Any:
    return total(load(n))


@pipeline
def shapes(n: int = 4) -> Any:
    first, second = halves(load(n))
    return together([first, (second, 1)], named={"all": total(first), "k": ["x"]})


def test_a_run_returns_the_result_and_one_record_a_step(runs: Runs) -> None:
    """The record names each step in order, with what it took."""
    record = runs.run(sums, {"n": 5})

    assert (record.state, record.final, record.result, record.attempt) == ("succeeded", True, 10, 1)
    assert [(one.step, one.state, one.attempts, one.bytes) for one in record.steps] == [
        ("load", "succeeded", 1, 11),
        ("total", "succeeded", 1, 2),
    ]
    assert record == read_run(runs.store, "sums", record.run_id)


def test_handles_pass_through_containers_and_several_outputs(runs: Runs) -> None:
    """Lists, tuples and dicts of handles arrive as lists, tuples and dicts of values."""
    record = runs.run(shapes)

    assert record.result == {"parts": [[0, 1], [[2, 3], 1]], "named": {"all": 1, "k": ["x"]}}


def test_the_same_run_id_is_the_same_run(runs: Runs) -> None:
    """A second delivery returns the first one's record and runs nothing."""
    first = runs.run(sums, run_id="daily-1")
    second = runs.run(sums, run_id="daily-1")

    assert second == first
    assert calls == {"load": 1, "total": 1}


def test_the_same_run_id_with_other_params_is_refused(runs: Runs) -> None:
    """The message shows the parameters that the run has."""
    runs.run(sums, {"n": 3}, run_id="daily-1")

    with pytest.raises(KeyReused, match=r'"n": 3'):
        runs.run(sums, {"n": 4}, run_id="daily-1")


def test_another_trigger_with_the_same_id_is_a_collision(runs: Runs) -> None:
    """One run id stands for one trigger; a key of another kind under it is an error, not a silent join."""
    runs.run(sums, run_id="daily-1")

    with pytest.raises(StateError, match="another manual trigger"):
        runs.run(sums, run_id="daily-1", trigger=Trigger("api", "other"))


@pytest.mark.parametrize(
    "origin", [Trigger("manual", "a-random-key"), Trigger("schedule", "sums 2013-01-31T06:00:00+00:00")]
)
def test_a_run_id_as_it_is_shown_is_that_run_whatever_started_it(runs: Runs, origin: Trigger) -> None:
    """An id that nobody chose names its run as well as one that a person chose."""
    broken.add("total")
    first = runs.run(sums, trigger=origin)
    broken.clear()

    again = runs.run(sums, run_id=first.run_id, selection=Selection(redo="load"))

    assert (again.run_id, again.state, again.attempt) == (first.run_id, "succeeded", 2)
    assert again.trigger == origin


def test_a_run_id_as_it_is_shown_with_other_params_is_refused(runs: Runs) -> None:
    """Also where something else started the run."""
    first = runs.run(sums, {"n": 3})

    with pytest.raises(KeyReused, match=r'"n": 3'):
        runs.run(sums, {"n": 4}, run_id=first.run_id)


@pytest.mark.parametrize(("params", "word"), [({"m": 1}, "'m'"), ({"n": "many"}, "'n'"), ({"n": None}, "'n'")])
def test_bad_parameters_are_refused_before_anything_is_written(
    runs: Runs, store: FailingStore, params: dict[str, Any], word: str
) -> None:
    """The parameter is named and the store stays empty."""
    with pytest.raises(ParameterError, match=word):
        runs.run(sums, params)

    assert store.children("") == []


@pytest.mark.parametrize("run_id", ["a/b", "..", "A", "-x", "", "x" * 2000, "a.b", "ünï"])
def test_a_bad_run_id_is_refused(runs: Runs, store: FailingStore, run_id: str) -> None:
    """Slashes, dots, capitals and endless ids never reach a store."""
    with pytest.raises(ParameterError, match="run id"):
        runs.run(sums, run_id=run_id)

    assert store.children("") == []


def test_a_failed_run_goes_on_after_what_succeeded(runs: Runs) -> None:
    """A resume reuses the committed step and runs the failed one again."""
    broken.add("total")
    failed = runs.run(sums, run_id="r")
    broken.clear()
    resumed = runs.resume(sums, "r")

    assert (failed.state, failed.final) == ("failed", True)
    assert failed.error is not None
    assert "ValueError: no total today" in failed.error.message
    assert "test_runs.py" in (failed.error.traceback or "")
    assert (resumed.state, resumed.result, resumed.attempt) == ("succeeded", 6, 2)
    assert steps_of(resumed) == {"load": "reused", "total": "succeeded"}
    assert calls == {"load": 1, "total": 2}


@step
def close() -> int:
    raise TerminalError("The shop has closed.", "It opens on Monday.", "Wait.")


@pipeline
def closing() -> Any:
    return close()


def test_the_traceback_of_an_error_in_three_parts_does_not_repeat_them(runs: Runs) -> None:
    """The parts stand in message and hint; the traceback ends with the class alone."""
    error = runs.run(closing).error

    assert error is not None
    said = "Step 'close' raised TerminalError: The shop has closed. It opens on Monday."
    assert (error.message, error.hint) == (said, "Wait.")
    assert (error.traceback or "").splitlines()[-1] == "pplns.errors.TerminalError"


def test_a_run_that_failed_for_good_is_only_reopened_by_a_person(runs: Runs) -> None:
    """A second delivery of its key returns the failure and runs nothing."""
    broken.add("total")
    first = runs.run(sums, run_id="r")
    broken.clear()

    assert runs.run(sums, run_id="r") == first
    assert calls["total"] == 1


def test_resuming_a_succeeded_run_repeats_nothing(runs: Runs) -> None:
    """Every step is reused and the result is the same."""
    runs.run(sums, run_id="r")
    resumed = runs.resume(sums, "r")

    assert steps_of(resumed) == {"load": "reused", "total": "reused"}
    assert resumed.result == 6
    assert calls == {"load": 1, "total": 1}


@step(retry=Retry(attempts=3, delay=0))
def flaky(kind: str) -> int:
    calls["flaky"] += 1
    if calls["flaky"] < 3:
        raise {"terminal": TerminalError, "plain": ValueError, "again": RetryableError}[kind]("not yet")
    return calls["flaky"]


@pipeline
def flaky_run(kind: str) -> Any:
    return flaky(kind)


@pytest.mark.parametrize("kind", ["plain", "again"])
def test_a_step_is_tried_as_often_as_its_retry_says(runs: Runs, kind: str) -> None:
    """Two failures and a success are three tries of one attempt."""
    seen: list[events.Event] = []
    record = runs.run(flaky_run, {"kind": kind}, observer=seen.append)

    assert (record.state, record.result, record.steps[0].attempts) == ("succeeded", 3, 3)
    assert [one.number for one in seen if isinstance(one, events.StepRetrying)] == [1, 2]


def test_a_terminal_error_is_not_retried(runs: Runs) -> None:
    """The run fails for good at the first try."""
    record = runs.run(flaky_run, {"kind": "terminal"})

    assert (record.state, record.final, calls["flaky"]) == ("failed", True, 1)


@step(retry=Retry(attempts=2, delay=0))
def never() -> int:
    calls["never"] += 1
    raise RetryableError("the warehouse is closed")


@pipeline
def never_run() -> Any:
    return never()


def test_a_retryable_error_leaves_the_run_open(runs: Runs) -> None:
    """A later delivery of the same key goes on; nobody has to reopen the run."""
    first = runs.run(never_run, run_id="r", by_person=False)
    second = runs.run(never_run, run_id="r", by_person=False)

    assert (first.state, first.final, second.attempt) == ("failed", False, 2)
    assert calls["never"] == 3  # the tries spent count in the next attempt, which still makes one


@step
def unstorable() -> Any:
    return (number for number in range(3))


@pipeline
def unstorable_run() -> Any:
    return unstorable()


def test_what_cannot_be_stored_fails_the_step_by_name(runs: Runs) -> None:
    """The error names the step and the type, and says what to return instead."""
    record = runs.run(unstorable_run)

    assert (record.state, record.final) == ("failed", True)
    assert record.error is not None
    assert record.error.code == StorageRefused.code
    assert "unstorable" in record.error.message
    assert "generator" in record.error.message
    assert record.error.hint


@step
def pair() -> tuple[int, int]:
    return (1, 2, 3)  # type: ignore[return-value]


@pipeline
def pair_run() -> Any:
    return pair()


def test_a_wrong_number_of_outputs_is_refused(runs: Runs) -> None:
    """A step that declares two outputs and returns three says so."""
    record = runs.run(pair_run)

    assert record.error is not None
    assert "'pair' returned a tuple of 3" in record.error.message


@step
def about() -> dict[str, Any]:
    run = current_run()
    return {
        "run": run.run_id,
        "step": run.step,
        "attempt": run.attempt,
        "params": dict(run.params),
        "key": run.idempotency_key,
    }


@pipeline
def about_run(day: date = logical_date(), other: int = 1) -> Any:
    return about()


def test_a_step_knows_its_run(runs: Runs) -> None:
    """current_run() tells the run, the step and the converted parameters; the date is the run's."""
    when = datetime(2013, 1, 31, 23, 30, tzinfo=UTC)
    record = runs.run(about_run, {"other": "2"}, run_id="r", logical_date=when)

    assert record.result["run"] == "r"
    assert (record.result["step"], record.result["attempt"]) == ("about", 1)
    assert record.result["params"] == {"day": "2013-01-31", "other": 2}
    assert len(record.result["key"]) == 64


def test_a_live_holder_keeps_others_out(runs: Runs, store: FailingStore) -> None:
    """While one holder works on a run, another one is refused and nothing changes."""
    runs.run(sums, run_id="r")
    acquire_lease(store, "sums/runs/r", Claim(Holder("someone"), 30.0), reopen=True)

    with pytest.raises(LeaseHeld):
        runs.resume(sums, "r")


def test_a_store_that_fails_ends_the_attempt_and_loses_nothing(runs: Runs, store: FailingStore) -> None:
    """A commit that can't be written is an error of the store; a resume goes on."""
    full = StoreError("The disk is full.", "A disk with room.", "Make room.")
    store.fail("create", matching="/steps/total@", error=full)

    failed = runs.run(sums, run_id="r")
    resumed = runs.run(sums, run_id="r")

    assert (failed.state, failed.final) == ("failed", False)
    assert failed.error is not None
    assert failed.error.code == "store_unavailable"
    assert (resumed.state, steps_of(resumed)["load"]) == ("succeeded", "reused")
