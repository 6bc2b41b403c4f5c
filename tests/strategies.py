"""Hypothesis strategies shared by the tests: JSON values with their types, tables."""

from datetime import UTC, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import strategies as st

CENTURY = timedelta(days=36_525)
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
        st.complex_numbers(), st.integers(-(2**1100), 2**1100),
    )  # fmt: skip


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
    )


def _series(items: st.SearchStrategy[Any], dtype: Any, rows: int) -> st.SearchStrategy[Any]:
    return st.lists(items, min_size=rows, max_size=rows).map(lambda found: pd.Series(found, dtype=dtype))


def columns(rows: int) -> st.SearchStrategy[Any]:
    """A Series of one of the common dtypes."""
    int64 = st.integers(-(2**63), 2**63 - 1)
    moments = st.one_of(st.none(), st.integers(-(2**62), 2**62).map(lambda ns: pd.Timestamp(ns, unit="ns")))
    text = st.text(max_size=8)
    return st.one_of(
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
            ]
        )
    )
    return frame
