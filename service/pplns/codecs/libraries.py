"""numpy, pandas, pyarrow and polars, imported when first used.

They are Any to the type checkers: their stubs don't know the dtypes that are only known at run time. The import
statement waits for another thread that is at it; `sys.modules` would give a library that isn't whole yet. It is
remembered, since a small table asks some twenty times."""

from functools import cache
from importlib import import_module
from typing import Any


@cache
def numpy() -> Any:
    """Return numpy."""
    import numpy

    return numpy


@cache
def pandas() -> Any:
    """Return pandas."""
    import pandas

    return pandas


def polars() -> Any:
    """Return polars, the user's own."""
    return import_module("polars")


@cache
def pyarrow() -> Any:
    """Return pyarrow."""
    import pyarrow

    return pyarrow


def parquet() -> Any:
    """Return pyarrow's Parquet reader and writer."""
    return import_module("pyarrow.parquet")


def dataset() -> Any:
    """Return pyarrow's datasets."""
    return import_module("pyarrow.dataset")


def pytz() -> Any:
    """Return pytz, which pandas 2 uses for zones given by name."""
    return import_module("pytz")
