"""Names of steps and pipelines: what every file system and cloud takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import DefinitionError, pipeline, step
from pplns.model.names import check_name, listed, shorten


@pytest.mark.parametrize(
    "name", ["a", "_private", "load_orders", "Load-2", "x" * 40, "console", "com", "com10", "null"]
)
def test_a_plain_name_is_taken(name: str) -> None:
    """ASCII letters, digits, '_' and '-', at most 40."""
    assert check_name(name, kind="step") == name


@pytest.mark.parametrize(
    "name",
    [
        "", "x" * 41, "2nd", "-dash", "two words", "a.b", "a/b", "a\\b", "a:b", "a@b", "..", "naïve", "订单", "a\n",
        " a", "con", "CON", "Prn", "aux", "nul", "com1", "COM9", "lpt1", "Lpt9", None, 5, b"load", ["load"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["step", "pipeline"])
def test_a_name_that_something_refuses_is_refused_first(name: object, kind: str) -> None:
    """File systems, Windows' devices and Cloud Run all get a name that they take; the error says how to give one."""
    with pytest.raises(DefinitionError) as raised:
        check_name(name, kind=kind)

    assert raised.value.met.startswith(f"A {kind} is named ")
    assert f"@{kind}(name=" in raised.value.remedy


@pytest.mark.parametrize("decorate", [step, pipeline])
def test_the_functions_own_name_is_checked_too(decorate: type) -> None:
    """A function may be called what a file may not."""

    def nul() -> None: ...

    with pytest.raises(DefinitionError, match="is named 'nul'"):
        decorate(nul)


@given(st.text(max_size=60))
def test_a_name_that_is_taken_is_safe_in_a_path(name: str) -> None:
    """Whatever text comes, what passes has one form only."""
    try:
        check_name(name, kind="step")
    except DefinitionError:
        return
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", name, re.ASCII)


def test_a_long_value_is_cut_in_an_error() -> None:
    """Two thousand characters in a name don't fill the screen."""
    with pytest.raises(DefinitionError) as raised:
        check_name("x" * 2000, kind="step")

    assert len(raised.value.met) < 90
    assert len(shorten("x" * 2000)) <= 60


class Unprintable:
    def __repr__(self) -> str:
        raise ZeroDivisionError


def test_a_value_without_a_repr_is_named_by_its_class() -> None:
    """The error that it was to stand in isn't replaced by another one."""
    assert shorten(Unprintable()) == "<Unprintable, whose repr raised ZeroDivisionError>"
    assert shorten(10**5000) == "<int, whose repr raised ValueError>"


@pytest.mark.parametrize(
    ("count", "ending"),
    [(0, "none"), (1, "'a0'"), (12, "'a10', 'a11'"), (13, "'a11', and 1 more"), (300, "and 288 more")],
)
def test_an_error_lists_the_first_of_many_names(count: int, ending: str):
    """A pipeline of three hundred steps doesn't fill the screen."""
    text = listed(f"a{place}" for place in range(count))

    assert text.endswith(ending)
    assert text.count("'a") == min(count, 12)
