"""DataFrames and Series come back equal: dtypes, indexes, labels, nulls, attributes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from pplns.codecs import hold, restore
from pplns.codecs.tables import BATCH_BYTES
from sameness import assert_same_table
from storing import artifact_of, held_and_restored


def objects(*items: Any) -> "pd.Series[Any]":
    return pd.Series(list(items), dtype=object)


def arrow(*items: Any, type_: Any) -> "pd.Series[Any]":
    return pd.Series(list(items), dtype=pd.ArrowDtype(type_))


COLUMNS: dict[str, Any] = {
    "int64": [1, 2, 3],
    "uint8": np.array([1, 2, 3], "uint8"),
    "float64 with NaN": [1.0, np.nan, -0.0],
    "float16": np.array([1, 2, 3], "float16"),
    "bool": [True, False, True],
    "text": ["x", "y", None],
    "seconds": np.array(["2013", "NaT", "2014"], "M8[s]"),
    "milliseconds": np.array(["2013", "NaT", "2014"], "M8[ms]"),
    "nanoseconds": pd.Series([5, None, 7], dtype="datetime64[ns]"),
    "zone": pd.to_datetime(["2013-11-03 05:30", None, "2013-11-03 06:30"]).tz_localize("UTC").tz_convert("US/Eastern"),
    "offset": pd.to_datetime(["2013-01-01T00:00:00+02:00"] * 3),
    "timedelta": pd.to_timedelta([1, None, 3], unit="s"),
    "ordered categories": pd.Categorical(["a", "b", None], categories=["b", "a", "unused"], ordered=True),
    "int categories": pd.Categorical([3, 1, None]),
    "no categories": pd.Categorical([None, None, None]),
    "time categories": pd.Categorical(pd.to_datetime(["2013", "2014", "2013"], utc=True)),
    "interval categories": pd.cut([1, 5, 9], 3),
    "interval": pd.arrays.IntervalArray.from_tuples([(0, 1), np.nan, (2, 3)], closed="left"),
    "period": pd.PeriodIndex(["2013-01", None, "2013-03"], freq="M"),
    "Int64": pd.array([1, None, 3], dtype="Int64"),
    "Float64": pd.array([1.5, None, 3], dtype="Float64"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "string[pyarrow]": pd.array(["a", None, "c"], dtype="string[pyarrow]"),
    "string[python]": pd.array(["a", None, "c"], dtype="string[python]"),
    "arrow int": arrow(1, None, 3, type_=pa.int64()),
    "arrow text": arrow("a", None, "c", type_=pa.string()),
    "arrow list": arrow([1], None, [2, 3], type_=pa.list_(pa.int64())),
    "arrow dictionary": arrow("a", None, "b", type_=pa.dictionary(pa.int32(), pa.string())),
    "arrow seconds": arrow(datetime(2013, 1, 1), None, datetime(2014, 1, 1), type_=pa.timestamp("s")),
    "arrow decimal": arrow(Decimal("1.10"), None, Decimal("2.00"), type_=pa.decimal128(5, 2)),
    "object text and None": objects("a", None, "b"),
    "object text and NaN": objects("a", np.nan, "b"),
    "object text and NA": objects("a", pd.NA, "b"),
    "object text, None and NaN": objects("a", None, np.nan),
    "object surrogates": objects("\ud800", "b", None),
    "object dates": objects(date(2013, 1, 1), None, date(2014, 1, 1)),
    "object datetimes": objects(datetime(2013, 1, 1), None, datetime(2014, 1, 1)),
    "object bool": objects(True, None, False),
    "object int": objects(1, None, 3),
    "object long int": objects(10**30, 1, -1),
    "object bytes": objects(b"a", None, b"\xff"),
    "object Decimal": objects(Decimal("1.10"), None, Decimal("-2.00")),
    "object Decimals of several exponents": objects(Decimal("1.1"), Decimal("NaN"), Decimal("1E+5")),
    "object minus zero": objects(Decimal("-0.0"), Decimal("0.1"), None),
    "object mixed": objects(1, "x", 2.5),
    "object lists": objects([1], {"a": (2,)}, None),
    "object lists of one length": objects([1, 2], [3, 4], [5, 6]),
    "object tuples": objects((1, 2), (3, 4), (5, 6)),
    "object None": objects(None, None, None),
    "object NaN": objects(np.nan, np.nan, np.nan),
    "object NaT": objects(pd.NaT, None, "x"),
}


def indexed(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"value": range(len(index))}, index=index)


def labelled(labels: Any) -> pd.DataFrame:
    frame = pd.DataFrame([[1, 2.5]])
    frame.columns = labels
    return frame


def with_attrs(frame: pd.DataFrame, **attrs: Any) -> pd.DataFrame:
    frame.attrs = attrs
    return frame


MULTI = pd.MultiIndex.from_tuples([("a", 1, date(2013, 1, 1)), ("b", 2, None)], names=["letter", None, ("n", 1)])
EVERY = pd.DataFrame(COLUMNS)
SHAPES: dict[str, Any] = {
    "every dtype": EVERY,
    "no rows": EVERY.iloc[:0],
    "no columns": EVERY[[]],
    "no columns, labelled rows": EVERY.set_index("text")[[]],
    "nothing": pd.DataFrame(),
    "series": pd.Series([1, 2], name="n"),
    "unnamed series": pd.Series(["a", None]),
    "series named by a tuple": pd.Series([1.5], name=("a", 1), index=["x"]),
    "series of lists": objects([1], [2]),
    "range": indexed(pd.RangeIndex(5, 11, 2, name="every other")),
    "named index": indexed(pd.Index(["x", "y"], name="id")),
    "index named by a number": indexed(pd.Index([1.5, np.nan], name=3)),
    "days": indexed(pd.date_range("2013-01-01", periods=3, freq="D", name="day")),
    "months in a zone": indexed(pd.date_range("2013-01-01", periods=3, freq="MS", tz="Europe/Berlin")),
    "hours": indexed(pd.timedelta_range("1h", periods=3, freq="h")),
    "irregular": indexed(pd.to_datetime(["2013-01-01", "2013-01-05", None])),
    "categories": indexed(pd.CategoricalIndex(["a", "b"], categories=["b", "a", "c"])),
    "intervals": indexed(pd.interval_range(0, 3)),
    "periods": indexed(pd.period_range("2013-01", periods=3, freq="M")),
    "objects": indexed(pd.Index([1, "x", (1, 2)], dtype=object, tupleize_cols=False)),
    "multi": indexed(MULTI),
    "multi with unused levels": indexed(MULTI)[:1],
    "multi without rows": indexed(MULTI)[:0],
    "two columns of one name": labelled(["a", "a"]),
    "numbers": labelled([5, 7]),
    "range of columns": labelled(pd.RangeIndex(2)),
    "mixed labels": labelled(pd.Index(["a", 1], dtype=object)),
    "tuples": labelled(pd.Index([("a", 1), ("b", 2)], tupleize_cols=False)),
    "levels of columns": labelled(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None])),
    "dates as columns": labelled(pd.date_range("2013-01-01", periods=2, freq="D")),
    "categories as columns": labelled(pd.CategoricalIndex(["a", "b"], name="kind")),
    "object labels": labelled(pd.Index(["a", "b"], dtype=object, name="name")),
    "missing labels": labelled([None, np.nan]),
    "a label of ours": labelled(["__index_level_0__", "pplns"]).set_index(pd.Index(["x"])),
    "attributes": with_attrs(indexed(["x"]), source=["a.csv"], day=date(2013, 1, 1), pair=(1, 2)),
    "no duplicates": indexed(["x"]).set_flags(allows_duplicate_labels=False),
    "many columns": pd.DataFrame(np.zeros((2, 150))),
    "every other row": pd.DataFrame(np.arange(20).reshape(10, 2)).iloc[::2],
    "transposed": pd.DataFrame(np.arange(6.0).reshape(2, 3)).T,
}
FORMATS = pytest.mark.parametrize("table_format", ["arrow", "parquet"])


@FORMATS
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_with_its_dtype(name: str, table_format: Any):
    """As a column and, where pandas allows it, as the index."""
    frame = pd.DataFrame({"value": COLUMNS[name]})

    held, again = held_and_restored(frame, table_format=table_format)

    assert_same_table(held.handout(), frame)
    assert_same_table(again.handout(), frame)


@FORMATS
@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "float16"])
def test_an_index_comes_back_with_its_dtype(name: str, table_format: Any):
    """pandas has no index of float16; every other dtype may be one."""
    values: Any = pd.Series(COLUMNS[name])
    frame = pd.DataFrame({"value": [1, 2, 3]}, index=pd.Index(values, dtype=values.dtype, name="label"))

    held, again = held_and_restored(frame, table_format=table_format)

    assert_same_table(held.handout(), frame)
    assert_same_table(again.handout(), frame)


@FORMATS
@pytest.mark.parametrize("name", SHAPES)
def test_a_table_comes_back_with_its_labels(name: str, table_format: Any):
    """Indexes of every kind, labels of every kind, attributes and flags."""
    held, again = held_and_restored(SHAPES[name], table_format=table_format)

    assert_same_table(held.handout(), SHAPES[name])
    assert_same_table(again.handout(), SHAPES[name])


@strategies.round_trips
@given(strategies.series())
def test_any_series_comes_back(series: "pd.Series[Any]"):
    """Values, labels and name, each of any kind."""
    held, again = held_and_restored(series)

    assert_same_table(held.handout(), series)
    assert_same_table(again.handout(), series)


@strategies.round_trips
@given(strategies.frames(), st.sampled_from(["arrow", "parquet"]))
def test_any_frame_comes_back(frame: pd.DataFrame, table_format: Any):
    """What holds for the tables holds for whatever Hypothesis makes of them."""
    held, again = held_and_restored(frame, table_format=table_format)

    assert_same_table(held.handout(), frame)
    assert_same_table(again.handout(), frame)


@pytest.mark.parametrize("name", [*COLUMNS, "every dtype", "two columns of one name"])
def test_columns_are_the_same_where_pandas_has_only_its_public_way(name: str, monkeypatch: pytest.MonkeyPatch):
    """The bytes of the artifact are equal, whether a column was reached as an array or as a Series."""
    frame = SHAPES[name] if name in SHAPES else pd.DataFrame({"value": COLUMNS[name]})
    written = [artifact_of(hold(part, where="Step 'make'")) for part in (frame, frame.iloc[1:])]

    monkeypatch.delattr(pd.DataFrame, "_iter_column_arrays")

    assert [artifact_of(hold(part, where="Step 'make'")) for part in (frame, frame.iloc[1:])] == written


def test_arrays_in_cells_come_back_as_arrays():
    """Embeddings, say: equal lengths don't make a table of them, and each consumer has its own."""
    frame = pd.DataFrame({"id": [1, 2], "vector": objects(np.array([1.0, 2.0]), np.array([3.0, 4.0]))})

    for one in held_and_restored(frame):
        one.handout()["vector"].iloc[0][0] = 99
        assert [cell.tolist() for cell in one.handout()["vector"]] == [[1.0, 2.0], [3.0, 4.0]]


