"""`run` and `resume`: a pipeline in memory, and what its outcome tells."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pplns import ParameterError, Retry, current_run, logical_date, pipeline, step
from pplns.engine import events
from pplns.errors import DefinitionError, NotFoundError, StateError
from pplns.state.history import read_run
from pplns.stores import FileStore
from pplns.testing import FrozenClock, MemoryStore, resume, run
from pplns.testing.runs import settings_around

world: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    world.clear()


@step
def load(n: int) -> pd.DataFrame:
    return pd.DataFrame({"a": range(n)}, index=pd.Index([f"row {i}" for i in range(n)], name="key"))


@step
def split(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    return table.head(1), len(table)


@step
def total(table: pd.DataFrame) -> int:
    if world.get("broken"):
        raise ValueError("no total today")
    return int(table["a"].sum())


@pipeline
def sums(n: int = 4) -> Any:
    table = load(n)
    first, count = split(table)
    return {"first": first, "count": count, "total": (total(table), "€")}


@step
def the_day(day: date) -> str:
    return f"{day} {current_run().trigger.timezone}"


@pipeline
def dated(day: date = logical_date()) -> str:
    return the_day(day)


def test_a_result_has_the_values_that_the_pipeline_returned() -> None:
    """Tables and tuples where the record has artifacts and lists."""
    done = run(sums, {"n": "3"})

    pd.testing.assert_frame_equal(done.result["first"], load(3).head(1))
    assert (done.result["count"], done.result["total"]) == (3, (3, "€"))
    assert done.record.result["first"]["format"] == "pandas"
    assert done.record.result["total"] == [3, "€"]


def test_a_value_is_what_consumers_get() -> None:
    """Read from the checkpoint, types and all; several outputs as a tuple."""
    done = run(sums)

    pd.testing.assert_frame_equal(done.value("load"), load(4))
    table, count = done.value("split")
    assert (len(table), count) == (1, 4)


def test_an_outcome_tells_of_each_step() -> None:
    """Its record, and the order in which steps became durable."""
    done = run(sums)

    assert (done.step("load").rows, done.step("load").state) == (4, "succeeded")
    assert done.committed[0] == "load"
    assert sorted(done.committed) == ["load", "split", "total"]
    assert (done.state, done.attempts, done.error, done.interrupted_after) == ("succeeded", 1, None, ())


def test_events_are_captured_in_order() -> None:
    """From the attempt's start to its recorded end."""
    done = run(sums)

    assert isinstance(done.events[0], events.AttemptStarted)
    assert done.events[-1] == events.AttemptEnded(record=done.record)


def test_a_failed_run_is_an_outcome_whose_result_says_why() -> None:
    """Whoever forgets to look at the state meets the step's own error and its traceback."""
    world["broken"] = True
    done = run(sums)

    with pytest.raises(StateError, match="ValueError: no total today") as caught:
        _ = done.result
    assert "in total" in caught.value.__notes__[0]
    with pytest.raises(StateError, match="'total' has no value: it is failed"):
        done.value("total")
    assert "failed: Step 'total' raised" in repr(done)


def test_a_failed_run_is_resumed() -> None:
    """As a person would: what is committed is reused."""
    world["broken"] = True
    failed = run(sums)
    world.clear()

    done = failed.resume()

    assert (done.state, done.attempts, done.record.run_id) == ("succeeded", 2, failed.record.run_id)
    assert (done.committed, done.step("load").reused) == (("total",), True)


def test_a_run_is_resumed_with_a_changed_pipeline() -> None:
    """Code that changed between two attempts is a second pipeline of the same name."""

    @step(name="total")
    def mended(table: pd.DataFrame) -> int:
        return -1

    @pipeline(name="sums")
    def changed(n: int = 4) -> Any:
        return mended(load(n))

    world["broken"] = True

    done = run(sums).resume(pipeline=changed)

    assert (done.result, done.committed) == (-1, ("total",))


