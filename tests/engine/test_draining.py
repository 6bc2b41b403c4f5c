"""A container that is told to end: what runs may finish, nothing more starts, and the run goes on elsewhere."""

import threading
from typing import Any

import pytest

from kit import MetStore, Runs, steps_of
from pplns import pipeline, step
from pplns.engine.bounds import Bounds, Drain
from pplns.engine.runner import Origin, run_pipeline
from pplns.errors import LeaseHeld, PublishError
from pplns.model.run import RunRecord, Trigger
from pplns.state.ends import read_end
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease
from pplns.testing import FrozenClock
from topics import Topic, deliver, refuse, short_margin

SCHEDULED = Origin(Trigger("schedule", "nightly 06:00"), by_person=False)
world: dict[str, Any] = {}
hold = threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    world.clear()
    hold.clear()


@step
def first() -> int:
    if "drain" in world:
        world["drain"].begin()
    return 1


@step
def second(x: int) -> int:
    return x + 1


@step
def stuck() -> int:
    world["drain"].begin()
    hold.wait(30)
    return 1


@pipeline
def pair() -> Any:
    return second(first())


@pipeline
def doubling(n: int = 1) -> Any:
    return second(n)


@pipeline(name="doubling")
def other_parameters(amount: int = 1) -> Any:
    return second(amount)


@pipeline
def hanging() -> Any:
    return second(stuck())


@pytest.fixture
def topic() -> Topic:
    return Topic()


def run(runs: Runs, bounds: Bounds, one: Any = pair) -> RunRecord:
    return run_pipeline(
        one, store=runs.store, settings=short_margin(runs.settings), origin=SCHEDULED, bounds=bounds, run_id="r"
    )


def test_an_attempt_stops_at_the_next_boundary(runs: Runs) -> None:
    """The step under way finishes and is durable; a redelivery goes on behind it."""
    world["drain"] = Drain()

    record = run(runs, Bounds(drain=world["drain"]))
    world.clear()

    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", False, "draining")
    assert steps_of(run(runs, Bounds())) == {"first": "reused", "second": "succeeded"}


def test_a_step_that_does_not_finish_in_time_is_left(runs: Runs, store: MetStore) -> None:
    """No end is recorded and the lease has to run out, so that nobody repeats the step beside itself."""
    world["drain"] = Drain(grace_s=0.1)

    record = run(runs, Bounds(drain=world["drain"]), hanging)

    assert record.error is not None
    assert (record.state, record.error.code) == ("failed", "draining")
    assert read_end(store, "hanging/runs/r", 1) is None
    with pytest.raises(LeaseHeld):
        run(runs, Bounds(), hanging)
    hold.set()


def test_nothing_starts_in_a_process_that_drains(runs: Runs) -> None:
    """A request that came too late begins no step."""
    drain = Drain()
    drain.begin()

    record = run(runs, Bounds(drain=drain))

    assert record.error is not None
    assert (record.error.code, steps_of(record)) == ("draining", {"first": "waiting", "second": "waiting"})


@pytest.mark.parametrize("begins", ["before", "during", "too late"])
def test_a_scheduled_run_is_handed_over(runs: Runs, topic: Topic, begins: str) -> None:
    """Cloud Scheduler wouldn't come back: the run goes on by a message, whenever the drain begins."""
    one, drain = (hanging if begins == "too late" else pair), Drain(grace_s=0.1 if begins == "too late" else 6.0)
    if begins == "before":
        drain.begin()
    else:
        world["drain"] = drain

    record = run(runs, topic.bounds(drain=drain, hands_over_when_busy=True), one)

    hold.set()
    attempt = 0 if begins == "before" else 1
    assert (record.state, topic.messages) == ("continuing", [("r", attempt)])


def test_a_scheduled_run_that_is_held_is_handed_over(runs: Runs, store: MetStore, topic: Topic) -> None:
    """Its message is refused while the holder lives, and goes on once that has vanished."""
    run(runs, topic.bounds(0.0, hands_over_when_busy=True))
    topic.messages.clear()
    lease = acquire_lease(store, "pair/runs/r", Claim(Holder("elsewhere"), 30.0), reopen=True)

    record = run(runs, topic.bounds(hands_over_when_busy=True))

    assert (record.state, topic.messages) == ("continuing", [("r", lease.attempt)])
    with pytest.raises(LeaseHeld):
        deliver(pair, "r", lease.attempt, store=store, settings=runs.settings, bounds=topic.bounds())


def test_a_scheduled_run_that_can_never_go_on_is_handed_over_too(runs: Runs, store: MetStore, topic: Topic) -> None:
    """Its stored parameters don't convert any more, but somebody holds it: its message will end it for good."""
    run(runs, topic.bounds(0.0, hands_over_when_busy=True), doubling)
    topic.messages.clear()
    lease = acquire_lease(store, "doubling/runs/r", Claim(Holder("elsewhere"), 30.0), reopen=True)

    record = run(runs, topic.bounds(hands_over_when_busy=True), other_parameters)

    assert (record.state, topic.messages) == ("continuing", [("r", lease.attempt)])


def test_a_handover_that_fails_is_an_error(runs: Runs, topic: Topic) -> None:
    """The run is there, queued; Cloud Scheduler is told to try again."""
    drain, topic.refuses = Drain(), refuse
    drain.begin()

    with pytest.raises(PublishError):
        run_pipeline(
            pair, store=runs.store, settings=short_margin(runs.settings), origin=SCHEDULED, clock=FrozenClock(),
            bounds=topic.bounds(drain=drain, hands_over_when_busy=True),
        )  # fmt: skip


def test_a_drain_tells_each_subscriber_once() -> None:
    """Whether it subscribes before the drain or after, and none that has left."""
    drain, told = Drain(), list[str]()
    drain.subscribe(lambda: told.append("before"))
    drain.subscribe(lambda: told.append("left"))()

    drain.begin()
    drain.begin()
    drain.subscribe(lambda: told.append("after"))

    assert told == ["before", "after"]