def test_a_frame_of_several_batches_comes_back():
    """Large frames are written in parts, text among numbers."""
    rows = BATCH_BYTES // 8 + 10_000
    frame = pd.DataFrame({"number": np.arange(rows), "flag": np.arange(rows) % 3 == 0})
    frame["text"] = pd.Categorical.from_codes(np.arange(rows) % 2, categories=["a", "b"])

    _, again = held_and_restored(frame)

    assert_same_table(again.handout(), frame)


def test_other_programs_can_read_the_artifact():
    """It is an Arrow file: names, numbers, text, categories and nulls are what Arrow calls so."""
    frame = pd.DataFrame({"n": [1, 2], "text": ["a", None], "kind": pd.Categorical(["x", "y"])}, index=["r", "s"])

    table = pa.ipc.open_file(artifact_of(hold(frame, where="Step 'make'"))).read_all()

    assert table.column_names == ["n", "text", "kind", "__index_level_0__"]
    assert table.column("text").to_pylist() == ["a", None]
    assert table.column("kind").to_pylist() == ["x", "y"]


def test_rows_and_columns_are_known_before_anything_is_written():
    """They go into the commit; the index isn't counted among the columns."""
    held = hold(indexed(pd.Index(["x", "y"])).assign(value=lambda frame: frame["value"] * 1.5), where="Step 'make'")

    assert held.rows == 2
    assert held.columns == {"value": "double"}


def test_text_of_a_restored_frame_outlives_its_buffer():
    """Columns that read from the artifact's bytes keep them alive."""
    held = hold(pd.DataFrame({"text": ["a" * 50, "b" * 50]}), where="Step 'make'")
    data = bytearray(artifact_of(held))

    frame = restore(_stored(held), memoryview(data).toreadonly()).handout()
    del data

    assert frame["text"].tolist() == ["a" * 50, "b" * 50]


def _stored(held: Any) -> Any:
    from storing import stored_value

    return stored_value(held, artifact="a")
