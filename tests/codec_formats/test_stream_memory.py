"""Tables larger than memory: what is written and read table by table takes the memory of one table."""

import subprocess
import sys
from pathlib import Path

import pytest

# Peaks are of the process's own memory, Python's and Arrow's: mapped pages of the artifact belong to the system.
SCRIPT = """
import sys, tracemalloc
from pathlib import Path
import numpy as np, pandas as pd, pyarrow as pa
from pplns import File
from pplns.codecs import hold
from pplns.state.artifacts import ArtifactPlace, load_value, settle_value
from pplns.stores import FileStore

PARTS, ROWS = 50, 1_000_000  # 8 MB each, 400 MB together

def frames():
    for part in range(PARTS):
        yield pd.DataFrame({{"n": np.full(ROWS, part)}})

def reader():
    schema = pa.schema([("n", pa.int64())])
    return pa.RecordBatchReader.from_batches(schema, (pa.RecordBatch.from_pandas(frame) for frame in frames()))

def file():
    path = Path(sys.argv[1]) / "large.bin"
    with path.open("wb") as out:
        for frame in frames():
            out.write(frame["n"].to_numpy())
    return File(path)

def read(value):
    if isinstance(value, File):
        return value.path.stat().st_size // 8
    return sum(len(table) for table in value)

def is_abandoned():
    return False

store = FileStore(Path(sys.argv[1]) / "state")
tracemalloc.start()
place = ArtifactPlace(prefix="p", step="s", version="v")
held = settle_value(store, place, hold({value}, where="Step 's'"), is_abandoned=is_abandoned)
rows = read(held.handout())
again = load_value(store, held.stored)
assert rows == read(again.handout()) == PARTS * ROWS
assert held.stored.size_bytes >= PARTS * ROWS * 8
print(tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory())
"""


@pytest.mark.parametrize("value", ["frames()", "reader()", "file()"], ids=["iterator", "reader", "file"])
def test_a_stream_of_400_mb_takes_less_than_150_mb(value: str, tmp_path: Path):
    """Made, written, verified and read back twice."""
    command = [sys.executable, "-c", SCRIPT.format(value=value), str(tmp_path)]

    process = subprocess.run(command, capture_output=True, text=True, check=False)

    assert process.returncode == 0, process.stderr
    assert int(process.stdout) < 150e6


ARRAY_SCRIPT = """
import tracemalloc
import numpy as np
from pplns.codecs import hold, restore
from pplns.model.artifact import StoredValue

class Sink:
    place = 0
    def write(self, data):
        self.place += memoryview(data).nbytes
        return memoryview(data).nbytes

tracemalloc.start()
held = hold(np.zeros(25_000_000), where="Step 's'")  # 200 MB, held as a copy: what was returned is gone
before = tracemalloc.get_traced_memory()[0]
tracemalloc.reset_peak()
sink = Sink()
held.write(sink)
assert sink.place > 200e6
print(tracemalloc.get_traced_memory()[1] - before)
"""


def test_a_large_array_is_written_without_a_second_copy():
    """200 MB go to the store in parts."""
    process = subprocess.run([sys.executable, "-c", ARRAY_SCRIPT], capture_output=True, text=True, check=False)

    assert process.returncode == 0, process.stderr
    assert int(process.stdout) < 40e6
