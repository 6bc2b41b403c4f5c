"""Hypothesis strategies shared by the tests: JSON values with their types, tables, arrays.

`round_trips` is how often a property that a value comes back is tried: 2,000 times with `--full`."""

import string
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, timedelta, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from sample_classes import Access, Colour, Key, Kind, Level, Order, Outer, Point

FULL = settings.default.max_examples >= 1000

round_trips = settings(
    max_examples=2000 if FULL else settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # the first zone loads a database
)

CENTURY = timedelta(days=36_525)
INT64 = st.integers(-(2**63), 2**63 - 1)
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"]


def texts() -> st.SearchStrategy[str]:
    """Text of any code points, lone surrogates and our own tag included."""
    return st.one_of(st.text(st.characters(exclude_categories=()), max_size=20), st.sampled_from(["$", "v", "$v"]))


def zones() -> st.SearchStrategy[Any]:
    """No zone, IANA zones and fixed offsets."""
    fixed = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
    return st.one_of(st.none(), st.sampled_from(ZONES).map(ZoneInfo), fixed)


def scalars() -> st.SearchStrategy[Any]:
    """Values that hold no others and may be keys."""
    return st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), texts(), st.binary(max_size=20), st.dates(), st.uuids(),
        st.datetimes(timezones=zones()), st.timedeltas(), st.fractions(),
        st.decimals().filter(lambda number: not number.is_snan()),
        st.times(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-5, minutes=-30))])),
        st.complex_numbers(), st.integers(-(2**1100), 2**1100), paths(), members(),
    )  # fmt: skip


def paths() -> st.SearchStrategy[Any]:
    """Paths of this system, and pure ones of both."""
    parts = st.lists(st.text(string.ascii_letters + "é .", min_size=1, max_size=5), max_size=3)
    return st.builds(lambda kind, found: kind(*found), st.sampled_from([Path, PurePosixPath, PureWindowsPath]), parts)


def members() -> st.SearchStrategy[Any]:
    """Members of enums of every kind, flags that are combined among them."""
    return st.sampled_from([*Colour, *Level, *Kind, *Access, Access.READ | Access.WRITE, Access(0)])


def records(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Dataclasses, plain, frozen with slots, nested in a class, and NamedTuples."""
    points = st.builds(Point, st.integers(), st.floats())
    return st.one_of(
        points,
        st.builds(Point, inner, inner),
        st.builds(Key, texts(), points),
        st.builds(Outer.Inner, inner),
        st.builds(Order, st.integers(), st.lists(texts(), max_size=2), st.integers(0, 3)),
    )


def collections(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The standard library's containers."""
    pairs = st.dictionaries(scalars(), inner, max_size=3)
    return st.one_of(
        pairs.map(OrderedDict),
        pairs.map(lambda found: defaultdict(list, found)),
        st.dictionaries(scalars(), st.integers(), max_size=3).map(Counter),
        st.builds(deque, st.lists(inner, max_size=3), st.sampled_from([None, 5])),
    )


def values() -> st.SearchStrategy[Any]:
    """Values of the built-in and standard types, nested."""
    return st.recursive(scalars(), _containers, max_leaves=15)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(texts(), inner, max_size=4),
        st.dictionaries(scalars(), inner, max_size=4),
        st.sets(scalars(), max_size=4),
        st.frozensets(scalars(), max_size=4),
        st.binary(max_size=20).map(bytearray),
        records(inner),
        collections(inner),
    )