def test_a_run_stands_on_the_store_that_it_is_given(tmp_path: Path) -> None:
    """Any store of pplns; the outcome is read from it, as by whoever looks later."""
    store = FileStore(tmp_path)
    done = run(sums, store=store, run_id="r", interrupt="load")

    assert read_run(store, "sums", "r") == done.record
    assert resume(sums, "r", store=FileStore(tmp_path)).result["count"] == 4


def test_runs_of_one_store_are_runs_of_their_own() -> None:
    """Without a run id every call is a new run."""
    store, clock = MemoryStore(), FrozenClock()

    assert run(sums, store=store, clock=clock).record.run_id != run(sums, store=store, clock=clock).record.run_id


def test_the_time_is_what_the_test_says() -> None:
    """It stands in the record and decides the logical date."""
    noon = datetime(2013, 1, 31, 12, tzinfo=UTC)
    done = run(dated, now=noon)

    record = done.record
    assert (record.created_at, record.started_at, record.finished_at) == (noon, noon, noon)
    assert done.result == "2013-01-31 UTC"
    assert run(dated, now=noon, logical_date=datetime(2012, 2, 29, tzinfo=UTC)).result == "2012-02-29 UTC"


def test_bad_parameters_are_raised_and_nothing_is_recorded() -> None:
    """They are refused before there is a run."""
    store = MemoryStore()

    with pytest.raises(ParameterError, match="'n'"):
        run(sums, {"n": "many"}, store=store)
    assert store.children("") == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"now": datetime(2013, 1, 31)}, "aware"),
        ({"logical_date": datetime(2013, 1, 31)}, "logical_date"),
        ({"now": datetime(2013, 1, 31, tzinfo=UTC), "clock": FrozenClock()}, "clock"),
    ],
)
def test_a_wrong_use_says_what_to_write(arguments: dict[str, Any], word: str) -> None:
    """Times without a zone, and two answers to what time it is."""
    with pytest.raises(DefinitionError, match=word) as caught:
        run(dated, **arguments)

    assert caught.value.remedy


def test_an_unknown_step_of_an_outcome_names_the_nearest() -> None:
    """Whether its value is asked for or its record."""
    done = run(sums)

    with pytest.raises(NotFoundError, match="Did you mean 'total'"):
        done.value("totl")
    with pytest.raises(NotFoundError, match="'load', 'split', 'total'"):
        done.step("x")


PIPELINE_FILE = """
from pplns import pipeline, step

@step
def one():
    return 1

@pipeline
def single():
    return one()
"""


def import_from(folder: Path) -> Any:
    folder.mkdir(parents=True)
    file = folder / "single.py"
    file.write_text(PIPELINE_FILE)
    names: dict[str, Any] = {"__name__": "single"}
    exec(compile(PIPELINE_FILE, file, "exec"), names)
    return names["single"]


def test_settings_are_those_around_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's, whatever the environment says; without a project its folder is the root."""
    monkeypatch.setenv("PPLNS_TIMEZONE", "Asia/Tokyo")
    inside, outside = import_from(tmp_path / "project" / "pipelines"), import_from(tmp_path / "alone")
    (tmp_path / "project" / "pyproject.toml").write_text('[tool.pplns]\ntimezone = "Europe/Paris"\n')

    assert settings_around(inside).root == (tmp_path / "project").resolve()
    assert settings_around(inside).timezone == "Europe/Paris"
    assert settings_around(outside).root == (tmp_path / "alone").resolve()
    assert run(outside).result == 1


@step(retry=Retry(attempts=2, delay="1h"))
def fails_once() -> int:
    world["tries"] = number = int(world.get("tries", 0)) + 1
    if number == 1:
        raise ValueError("once")
    return number


@pipeline
def retried() -> int:
    return fails_once()


def test_retries_are_part_of_the_outcome() -> None:
    """Tries of a step, not attempts of the run."""
    done = run(retried)

    assert (done.result, done.attempts, done.step("fails_once").attempts) == (2, 1, 2)
