"""Budgets: an attempt stops between two steps, and the run goes on by a message until it is done, each step once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from kit import MetStore, Runs, steps_of
from pplns import RetryableError, pipeline, step
from pplns.engine.bounds import Bounds, Budget
from pplns.engine.runner import Origin, resume_run, run_pipeline
from pplns.model.policies import Retry
from pplns.model.run import RunRecord, Trigger
from pplns.state.cancel import cancel_run
from pplns.state.ends import End, create_end, read_end
from pplns.state.history import list_runs, read_run
from pplns.testing import FrozenClock
from topics import Topic, deliver, refuse, short_margin

calls: Counter[str] = Counter()
world: dict[str, Any] = {}
PUSH = Origin(Trigger("pubsub", "sub/1"), by_person=False)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture(autouse=True)
def _fresh(clock: FrozenClock) -> None:
    calls.clear()
    world.update(clock=clock, seconds=10.0, fails=0)


@step
def work(x: int) -> int:
    calls[f"work {x}"] += 1
    world["clock"].advance(world["seconds"])
    return x + 1


@step(timeout="40s")
def timed(x: int) -> int:
    calls["timed"] += 1
    world["clock"].advance(world["seconds"])
    return x


@step(retry=Retry(attempts=3, delay=60, jitter=False))
def flaky(x: int) -> int:
    calls["flaky"] += 1
    if world["fails"]:
        world["fails"] -= 1
        raise RetryableError("not yet")
    return x


@pipeline
def chain(steps: int = 40) -> Any:
    number: Any = 0
    for _ in range(steps):
        number = work(number)
    return number


@pipeline
def two_timed() -> Any:
    return timed(timed(work(0)))


@pipeline
def retrying() -> Any:
    return flaky(work(0))


@pipeline(timeout="100s")
def bounded() -> Any:
    return work(work(work(0)))


class Service:
    """Requests to one pipeline, on a frozen clock."""

    def __init__(self, runs: Runs, topic: Topic, clock: FrozenClock, pipeline: Any) -> None:
        self.runs, self.topic, self.clock, self.pipeline = runs, topic, clock, pipeline

    def push(self, budget_s: float | None, *, bounds: Bounds | None = None, **params: Any) -> RunRecord:
        return run_pipeline(
            self.pipeline, store=self.runs.store, settings=short_margin(self.runs.settings), params=params,
            origin=PUSH, bounds=bounds or self.topic.bounds(budget_s), clock=self.clock, run_id="r",
        )  # fmt: skip

    def deliver(self, attempt: int, budget_s: float | None) -> RunRecord:
        return deliver(
            self.pipeline, "r", attempt, store=self.runs.store, settings=short_margin(self.runs.settings),
            bounds=self.topic.bounds(budget_s), clock=self.clock,
        )  # fmt: skip

    def resume(self) -> RunRecord:
        return resume_run(self.pipeline, "r", store=self.runs.store, settings=self.runs.settings, clock=self.clock)


@pytest.fixture
def service(runs: Runs, topic: Topic, clock: FrozenClock) -> Service:
    return Service(runs, topic, clock, chain)


def test_a_run_of_forty_steps_ends_through_continuations(service: Service, topic: Topic) -> None:
    """The budget has room for a tenth of the steps: each runs once, and each message is confirmed before its end."""
    record = service.push(44)
    while record.state == "continuing":
        record = service.deliver(topic.messages[-1][1], 44)

    assert (record.state, record.result, record.final) == ("succeeded", 40, True)
    assert set(calls.values()) == {1}
    assert topic.messages == [("r", number) for number in range(1, record.attempt)]
    end = read_end(service.runs.store, "chain/runs/r", 1)
    assert end is not None
    assert (end.state, end.message_id, end.final) == ("continuing", "message 1", False)


def test_a_step_of_three_budgets_runs_once(service: Service, topic: Topic) -> None:
    """It isn't interrupted; after it the run goes on by a message, or has succeeded if it was the last one."""
    world["seconds"] = 300.0

    first = service.push(100, steps=2)
    second = service.deliver(1, 100)

    assert (first.state, steps_of(first)) == ("continuing", {"work": "succeeded", "work_2": "waiting"})
    assert (second.state, topic.messages) == ("succeeded", [("r", 1)])
    assert set(calls.values()) == {1}


@pytest.mark.parametrize(("left", "timeout", "has_room"), [
    (10.0, None, False), (10.5, None, True), (40.0, 40.0, True), (39.0, 40.0, False), (5.0, 4.0, True),
])  # fmt: skip
def test_a_step_begins_where_it_may_fit(left: float, timeout: float | None, has_room: bool) -> None:
    """With a timeout that fits into what is left; without one, before the last tenth of the budget."""
    assert Budget(100.0, ends=1000.0).has_room(timeout, at=1000.0 - left) is has_room


def test_a_first_step_that_does_not_fit_is_begun_all_the_same(service: Service) -> None:
    """Else the run would go nowhere: each attempt runs one step, whose timeout is longer than the budget."""
    service.pipeline = two_timed

    states = [service.push(11).state, service.deliver(1, 11).state, service.deliver(2, 11).state]

    assert states == ["continuing", "continuing", "succeeded"]
    assert calls["timed"] == 2


