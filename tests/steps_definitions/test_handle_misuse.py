"""What a handle refuses: it stands for a value that doesn't exist yet, and every error says what to do."""

import copy
import math
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pplns import DefinitionError
from pplns.steps import Handle, source_of

GRAPH = object()

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.matmul, operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift,
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge, divmod,
    operator.iadd, operator.isub, operator.imul, operator.ior,
]  # fmt: skip
UNARY = [
    operator.neg, operator.pos, operator.invert, operator.not_, operator.index, abs, int, float, complex, bytes, bool,
    len, iter, list, tuple, set, next, reversed, round, math.floor, math.ceil, math.trunc, math.sqrt, sum, max,
    str, format, print, os.fspath, Path, open, range,
]  # fmt: skip


def handle() -> Any:
    return Handle(GRAPH, "load")


def read_attribute(one: Any) -> None:
    _ = one.columns


def set_attribute(one: Any) -> None:
    one.columns = ["a"]


def set_item(one: Any) -> None:
    one["a"] = 1


def delete_item(one: Any) -> None:
    del one["a"]


def loop(one: Any) -> None:
    for _ in one:
        pass


def unpack(one: Any) -> None:
    _first, _second = one


def spread(several: Any) -> tuple[Any, ...]:
    def take(*parts: Any) -> tuple[Any, ...]:
        return parts

    return take(*several)


def enter(one: Any) -> None:
    with one:
        pass


@pytest.mark.parametrize("operate", BINARY, ids=lambda one: one.__name__)
def test_every_operator_is_refused(operate: Callable[[Any, Any], Any]) -> None:
    """No operator computes with a value that doesn't exist yet."""
    with pytest.raises(DefinitionError, match=r"output of step 'load'.*Compute inside a step"):
        operate(handle(), 2)


@pytest.mark.parametrize("operate", BINARY[:13], ids=lambda one: one.__name__)
def test_every_operator_is_refused_on_the_right_too(operate: Callable[[Any, Any], Any]) -> None:
    """A constant on the left does not hide the handle on the right."""
    with pytest.raises(DefinitionError, match=r"output of step 'load'.*Compute inside a step"):
        operate(2, handle())


@pytest.mark.parametrize("use", UNARY, ids=lambda one: one.__name__)
def test_every_function_of_a_value_is_refused(use: Callable[[Any], Any]) -> None:
    """Conversions, loops and formatting of a handle name the step and what to do instead."""
    with pytest.raises(DefinitionError) as raised:
        use(handle())

    assert "'load'" in raised.value.met
    assert "only connected" in raised.value.expected
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda one: "yes" if one else "no", "was tested for truth"),
        (lambda one: one and 1, "was tested for truth"),
        (read_attribute, "was asked for its attribute 'columns'"),
        (set_attribute, "had its attribute 'columns' set"),
        (lambda one: one.groupby("a"), "was asked for its attribute 'groupby'"),
        (lambda one: one["a"], "was indexed with 'a'"),
        (lambda one: one[0], "was indexed with 0"),
        (set_item, "was used with item assignment"),
        (delete_item, "was used with item assignment"),
        (loop, "was looped over or unpacked"),
        (unpack, "@step(outputs=2)"),
        (lambda one: 3 in one, "was used with in"),
        (lambda one: one in ["a"], "was used with =="),
        (lambda one: f"{one}", "was formatted into text"),
        (lambda one: f"{one:>10}", "was formatted into text"),
        (lambda one: "%s" % one, "was formatted into text"),  # noqa: UP031
        ("{}".format, "was formatted into text"),
        (lambda one: "a" + one, "was used with +"),
        (lambda one: [1] * one, "was used with *"),
        (lambda one: sorted([one, one]), "was used with <"),
        (enter, "was used with with"),
        (lambda one: one(1), "Options come before the call"),
    ],
)
def test_a_misuse_says_what_it_was(use: Callable[[Any], Any], message: str) -> None:
    """The error names the step, and the misuse in the user's words."""
    with pytest.raises(DefinitionError) as raised:
        use(handle())

    assert "'load'" in str(raised.value)
    assert message in str(raised.value)


def test_a_handle_of_several_outputs_unpacks() -> None:
    """Each part is a handle of its own that knows its place."""
    several = Handle(GRAPH, "split", outputs=2)

    first, second = several

    assert [source_of(first), source_of(second)] == [(GRAPH, "split", 0), (GRAPH, "split", 1)]
    assert repr(second) == "<output of step 'split'[1]>"


@pytest.mark.parametrize("unpack_into", [list, tuple, spread])
def test_a_handle_of_several_outputs_spreads_into_arguments(unpack_into: Callable[[Any], Any]) -> None:
    """`join(*split(x))` works like `a, b = split(x)`."""
    parts = unpack_into(Handle(GRAPH, "split", outputs=3))

    assert [source_of(part)[2] for part in parts] == [0, 1, 2]


def test_unpacking_a_wrong_number_of_outputs_is_an_error_of_python() -> None:
    """Three names for two outputs fail where they are written."""
    with pytest.raises(ValueError, match="not enough values to unpack"):
        _a, _b, _c = Handle(GRAPH, "split", outputs=2)


def test_one_of_several_outputs_does_not_unpack_further() -> None:
    """A part stands for one value; what is inside it is a step's business."""
    first, _second = Handle(GRAPH, "split", outputs=2)

    with pytest.raises(DefinitionError, match="was looped over or unpacked"):
        list(first)


def test_a_handle_has_a_repr_and_an_identity() -> None:
    """Debuggers may show it, and it may be a key or stand in a set."""
    one, other = handle(), handle()

    assert repr(one) == "<output of step 'load'>"
    assert f"{one!r}" == repr(one)
    assert len({one, one, other}) == 2


def test_a_handle_is_copied_with_what_holds_it() -> None:
    """`copy` of a list of handles asks a handle for protocol methods, and is not refused."""
    copied = copy.copy(handle())

    assert source_of(copied) == (GRAPH, "load", None)
