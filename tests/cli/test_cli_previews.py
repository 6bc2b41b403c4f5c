"""The head of a value, whatever it is."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pplns_deploy.cli.previews import value_json, value_lines

INDEXED = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "b"], name="key"))
LEVELS = pd.DataFrame({"x": [1]}, index=pd.MultiIndex.from_tuples([("a", 1)], names=["one", None]))


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (INDEXED, ["key  x", "a    1", "b    2"]),
        (LEVELS, ["one  index  x", "a        1  1"]),
        (pd.Series([1.5, None], name="share"), ["share", "  1.5", ""]),
        (pd.DataFrame([[1, 2]], columns=["same", "same"]), ["same  same", "   1     2"]),
        (pd.DataFrame({"x": []}), ["x"]),
        (pd.DataFrame(index=range(3)), ["3 rows without columns"]),
        (pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}), ["n", "1", ""]),
        (pd.DataFrame({"t": [pd.NaT]}), ["t", ""]),
        (pd.DataFrame({"l": [[1, 2]], "a": [np.array([1, 2])]}), ["l       a", "[1, 2]  [1 2]"]),
        (pa.table({"d": [Decimal("1.10"), None], "s": [{"k": 1}, None]}), ["d     s", '1.10  {"k": 1}', ""]),
        (pa.table({"x": [1], "y": [2]}).to_batches()[0], ["x  y", "1  2"]),
        (np.arange(3), ["array of shape (3,), int64", "[0 1 2]"]),
        ({"when": datetime(2026, 1, 31, tzinfo=UTC)}, ["{", '  "when": "2026-01-31T00:00:00+00:00"', "}"]),
        ("", [""]),
        (None, ["null"]),
    ],
)
def test_values_as_text(value, lines):
    """Tables line up, missing values are empty, arrays say their shape, all else is JSON."""
    assert value_lines(value, count=10, width=80) == lines


def test_a_large_array_is_not_written_out():
    """A million numbers stay a few lines and a few values."""
    array = np.zeros((1000, 1000))

    assert len(value_lines(array, count=10, width=80)) < 20
    assert value_json(array, count=2) == {"shape": [1000, 1000], "dtype": "float64", "first": [0.0, 0.0]}


def test_cells_do_not_steer_the_terminal():
    """Line breaks and escape sequences in a cell stay in the cell."""
    frame = pd.DataFrame({"text": ["a\nb", "\x1b[2J"]})

    assert value_lines(frame, count=10, width=80)[1:] == ["a b", "\\x1b[2J"]


@pytest.mark.parametrize("width", [10, 20, 40, 80])
def test_a_table_never_exceeds_the_width(width):
    """Columns that don't fit are named; a single one is cut."""
    frame = pd.DataFrame({f"column {place}": ["x" * 30 * place] for place in range(1, 6)})

    lines = value_lines(frame, count=1, width=width)

    assert all(len(line) <= width for line in lines[:2])
    assert "more column" in lines[-1]


def test_json_heads_keep_numbers_and_say_missing():
    """NaN is no JSON."""
    frame = pd.DataFrame({"x": [1.5, float("nan")]})

    head = value_json(frame, count=5)

    assert head["columns"] == ["x"]
    assert head["rows"][0] == [1.5]
    assert head["rows"][1] in ([None], ["NaN"])


def test_a_long_text_is_cut():
    """What is left out is counted; a line that never ends is cut too."""
    lines = value_lines({"numbers": list(range(1000)), "text": "x" * 10_000}, count=10, width=80)

    assert len(lines) == 41
    assert lines[-1] == "… 965 more lines; save all with --output FILE"
    assert max(map(len, value_lines("y" * 10_000, count=10, width=80))) == 400
