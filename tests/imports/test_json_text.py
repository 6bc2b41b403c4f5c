"""JSON without the module `json` is what that module reads and writes, errors included."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pplns.json_text import json_writer, read_json, write_ascii, write_compact

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
    max_leaves=20,
)
TEXTS = st.text('[]{}":,0123456789.eE+-naNIfity\\u \n\t\ufeff\x00')


def outcome(function: Any, *arguments: Any) -> str:
    """Return what a call gives or raises, as text: NaN is equal to itself there."""
    try:
        return repr(function(*arguments))
    except (ValueError, TypeError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"


def circle() -> list[Any]:
    held: list[Any] = []
    held.append({"again": held})
    return held


@given(VALUES, st.booleans())
@example({1, 2}, True)
@example({"a": {(1, 2): 3}}, True)
@example([float("inf")], False)
@example("\ud800", False)
@example(circle(), False)
def test_what_is_written_is_what_the_module_writes(value, ensure_ascii):
    """Values of records and of steps, and what is none."""
    module = json.JSONEncoder(ensure_ascii=ensure_ascii, separators=(",", ":"), allow_nan=False)

    assert outcome(write_ascii if ensure_ascii else write_compact, value) == outcome(module.encode, value)


def test_what_is_unknown_is_made_something_else():
    """Log lines hold whatever a step gives them."""
    assert json_writer(ensure_ascii=False, default=repr)({"ö": [1j]}) == '{"ö":["1j"]}'


@given(VALUES.map(json.dumps) | TEXTS | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary())
@example(b" [1, 2]\n")
@example(b'"\xed\xa0\x80"')
@example('{"a": 1}'.encode("utf-16"))
@example('{"a": 1}'.encode("utf-8-sig"))
@example("[NaN, -Infinity]")
@example("1" * 5000)
@example("[" * 100_000)
def test_what_is_read_is_what_the_module_reads(text):
    """Records, however they were damaged."""
    assert outcome(read_json, text) == outcome(json.loads, text)


@pytest.mark.parametrize("missing", ["_json", None])
def test_an_interpreter_without_the_c_code_uses_the_module(missing):
    """And one that has it imports neither `json` nor `re`."""
    code = (
        f"import sys; sys.modules.update({{{missing!r}: None}}); before = set(sys.modules)\n"
        "from pplns.json_text import read_json, write_ascii, write_compact\n"
        "assert read_json(write_ascii({'ö': [1, 2.5, None]})) == read_json(write_compact({'ö': [1, 2.5, None]}))\n"
        "print(write_ascii('ö'), *sorted({'json', 're'} & (set(sys.modules) - before)))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.stdout.split() == ['"\\u00f6"', *(["json", "re"] if missing else [])], ended.stderr
