"""polars tables come back as they were, where polars is installed."""

from datetime import date
from typing import Any

import pytest

from pplns.codecs import hold
from pplns.errors import StorageRefused
from storing import held_and_restored, restored

pl: Any = pytest.importorskip("polars", reason="polars is not installed; it is no dependency of pplns")


def make_frame() -> Any:
    return pl.DataFrame(
        {
            "n": [1, None, 3],
            "kind": pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b"])),
            "items": [[1], [], None],
            "day": [date(2013, 1, 1), None, date(2014, 1, 1)],
        }
    )


@pytest.mark.parametrize("make", [make_frame, lambda: make_frame()["kind"], lambda: make_frame().head(0), pl.DataFrame])
def test_a_polars_table_comes_back(make: Any):
    """Schema and values, of a DataFrame or a Series."""
    for one in held_and_restored(make()):
        assert type(one.handout()) is type(make())
        assert one.handout().equals(make())
        assert one.rows == len(make())


def test_nobody_sees_what_another_one_does_to_a_polars_table():
    """Clones share their data until one of them is changed."""
    frame = make_frame()
    held = hold(frame, where="Step 'make'")

    frame[0, "n"] = 99
    held.handout()[0, "n"] = 98
    held.handout().insert_column(0, pl.Series("first", [1, 2, 3]))

    assert held.handout().equals(make_frame())
    assert restored(held).handout().equals(make_frame())


@pytest.mark.parametrize(
    ("make", "met", "remedy"),
    [
        (lambda: make_frame().lazy(), "a polars.LazyFrame.", "Return its `.collect()`."),
        (
            lambda: pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}),
            "dtype Object in column 'o'.",
            ".cast(…)",
        ),
    ],
    ids=["lazy", "objects"],
)
def test_what_polars_cannot_write_is_refused(make: Any, met: str, remedy: str):
    """The remedy is polars' own."""
    with pytest.raises(StorageRefused) as refused:
        hold(make(), where="Step 'make'")

    assert met in refused.value.met
    assert remedy in refused.value.remedy
