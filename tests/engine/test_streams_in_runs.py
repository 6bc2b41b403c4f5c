"""Values that can be read only once, in runs: written in the step's thread, read from the store by each consumer."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from kit import Runs, settings_of, steps_of
from pplns import File, Retry, current_run, pipeline, step
from pplns.model.run import RunRecord
from pplns.stores import FileStore
from pplns.testing import FailingStore


@step
def load(parts: int) -> Iterator[pd.DataFrame]:
    for part in range(parts):
        yield pd.DataFrame({"n": [part, part]})


@step
def double(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    return (table * 2 for table in tables)


@step
def total(tables: Iterator[pd.DataFrame]) -> int:
    return int(sum(table["n"].sum() for table in tables))


@pipeline
def streams(parts: int = 4) -> tuple[Any, Any, Any]:
    tables = load(parts)
    return double.named("shown")(tables), total(double(tables)), total.named("plain_total")(tables)


def test_streams_pass_from_step_to_step(file_runs: Runs):
    """Each consumer has all tables; the record counts their rows, and a returned stream stands as its artifact."""
    record = file_runs.run(streams)

    assert record.state == "succeeded"
    assert record.result[1:] == [24, 12]
    assert (record.result[0]["format"], record.result[0]["rows"]) == ("batches", 8)


def test_a_stream_is_reused_when_the_run_is_resumed(file_runs: Runs):
    """Its consumers read the checkpoint; the step that made it doesn't run again."""
    broken = [True]

    @step
    def check(tables: Iterator[pd.DataFrame]) -> int:
        if broken.pop():
            broken.append(False)
            raise ValueError("not yet")
        return sum(len(table) for table in tables)

    @pipeline
    def checked() -> Any:
        return check(load(3))

    first = file_runs.run(checked)
    second = file_runs.resume(checked, first.run_id)

    assert steps_of(second) == {"load": "reused", "check": "succeeded"}
    assert second.result == 6


def run_flaky(runs: Runs, error: Exception, *, attempts: int, fails: int) -> RunRecord:
    """Run a step that raises while its tables are written, in its first `fails` tries."""
    tries = []

    @step(retry=Retry(attempts=attempts, delay=0))
    def flaky() -> Iterator[pd.DataFrame]:
        tries.append(current_run().step)
        yield pd.DataFrame({"n": [1]})
        if len(tries) <= fails:
            raise error
        yield pd.DataFrame({"n": [2]})

    @pipeline
    def made_of_flaky() -> Any:
        return total(flaky())

    return runs.run(made_of_flaky)


@pytest.mark.parametrize("error", [ValueError("bad row"), OSError("the line broke")], ids=repr)
def test_an_error_while_a_stream_is_written_is_retried(file_runs: Runs, error: Exception):
    """The new try starts from its beginning; nothing of the first is left in the value."""
    record = run_flaky(file_runs, error, attempts=3, fails=2)

    assert record.state == "succeeded"
    assert record.result == 3
    assert record.steps[0].attempts == 3


def test_an_error_while_a_stream_is_written_is_the_steps(runs: Runs):
    """It is recorded by the step's name, as if it had been raised before the return."""
    record = run_flaky(runs, OSError("the line broke"), attempts=1, fails=1)

    assert (record.state, record.final) == ("failed", True)
    assert record.error is not None
    assert record.error.message == "Step 'flaky' raised OSError: the line broke"


def test_a_later_table_that_has_no_format_is_the_steps_error(runs: Runs):
    """The message counts the tables."""

    @step
    def complex_load() -> Iterator[pd.DataFrame]:
        yield pd.DataFrame({"z": [1.5]})
        yield pd.DataFrame({"z": [1j]})

    @pipeline
    def made_of_complex() -> Any:
        return total(complex_load())

    record = runs.run(made_of_complex)

    assert record.error is not None
    assert "Item 1 of what step 'complex_load' returned is a pandas.DataFrame" in record.error.message
    assert "in column 'z'" in record.error.message


def test_a_store_that_fails_under_a_stream_leaves_the_run_to_a_later_attempt(store: FailingStore, runs: Runs):
    """As it does for every other value: a later attempt may find the store mended."""

    store.fail("upload", matching="/artifacts/load@")
    first = runs.run(streams)
    store.mend()

    assert (first.state, first.final) == ("failed", False)
    assert runs.resume(streams, first.run_id).state == "succeeded"


def test_a_try_that_timed_out_stops_writing(tmp_path: Path):
    """The iterator is asked for no more tables once nobody waits for it."""
    closed, go_on = threading.Event(), threading.Event()

    @step(timeout=0.05)
    def endless() -> Iterator[pd.DataFrame]:
        try:
            while True:
                yield pd.DataFrame({"n": [1]})
                go_on.wait()
        finally:
            closed.set()

    @pipeline
    def made_of_endless() -> Any:
        return total(endless())

    record = Runs(FileStore(tmp_path / "state"), settings_of(tmp_path)).run(made_of_endless)
    go_on.set()

    assert record.error is not None
    assert record.error.code == "timed_out"
    assert closed.wait(timeout=10)
    assert not list(tmp_path.rglob("*.batches"))


def test_a_file_is_read_by_a_stream_after_its_step_returned(file_runs: Runs, tmp_path: Path):
    """A consumer's copy of a file lasts until what the step returned is written."""

    @step
    def export() -> File:
        path = tmp_path / "orders.csv"
        path.write_text("id,total\n1,5\n2,7\n")
        return File(path)

    @step
    def scan(file: File) -> ds.Dataset:
        return ds.dataset(file.path, format="csv")

    @step
    def sum_up(orders: ds.Dataset) -> int:
        return sum(orders.to_table().column("total").to_pylist())

    @pipeline
    def made_of_files() -> Any:
        return sum_up(scan(export()))

    record = file_runs.run(made_of_files)

    assert record.error is None
    assert record.result == 12


def test_one_of_several_outputs_may_be_a_stream(file_runs: Runs):
    """Each output is stored for itself."""

    @step(outputs=2)
    def split() -> tuple[int, pa.RecordBatchReader]:
        return 5, pa.table({"n": [1, 2, 3]}).to_reader()

    @step
    def count(number: int, reader: pa.RecordBatchReader) -> int:
        return number + reader.read_all().num_rows

    @pipeline
    def made_of_both() -> Any:
        return count(*split())

    record = file_runs.run(made_of_both)

    assert record.error is None
    assert record.result == 8


def test_a_damaged_stream_is_made_again(file_runs: Runs, tmp_path: Path):
    """A resumed run notices it before a consumer has the first table."""
    fails = [True, False]

    @step
    def count(tables: Iterator[pd.DataFrame]) -> int:
        if fails.pop(0):
            raise ValueError("not yet")
        return sum(len(table) for table in tables)

    @pipeline
    def counted() -> Any:
        return count(load(3))

    first = file_runs.run(counted)
    (artifact,) = tmp_path.rglob("*.batches")
    artifact.write_bytes(artifact.read_bytes()[:-9])
    second = file_runs.resume(counted, first.run_id)

    assert steps_of(second) == {"load": "succeeded", "count": "succeeded"}
    assert second.result == 6
