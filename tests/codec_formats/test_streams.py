"""Iterators of tables, readers and datasets: written as they come, handed out anew to each consumer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from pplns.codecs import SourceFailed, hold, restore
from pplns.errors import DamagedArtifact, StorageRefused
from sameness import assert_same_table
from storing import artifact_of, restored, stored_value, streamed

SCHEMA = pa.schema([("n", pa.int64()), ("kind", pa.dictionary(pa.int32(), pa.string()))])


def frames() -> Iterator[pd.DataFrame]:
    """Tables whose dtypes differ, as those of a file read in parts do."""
    yield pd.DataFrame({"n": [1, 2], "t": ["a", None]})
    yield pd.DataFrame({"n": [None, 2.5], "t": [None, None]}, index=pd.Index([5, 6], name="row"))
    yield pd.DataFrame({"n": pd.Categorical(["x"]), "t": [[1, 2]]})


def batches() -> Iterator[pa.RecordBatch]:
    """Batches with a dictionary each."""
    for kinds in (["a", "b"], ["c", "a"]):
        yield pa.record_batch([pa.array([1, None]), pa.array(kinds).dictionary_encode()], schema=SCHEMA)


def content_of(table: Any) -> str:
    """What counts of an Arrow table or an array: not its chunks, nor where it lies in memory."""
    if isinstance(table, np.ndarray):
        return f"{table.dtype} {table.shape} {table.tobytes()!r}"
    return f"{table.schema.to_string()} {table.to_pylist()}"


def test_an_iterator_of_frames_comes_back_table_by_table():
    """Each has its own dtypes, index and nulls."""
    stored = streamed(frames())

    found = stored.handout()

    assert next(iter(found)) is not None
    for one, wanted in zip(stored.handout(), frames(), strict=True):
        assert_same_table(one, wanted)


@pytest.mark.parametrize(
    "make",
    [
        batches,
        lambda: (pa.Table.from_batches([batch]) for batch in batches()),
        lambda: map(pa.Table.to_pandas, (pa.table({"n": [n]}) for n in range(3))),
        lambda: iter([np.arange(3), np.ones((2, 2))]),
        lambda: (frame["n"] for frame in frames()),
        lambda: iter(()),
    ],
    ids=["batches", "tables", "map", "arrays", "series", "empty"],
)
def test_an_iterator_of_any_tables_comes_back(make: Any):
    """In their order, each of the type that it had; twice, since each consumer has an iterator of its own."""
    stored = streamed(make())
    wanted = list(make())

    for _ in range(2):
        found = list(stored.handout())
        assert [type(one) for one in found] == [type(one) for one in wanted]
        assert [str(one) for one in found] == [str(one) for one in wanted]


@strategies.round_trips
@given(st.lists(st.one_of(strategies.frames(), strategies.arrow_tables(), strategies.arrays()), max_size=3))
def test_any_iterator_of_tables_comes_back(tables: list[Any]):
    """What holds for one table holds for each of many."""
    found = list(streamed(iter(tables)).handout())

    assert len(found) == len(tables)
    for one, wanted in zip(found, tables, strict=True):
        if isinstance(wanted, pd.DataFrame):
            assert_same_table(one, wanted)
        else:
            assert type(one) is type(wanted)
            assert content_of(one) == content_of(wanted)


def test_two_consumers_read_at_their_own_pace():
    """Neither takes a table away from the other, and neither sees what the other does to one."""
    stored = streamed(frames())
    one, two = stored.handout(), stored.handout()

    first = next(one)
    first.loc[0, "n"] = 99
    next(one)

    assert next(two)["n"].tolist() == [1, 2]


def test_rows_and_columns_are_known_once_it_is_written():
    """The columns are the first table's."""
    held = hold(frames(), where="Step 'make'")

    artifact_of(held)

    assert (held.codec, held.extension, held.rows) == ("batches", "batches", 5)
    assert list(held.columns or {}) == ["n", "t"]


def test_a_reader_comes_back_as_a_reader():
    """With its schema and batches, dictionaries that differ among them; each consumer has its own."""
    stored = streamed(pa.RecordBatchReader.from_batches(SCHEMA, batches()))

    for _ in range(2):
        found = stored.handout()
        assert isinstance(found, pa.RecordBatchReader)
        assert found.schema == SCHEMA
        assert [batch.to_pylist() for batch in found] == [batch.to_pylist() for batch in batches()]
    assert stored.rows == 4


