"""What steps and watchers may do to an attempt without hanging it, losing its end, or filling its records."""

import sys
from typing import Any, cast

import pytest

from kit import MetStore, Runs
from pplns import DefinitionError, ParameterError, RetryableError, TerminalError, current_run, pipeline, step
from pplns.engine.events import Event, StepCommitted
from pplns.errors import StoreError
from pplns.state.history import read_run


class Silent(TerminalError):
    """Leaves out super().__init__(), as many do."""

    def __init__(self, number: int) -> None:
        self.number = number


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Exiting(Exception):
    def __str__(self) -> str:
        raise SystemExit


class Uncoded(TerminalError):
    @property
    def code(self) -> str:  # type: ignore[override]
        raise ZeroDivisionError


class Posing(TerminalError):
    code = "interrupted"


class Own(RetryableError):
    code = "own_code"


@step
def first() -> int:
    return 1


@step
def keyed(x: int) -> int:
    return len(current_run().idempotency_key)


@step
def after(x: int) -> int:
    return x


@step
def raises(kind: str) -> int:
    raise {
        "silent": Silent(3), "unprintable": Unprintable(), "own": Own("later"), "exit": SystemExit("bye"),
        "long": ValueError("x" * 2_000_000), "interrupt": KeyboardInterrupt(), "empty": ValueError(),
        "number": TerminalError(cast("str", 404), "Not there"), "exiting": Exiting(), "uncoded": Uncoded("odd"),
        "posing": Posing("by the valve"),
    }[kind]  # fmt: skip


@step
def returns_a_lambda() -> Any:
    return lambda: None


@pipeline
def unstorable() -> Any:
    return returns_a_lambda()


@pipeline
def raising(kind: str) -> Any:
    return raises(kind)


@pipeline
def keys() -> Any:
    return after(keyed(first()))


@pytest.mark.parametrize(
    ("kind", "final", "words"),
    [
        ("silent", True, "Step 'raises' raised Silent"),
        ("unprintable", True, "Unprintable: an error whose text can't be had"),
        ("own", False, "Step 'raises' raised Own: later"),
        ("exit", True, "SystemExit: bye"),
        ("interrupt", True, "KeyboardInterrupt"),
        ("empty", True, "'raises' raised ValueError"),
        ("number", True, "'raises' raised TerminalError: 404. Not there"),
        ("exiting", True, "Exiting: an error whose text can't be had"),
        ("uncoded", True, "'raises' raised Uncoded: odd"),
        ("posing", True, "'raises' raised Posing: by the valve"),
    ],
)
def test_any_error_of_a_step_is_recorded(runs: Runs, kind: str, final: bool, words: str) -> None:
    """Also one that can't be described: the attempt ends with it, and its thread reports."""
    record = runs.run(raising, {"kind": kind})

    assert (record.state, record.final) == ("failed", final)
    assert record.error is not None
    assert words in record.error.message


def test_what_pplns_itself_refuses_keeps_its_own_words(runs: Runs) -> None:
    """Its messages name the step where that helps; "raised StorageRefused" would say nothing more."""
    error = runs.run(unstorable).error

    assert error is not None
    assert error.message.startswith("Step 'returns_a_lambda' returned a function")
    assert "StorageRefused" not in error.message


def test_an_error_has_its_places_where_no_module_can_be_imported(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that has opened as many files as it may is the one whose error must be read."""

    @step
    def exhaust() -> int:
        monkeypatch.setitem(sys.modules, "traceback", None)
        raise OSError(24, "Too many open files")

    @pipeline
    def exhausting() -> Any:
        return exhaust()

    error = runs.run(exhausting).error

    assert error is not None
    assert error.message.endswith("Too many open files")
    first, place, last = (error.traceback or "").splitlines()
    assert (first, last) == ("Traceback (most recent call last):", "OSError")
    assert place.startswith(f'  File "{__file__}", line ')
    assert place.endswith(", in exhaust")


def test_an_endless_message_is_cut(runs: Runs) -> None:
    """A record holds the beginning and the end of a text of two million characters."""
    error = runs.run(raising, {"kind": "long"}).error

    assert error is not None
    assert len(error.message) + len(error.traceback or "") < 25_000
    assert "left out" in error.message


def test_a_commit_that_fails_releases_who_waits_for_it(runs: Runs, store: MetStore) -> None:
    """`keyed` waits for its input's commit, which can't be written: the attempt ends instead of waiting for ever."""

    def fail(name: str) -> None:
        if "/steps/first@" in name:
            raise StoreError("The disk is full.", "A disk with room.", "Make room.")

    store.before_create = fail
    record = runs.run(keys, run_id="r")

    assert (record.state, record.final) == ("failed", False)
    store.before_create = lambda name: None
    assert runs.run(keys, run_id="r").result == 64


@pytest.mark.parametrize(("error", "raised"), [(BrokenPipeError(), False), (ZeroDivisionError(), True)])
def test_a_watcher_that_fails_does_not_decide_over_the_run(runs: Runs, error: Exception, raised: bool) -> None:
    """A closed pipe is nobody's error; any other comes out once the end is recorded."""

    def watch(event: Event) -> None:
        if isinstance(event, StepCommitted):
            raise error

    if raised:
        with pytest.raises(ZeroDivisionError):
            runs.run(keys, run_id="r", observer=watch)
    else:
        runs.run(keys, run_id="r", observer=watch)

    assert read_run(runs.store, "keys", "r").state == "succeeded"


def returns_a_step() -> Any:
    return first


def returns_an_object() -> Any:
    return [first(), {"x": object()}]


@pytest.mark.parametrize(("body", "words"), [(returns_a_step, "Call it"), (returns_an_object, "tested")])
def test_a_pipeline_that_returns_what_is_no_result_is_refused(runs: Runs, body: Any, words: str) -> None:
    """A forgotten call, and a value that no record could show, are mistakes of the pipeline function."""
    with pytest.raises(DefinitionError, match=words):
        runs.run(pipeline(name="tested")(body))

    assert runs.store.children("") == []


def test_a_constant_that_cannot_be_given_is_named(runs: Runs) -> None:
    """The message says which argument of which step it is."""

    def body() -> Any:
        return after(object())  # type: ignore[arg-type]

    with pytest.raises(DefinitionError, match="'x' of step 'after'"):
        runs.run(pipeline(name="tested")(body))


def test_current_run_in_a_pipeline_function_has_its_place(runs: Runs) -> None:
    """There is no run yet while steps are connected."""

    def body() -> Any:
        return current_run()

    with pytest.raises(DefinitionError, match=r"test_hostile_steps\.py:\d+"):
        runs.run(pipeline(name="tested")(body))


def test_a_parameter_that_the_function_refuses_stays_a_parameter_error(runs: Runs) -> None:
    """The function may check what a type can't say."""

    def body(month: int) -> Any:
        raise ParameterError(f"The month is {month}.", "Months are 1 to 12.", "Send another one.")

    with pytest.raises(ParameterError, match="The month is 13"):
        runs.run(pipeline(name="tested")(body), {"month": 13})
