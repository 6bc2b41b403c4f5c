"""Arrow tables are compressed for stores that want it, and read back whatever they are."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pplns.codecs import hold, restore
from pplns.state.artifacts import ArtifactPlace, load_value, store_value
from pplns.stores import MemoryStore
from storing import artifact_of, stored_value

VALUES: dict[str, Any] = {
    "frame": lambda: pd.DataFrame({"n": np.zeros(20_000), "t": ["text"] * 20_000}),
    "large frame": lambda: pd.DataFrame({"n": np.zeros(1_000_000)}),
    "table": lambda: pa.table({"n": [5] * 20_000}),
    "iterator": lambda: iter([pd.DataFrame({"n": np.zeros(20_000)})]),
}


class RemoteStore(MemoryStore):
    """A memory store that says what a bucket says."""

    compresses = True


def text_of(value: Any) -> str:
    return repr(list(value)) if hasattr(value, "__next__") else repr(value)


@pytest.mark.parametrize("name", VALUES)
def test_a_compressed_table_is_smaller_and_the_same(name: str):
    """lz4, which Arrow's readers undo by themselves."""
    plain = artifact_of(hold(VALUES[name](), where="Step 'make'"))
    held = hold(VALUES[name](), where="Step 'make'")

    small = artifact_of(held, compression="lz4")

    assert len(small) < len(plain) / 3
    assert text_of(restore(stored_value(held, artifact="a"), small).handout()) == text_of(VALUES[name]())


def test_other_programs_read_a_compressed_table():
    """The artifact is still an Arrow file."""
    data = artifact_of(hold(pa.table({"n": [5] * 1000}), where="Step 'make'"), compression="lz4")

    assert pa.ipc.open_file(io.BytesIO(data)).read_all().num_rows == 1000


def test_the_store_says_whether_tables_are_compressed():
    """Those on the same machine don't: a disk is faster than the compression."""
    place, sizes = ArtifactPlace(prefix="p", step="s", version="v"), []

    for store in (MemoryStore(), RemoteStore()):
        stored = store_value(store, place, hold(VALUES["frame"](), where="Step 'make'"))
        sizes.append(stored.size_bytes)
        assert len(load_value(store, stored).handout()) == 20_000

    assert sizes[1] < sizes[0] / 3


@pytest.mark.parametrize("value", [np.zeros(5000), b"\0" * 50_000, "x" * 50_000, list(range(5000))], ids=type)
def test_what_is_no_table_is_stored_as_it_is(value: Any):
    """Its artifact is read by other programs, which don't expect lz4."""
    held = hold(value, where="Step 'make'")

    assert artifact_of(held, compression="lz4") == artifact_of(held)
