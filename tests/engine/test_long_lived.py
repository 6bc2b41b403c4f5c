"""A process that serves for weeks: what a run took is given back when it has ended, however it ended."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kit import Runs
from pplns import RetryableError, current_run, pipeline, step
from pplns.errors import DefinitionError
from pplns.state import holders

DESCRIPTORS = Path("/proc/self/fd")
WARM = 10


@step
def load(n: int) -> pd.DataFrame:
    return pd.DataFrame({"a": range(n)})


@step
def streamed(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    yield table
    yield table


@step
def count(tables: Iterator[pd.DataFrame], fails: bool) -> int:
    rows = sum(len(table) for table in tables)
    if fails:
        raise RetryableError(current_run().idempotency_key)
    return rows


@pipeline
def served(fails: bool = False) -> Any:
    @step
    def twice(x: int) -> int:
        return 2 * x

    return twice(count(streamed(load(3_000)), fails))


@pipeline
def broken() -> Any:
    raise ValueError("broken")


def run_some(runs: Runs, number: int) -> None:
    for one in range(number):
        runs.run(served, {"fails": bool(one % 2)})
        with pytest.raises(DefinitionError):
            runs.run(broken)


def held() -> dict[str, int]:
    """Count what a run takes: threads, open files, objects, holders that are at work."""
    for thread in threading.enumerate():
        if thread.name.startswith("pplns-"):
            thread.join(30)
    gc.collect()
    opened = len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0  # noqa: PTH208 - it lists itself
    return {
        "threads": threading.active_count(), "files": opened, "holders": len(holders._active),
        "objects": len(gc.get_objects()),
    }  # fmt: skip


def test_a_thousand_runs_leave_nothing_behind(file_runs: Runs, sample: Callable[..., int]) -> None:
    """Threads, open files and holders are as many as before, and not even one object a run is more."""
    number = sample(full=1_000, ci=30)
    run_some(file_runs, WARM)
    before = held()

    run_some(file_runs, number)
    after = held()

    grown = after.pop("objects") - before.pop("objects")
    assert after == before
    assert grown < number
