"""The first values of a process are restored in several threads at once, while libraries are still being imported."""

import subprocess
import sys
from pathlib import Path

import pandas as pd

from pplns.codecs import hold
from pplns.state.artifacts import ArtifactPlace, store_value
from pplns.stores import FileStore

THREADS = 8
SCRIPT = """
import sys, threading
from pathlib import Path
from pplns.model.artifact import StoredValue
from pplns.state.artifacts import load_value
from pplns.stores import FileStore

store, name, digest, size = FileStore(Path(sys.argv[1])), sys.argv[2], sys.argv[3], int(sys.argv[4])
stored = StoredValue(
    codec="pandas", digest=digest, size_bytes=size, artifact=name, meta={"format": "arrow"}, rows=3,
    columns={"n": "int64"},
)
barrier = threading.Barrier(int(sys.argv[5]))
rows = []

def load():
    barrier.wait()
    rows.append(len(load_value(store, stored).handout()))

threads = [threading.Thread(target=load) for _ in range(barrier.parties)]
[one.start() for one in threads]
[one.join() for one in threads]
print(*rows)
"""


def test_a_library_that_another_thread_imports_is_waited_for(tmp_path: Path) -> None:
    """A table is whole also where pandas isn't yet: it must not be taken for damaged and made again."""
    store = FileStore(tmp_path)
    (tmp_path / "p/runs/r").mkdir(parents=True)
    stored = store_value(
        store, ArtifactPlace(prefix="p/runs/r", step="s", version="v"), hold(pd.DataFrame({"n": [1, 2, 3]}), where="")
    )
    arguments = [str(stored.artifact), stored.digest, str(stored.size_bytes), str(THREADS)]

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), *arguments], capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["3"] * THREADS, done.stderr
