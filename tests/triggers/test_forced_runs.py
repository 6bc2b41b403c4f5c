"""Forced runs of a schedule, on a store: each its own, repeats join."""

from typing import Any

import pytest

from deliveries import scheduler_headers
from kit import AnyPipeline
from pplns import RetryableError, Schedule, TerminalError, pipeline, step
from pplns.engine.runner import run_pipeline
from pplns.model.run import RunRecord
from pplns.settings import Settings
from pplns.stores import Store
from pplns.stores.memory import MemoryStore
from pplns.triggers.forced import first_open, settle_forced

AHEAD = "2013-01-06T06:00:00Z"


class Fails:
    """What the step raises, if anything."""

    error: Exception | None = None


@step
def work() -> int:
    if Fails.error is not None:
        raise Fails.error
    return 7


@pipeline(triggers=[Schedule("0 6 * * *")])
def nightly() -> int:
    return work()


@pytest.fixture(autouse=True)
def succeeding() -> None:
    Fails.error = None


@pytest.fixture
def store() -> Store:
    return MemoryStore("forced")


@pytest.fixture
def fire(recognised: Any, store: Store, settings: Settings) -> Any:
    """Send a Scheduler request to `nightly` and return its run."""

    def call(time: str | None, of: AnyPipeline = nightly) -> RunRecord:
        delivery = settle_forced(
            recognised(b"", scheduler_headers(time, job="nightly"), of=of), pipeline=of.name, store=store
        )
        return run_pipeline(of, store=store, settings=settings, params=delivery.params, origin=delivery.origin)

    return call


@pytest.mark.parametrize("time", [AHEAD, None])
def test_a_second_forcing_is_a_second_run(fire: Any, time: str | None) -> None:
    """Once the first has ended."""
    first, second = fire(time), fire(time)

    assert (first.state, second.state) == ("succeeded", "succeeded")
    assert first.run_id != second.run_id
    assert first.trigger.key.endswith(" forced 0")
    assert second.trigger.key.endswith(" forced 1")


def test_the_scheduled_run_still_comes(fire: Any) -> None:
    """Its time was in the forced request, and it isn't swallowed."""
    forced = fire(AHEAD)
    scheduled = fire("2013-01-05T06:00:00Z")

    assert forced.run_id != scheduled.run_id
    assert scheduled.trigger.key == "nightly 2013-01-05T06:00:00+00:00"


def test_a_retry_joins_the_run_that_failed_for_now(fire: Any) -> None:
    """Scheduler sends the same request again; the run goes on under its own id."""
    Fails.error = RetryableError("The source is away.", retry_after=0.0)
    first = fire(AHEAD)
    Fails.error = None

    second = fire(AHEAD)

    assert (first.state, first.final, second.state) == ("failed", False, "succeeded")
    assert (second.run_id, second.attempt) == (first.run_id, 2)


def test_a_run_that_failed_for_good_has_ended(fire: Any) -> None:
    """Forcing it again is a new run."""
    Fails.error = TerminalError("There is no such table.")
    first = fire(AHEAD)

    assert first.final
    assert fire(AHEAD).run_id != first.run_id


def test_a_process_that_died_between_key_and_run_is_joined(fire: Any, store: Store) -> None:
    """The key stands, its run doesn't: the next delivery creates it under the same id."""
    first = fire(AHEAD)
    store.delete(f"nightly/runs/{first.run_id}/run.json")
    for name in store.children(f"nightly/runs/{first.run_id}/attempts/"):
        store.delete(f"nightly/runs/{first.run_id}/attempts/{name}")

    again = fire(AHEAD)

    assert again.run_id == first.run_id


@pytest.mark.parametrize("ended", [*range(40), 1000, 65_535, 65_536])
def test_the_first_open_number_is_found_in_few_looks(ended: int) -> None:
    """A job fired for years without a time isn't looked through from the start."""
    looks: list[int] = []

    def has_ended(number: int) -> bool:
        looks.append(number)
        return number < ended

    assert first_open(has_ended) == ended
    assert len(looks) <= 2 * ended.bit_length() + 1


def test_other_deliveries_are_left_alone(recognised: Any, store: Store) -> None:
    """Only a forced schedule has an unfinished key."""
    delivery = recognised({})

    assert settle_forced(delivery, pipeline="daily", store=store) is delivery
