"""docs/values.md tells the truth: every row of its tables is tried."""

import io
import re
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from dateutil import tz

import pplns
from pplns import File
from pplns.codecs import hold, registry
from pplns.errors import StorageRefused
from sameness import assert_same
from sample_classes import Colour, Ledger, Opaque, Order, Point
from storing import held_and_restored, streamed

PAGE = (Path(__file__).parents[2] / "docs" / "values.md").read_text("utf-8")


def rows(section: str) -> dict[str, list[str]]:
    """Return the first column of a section's table, each with the other ones."""
    table = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


VALUES: dict[str, list[Any]] = {
    "`None`, `bool`, `int`, `float`, `str`": [None, True, 10**400, float("nan"), float("-inf"), "\ud800", "x" * 20_000],
    "`bytes`, `bytearray`": [b"x", bytearray(b"x"), b"x" * 20_000],
    "`list`, `tuple`, `dict`, `set`, `frozenset`": [[1], (1,), {(1, None): {2}}, frozenset({1}), [1] * 20_000],
    "`OrderedDict`, `defaultdict`, `Counter`, `deque`, `range`": [
        OrderedDict(a=1), defaultdict(int, a=1), Counter("aab"), deque([1], maxlen=2), range(1, 9, 2),
    ],
    "`date`, `datetime`, `time`, `timedelta`": [
        date(2013, 1, 1), datetime(2013, 1, 1, tzinfo=UTC, fold=1), time(1, 2), timedelta(days=-1, microseconds=1),
    ],
    "`Decimal`, `Fraction`, `complex`, `UUID`": [Decimal("1.10"), Fraction(1, 3), 1j, UUID(int=1)],
    "`Path`, `PurePosixPath`, `PureWindowsPath`": [Path("a/b"), PurePosixPath("/a"), PureWindowsPath("C:\\a")],
    "Enum members": [Colour.RED],
    "dataclasses, NamedTuples": [Order(1, ["a"]), Point(1, 2.5)],
    "numpy scalars, `Timestamp`, `Timedelta`, `Period`, `Interval`, `NaT`, `NA`": [
        np.float32(0.5), pd.Timestamp(5), pd.Timedelta(5), pd.Period("2013-01", "M"), pd.Interval(0, 1), pd.NaT, pd.NA,
    ],
}  # fmt: skip
TABLES: dict[str, list[Any]] = {
    "pandas `DataFrame`, `Series`": [pd.DataFrame({"a": [1, None]}), pd.Series(["x"], name="s")],
    "pyarrow `Table`, `RecordBatch`": [pa.table({"a": [1]}), pa.record_batch({"a": [1]})],
    "numpy arrays": [np.arange(4.0).reshape(2, 2)],
}
STREAMS: dict[str, tuple[Callable[[Path], Any], type]] = {
    "an iterator of tables: a generator, `map(…)`, a step with `yield`": (
        lambda _: map(pd.Series, [[1], [2]]), Iterator,
    ),
    "pyarrow `RecordBatchReader`": (lambda _: pa.table({"a": [1]}).to_reader(), pa.RecordBatchReader),
    "pyarrow `Dataset`": (lambda _: ds.dataset(pa.table({"a": [1]})), ds.Dataset),
    "`File(path)`": (File, File),
}  # fmt: skip
REFUSED: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "several tables in a list or dict": [(lambda: [pd.DataFrame()], "several outputs")],
    "an iterator of anything but tables": [(lambda: iter([{"a": 1}]), "list(…)")],
    "a column of complex numbers": [(lambda: pd.DataFrame({"z": [1j]}), ".to_numpy().imag")],
    "a sparse column": [(lambda: pd.DataFrame({"z": pd.arrays.SparseArray([1])}), ".sparse.to_dense()")],
    "numpy arrays of objects, masked arrays, recarrays, memmaps": [
        (lambda: np.array([object()]), "dtype"),
        (lambda: np.ma.array([1]), "the mask beside it"),
        (lambda: np.rec.array([(1,)], dtype=[("n", int)]), "numpy.asarray(…)"),
        (lambda: np.arange(3).view(np.memmap), "File(…)"),
    ],
    "a pandas Index, a GroupBy, a polars LazyFrame": [
        (lambda: pd.Index([1]), ".to_series()"),
        (lambda: pd.DataFrame({"a": [1]}).groupby("a"), "the aggregated table"),
    ],
    "pyarrow arrays and scalars": [(lambda: pa.array([1]), "pyarrow.table("), (lambda: pa.scalar(1), ".as_py()")],
    "subclasses of `dict`, `list`, `str`, `DataFrame` and so on": [(Ledger, "Return dict(…)")],
    "a class inside a function": [(lambda: type("E", (Point,), {})(1), "the class at the top of a module")],
    "a time in a zone of dateutil": [(lambda: datetime(2013, 1, 1, tzinfo=tz.gettz("Europe/Paris")), "zoneinfo")],
    "a list inside itself, more than 100 levels": [(lambda: nested(150), "flatter")],
    "open files": [(lambda: io.StringIO("x"), "File(…)")],
    "connections, clients, locks, functions, models": [
        (threading.Lock, "in the step that needs it"),
        (lambda: print, "in the step that needs it"),
    ],
}


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize("row", VALUES)
def test_a_value_of_each_row_comes_back(row: str):
    """Equal and of its type."""
    assert row in rows("Values")
    for value in VALUES[row]:
        for one in held_and_restored(value):
            assert_same(one.handout(), value)


