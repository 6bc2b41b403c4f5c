"""polars tables come back as they were, where polars is installed."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from pplns.codecs import hold
from pplns.errors import StorageRefused
from storing import artifact_of, held_and_restored, restored, streamed

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


@strategies.round_trips
@given(st.data())
def test_any_polars_table_comes_back(data: st.DataObject):
    """Of any dtype but Object, with nulls, empty ones too."""
    parametric = pytest.importorskip("polars.testing.parametric")
    frame = data.draw(parametric.dataframes(max_cols=4, max_size=4, allow_null=True))

    for one in held_and_restored(frame):
        assert one.handout().schema == frame.schema
        assert repr(one.handout().to_dict(as_series=False)) == repr(frame.to_dict(as_series=False))


def test_an_iterator_of_polars_tables_comes_back():
    """One after another."""
    found = list(streamed(iter([make_frame(), make_frame().head(1)])).handout())

    assert [one.height for one in found] == [3, 1]
    assert found[0].equals(make_frame())


def test_a_polars_table_is_compressed_where_the_store_wants_it():
    """With lz4, as other tables are."""
    held = hold(pl.DataFrame({"n": [5] * 20_000}), where="Step 'make'")

    assert len(artifact_of(held, compression="lz4")) < len(artifact_of(held)) / 4


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
