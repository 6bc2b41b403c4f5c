"""JSON values come back as they were, types included."""

import json
import os
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import strategies
from pplns.codecs import INLINE_LIMIT_BYTES, hold
from sameness import assert_same
from storing import artifact_of, held_and_restored

NEW_YORK = ZoneInfo("America/New_York")

VALUES: list[Any] = [
    None, True, 0, -(10**5000), 1.5, float("nan"), float("inf"), -0.0, "", "naïve", "\ud800", "\ud83d\ude00",
    [], {}, (), set(), frozenset({1}), b"", bytearray(b"x"), [True, 1, 1.0, "1"], {1: "int", "1": "text", None: 0},
    {"$": "date", "v": "2013-01-01"}, {"\ud800": 1}, {"b": 1, "a": 2}, {(1, "x"): [None]}, {True: 1},
    date(2013, 1, 1), datetime(2013, 1, 1, 12, 30, 0, 5), datetime(2013, 1, 1, tzinfo=UTC),
    datetime(2013, 11, 3, 1, 30, tzinfo=NEW_YORK, fold=1), datetime(2013, 11, 3, 1, 30, tzinfo=NEW_YORK),
    datetime(2013, 1, 1, tzinfo=timezone(timedelta(hours=-5), "EST")), time(1, 2, 3, 4, tzinfo=UTC),
    timedelta(days=-1, microseconds=1), Decimal("1.10"), Decimal("-0"), Decimal("NaN"), Decimal("1E+50"),
    Fraction(1, 3), UUID(int=5), 1 + 2j, complex("nan"), range(1, 10, 2), Path("data/flights.csv"),
    PurePosixPath("/a/b\\c"), PureWindowsPath("C:\\a\\b"), OrderedDict(b=1, a=2), Counter("abca"),
    defaultdict(list, a=[1]), defaultdict(None, a=1), deque([1, 2], maxlen=3),
    np.int8(5), np.float32(0.1), np.float64("nan"), np.bool_(True), np.str_("x"), np.datetime64("2013-01-01"),
    np.timedelta64(5, "ms"), np.complex64(1j), np.bytes_(b"x"),
    pd.Timestamp("2013-01-01 00:00:00.000000005"), pd.Timestamp("2013-01-01", tz="America/New_York"), pd.NaT, pd.NA,
    pd.Timestamp("2013-11-03 06:30", tz="UTC").tz_convert(NEW_YORK), pd.Timedelta(5, "ns"), pd.Period("2013-01", "M"),
    pd.Interval(1, 2, closed="left"), {"nested": [(1, {2}), {"deep": {3: b"x"}}]},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_with_its_type(value: Any):
    """Memory and checkpoint give the same value, and it is the one that was returned."""
    held, again = held_and_restored(value)

    assert_same(held.handout(), value)
    assert_same(again.handout(), value)


@strategies.round_trips
@given(strategies.values())
def test_any_value_comes_back_with_its_types(value: Any):
    """What holds for the table holds for whatever Hypothesis makes of it."""
    held, again = held_and_restored(value)

    assert_same(held.handout(), value)
    assert_same(again.handout(), value)


@strategies.round_trips
@given(strategies.values())
def test_the_text_of_a_restored_value_is_the_stored_one(value: Any):
    """A digest can be checked again from the commit alone."""
    held, again = held_and_restored(value)

    assert held.inline_bytes == again.inline_bytes


def test_what_json_knows_is_stored_as_plain_json():
    """A commit can be read by people."""
    held = hold({"rows": 5, "names": ["a", None], "share": 0.5}, where="Step 'count'")

    assert held.inline == {"rows": 5, "names": ["a", None], "share": 0.5}


def test_an_array_inside_a_value_comes_back():
    """Small arrays may stand inside dicts, and every consumer has its own."""
    held, again = held_and_restored({"weights": np.array([1.5, 2.5], dtype="float32")})

    held.handout()["weights"][0] = 9

    for one in (held, again):
        assert one.handout()["weights"].dtype == np.float32
        assert one.handout()["weights"].tolist() == [1.5, 2.5]


def test_a_small_value_goes_into_the_commit_and_a_large_one_into_an_artifact():
    """The limit counts the bytes of the JSON text."""
    fits = hold(["x" * (INLINE_LIMIT_BYTES - 4)], where="Step 'make'")
    exceeds = hold(["x" * (INLINE_LIMIT_BYTES - 3)], where="Step 'make'")

    assert fits.has_inline
    assert len(fits.inline_bytes or b"") == INLINE_LIMIT_BYTES
    assert not exceeds.has_inline
    assert exceeds.inline_bytes is None


@pytest.mark.parametrize(
    ("value", "codec", "extension"),
    [
        (list(range(10_000)), "json", "json"),
        ("é\ud800" * 20_000, "text", "txt"),
        ("x" * 3_000_000, "text", "txt"),
        (b"\x00\xff" * 20_000, "bytes", "bin"),
        (bytearray(b"\x00\xff" * 20_000), "bytes", "bin"),
    ],
    ids=["list", "surrogates", "text", "bytes", "bytearray"],
)
def test_a_large_value_comes_back_from_its_artifact(value: Any, codec: str, extension: str):
    """Text and bytes are stored raw, other values as JSON."""
    held, again = held_and_restored(value)

    assert (held.codec, held.extension) == (codec, extension)
    assert_same(held.handout(), value)
    assert_same(again.handout(), value)


def test_long_ascii_text_is_readable_as_it_is():
    """The artifact of a text is the text."""
    held = hold("line\n" * 10_000, where="Step 'make'")

    assert artifact_of(held) == b"line\n" * 10_000


def test_none_inside_the_commit_is_told_from_no_value():
    """None is a value like any other."""
    held, again = held_and_restored(None)

    assert held.has_inline
    assert held.inline_bytes == b"null"
    assert again.handout() is None


def test_equal_sets_have_equal_bytes_whatever_the_hash_seed():
    """A digest doesn't depend on the process that made it."""
    code = "from pplns.codecs import hold; print(hold(set('abcdefgh'), where='x').inline_bytes.decode())"
    texts = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    ]

    assert texts[0] == texts[1]
    assert json.loads(texts[0])["v"] == list("abcdefgh")