def arrays() -> st.SearchStrategy[Any]:
    """numpy arrays of every dtype but objects, in C and Fortran order, and parts of them."""
    dtypes = st.one_of(
        st_numpy.scalar_dtypes(),
        st_numpy.byte_string_dtypes(max_len=5),
        st_numpy.unicode_string_dtypes(max_len=5),
        st_numpy.array_dtypes(),
    )
    found = st_numpy.arrays(dtypes, st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    changes = st.sampled_from([lambda one: one, np.asfortranarray, lambda one: one.T, lambda one: one[..., :1]])
    return st.builds(lambda array, change: change(array) if array.ndim else array, found, changes)


def numpy_scalars() -> st.SearchStrategy[Any]:
    """Items of numpy arrays."""
    return st_numpy.scalar_dtypes().flatmap(lambda dtype: st_numpy.arrays(dtype, 1).map(lambda array: array[0]))


def arrow_columns(rows: int) -> st.SearchStrategy[Any]:
    """An Arrow array of one of many types, nested ones among them."""
    text = st.text(max_size=5)
    seconds, nanoseconds = st.integers(-(2**35), 2**35), st.integers(-(2**62), 2**62)
    kinds: list[tuple[Any, st.SearchStrategy[Any]]] = [
        (pa.int8(), st.integers(-128, 127)),
        (pa.uint64(), st.integers(0, 2**64 - 1)),
        (pa.date32(), st.dates()),
        (pa.float32(), st.floats(width=32)),
        (pa.float64(), st.floats()),
        (pa.bool_(), st.booleans()),
        (pa.string(), text),
        (pa.large_string(), text),
        (pa.binary(), st.binary(max_size=5)),
        (pa.binary(2), st.binary(min_size=2, max_size=2)),
        (pa.timestamp("s"), seconds),
        (pa.timestamp("ns", "America/New_York"), nanoseconds),
        (pa.duration("ms"), seconds),
        (pa.time64("us"), st.integers(0, 86_399_999_999)),
        (pa.decimal128(10, 2), st.decimals(-999, 999, places=2)),
        (pa.list_(pa.int64()), st.lists(INT64, max_size=2)),
        (pa.null(), st.none()),
        (pa.struct([("a", pa.string()), ("b", pa.int64())]), st.fixed_dictionaries({"a": text, "b": INT64})),
        (pa.map_(pa.string(), pa.int64()), st.lists(st.tuples(text, INT64), max_size=2)),
        (pa.dictionary(pa.int32(), pa.string()), text),
    ]
    return st.sampled_from(kinds).flatmap(
        lambda kind: st.lists(st.one_of(st.none(), kind[1]), min_size=rows, max_size=rows).map(
            lambda items: pa.array(items, type=kind[0])
        )
    )


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    """A pyarrow Table, of one chunk or several, with metadata or none."""
    rows = draw(st.integers(0, 4))
    found = draw(st.lists(arrow_columns(rows), max_size=4))
    table = pa.Table.from_arrays(found, names=[draw(st.text(max_size=4)) for _ in found])
    if found and draw(st.booleans()):
        table = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    return table.replace_schema_metadata(draw(st.sampled_from([None, {"origin": "a.csv"}])))


def _series(items: st.SearchStrategy[Any], dtype: Any, rows: int) -> st.SearchStrategy[Any]:
    return st.lists(items, min_size=rows, max_size=rows).map(lambda found: pd.Series(found, dtype=dtype))


def columns(rows: int) -> st.SearchStrategy[Any]:
    """A Series of one of the common dtypes."""
    int64 = INT64
    moments = st.one_of(st.none(), st.integers(-(2**62), 2**62).map(lambda ns: pd.Timestamp(ns, unit="ns")))
    text = st.text(max_size=8)
    days = st.one_of(st.none(), st.dates().map(lambda day: np.datetime64(day, "D")))
    numbers = st.integers(-1000, 1000)
    return st.one_of(
        arrow_columns(rows).map(lambda found: pd.Series(found, dtype=pd.ArrowDtype(found.type))),
        _series(st.integers(0, 2**64 - 1), "uint64", rows),
        _series(st.floats(width=16), "float16", rows),
        _series(st.one_of(st.none(), st.floats(allow_nan=False)), "Float64", rows),
        _series(st.one_of(st.none(), st.integers(0, 255)), "UInt8", rows),
        _series(st.one_of(st.none(), text), "string[python]", rows),
        _series(st.one_of(st.none(), text), pd.StringDtype("pyarrow"), rows),
        _series(days, "datetime64[s]", rows),
        _series(days, "datetime64[us]", rows),
        _series(st.one_of(st.none(), st.integers(-(2**62), 2**62)), "timedelta64[ns]", rows),
        _series(st.one_of(st.none(), numbers.map(lambda n: pd.Period(ordinal=n, freq="M"))), "period[M]", rows),
        _series(st.one_of(st.none(), numbers.map(lambda n: pd.Interval(n, n + 1))), "interval[float64, right]", rows),
        _series(st.one_of(st.none(), st.sampled_from([3, 1, 2])), pd.CategoricalDtype([3, 1, 2]), rows),
        _series(st.one_of(st.none(), st.uuids(), paths(), members()), object, rows),
        _series(st.one_of(st.none(), st.binary(max_size=5)), object, rows),
        _series(st.one_of(st.none(), st.dictionaries(text, scalars(), max_size=2)), object, rows),
        _series(int64, "int64", rows),
        _series(st.integers(0, 255), "uint8", rows),
        _series(st.floats(), "float64", rows),
        _series(st.floats(width=32), "float32", rows),
        _series(st.booleans(), "bool", rows),
        _series(st.one_of(st.none(), int64), "Int64", rows),
        _series(st.one_of(st.none(), st.booleans()), "boolean", rows),
        _series(st.one_of(st.none(), text), "string", rows),
        _series(st.one_of(st.none(), text), object, rows),
        _series(st.one_of(st.just(float("nan")), text), object, rows),
        _series(st.one_of(st.none(), st.dates()), object, rows),
        _series(st.one_of(st.none(), st.decimals(allow_nan=False, places=2)), object, rows),
        _series(st.one_of(scalars(), st.lists(scalars(), max_size=2)), object, rows),
        _series(st.one_of(st.none(), st.sampled_from("abc")), pd.CategoricalDtype(list("cab"), ordered=True), rows),
        _series(moments, "datetime64[ns]", rows),
        st.sampled_from(ZONES).flatmap(lambda zone: _series(moments, f"datetime64[ns, {zone}]", rows)),
        _series(st.one_of(st.none(), st.timedeltas(-CENTURY, CENTURY)), "timedelta64[us]", rows),
    )


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A DataFrame of the common dtypes with one of several kinds of index."""
    rows = draw(st.integers(0, 5))
    found = draw(st.lists(columns(rows), max_size=4))
    labels = draw(st.lists(st.one_of(st.text(max_size=5), st.integers()), min_size=len(found), max_size=len(found)))
    frame = pd.DataFrame(dict(enumerate(found)), index=pd.RangeIndex(rows))
    frame.columns = pd.Index(labels, dtype=object)
    frame.index = draw(
        st.sampled_from(
            [
                pd.RangeIndex(0, rows),
                pd.RangeIndex(5, 5 + 2 * rows, 2, name="every other"),
                pd.Index([f"row {row}" for row in range(rows)], dtype=object, name="label"),
                pd.Index(np.arange(rows, dtype="float64") / 2),
                pd.date_range("2013-01-01", periods=rows, freq="D", tz="America/New_York", name="day"),
                pd.MultiIndex.from_arrays([list(range(rows)), list("abcdefg"[:rows])], names=["n", None]),
                pd.period_range("2013-01", periods=rows, freq="M"),
                pd.interval_range(0, rows, periods=rows) if rows else pd.RangeIndex(0),
                pd.CategoricalIndex(list("abcdefg"[:rows]), categories=list("gfedcba")),
            ]
        )
    )
    frame.attrs = draw(st.dictionaries(st.text(max_size=4), scalars(), max_size=2))
    return frame


@st.composite
def series(draw: st.DrawFn) -> "pd.Series[Any]":
    """A Series of any common dtype, with a name of any kind and labels of another Series' values."""
    rows = draw(st.integers(0, 5))
    found = draw(columns(rows))
    labels = draw(columns(rows).filter(lambda one: one.dtype != np.float16))
    found.index = pd.Index(labels, dtype=labels.dtype, name=draw(st.sampled_from([None, "label", 3, ("a", 1)])))
    found.name = draw(st.sampled_from([None, "value", 5, ("x", None)]))
    return found
