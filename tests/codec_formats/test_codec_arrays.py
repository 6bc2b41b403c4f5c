"""numpy arrays and pyarrow tables come back as they were."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from pplns.codecs import hold
from storing import held_and_restored

ARRAYS: dict[str, Any] = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "Fortran order": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "no dimension": np.array(5, dtype="int8"),
    "no items": np.zeros((0, 3), dtype="float32"),
    "times": np.array(["2013-01-01", "NaT"], dtype="M8[D]"),
    "durations": np.array([1, 2], dtype="m8[ms]"),
    "text": np.array(["naïve", ""]),
    "bytes": np.array([b"a", b"bc"]),
    "big-endian": np.array([1, 2], dtype=">i4"),
    "complex": np.array([1j, complex("nan")]),
    "structured": np.array([(1, "a"), (2, "b")], dtype=[("n", "<i4"), ("s", "U1")]),
    "every other": np.arange(10)[::2],
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back(name: str):
    """Shape, dtype with its byte order, memory order and items."""
    array = ARRAYS[name]

    for one in held_and_restored(array):
        found = one.handout()
        assert (one.codec, one.extension, one.rows) == ("numpy", "npy", None)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.flags.f_contiguous == array.flags.f_contiguous or not array.flags.contiguous
        assert found.tobytes() == array.tobytes()


@strategies.round_trips
@given(strategies.arrays())
def test_any_array_comes_back(array: Any):
    """Every dtype but objects, every shape, both memory orders."""
    for one in held_and_restored(array):
        found = one.handout()
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.tobytes() == array.tobytes()
        assert found.flags.writeable


@strategies.round_trips
@given(strategies.numpy_scalars())
def test_any_item_of_an_array_comes_back(item: Any):
    """numpy's scalars keep their dtype."""
    for one in held_and_restored([item]):
        found = one.handout()[0]
        assert (type(found), found.dtype) == (type(item), item.dtype)
        assert found.tobytes() == item.tobytes()


@strategies.round_trips
@given(strategies.arrow_tables(), st.sampled_from(["arrow", "parquet"]))
def test_any_arrow_table_comes_back(table: pa.Table, table_format: Any):
    """Schema and metadata; a batch of it as well."""
    _, again = held_and_restored(table, table_format=table_format)

    assert again.handout().schema.equals(table.schema, check_metadata=True)
    assert repr(again.handout().to_pylist()) == repr(table.to_pylist())


def tables() -> dict[str, Any]:
    kinds = pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()])
    return {
        "columns": pa.table({"n": [1, None], "t": ["a", "b"], "l": [[1], []]}),
        "metadata": pa.table({"n": [1]}).replace_schema_metadata({"origin": "a.csv"}),
        "no rows": pa.table({"n": pa.array([], pa.int32())}),
        "no columns": pa.table({}),
        "types that Parquet forgets": pa.table(
            {
                "s": pa.array([1, None], pa.timestamp("s")),
                "t": pa.array([1, 2], pa.time32("s")),
                "d": pa.array([86_400_000, 0], pa.date64()),
                "m": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
            }
        ),
        "dictionaries that differ": pa.table({"kind": kinds}),
        "two of one name": pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
        "batch": pa.record_batch({"n": [1, 2]}),
        "empty batch": pa.record_batch({"n": pa.array([], pa.int8())}),
    }


@pytest.mark.parametrize("table_format", ["arrow", "parquet"])
@pytest.mark.parametrize("name", tables())
def test_an_arrow_table_comes_back(name: str, table_format: Any):
    """Schema, metadata and rows; a RecordBatch stays one."""
    table = tables()[name]

    held, again = held_and_restored(table, table_format=table_format)

    assert (held.codec, held.rows) == ("arrow", table.num_rows)
    assert type(again.handout()) is type(table)
    assert again.handout().schema.equals(table.schema, check_metadata=True)
    assert again.handout().to_pylist() == table.to_pylist()
    assert again.handout().equals(held.handout())


def test_an_arrow_table_is_handed_out_as_it_is():
    """It can't be changed, so nobody needs a copy."""
    table = pa.table({"n": [1]})

    held = hold(table, where="Step 'make'")

    assert held.handout() is table


def test_what_parquet_has_no_type_for_is_stored_as_arrow():
    """The artifact's name and the commit say which format it has."""
    numbers = pa.table({"kind": pa.array([5, 5]).dictionary_encode()})

    held, again = held_and_restored(numbers, table_format="parquet")

    assert held.extension == "arrow"
    assert again.handout().equals(numbers)
