"""Equality as strict as pplns promises: values and types, all the way down."""

import math
from collections import deque
from dataclasses import fields, is_dataclass
from typing import Any

import pandas as pd
from pandas.testing import assert_index_equal, assert_series_equal


def assert_same(found: Any, wanted: Any) -> None:
    """Assert that two values are equal and of the same types, inside containers too."""
    assert type(found) is type(wanted), f"{found!r} is no {type(wanted).__name__}"
    if isinstance(wanted, dict):
        assert len(found) == len(wanted)
        for one, other in zip(found.items(), wanted.items(), strict=True):
            assert_same(one, other)
        assert getattr(found, "default_factory", None) is getattr(wanted, "default_factory", None)
    elif isinstance(wanted, list | tuple | deque):
        assert getattr(found, "maxlen", None) == getattr(wanted, "maxlen", None)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_same(one, other)
    elif isinstance(wanted, set | frozenset):
        assert sorted(map(_described, found)) == sorted(map(_described, wanted))
    elif is_dataclass(wanted):
        assert_same(_fields_of(found), _fields_of(wanted))
    elif isinstance(wanted, float):
        assert repr(found) == repr(wanted)
    else:
        assert found is wanted or found == wanted or repr(found) == repr(wanted)


def _fields_of(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(value)} | getattr(value, "__dict__", {})


def _described(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


def assert_same_table(found: Any, wanted: Any) -> None:
    """Assert that two DataFrames or Series are equal: dtypes, kinds of index, labels, attributes, nulls."""
    assert type(found) is type(wanted)
    if wanted.ndim == 2:
        assert found.shape == wanted.shape
        _assert_same_index(found.columns, wanted.columns)
        for place in range(wanted.shape[1]):
            _assert_same_column(found.iloc[:, place], wanted.iloc[:, place])
    else:
        assert_same(found.name, wanted.name)
        _assert_same_column(found, wanted)
    _assert_same_index(found.index, wanted.index)
    assert_same(found.attrs, wanted.attrs)
    assert found.flags == wanted.flags


def _assert_same_column(found: Any, wanted: Any) -> None:
    assert found.dtype == wanted.dtype
    if wanted.dtype == object:  # pandas lets NaN inside cells differ from itself
        assert_same(found.tolist(), wanted.tolist())
    else:
        assert_series_equal(found.reset_index(drop=True), wanted.reset_index(drop=True), check_exact=True)
    if isinstance(wanted.dtype, pd.CategoricalDtype):
        _assert_same_index(found.cat.categories, wanted.cat.categories)
        assert found.cat.ordered == wanted.cat.ordered


def _assert_same_index(found: Any, wanted: Any) -> None:
    assert type(found) is type(wanted)
    assert found.dtype == wanted.dtype
    if type(wanted) is pd.Index and wanted.dtype == object:
        assert_same(found.tolist(), wanted.tolist())
    else:
        assert_index_equal(found, wanted, exact=True)
    assert list(map(_name, found.names)) == list(map(_name, wanted.names))
    assert getattr(found, "freq", None) == getattr(wanted, "freq", None)


def _name(name: Any) -> Any:
    return "NaN" if isinstance(name, float) and math.isnan(name) else name
