"""Runs that are queued by a message, and keys that bring no time of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit import MetStore, Runs
from pplns import logical_date, pipeline, step
from pplns.engine.bounds import Bounds
from pplns.engine.runner import Origin, continue_run, queue_run, run_pipeline
from pplns.errors import KeyReused, LeaseHeld, NotFoundError, ParameterError, PublishError, StoreError
from pplns.model.run import RunRecord, Trigger
from pplns.state.ends import End, create_end
from pplns.state.history import list_runs
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease
from pplns.testing import FrozenClock
from topics import Topic, refuse, short_margin

KEYED = Origin(Trigger("api", "abc"), brings_time=False)
NOON = datetime(2013, 1, 31, 12, tzinfo=UTC)


@step
def say(when: datetime, n: int) -> list[Any]:
    return [when.isoformat(), n]


@pipeline
def keyed(n: int = 1, when: datetime = logical_date()) -> Any:
    return say(when, n)


@pipeline(name="keyed")
def other_parameters(amount: int, when: datetime = logical_date()) -> Any:
    return say(when, amount)


@pytest.fixture
def topic() -> Topic:
    return Topic()


def post(runs: Runs, clock: FrozenClock, **params: Any) -> RunRecord:
    return run_pipeline(keyed, store=runs.store, settings=runs.settings, params=params, origin=KEYED, clock=clock)


def queue(runs: Runs, topic: Topic, clock: FrozenClock, **params: Any) -> RunRecord:
    return queue_run(
        keyed, store=runs.store, settings=short_margin(runs.settings), params=params, origin=KEYED, clock=clock,
        bounds=topic.bounds(),
    )  # fmt: skip


def come(runs: Runs, topic: Topic, run_id: str, attempt: int, one: Any = keyed) -> RunRecord:
    return continue_run(one, run_id, attempt=attempt, store=runs.store, settings=runs.settings, bounds=topic.bounds())


def test_a_queued_run_is_run_by_its_message(runs: Runs, topic: Topic) -> None:
    """It is listed as queued until then; the message's copy finds it done."""
    queued = queue(runs, topic, FrozenClock(NOON))
    assert (queued.state, topic.messages) == ("queued", [(queued.run_id, 0)])
    assert [one.run_id for one in list_runs(runs.store, state="queued")] == [queued.run_id]

    records = [come(runs, topic, queued.run_id, 0) for _ in range(2)]

    assert [one.result for one in records] == [["2013-01-31T12:00:00+00:00", 1]] * 2
    assert records[1].attempt == 1


def test_a_run_that_was_not_published_is_queued_again(runs: Runs, topic: Topic) -> None:
    """The refusal is an error; the repeat meets the same run and publishes; one that has run is left."""
    clock, topic.refuses = FrozenClock(NOON), refuse
    with pytest.raises(PublishError):
        queue(runs, topic, clock)
    topic.refuses = lambda: None

    queued = queue(runs, topic, clock)
    come(runs, topic, queued.run_id, 0)

    assert queue(runs, topic, clock).state == "succeeded"
    assert topic.messages == [(queued.run_id, 0)]


def test_a_caller_does_not_wait_for_a_topic_through_its_whole_budget(runs: Runs, topic: Topic) -> None:
    """Nothing has run, so the margin alone is for publishing, however long the request might last."""
    topic.refuses, clock = refuse, FrozenClock(NOON)
    began = clock.monotonic()

    with pytest.raises(PublishError):
        queue_run(
            keyed, store=runs.store, settings=short_margin(runs.settings), origin=KEYED, clock=clock,
            bounds=topic.bounds(3600.0),
        )  # fmt: skip

    assert clock.monotonic() - began <= short_margin(runs.settings).margin_seconds


def test_without_a_topic_nothing_is_queued(runs: Runs, store: MetStore) -> None:
    """Nothing is written either."""
    with pytest.raises(PublishError, match="no topic"):
        queue_run(keyed, store=store, settings=runs.settings, origin=KEYED, bounds=Bounds())

    assert store.names("create") == []


