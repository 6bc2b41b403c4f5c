"""`plain` shows any value as JSON that every reader understands."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

import strategies
from pplns.codecs import plain
from sample_classes import Colour, Key, Level, Opaque, Point

SHOWN: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (1.5, 1.5),
    (float("nan"), "NaN"),
    (float("-inf"), "-Infinity"),
    ("\ud800", "?"),
    ((1, [2]), [1, [2]]),
    ({1}, [1]),
    ({1: "a", None: "b", date(2013, 1, 1): "c"}, {"1": "a", "None": "b", "2013-01-01": "c"}),
    (b"abc", "YWJj"),
    (date(2013, 1, 1), "2013-01-01"),
    (datetime(2013, 1, 1, tzinfo=UTC), "2013-01-01T00:00:00+00:00"),
    (timedelta(minutes=1), 60.0),
    (Decimal("1.10"), "1.10"),
    (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (PurePosixPath("/out/a.csv"), "/out/a.csv"),
    (Colour.RED, "red"),
    (Level.LOW, 1),
    (Key("a", Point(1)), {"name": "a", "place": {"x": 1, "y": 0.0}}),
    (np.int64(5), 5),
    (np.float32("nan"), "NaN"),
    (np.array([[1, 2]]), [[1, 2]]),
    (np.datetime64("2013-01-01"), "2013-01-01"),
    (pd.Timestamp("2013-01-01"), "2013-01-01T00:00:00"),
    (pd.NaT, None),
    (pd.NA, None),
    (pd.DataFrame({"a": [1, 2]}), "<pandas.DataFrame of 2 rows and 1 columns>"),
    (pd.Series([1]), "<pandas.Series of 1 rows>"),
    (pa.table({"a": [1]}), "<pyarrow.Table of 1 rows and 1 columns>"),
    (Opaque(), "<sample_classes.Opaque>"),
    (2**2000, hex(2**2000)),
]


@pytest.mark.parametrize(("value", "shown"), SHOWN, ids=[str(shown)[:40] for _, shown in SHOWN])
def test_a_value_is_shown_as_natural_json(value: Any, shown: Any):
    """No tags: this is for people and for callers over HTTP."""
    assert plain(value) == shown
    assert type(plain(value)) is type(shown)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first zone loads a database
@given(strategies.values())
def test_any_value_is_shown_as_json_that_every_reader_takes(value: Any):
    """Strict JSON, as UTF-8."""
    text = json.dumps(plain(value), allow_nan=False, ensure_ascii=False).encode()

    assert json.loads(text) == plain(value)


def test_a_value_inside_itself_is_cut():
    """Showing a value never fails."""
    value: list[Any] = []
    value.append(value)

    assert "…" in json.dumps(plain(value), ensure_ascii=False)