@strategies.round_trips
@given(strategies.arrow_tables())
def test_any_reader_comes_back(table: pa.Table):
    """Schema, metadata and rows."""
    found = streamed(table.to_reader()).handout()

    assert found.schema.equals(table.schema, check_metadata=True)
    assert repr(found.read_all().to_pylist()) == repr(table.to_pylist())


def test_a_dataset_comes_back_as_a_dataset(tmp_path: Path):
    """Its partitions are columns; its files need not be there any more."""
    table = pa.table({"n": [1, 2, 3], "year": [2012, 2013, 2013]})
    ds.write_dataset(table, tmp_path / "in", format="parquet", partitioning=["year"])
    source = ds.dataset(tmp_path / "in", partitioning=["year"])

    found = streamed(source).handout()

    assert isinstance(found, ds.Dataset)
    assert found.schema == source.schema
    assert found.to_table(filter=ds.field("year") == 2013).column("n").to_pylist() == [2, 3]


def test_a_reader_is_one_file_that_other_programs_read():
    """An Arrow IPC stream, with lz4 where the store wants it."""
    table = pa.table({"n": [7] * 10_000})

    plain = artifact_of(hold(table.to_reader(), where="Step 'make'"))
    small = artifact_of(hold(table.to_reader(), where="Step 'make'"), compression="lz4")

    assert pa.ipc.open_stream(plain).read_all() == pa.ipc.open_stream(small).read_all() == table
    assert len(small) < len(plain) / 5


def failing() -> Iterator[pd.DataFrame]:
    yield pd.DataFrame({"n": [1]})
    raise OSError("the line broke")


@pytest.mark.parametrize(
    "make",
    [
        failing,
        lambda: pa.RecordBatchReader.from_batches(
            pa.schema([("n", pa.int64())]), (pa.RecordBatch.from_pandas(frame) for frame in failing())
        ),
    ],
    ids=["iterator", "reader"],
)
def test_what_the_source_raises_is_the_steps_own_error(make: Any):
    """An OSError of the step isn't taken for one of the store."""
    held = hold(make(), where="Step 'make'")

    with pytest.raises(SourceFailed) as failed:
        artifact_of(held)

    assert isinstance(failed.value.error, OSError)
    assert str(failed.value.error) == "the line broke"


LATE: dict[str, tuple[Any, str, str]] = {
    "no table": ({"a": 1}, "Item 1 of what step 'make' returned is a dict.", "return list(…) of it"),
    "a stream": (iter(()), "Item 1 of what step 'make' returned is a tuple_iterator.", "Let it give tables only"),
    "a column": (
        pd.DataFrame({"z": [1j]}),
        "Item 1 of what step 'make' returned is a pandas.DataFrame with values of dtype 'complex128' in column 'z'.",
        "Make two columns",
    ),
}


@pytest.mark.parametrize("case", LATE)
def test_a_later_item_that_has_no_format_is_refused(case: str):
    """By its number, with what any table would be refused for."""
    item, met, remedy = LATE[case]
    held = hold(iter([pd.DataFrame(), item]), where="Step 'make'")

    with pytest.raises(StorageRefused) as refused:
        artifact_of(held)

    assert refused.value.met == met
    assert remedy in refused.value.remedy


def test_an_item_of_one_output_is_named_with_it():
    """`where` may name an output instead of a step."""
    held = hold(iter([pd.DataFrame(), 1]), where="Output 0 of step 'split'")

    with pytest.raises(StorageRefused, match="Item 1 of output 0 of step 'split' is an int"):
        artifact_of(held)


@pytest.mark.parametrize("make", [frames, lambda: pa.table({"n": [1]}).to_reader()], ids=["iterator", "reader"])
def test_a_stream_is_handed_out_only_after_it_was_written(make: Any):
    """And is written only once."""
    held = hold(make(), where="Step 'make'")

    with pytest.raises(ValueError, match="from its artifact"):
        held.handout()
    again = restored(held)
    with pytest.raises(ValueError, match="written already"):
        artifact_of(again)
    assert not again.is_streamed


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: b"\xff" * len(data)], ids=["empty", "noise"])
@pytest.mark.parametrize("make", [frames, lambda: pa.table({"n": [1]}).to_reader()], ids=["iterator", "reader"])
def test_damaged_streams_are_an_error_of_ours(make: Any, damage: Any):
    """They are noticed before a consumer has them; what is cut off at the end, by the digest."""
    held = hold(make(), where="Step 'make'")
    data = damage(artifact_of(held))

    with pytest.raises(DamagedArtifact, match=held.codec):
        restore(stored_value(held, artifact="a"), data)
