"""A step's call is bound to its parameters as `inspect` binds it, and without `inspect` where the function is plain."""

import functools
import gc
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import DefinitionError, logical_date, step
from pplns.steps.declared import MISSING, declared
from pplns.steps.definitions import Pipeline, pipeline
from pplns.steps.signatures import bind_arguments, plain_signature

NAMES = ["a", "b", "c", "d"]
BY_PLACE = inspect.Parameter.POSITIONAL_OR_KEYWORD
BY_NAME = inspect.Parameter.KEYWORD_ONLY
VARIADIC = [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]


@st.composite
def functions(draw: st.DrawFn, *, kinds: list[Any]) -> Callable[..., Any]:
    """Functions of up to four parameters of some kinds, with defaults and annotations or without."""
    found: list[inspect.Parameter] = []
    for name in draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]:
        kind = draw(st.sampled_from(kinds))
        if kind not in VARIADIC or all(one.kind != kind for one in found):
            found.append(inspect.Parameter(name, kind))
    found.sort(key=lambda one: one.kind)
    first = draw(st.integers(0, len(found)))  # from here on parameters have defaults; by name each may have one
    has_default = [place >= first or (one.kind == BY_NAME and draw(st.booleans())) for place, one in enumerate(found)]
    written = [
        one.replace(default=place) if has_default[place] and one.kind not in VARIADIC else one
        for place, one in enumerate(found)
    ]
    scope: dict[str, Any] = {}
    exec(f"def function{inspect.Signature(written)}: return None", scope)
    function: Callable[..., Any] = scope["function"]
    function.__annotations__ = dict.fromkeys(draw(st.sets(st.sampled_from(NAMES))), "later")
    return function


calls = st.tuples(
    st.lists(st.integers(), max_size=5).map(tuple),
    st.dictionaries(st.sampled_from([*NAMES, "unknown"]), st.integers(), max_size=4),
)


@given(functions(kinds=[BY_PLACE, BY_NAME, inspect.Parameter.POSITIONAL_ONLY, *VARIADIC]), calls)
def test_a_call_is_bound_as_inspect_binds_it(
    function: Callable[..., Any], call: tuple[tuple[int, ...], dict[str, int]]
) -> None:
    """The same arguments in the same order, or the same mistake in the same words."""
    args, kwargs = call
    signature = inspect.signature(function)
    try:
        expected: list[tuple[str, Any]] | str = list(signature.bind(*args, **kwargs).arguments.items())
    except TypeError as error:
        expected = f"Step 'function' is called with arguments that it can't take: {error}."

    assert bound(function, args, kwargs) == expected


def bound(function: Callable[..., Any], args: tuple[int, ...], kwargs: dict[str, int]) -> list[tuple[str, Any]] | str:
    try:
        return list(bind_arguments(step(function), args, kwargs).items())
    except DefinitionError as error:
        return error.met


@given(functions(kinds=[BY_PLACE, BY_NAME]))
def test_a_plain_function_is_read_without_inspect(function: Callable[..., Any]) -> None:
    """Its parameters are those that inspect finds, with the same annotations and defaults."""
    known = [
        (one.name, *(MISSING if value is one.empty else value for value in (one.annotation, one.default)))
        for one in inspect.signature(function).parameters.values()
    ]

    assert plain_signature(function) is not None
    assert [(one.name, one.annotation, one.default) for one in declared(pipeline_of(function))] == known


def pipeline_of(function: Callable[..., Any]) -> Pipeline[..., Any]:
    return pipeline(function)


def plain(a: int, b: int = 2) -> None: ...
def places(a: int, /) -> None: ...
def many(*a: int) -> None: ...
def named(**a: int) -> None: ...


@functools.wraps(plain)
def wrapping(*args: Any) -> None: ...


@pytest.mark.parametrize("function", [places, many, named, wrapping, functools.partial(plain, 1), print, str.upper])
def test_what_only_inspect_understands_is_left_to_it(function: Callable[..., Any]) -> None:
    """Other callables, other kinds of parameters, a decorator's function that stands for another one."""
    assert plain_signature(function) is None


def test_a_steps_logical_date_is_refused_unless_it_is_given() -> None:
    """The mark is no value: it is the default of a pipeline's parameter."""

    @step
    def load(day: Any = logical_date()) -> None: ...

    assert bind_arguments(load, ("today",), {}) == {"day": "today"}
    with pytest.raises(DefinitionError, match=r"Step 'load' has logical_date\(\) as the default of 'day'"):
        bind_arguments(load, (), {})


def test_a_function_and_what_it_holds_are_forgotten_together() -> None:
    """A step that a pipeline function defines may hold a large value as a default."""

    class Large: ...

    def holding() -> weakref.ref[Large]:
        large = Large()

        def load(value: Large = large) -> None: ...

        first = plain_signature(load)
        assert first is not None
        assert plain_signature(load) is first
        return weakref.ref(large)

    held = holding()
    gc.collect()

    assert held() is None