def test_a_continuation_of_no_run(runs: Runs, topic: Topic) -> None:
    """It is an error that names the run."""
    with pytest.raises(NotFoundError, match="'nothing'"):
        come(runs, topic, "nothing", 0)


def test_stored_parameters_that_do_not_convert_end_the_run(runs: Runs, topic: Topic) -> None:
    """They are never resolved again: no delivery could ever go on."""
    queued = queue(runs, topic, FrozenClock(NOON))

    record = come(runs, topic, queued.run_id, 0, other_parameters)

    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", True, ParameterError.code)
    assert come(runs, topic, queued.run_id, 0).state == "failed"


def test_a_redelivery_whose_parameters_do_not_convert_ends_its_run(runs: Runs, store: MetStore) -> None:
    """The code changed since the run began: it isn't left open behind a delivery that is refused."""
    pushed = {"trigger": Trigger("pubsub", "sub/7"), "by_person": False, "logical_date": NOON}
    store.fail("create", matching="/steps/")
    runs.run(keyed, {"n": 2}, **pushed)
    store.mend()

    record = runs.run(other_parameters, {"n": 2}, **pushed)

    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", True, ParameterError.code)
    assert len(list_runs(store)) == 1


def test_a_first_delivery_whose_parameters_do_not_convert_is_no_run(runs: Runs, store: MetStore) -> None:
    """It is refused, and nothing is recorded."""
    with pytest.raises(ParameterError, match="'n'"):
        runs.run(other_parameters, {"n": 2}, trigger=Trigger("pubsub", "sub/8"), by_person=False, logical_date=NOON)

    assert list_runs(store) == []


def test_a_run_that_is_taken_over_while_it_is_ended(runs: Runs, store: MetStore, topic: Topic) -> None:
    """Whoever would end it for good, since its parameters don't convert, is told that another process works on it."""
    queued = queue(runs, topic, FrozenClock(NOON))
    prefix = f"keyed/runs/{queued.run_id}"

    def take_over(name: str) -> None:
        create_end(store, prefix, End(1, "lost", final=False, finished_at=NOON.isoformat()), writer="x")
        acquire_lease(store, prefix, Claim(Holder("elsewhere"), 30.0), reopen=False)

    store.before("create", take_over, matching="/attempts/1.json")

    with pytest.raises(LeaseHeld, match="took this run over"):
        come(runs, topic, queued.run_id, 0, other_parameters)


def test_the_same_key_later_is_the_same_run(runs: Runs) -> None:
    """The first delivery's time counts, a day later as well."""
    clock = FrozenClock(NOON)
    first = post(runs, clock)
    clock.advance(timedelta(days=1))

    assert post(runs, clock) == first


def test_two_first_deliveries_at_once_are_one_run(runs: Runs, store: MetStore) -> None:
    """The second one is faster to the key, a second later: its time counts for both."""
    other = FrozenClock(NOON + timedelta(seconds=1))
    store.before("create", lambda name: post(runs, other), matching="/keys/")

    record = post(runs, FrozenClock(NOON))

    assert (record.state, record.logical_date) == ("succeeded", NOON + timedelta(seconds=1))
    assert [one.run_id for one in list_runs(store)] == [record.run_id]


def test_the_same_key_with_other_parameters_is_refused(runs: Runs, store: MetStore) -> None:
    """Nothing is recorded of the second one."""
    clock = FrozenClock(NOON)
    post(runs, clock)
    clock.advance(60)

    with pytest.raises(KeyReused):
        post(runs, clock, n=2)

    assert len(list_runs(store)) == 1


def test_a_key_without_its_run_gives_the_next_delivery_its_time(runs: Runs, store: MetStore) -> None:
    """The process died between the two: the run is created under the first id, with the first logical date."""
    clock = FrozenClock(NOON)
    store.fail("create", matching="run.json")
    with pytest.raises(StoreError):
        post(runs, clock)
    clock.advance(timedelta(days=1))

    record = post(runs, clock)

    assert record.run_id.startswith("20130131t120000z-")
    assert (record.logical_date, record.result) == (NOON, ["2013-01-31T12:00:00+00:00", 1])
