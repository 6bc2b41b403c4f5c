"""What an attempt holds in memory: a value until its last consumer has it and its commit is durable, and once."""

import subprocess
import sys
from pathlib import Path

import pytest

# Peaks of Python's and Arrow's memory together, in tables of 16 MB; pages mapped from files belong to the system.
SCRIPT = """
import gc, sys, tracemalloc
from pathlib import Path
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.feather
sys.path[:0] = sys.argv[2:]
from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.stores import FileStore

ROWS = 1_000_000
TABLE = 2 * 8 * ROWS
PANDAS = {is_pandas}

def table(seed):
    columns = {{"a": np.arange(ROWS) + seed, "b": np.full(ROWS, 0.5)}}
    return pd.DataFrame(columns, copy=False) if PANDAS else pa.table(columns)

@step
def make(seed: int):
    return table(seed)

@step
def swap(value, seed: int):
    return table(seed)

@step
def count(values: list) -> int:
    return sum(len(value) for value in values)

@pipeline
def chain(steps: int = 1):
    value = make(0)
    for number in range(1, steps):
        value = swap(value, number)
    return count([value])

folder = Path(sys.argv[1])
runs = Runs(FileStore(folder / "state"), settings_of(folder))
runs.run(chain, {{"steps": 1}})  # what is imported and made once
gc.collect()
tracemalloc.start()
before = pa.total_allocated_bytes()
for steps in (1, 4, 24):
    tracemalloc.reset_peak()
    assert runs.run(chain, {{"steps": steps}}).result == ROWS
    print((tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory() - before) / TABLE)
    gc.collect()
"""
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("is_pandas", [True, False], ids=["pandas", "pyarrow"])
def test_a_chain_of_tables_takes_the_memory_of_two(is_pandas: bool, tmp_path: Path) -> None:
    """However long it is: the one that a step makes, the one that it has; writing takes no copy of either."""
    command = [sys.executable, "-c", SCRIPT.format(is_pandas=is_pandas), str(tmp_path), str(TESTS)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    alone, short, long = map(float, done.stdout.split())
    assert alone < 1.3, done.stdout
    assert short < 2.3, done.stdout
    assert long < short + 0.3, done.stdout
