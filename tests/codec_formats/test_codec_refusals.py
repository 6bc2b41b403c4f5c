"""What can't be stored is refused when it is returned, with the step, the place and what to do."""

import csv
import io
import threading
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from dateutil import tz

from pplns import File
from pplns.codecs import hold
from pplns.errors import StorageRefused
from sample_classes import Ledger, Opaque


def cycle() -> list[Any]:
    found: list[Any] = []
    found.append({"inner": found})
    return found


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


class Sequence(list):  # type: ignore[type-arg]
    """A subclass of list."""


class Name(str):
    """A subclass of str."""


class Sheet(pd.DataFrame):
    """A subclass of DataFrame."""


class Line(pd.Series):  # type: ignore[type-arg]
    """A subclass of Series."""


class BaseModel:
    """Stands for pydantic's."""


class Settings(BaseModel):
    """A model of pydantic."""


def local_dataclass() -> Any:
    @dataclass
    class Local:
        number: int = 1

    return Local()


async def coroutine() -> None: ...


async def tables_later() -> Any:
    yield pd.DataFrame()


def closed_coroutine() -> Any:
    found = coroutine()
    found.close()
    return found


def noon(zone: Any) -> datetime:
    return datetime(2013, 1, 1, 12, tzinfo=zone)


def private_ids() -> Any:
    class Private(pa.ExtensionType):
        def __init__(self) -> None:
            super().__init__(pa.int64(), "private.id")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> "Private":
            return cls()

    return pa.ExtensionArray.from_storage(Private(), pa.array([1]))


