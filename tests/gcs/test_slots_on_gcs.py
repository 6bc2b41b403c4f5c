"""max_concurrent_runs and continuations on Cloud Storage: what holds on files holds there, in so few requests."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from faulty_proxy import FaultyProxy
from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.engine.runner import Origin, run_pipeline
from pplns.errors import TooManyRuns
from pplns.model.run import RunRecord, Trigger
from pplns.stores.gcs import GcsStore
from topics import Topic, deliver

pytestmark = pytest.mark.needs_fake_gcs_server


@step
def count(x: int) -> int:
    return x + 1


@pipeline(max_concurrent_runs=1)
def alone() -> Any:
    return count(count(0))


@pytest.fixture
def runs(store: GcsStore) -> Runs:
    return Runs(store, settings_of(Path(__file__).parents[2]))


def push(runs: Runs, topic: Topic) -> RunRecord:
    return run_pipeline(
        alone, store=runs.store, settings=runs.settings, run_id="a", bounds=topic.bounds(0.0),
        origin=Origin(Trigger("pubsub", "sub/1"), by_person=False),
    )  # fmt: skip


def test_a_run_that_waits_for_its_continuation_keeps_its_slot(runs: Runs, other: GcsStore, proxy: FaultyProxy) -> None:
    """Another process is refused until it has ended; the continuation writes the slot once more."""
    topic = Topic()
    assert push(runs, topic).state == "continuing"
    with pytest.raises(TooManyRuns, match="'a'"):
        Runs(other, runs.settings).run(alone, run_id="b")
    record = deliver(alone, "a", 1, store=other, settings=runs.settings, bounds=topic.bounds())

    assert (record.state, record.result) == ("succeeded", 2)
    assert Runs(other, runs.settings).run(alone, run_id="b").state == "succeeded"
    assert Counter(one.name.rpartition("/slots/")[2] for one in proxy.writes() if "/slots/" in one.name) == {
        "1.json": 3
    }
