"""A consumer that changes its input in place changes neither a sibling's input nor the checkpoint."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DefaultContext, getcontext, localcontext
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit import Runs, stored_values
from pplns import pipeline, step

KINDS = ("pandas", "numpy", "list", "dict", "set", "series", "nested")


def value_of(kind: str) -> Any:
    return {
        "pandas": pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}),
        "series": pd.Series([1, 2, 3], name="a"),
        "numpy": np.arange(3),
        "list": [1, 2, 3],
        "dict": {"a": [1], "b": {"c": 2}},
        "set": {1, 2},
        "nested": [{"a": [1, 2]}, ("x", [3])],
    }[kind]


def spoil(value: Any) -> None:
    """Change a value in place in every way its type has."""
    match value:
        case pd.DataFrame():
            value["a"] = value["a"] * 100
            value.loc[0, "b"] = "spoilt"
            value.insert(0, "new", 1)
            value.pop("b")
            value.index = [7, 8, 9]
            value.columns = ["p", "q"]
            value.attrs["spoilt"] = True
        case pd.Series():
            value.iloc[0] = 99
            value.name = "spoilt"
        case np.ndarray():
            value += 100
            value[0] = -1
        case list():
            for one in value:
                if isinstance(one, dict | list):
                    one.clear()
            value.append("spoilt")
        case dict():
            value["a"].append("spoilt")
            value["b"]["c"] = "spoilt"
        case set():
            value.add("spoilt")


kept: dict[str, Any] = {}


@step
def make(kind: str) -> Any:
    kept["made"] = value_of(kind)
    return kept["made"]


@step
def spoiler(value: Any) -> str:
    spoil(value)
    made = kept.pop("made", None)
    if made is not None:
        spoil(made)
    return "done"


@step
def reader(value: Any, order: list[str]) -> str:
    return repr(value)


@step
def fail_once(seen: list[str]) -> list[str]:
    if not kept.get("resumed"):
        raise ValueError("not yet")
    return seen


@pipeline
def siblings(kind: str) -> Any:
    value = make(kind)
    return [reader(value, [spoiler(value), spoiler(value)]), reader.named("second")(value, [])]


@pipeline
def late_siblings(kind: str) -> Any:
    value = make(kind)
    allowed = fail_once([])
    return [reader(value, allowed), spoiler.after(allowed)(value), reader.named("third").after(allowed)(value, [])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_consumer_spoils_only_its_own(runs: Runs, kind: str) -> None:
    """Two spoilers, the producer's own reference, and two readers: the readers see what was returned."""
    record = runs.run(siblings, {"kind": kind}, run_id="r")
    values = stored_values(runs.store, "siblings", "r", "make")

    assert record.result == [repr(value_of(kind))] * 2
    assert repr(values[0]) == repr(value_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_from_a_checkpoint_is_as_private(file_runs: Runs, kind: str) -> None:
    """After a resume the value comes from the store, is writable, and is each consumer's own."""
    kept["resumed"] = False
    file_runs.run(late_siblings, {"kind": kind}, run_id="r")
    kept["resumed"] = True
    record = file_runs.resume(late_siblings, "r")

    assert record.error is None
    assert [record.result[0], record.result[2]] == [repr(value_of(kind))] * 2


@step
def grow(numbers: list[int]) -> list[int]:
    numbers.append(len(numbers))
    return numbers


@pipeline
def constants() -> Any:
    shared = [0]
    return [grow(shared), grow(shared), shared]


def test_a_constant_argument_is_each_calls_own(runs: Runs) -> None:
    """Two steps that change the same list in place each see it as the pipeline function wrote it."""
    assert runs.run(constants).result == [[0, 1], [0, 1], [0]]


@dataclass(frozen=True)
class Rules:
    limits: Mapping[str, int]


LIMITS = MappingProxyType({"rows": 3})


@step
def kind_of(constant: Any) -> str:
    return type(constant).__name__


@pytest.mark.parametrize("constant", [math, LIMITS, Rules(LIMITS), [LIMITS], partial(LIMITS.get, "rows")])
def test_a_constant_that_cannot_be_copied_is_given_as_it_is(runs: Runs, constant: Any) -> None:
    """A module of rules, or a read-only mapping: what a version can be made of, a step gets."""

    def body() -> Any:
        return kind_of(constant)

    record = runs.run(pipeline(name="tested")(body))

    assert (record.state, record.result) == ("succeeded", type(constant).__name__)


@step
def coarse(x: Decimal) -> Decimal:
    getcontext().prec = 3
    return x


@step
def third(x: Decimal) -> Decimal:
    return x / 3


@pipeline
def dividing(x: Decimal) -> Any:
    return third(coarse(x))


def test_a_step_that_counts_coarsely_does_so_alone(runs: Runs) -> None:
    """The decimal context of a step is its own: neither the next step nor the next run has its precision."""
    with localcontext() as own:
        record = runs.run(dividing, {"x": "1"})

        assert record.result == str(Decimal(1) / 3)
        assert own.prec == DefaultContext.prec