def with_attrs(**attrs: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame


OFFSET: Any = tz.tzoffset(None, 3600)
PRIVATE_IDS = private_ids()
REFUSED: list[tuple[Any, str, str]] = [
    ((n for n in "a"), "a generator whose first item is a str.", "Return list(…) of it"),
    (map(str, "a"), "a map whose first item is a str.", "Return list(…) of it"),
    (io.StringIO(), "a _io.StringIO.", "return File(…) of its path"),
    (threading.Lock(), "a _thread.lock.", "a model or a client is written to a file"),
    (Opaque(), "a sample_classes.Opaque.", "a model or a client is written to a file"),
    (Ledger(), "a sample_classes.Ledger.", "Return dict(…) of it."),
    (print, "a builtin_function_or_method.", "Return a table"),
    (defaultdict(lambda: 1), "a defaultdict with the factory '<lambda>'.", "Return dict(…) of it."),
    ({"a": [1, Opaque()]}, "a dict that holds a sample_classes.Opaque at ['a'][1].", "Return a table"),
    ({("k", 1): {2: {Opaque()}}}, "a dict that holds a sample_classes.Opaque at [('k', 1)][2][0].", "Return a table"),
    ({"train": pd.DataFrame()}, "a dict that holds a pandas.DataFrame at ['train'].", "@step(outputs=2)"),
    (cycle(), "a list that holds itself at [0]['inner']", "Break the cycle"),
    (nested(150), "a list that holds a list nested 100 levels deep at [0][0]", "Store it flatter"),
    (pd.Index([1]), "a pandas.Index.", ".to_series()"),
    (pd.Series([1]).array, "a pandas.NumpyExtensionArray.", "pandas.Series(…)"),
    (pd.DataFrame({"a": [1]}).groupby("a"), "a pandas.DataFrameGroupBy.", "Return the aggregated table."),
    (pd.DataFrame({"ok": [1, 2], "x": [1, Opaque()]}), "with a sample_classes.Opaque in column 'x', row 1.", "Return"),
    (pd.Series([Opaque()], name="s"), "a pandas.Series with a sample_classes.Opaque in column 's', row 0.", "Return"),
    (pd.DataFrame({"x": [[1, Opaque()]]}), "with a sample_classes.Opaque in column 'x', row 0, [1].", "Return"),
    (pd.DataFrame({"z": [1j]}), "with values of dtype 'complex128' in column 'z'.", ".real"),
    (pd.DataFrame({"z": np.array([1.5], ">f8")}), "with values of dtype '>f8' in column 'z'.", ".astype('float64')"),
    (pd.DataFrame({"z": pd.arrays.SparseArray([1])}), "dtype 'Sparse[int64, 0]' in column 'z'.", ".sparse.to_dense()"),
    (pd.DataFrame({"a": [1]}, index=[Opaque()]), "with a sample_classes.Opaque in its index, row 0.", "Return"),
    (np.array([object()]), "a numpy array of dtype 'object'.", "give the array a dtype"),
    (np.ma.array([1]), "a numpy.MaskedArray.", "the mask beside it"),
    (np.rec.array([(1,)], dtype=[("n", int)]), "a numpy.recarray.", "numpy.asarray(…)"),
    (pd.DataFrame({"z": pd.array(["\ud800"], "string[python]")}), "lone surrogates) in column 'z'.", "Clean the text"),
    (pd.DataFrame({"t": pd.to_datetime(["2013"]).tz_localize(OFFSET)}), " in column 't'.", "ZoneInfo("),
    (pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_arrays([[1j]])), "dtype 'complex128' in its index.", ".real"),
    (pd.DataFrame([[1]], columns=pd.Index([Name("n")], dtype=object)), "Name in its column labels, [0].", "str(…)"),
    (pd.Series([1], name=Name("n")), "Name in its name.", "str(…)"),
    (with_attrs(client=Opaque()), "with a sample_classes.Opaque in its attrs, ['client'].", "Return a table"),
    (pa.table({"id": PRIVATE_IDS}), "of the extension type 'private.id' in column 'id'.", ".cast(…)"),
    (pd.DataFrame({"id": pd.Series(PRIVATE_IDS, dtype=pd.ArrowDtype(PRIVATE_IDS.type))}), "in column 'id'.", ".cast("),
    (noon(OFFSET), "a time in the zone tzoffset(", "Use zoneinfo.ZoneInfo("),
    (local_dataclass(), "a class that can't be found again as", "Define the class at the top of a module"),
    (Sequence(), ".Sequence.", "Return list(…) of it."),
    (Name("x"), ".Name.", "Return str(…) of it."),
    (Sheet({"a": [1]}), ".Sheet.", "Return pandas.DataFrame(…) of it."),
    (Line([1]), ".Line.", "Return pandas.Series(…) of it."),
    (Settings(), ".Settings.", "Return its `.model_dump()`."),
    (tables_later(), "an async_generator.", "Return a generator of tables"),
    (ds.dataset(pa.table({"a": [1]})).scanner(), "a pyarrow.Scanner.", ".to_reader()"),
    (closed_coroutine(), "a coroutine.", "asyncio.run(…)"),
    (memoryview(b""), "a memoryview.", "Return bytes(…) of it."),
    (MappingProxyType({}), "a mappingproxy.", "Return dict(…) of it."),
    (pa.array([1]), "a pyarrow.Int64Array.", "Return pyarrow.table("),
    (pa.chunked_array([[1]]), "a pyarrow.ChunkedArray.", "Return pyarrow.table("),
    (pa.scalar(1), "a pyarrow.Int64Scalar.", "Return its `.as_py()`."),
    (np.array([(1,)], dtype=[("n", int)])[0], "a numpy.void.", "Return its `.item()`."),
    (UTC, "a datetime.timezone.", "Return its name"),
    (ValueError("x"), "a ValueError.", "pplns.register_type()"),
    (csv.reader(["a,b"]), "a _csv.reader whose first item is a list.", "Return list(…) of it"),
    ([iter([1])], "a list that holds a list_iterator at [0].", "Return list(…) of it"),
    ([pa.table({"a": [1]}).to_reader()], "a list that holds a pyarrow.RecordBatchReader at [0].", "by itself"),
    ({"file": File("a.csv")}, "a dict that holds a pplns.File at ['file'].", "-> tuple[File, File]"),
    (File("missing.csv"), "a File('missing.csv'), which is not there.", "that is written and closed"),
    ([np.array([object()])], "a list that holds a numpy array of dtype 'object' at [0].", "give the array a dtype"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "met", "remedy"), REFUSED, ids=[met for _, met, _ in REFUSED])
def test_a_value_that_has_no_format_is_refused(value: Any, met: str, remedy: str):
    """What was met names the step and the place; the remedy fits the type."""
    with pytest.raises(StorageRefused) as refused:
        hold(value, where="Step 'make'")

    assert refused.value.met.startswith("Step 'make' returned a")
    assert met in refused.value.met
    assert remedy in refused.value.remedy


def test_a_refusal_of_one_output_reads_as_a_sentence():
    """`where` may name an output instead of a step."""
    with pytest.raises(StorageRefused) as refused:
        hold(Opaque(), where="Output 0 of step 'split'")

    assert str(refused.value).startswith("Output 0 of step 'split' is a sample_classes.Opaque. What can be stored: ")


@pytest.mark.parametrize("value", [value for value, _, _ in REFUSED], ids=[met for _, met, _ in REFUSED])
def test_a_refusal_has_three_parts(value: Any):
    """What was met, by step (and column); what was expected, but for a cycle; what to do, as a sentence."""
    with pytest.raises(StorageRefused) as refused:
        hold(value if not hasattr(value, "__next__") else iter(["x"]), where="Step 'make'")

    assert refused.value.met.startswith("Step 'make' returned a")
    assert refused.value.met.endswith(".")
    assert refused.value.remedy.endswith(".")
    if type(value) in (pd.DataFrame, pa.Table):
        assert any(place in refused.value.met for place in ("in column '", "in its "))
