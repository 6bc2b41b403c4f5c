"""Runs on Cloud Storage: what they come to is what they come to on files, and what they ask for is counted."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from faulty_proxy import Fault, FaultyProxy, How
from kit import Runs, settings_of, steps_of
from pplns import pipeline, step
from pplns.state.history import list_runs, read_run
from pplns.stores.gcs import GcsStore

pytestmark = pytest.mark.needs_fake_gcs_server

calls: Counter[str] = Counter()
world = {"closed": False}
MAX_REQUESTS_PER_STEP = 3


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()
    world["closed"] = False


@pytest.fixture
def runs(store: GcsStore) -> Runs:
    return Runs(store, settings_of(Path(__file__).parents[2]))


@step
def count(number: int) -> int:
    calls["count"] += 1
    return number + 1


@step
def publish(frame: pd.DataFrame) -> int:
    calls["publish"] += 1
    if world["closed"]:
        raise ValueError("closed")
    return int(frame["number"].sum())


@pipeline
def counting(steps: int = 10) -> Any:
    number: Any = 0
    for _ in range(steps):
        number = count(number)
    return number


@step
def make() -> pd.DataFrame:
    calls["make"] += 1
    return pd.DataFrame({"number": range(10), "word": [str(one) for one in range(10)]})


@step
def keep(frame: pd.DataFrame) -> pd.DataFrame:
    calls["keep"] += 1
    return frame


@pipeline
def tables() -> Any:
    return publish(keep(keep(make())))


def requests_about(proxy: FaultyProxy, *folders: str) -> Counter[str]:
    """Count the requests about what steps leave: their commits and artifacts."""
    return Counter(one.kind for one in proxy.seen if any(f"/{folder}/" in one.name for folder in folders))


def test_an_int_step_takes_one_request(runs: Runs, proxy: FaultyProxy) -> None:
    """Its commit, which holds the value; a run of any length takes the same few beside."""
    record = runs.run(counting, {"steps": 10})

    assert (record.state, record.result) == ("succeeded", 10)
    assert requests_about(proxy, "steps", "artifacts") == {"write": 10}
    short = len(proxy.seen)
    proxy.seen.clear()
    runs.run(counting, {"steps": 20})
    assert len(proxy.seen) == short + 10


def test_a_table_step_takes_two_requests(runs: Runs, proxy: FaultyProxy) -> None:
    """Its artifact and its commit."""
    record = runs.run(tables)

    assert (record.state, record.result) == ("succeeded", 45)
    assert requests_about(proxy, "artifacts") == {"write": 3}
    assert requests_about(proxy, "steps") == {"write": 4}
    assert len(proxy.seen) <= MAX_REQUESTS_PER_STEP * 4 + 10


def test_no_name_is_written_twice(runs: Runs, proxy: FaultyProxy) -> None:
    """Cloud Storage allows about one write a second to one name; of a short run even the lease is written once."""
    runs.run(tables)

    assert set(Counter(one.name for one in proxy.writes()).values()) == {1}


def test_a_failed_run_is_resumed(runs: Runs, store: GcsStore, proxy: FaultyProxy) -> None:
    """What was committed is read from the bucket and not run again."""
    world["closed"] = True
    failed = runs.run(tables, run_id="r")
    assert (failed.state, steps_of(failed)["publish"]) == ("failed", "failed")
    world["closed"] = False

    resumed = Runs(GcsStore(store.url), runs.settings).resume(tables, "r")

    assert (resumed.state, resumed.result, resumed.attempt) == ("succeeded", 45, 2)
    assert steps_of(resumed) == {"make": "reused", "keep": "reused", "keep_2": "reused", "publish": "succeeded"}
    assert calls == {"make": 1, "keep": 2, "publish": 2}


def test_a_run_is_shown_and_listed(runs: Runs, store: GcsStore) -> None:
    """By another process as well, newest first and by state."""
    runs.run(tables, run_id="b")
    world["closed"] = True
    runs.run(tables, run_id="a")

    elsewhere = GcsStore(store.url)
    assert read_run(elsewhere, "tables", "b").state == "succeeded"
    assert {one.run_id for one in list_runs(elsewhere)} == {"a", "b"}
    assert [one.run_id for one in list_runs(elsewhere, state="failed")] == ["a"]


@pytest.mark.parametrize("how", ["refuse", "drop", "cut"])
def test_a_bad_connection_changes_nothing_but_the_time(runs: Runs, proxy: FaultyProxy, how: How) -> None:
    """Every second write fails once, with or without effect, and the run is none the wiser."""
    proxy.faults = [Fault("write", how, skip=1) for _ in range(6)]

    record = runs.run(tables, run_id="r")

    assert (record.state, record.result) == ("succeeded", 45)
    assert calls == {"make": 1, "keep": 2, "publish": 1}


def test_a_bucket_that_refuses_a_commit_ends_the_attempt(runs: Runs, store: GcsStore, proxy: FaultyProxy) -> None:
    """The third commit and all after it are refused; once they aren't, the run goes on behind the second."""
    proxy.faults = [Fault("write", "refuse", status=403, skip=2, times=10_000, about="/steps/")]
    refused = runs.run(counting, run_id="r")
    assert refused.error is not None
    assert (refused.state, refused.final, refused.error.code) == ("failed", False, "store_unavailable")
    assert "roles/storage.objectUser" in refused.error.message
    committed = len(store.children("counting/runs/r/steps/"))
    proxy.faults = []
    calls.clear()

    record = runs.resume(counting, "r")

    assert (record.state, record.result) == ("succeeded", 10)
    assert (committed, calls["count"]) == (2, 8)