@pytest.mark.parametrize("row", TABLES)
def test_a_table_of_each_row_comes_back(row: str):
    """Equal and of its type; the formats of the second column are those of the artifacts."""
    stored_as = rows("Tables and arrays")[row][0]
    for value in TABLES[row]:
        held, again = held_and_restored(value)
        assert repr(held.handout()) == repr(again.handout()) == repr(value)
        assert {"arrow": "Arrow IPC", "npy": "`.npy`"}[held.extension] in stored_as


@pytest.mark.parametrize("row", STREAMS)
def test_a_stream_of_each_row_comes_back(row: str, tmp_path: Path):
    """Anew for each consumer."""
    (tmp_path / "a.csv").write_text("x")
    make, kind = STREAMS[row]
    stored = streamed(make(tmp_path / "a.csv"))

    one, two = stored.handout(), stored.handout()

    assert row in rows("Tables larger than memory")
    assert one is not two
    assert isinstance(one, kind)


@pytest.mark.parametrize("row", REFUSED)
def test_what_each_row_says_is_refused_is(row: str):
    """With the remedy of the row."""
    assert row in rows("What is refused")
    for make, remedy in REFUSED[row]:
        with pytest.raises(StorageRefused) as refused:
            hold(make(), where="Step 'make'")
        assert remedy in refused.value.remedy


def test_no_row_is_left_out():
    """polars has tests of its own, where it is installed; registered types have the page's example."""
    tried = {*VALUES, *TABLES, *STREAMS, *REFUSED}
    elsewhere = {"polars `DataFrame`, `Series`", "types given to `register_type`"}

    sections = ("Values", "Tables and arrays", "Tables larger than memory", "What is refused")

    assert {row for section in sections for row in rows(section)} == tried | elsewhere


def test_the_examples_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The steps of the page, called as functions, and the registered type, through a checkpoint."""
    monkeypatch.setattr(registry, "_BY_NAME", {})
    monkeypatch.setattr(registry, "_BY_CLASS", {})
    found: dict[str, Any] = {"__name__": "shop"}
    for example in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(example, found)
    (tmp_path / "orders.csv").write_text("id,total\n1,5\n2,\n")

    cleaned = found["clean"](found["load_orders"](str(tmp_path / "orders.csv")))
    _, again = held_and_restored({"price": found["Money"](500, "EUR")})

    assert [part["id"].tolist() for part in cleaned] == [[1]]
    assert vars(again.handout()["price"]) == {"cents": 500, "currency": "EUR"}
    assert pplns.register_type is registry.register_type


def test_the_remedy_for_any_other_type_names_the_registry():
    """It is how the type could be stored after all."""
    with pytest.raises(StorageRefused, match=r"pplns\.register_type\(\)"):
        hold(Opaque(), where="Step 'make'")
