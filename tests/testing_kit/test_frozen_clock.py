"""The frozen clock: retries don't wait, timeouts elapse when the test says so."""

import threading
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

import pytest

from pplns import Retry, current_run, pipeline, step
from pplns.engine.events import StepRetrying
from pplns.errors import DefinitionError
from pplns.testing import FrozenClock, SystemClock, run

SIX = datetime(2013, 1, 31, 6, tzinfo=UTC)
world: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    world.clear()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(SIX)


@step(retry=Retry(attempts=4, delay="1h", max_delay="4h"))
def flaky() -> str:
    world["tries"] = world.get("tries", 0) + 1
    if world["tries"] < 4:
        raise ValueError("not yet")
    return current_run().logical_date.isoformat()


@pipeline
def patient() -> str:
    return flaky()


@pipeline(timeout="150m")
def impatient() -> str:
    return flaky()


@pytest.mark.parametrize(
    ("duration", "after"), [(90, "06:01:30"), ("1h30m", "07:30:00"), (timedelta(days=1), "06:00:00"), (0, "06:00:00")]
)
def test_a_clock_moves_only_when_it_is_told(clock: FrozenClock, duration: Any, after: str) -> None:
    """By seconds, text or a timedelta; `monotonic` moves along."""
    clock.advance(duration)

    assert f"{clock.now():%H:%M:%S}" == after
    assert clock.now() - SIX == timedelta(seconds=clock.monotonic())


@pytest.mark.parametrize("duration", [-1, "soon", None, float("nan")])
def test_a_clock_does_not_go_back(clock: FrozenClock, duration: Any) -> None:
    """Nor anywhere that isn't a duration."""
    with pytest.raises(DefinitionError, match=r"FrozenClock\.advance"):
        clock.advance(duration)


def test_retries_jump_to_their_time(clock: FrozenClock) -> None:
    """Waits of 1, 2 and 4 hours, each the longest that the jitter allows, take no time at all."""
    done = run(patient, clock=clock)

    assert done.result == SIX.isoformat()
    assert [one.delay_s for one in done.events if isinstance(one, StepRetrying)] == [3600, 7200, 14400]
    assert done.record.finished_at == clock.now() == SIX + timedelta(hours=7)


def test_the_timeout_of_a_pipeline_is_met_on_the_way(clock: FrozenClock) -> None:
    """A wait that would reach past it isn't begun; the run is left at the end of the first hour."""
    done = run(impatient, clock=clock)

    assert (done.state, done.step("flaky").attempts) == ("failed", 2)
    assert clock.now() == SIX + timedelta(hours=1)


@step(timeout="10m", retry=Retry(attempts=2, delay="1m", jitter=False))
def hangs() -> int:
    world["tries"] = number = int(world.get("tries", 0)) + 1
    if number == 1:
        world["clock"].advance("11m")
        world["gate"].wait(30)
    return number


@pipeline
def hanging() -> int:
    return hangs()


def test_a_hanging_step_times_out_when_the_clock_is_moved(clock: FrozenClock) -> None:
    """The try is abandoned although its thread goes on, and the next one begins a minute later."""
    world.update(clock=clock, gate=threading.Event())

    done = run(hanging, clock=clock)
    world["gate"].set()

    assert (done.result, done.step("hangs").attempts) == (2, 2)
    assert clock.now() == SIX + timedelta(minutes=12)


@step(timeout="10m")
def watchful() -> float:
    run_now = current_run()
    world["clock"].advance("4m")
    left = run_now.remaining_s()
    world["clock"].advance("6m")
    run_now.check_deadline()
    return left or 0.0


@pipeline
def watching() -> float:
    return watchful()


def test_a_step_sees_its_deadline_on_the_clock(clock: FrozenClock) -> None:
    """`check_deadline()` ends the try in good order once the clock has reached it."""
    world["clock"] = clock
    done = run(watching, clock=clock)

    assert done.error is not None
    assert done.error.code == "timed_out"
    assert done.step("watchful").duration_s == 600


def test_a_report_comes_before_a_jump(clock: FrozenClock) -> None:
    """What is there already is taken first, and nothing moves."""
    reports: SimpleQueue[object] = SimpleQueue()
    reports.put("done")

    assert clock.take(reports, until=60.0, is_busy=False) == "done"
    assert clock.monotonic() == 0
    assert clock.take(reports, until=60.0, is_busy=False) is None
    assert clock.monotonic() == 60


def test_a_step_at_work_keeps_the_clock_still(clock: FrozenClock) -> None:
    """Its report is waited for, however near the next timer is; moving the clock to the timer ends the wait."""
    reports: SimpleQueue[object] = SimpleQueue()
    threading.Timer(0.01, reports.put, ["done"]).start()
    assert clock.take(reports, until=60.0, is_busy=True) == "done"

    threading.Timer(0.01, clock.advance, [61]).start()
    assert clock.take(reports, until=60.0, is_busy=True) is None
    assert clock.monotonic() == 61


def test_the_clock_of_the_machine_really_waits() -> None:
    """A test that wants real time says so."""
    world["tries"] = 2
    done = run(quickly, clock=SystemClock())

    assert done.step("flaky").attempts == 2
    assert done.record.finished_at != done.record.started_at


@pipeline
def quickly() -> str:
    return flaky.options(retry=Retry(attempts=2, delay=0.01, jitter=False))()
