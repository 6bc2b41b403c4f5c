"""The last consumer of a durable value gets the one that is held, not a copy, and nobody can tell but by the time."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit import Runs
from pplns import Retry, pipeline, step
from pplns.codecs import hold
from pplns.codecs.arrays import Array
from pplns.engine.values import Values
from pplns.graph import Reference
from pplns.model.artifact import Commit
from pplns.stores import MemoryStore

TABLE = {"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": ["x", "y", "z"]}
kept: dict[str, Any] = {}
calls: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    kept.clear()
    calls.clear()


def value_of(kind: str) -> Any:
    return pd.DataFrame(TABLE) if kind == "table" else np.arange(3)


@step
def make(kind: str) -> Any:
    kept["made"] = value_of(kind)
    return kept["made"]


def spoil(value: Any) -> None:
    if isinstance(value, pd.DataFrame):
        value.loc[0, "a"] = 99
        value["b"] = -1.0
        value.columns = ["p", "q", "r"]
    else:
        value += 100


@step(retry=Retry(attempts=2, delay=0))
def spoil_and_fail(value: Any) -> str:
    """See the value, spoil it, and fail the first time."""
    seen = repr(value)
    spoil(value)
    calls["tries"] += 1
    if calls["tries"] == 1:
        raise ValueError("at the first try")
    return seen


@pipeline
def retried(kind: str) -> Any:
    return spoil_and_fail(make(kind))


@pytest.mark.parametrize("kind", ["table", "array"])
def test_a_second_try_gets_the_value_as_it_was(file_runs: Runs, kind: str) -> None:
    """What the first try did to the value it had been given is gone with it: the checkpoint is read."""
    record = file_runs.run(retried, {"kind": kind}, run_id="r")

    assert calls["tries"] == 2
    assert record.result == repr(value_of(kind))


@step
def spoil_what_was_kept(value: Any) -> str:
    spoil(kept["made"])
    return repr(value)


@pipeline
def remembered(kind: str) -> Any:
    return spoil_what_was_kept(make(kind))


@pytest.mark.parametrize("kind", ["table", "array"])
def test_what_the_maker_keeps_is_not_what_is_given(file_runs: Runs, kind: str) -> None:
    """A step that remembers what it returned, and changes it later, changes no input."""
    record = file_runs.run(remembered, {"kind": kind}, run_id="r")

    assert record.result == repr(value_of(kind))


@step
def spoil_the_first(one: Any, others: list[Any]) -> list[str]:
    spoil(one)
    return [repr(other) for other in others]


@pipeline
def doubled(kind: str) -> Any:
    value = make(kind)
    return spoil_the_first(value, [value, value])


@pytest.mark.parametrize("kind", ["table", "array"])
def test_a_consumer_that_takes_a_value_twice_gets_two(file_runs: Runs, kind: str) -> None:
    """Alone, and in a list."""
    record = file_runs.run(doubled, {"kind": kind}, run_id="r")

    assert record.result == [repr(value_of(kind))] * 2


def test_a_consumer_that_takes_a_value_twice_is_given_none(file_runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the second would have to be read from the checkpoint."""
    monkeypatch.setattr(Array, "give", lambda _: pytest.fail("it was given"))

    assert file_runs.run(doubled, {"kind": "array"}, run_id="r").state == "succeeded"


@step
def is_writable(value: Any) -> bool:
    return bool(value.flags.writeable)


@pipeline
def arrays() -> Any:
    return is_writable(make("array"))


def test_an_array_is_not_copied_for_its_only_consumer(file_runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held once, given once: half the memory of a copy."""
    given: list[Array] = []
    monkeypatch.setattr(Array, "handout", lambda _: pytest.fail("it was copied"))
    monkeypatch.setattr(Array, "give", lambda array: given.append(array) or array.array)

    assert file_runs.run(arrays, run_id="r").result is True
    assert len(given) == 1


@pytest.mark.parametrize(
    ("make_frame", "is_given"),
    [
        (lambda: pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), True),
        (lambda: pd.DataFrame({"c": pd.array(["x", "y"], dtype="string[pyarrow]")}), True),
        (lambda: pd.Series([1, 2]), True),
        (lambda: pd.DataFrame({"c": pd.Series(["x", "y"], dtype=object)}), False),
        (lambda: pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}), False),
        (lambda: pd.DataFrame({"a": pd.Categorical(["x", "y"])}), False),
        (lambda: pd.DataFrame({"a": [[1], [2]]}), False),
        (lambda: pd.DataFrame({"a": _read_only(np.arange(3))}, copy=False), False),
        (lambda: _with_attrs(pd.DataFrame(TABLE)), False),
    ],
    ids=["numbers", "text", "series", "text as objects", "masked", "categories", "lists", "read-only", "attrs"],
)
def test_only_plain_frames_are_given(make_frame: Any, is_given: bool) -> None:
    """One with cells or attributes that can be changed in place is copied, as is one over an array that can't be."""
    frame = make_frame()
    held = hold(frame, where="it")
    given = held.give()

    assert (given is held.frame) == is_given  # type: ignore[attr-defined]
    assert given is not frame
    assert repr(given) == repr(frame)


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def _with_attrs(frame: pd.DataFrame) -> pd.DataFrame:
    frame.attrs["unit"] = ["m"]
    return frame


def test_a_frame_over_a_read_only_array_can_be_changed_in_place() -> None:
    """By its only consumer, as after a resume."""
    held = hold(pd.DataFrame({"a": _read_only(np.arange(3))}, copy=False), where="it")
    given = held.give()
    given.loc[0, "a"] = 7

    assert given["a"].tolist() == [7, 1, 2]


class Kept:
    """The values of an attempt with one step `make`, durable or not, and those who want it."""

    def __init__(self, *consumers: str, durable: bool = True) -> None:
        self.held = hold(np.arange(3), where="it")
        self.values = Values(MemoryStore(), self.commit_of)
        self.values.keep("make", (self.held,), several=False, consumers=consumers)
        if durable:
            self.values.mark_durable("make")

    def commit_of(self, name: str) -> Commit | None:
        return None

    def is_given(self, consumer: str | None) -> bool:
        value = self.values.supply(Reference(step="make"), last_for=consumer)
        return value is self.held.array  # type: ignore[attr-defined, no-any-return]


def test_a_value_is_given_to_the_last_who_wants_it() -> None:
    """Before the others have it, or where somebody may ask again, it is copied."""
    kept = Kept("a", "b")

    assert not kept.is_given("a")
    kept.values.mark_handed("a", ["make"])
    assert not kept.is_given(None)
    assert kept.is_given("b")


def test_a_value_is_not_given_before_it_is_durable() -> None:
    """A second try couldn't have it again."""
    assert not Kept("a", durable=False).is_given("a")
