"""What can't be stored is refused when it is returned, with the step, the place and what to do."""

import io
import threading
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

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


REFUSED: list[tuple[Any, str, str]] = [
    ((n for n in "a"), "a generator whose first item is a str.", "Return list(…) of it"),
    (map(str, "a"), "a map whose first item is a str.", "Return list(…) of it"),
    (io.StringIO(), "a _io.StringIO.", "Return the path of the file"),
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


def test_attributes_of_a_frame_are_stored_or_refused():
    """`DataFrame.attrs` is part of the value."""
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["client"] = Opaque()

    with pytest.raises(StorageRefused, match=r"with a sample_classes.Opaque in its attrs, \['client'\]"):
        hold(frame, where="Step 'make'")


def test_an_extension_type_of_one_process_is_refused():
    """Whoever reads the table later may not have registered it."""

    class Private(pa.ExtensionType):
        def __init__(self) -> None:
            super().__init__(pa.int64(), "private.id")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> "Private":
            return cls()

    table = pa.table({"id": pa.ExtensionArray.from_storage(Private(), pa.array([1]))})

    with pytest.raises(StorageRefused, match=r"extension type 'private.id' in column 'id'"):
        hold(table, where="Step 'make'")
