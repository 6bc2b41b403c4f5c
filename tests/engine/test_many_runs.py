"""max_concurrent_runs: across threads, processes and stores, and for the command as well."""

import threading
from typing import Any

import pytest

from kit import Runs
from pplns import pipeline, step
from pplns.engine.runner import Origin, run_pipeline
from pplns.errors import TooManyRuns
from pplns.model.run import Trigger
from pplns.state.history import read_run
from pplns.stores import FileStore
from topics import Topic

started, hold = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    started.clear()
    hold.clear()


@step
def wait() -> int:
    started.set()
    hold.wait(30)
    return 1


@pipeline(max_concurrent_runs=1)
def alone() -> Any:
    return wait()


@pytest.fixture(params=["memory", "files"])
def any_runs(request: pytest.FixtureRequest, runs: Runs, file_runs: Runs) -> Runs:
    return runs if request.param == "memory" else file_runs


def elsewhere(runs: Runs) -> Runs:
    """Return the same runs as another process has them, on files by a store of its own."""
    store = runs.store
    return Runs(FileStore(store.folder), runs.settings) if isinstance(store, FileStore) else runs


def test_a_second_run_waits_for_the_end_of_the_first(any_runs: Runs) -> None:
    """It is refused, stays queued, and runs when it comes again; no slot is left behind."""
    thread = threading.Thread(target=lambda: any_runs.run(alone, run_id="a"))
    thread.start()
    assert started.wait(10)

    with pytest.raises(TooManyRuns, match="'a'"):
        elsewhere(any_runs).run(alone, run_id="b")
    assert read_run(any_runs.store, "alone", "b").state == "queued"
    hold.set()
    thread.join(20)

    assert elsewhere(any_runs).run(alone, run_id="b").state == "succeeded"
    assert elsewhere(any_runs).run(alone, run_id="c").state == "succeeded"


def test_a_scheduled_run_without_a_slot_is_handed_over(runs: Runs) -> None:
    """Its message comes again until there is one."""
    topic = Topic()
    thread = threading.Thread(target=lambda: runs.run(alone, run_id="a"))
    thread.start()
    assert started.wait(10)

    record = run_pipeline(
        alone, store=runs.store, settings=runs.settings, run_id="b", bounds=topic.bounds(hands_over_when_busy=True),
        origin=Origin(Trigger("schedule", "nightly"), by_person=False),
    )  # fmt: skip
    hold.set()
    thread.join(20)

    assert (record.state, topic.messages) == ("continuing", [("b", 0)])