def test_without_a_topic_the_attempt_ends_retryable(service: Service) -> None:
    """The redelivery goes on behind what is committed."""
    record = service.push(None, bounds=Bounds(budget_s=11), steps=2)
    again = service.push(None, bounds=Bounds(budget_s=11), steps=2)

    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", False, "budget_spent")
    assert (again.state, steps_of(again)) == ("succeeded", {"work": "reused", "work_2": "succeeded"})


def test_without_a_commit_there_is_no_message(service: Service, topic: Topic) -> None:
    """A retry that has to wait beyond the budget: its next attempt, by a redelivery, counts the tries."""
    service.pipeline, world["fails"] = retrying, 3
    first = service.push(30)
    record = service.deliver(1, 30)

    assert (first.state, topic.messages) == ("continuing", [("r", 1)])
    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", False, "budget_spent")
    assert {one.step: one.attempts for one in record.steps}["flaky"] == 2
    assert service.push(None).state == "failed"
    assert calls["flaky"] == 3


def test_publishing_is_tried_until_the_margin_is_spent(service: Service, topic: Topic) -> None:
    """Then the attempt ends so that a redelivery goes on."""
    tries: list[int] = []
    topic.refuses = lambda: (tries.append(1), refuse())

    record = service.push(11, steps=3)

    assert record.error is not None
    assert (record.state, record.final, record.error.code) == ("failed", False, "publish_failed")
    assert len(tries) > 2
    topic.refuses = lambda: None
    assert (service.push(None, steps=3).state, set(calls.values())) == ("succeeded", {1})


def test_a_topic_that_comes_back_in_time_changes_nothing(service: Service, topic: Topic) -> None:
    """The second try is confirmed."""

    def refuse_once() -> None:
        topic.refuses = lambda: None
        refuse()

    topic.refuses = refuse_once

    assert service.push(11, steps=2).state == "continuing"


def test_only_its_continuation_goes_on_with_a_run_that_waits(service: Service, topic: Topic) -> None:
    """The redelivered push and another number get the record; a copy of the message finds the run succeeded."""
    waiting = service.push(11, steps=2)

    assert service.push(11, steps=2) == waiting
    assert service.deliver(0, 11) == waiting
    assert service.deliver(2, 11) == waiting
    assert read_run(service.runs.store, "chain", "r") == waiting
    assert service.deliver(1, None).state == "succeeded"
    assert service.deliver(1, None).state == "succeeded"
    assert set(calls.values()) == {1}


def test_a_person_resumes_a_run_that_waits(service: Service) -> None:
    """Its continuation then finds it succeeded."""
    service.push(11, steps=2)

    resumed = service.resume()

    assert (resumed.state, resumed.attempt) == ("succeeded", 2)
    assert service.deliver(1, None) == resumed


def test_a_run_that_waits_is_cancelled_at_once(service: Service) -> None:
    """Its continuation finds it cancelled."""
    service.push(11, steps=2)

    record = cancel_run(service.runs.store, "chain", "r", lease_seconds=30.0)

    assert (record.state, record.final) == ("cancelled", True)
    assert service.deliver(1, None).state == "cancelled"
    assert len(calls) == 1


def test_waiting_runs_are_listed(service: Service) -> None:
    """By their state, among those that are open."""
    service.push(11, steps=2)

    assert [one.run_id for one in list_runs(service.runs.store, state="continuing")] == ["r"]


def test_a_continuation_that_never_came_is_lost(service: Service, store: MetStore, monkeypatch: Any) -> None:
    """After half an hour the run is shown as lost, and a delivery goes on with it."""
    service.push(11, steps=2)
    monkeypatch.setattr("pplns.state.lease.CONTINUING_SECONDS", 0.0)

    assert read_run(store, "chain", "r").state == "lost"
    assert service.push(None, steps=2).state == "succeeded"


def test_a_holder_that_had_to_move_on_ends_otherwise(service: Service, store: MetStore, topic: Topic) -> None:
    """Its message names attempt 1, which somebody sealed: attempt 2 ends so that this message goes on with it."""
    topic.refuses = lambda: create_end(
        store, "chain/runs/r", End(1, "lost", final=False, finished_at="2013-01-01T00:00:00+00:00"), writer="x"
    )

    record = service.push(11, steps=2)

    assert record.error is not None
    assert (record.state, record.attempt, record.error.code) == ("failed", 2, "continuation_missed")
    topic.refuses = lambda: None
    assert service.deliver(1, None).state == "succeeded"


def test_the_timeout_holds_over_continuations(service: Service, clock: FrozenClock) -> None:
    """It counts from the run's creation, waits included; a person's resume begins it anew, for continuations too."""
    service.pipeline = bounded
    service.push(11)
    clock.advance(timedelta(seconds=200))

    late = service.deliver(1, 11)
    resumed = resume_run(
        bounded, "r", store=service.runs.store, settings=service.runs.settings, clock=clock,
        bounds=service.topic.bounds(11),
    )  # fmt: skip

    assert late.error is not None
    assert (late.final, late.error.code) == (True, "run_timed_out")
    assert resumed.state == "continuing"
    assert service.deliver(resumed.attempt, None).state == "succeeded"
