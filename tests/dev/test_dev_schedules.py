"""Schedules as Cloud Scheduler fires them, with the time given."""

from datetime import UTC, datetime, timedelta

import pytest

from pplns_deploy.dev.retries import PushRetries, ScheduleRetries
from pplns_deploy.dev.schedules import DeclaredSchedule, Schedules

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOURLY = DeclaredSchedule("shop", "shop", "0 * * * *", "UTC")


def after(**span):
    return NOON + timedelta(**span)


@pytest.fixture
def hourly():
    """One schedule that fires every hour, first at 13:00."""
    return Schedules([HOURLY], now=NOON, retries=ScheduleRetries())


def tick(schedules, now):
    """Return what is missed and what is due, as the loop asks."""
    return schedules.missed(now), schedules.due(now)


def look_until(schedules, now):
    """Look at the clock twice a minute, as the loop of an awake machine does."""
    time = NOON
    while time < now:
        schedules.missed(time)
        time += timedelta(seconds=30)


def test_it_fires_at_its_time_and_not_before(hourly):
    """And once only."""
    look_until(hourly, after(hours=1))

    assert tick(hourly, after(minutes=59, seconds=59)) == ([], [])
    (firing,) = hourly.due(after(hours=1))
    assert (firing.time, firing.attempt) == (after(hours=1), 1)
    assert hourly.due(after(hours=1, seconds=1)) == []


def test_a_time_that_comes_while_a_request_is_under_way_is_delayed(hourly):
    """Never two of one schedule at a time; of several such times the first is fired."""
    (first,) = hourly.due(after(hours=1))

    assert hourly.due(after(hours=3, minutes=30)) == []
    hourly.ended(first, is_success=True, now=after(hours=3, minutes=30))
    (second,) = hourly.due(after(hours=3, minutes=30))
    assert second.time == after(hours=2)
    hourly.ended(second, is_success=True, now=after(hours=3, minutes=31))
    assert hourly.wake_at() == after(hours=4)


def test_a_retry_bears_the_same_time(hourly):
    """So that the service knows it for the same run."""
    (first,) = hourly.due(after(hours=1))

    assert hourly.ended(first, is_success=False, now=after(hours=1, seconds=5)) == 30
    assert hourly.due(after(hours=1, seconds=34)) == []
    (again,) = hourly.due(after(hours=1, seconds=35))
    assert (again.time, again.attempt) == (after(hours=1), 2)


def test_retries_end_with_the_next_time(hourly):
    """What would be sent again after it is left."""
    (first,) = hourly.due(after(hours=1))

    assert hourly.ended(first, is_success=False, now=after(hours=1, minutes=59, seconds=45)) is None
    (second,) = hourly.due(after(hours=2))
    assert (second.time, second.attempt) == (after(hours=2), 1)


def test_retries_end_with_their_count():
    """Five, after the first request."""
    daily = Schedules([DeclaredSchedule("shop", "shop", "0 13 * * *", "UTC")], now=NOON, retries=ScheduleRetries())
    now, waits = after(hours=1), []

    while firings := daily.due(now):
        waits.append(daily.ended(firings[0], is_success=False, now=now))
        now += timedelta(seconds=waits[-1] or 0)

    assert waits == [30, 60, 120, 240, 480, None]


def test_times_at_which_the_machine_slept_are_not_made_up(hourly):
    """They are told of, and the next one comes at its time."""
    hourly.missed(after(minutes=30))

    (missed,), due = tick(hourly, after(hours=4, minutes=30))

    assert missed.first == after(hours=1)
    assert due == []
    assert hourly.wake_at() == after(hours=5)


def test_a_schedule_fired_by_hand_bears_the_next_time(hourly):
    """As from the Cloud console; the schedule itself fires all the same."""
    forced = hourly.force(HOURLY)

    assert (forced.time, forced.is_forced) == (after(hours=1), True)
    assert hourly.ended(forced, is_success=False, now=after(minutes=1)) is None
    assert [one.time for one in hourly.due(after(hours=1))] == [after(hours=1)]


def test_a_schedule_that_stays_as_it_was_keeps_its_request(hourly):
    """A reload doesn't fire it beside itself."""
    (first,) = hourly.due(after(hours=1))
    other = DeclaredSchedule("shop", "shop-two", "30 * * * *", "UTC")

    hourly.redeclare([HOURLY, other], now=after(hours=1, minutes=10))

    assert [one.schedule for one in hourly.due(after(hours=2))] == [other]
    assert hourly.ended(first, is_success=True, now=after(hours=2)) is None
    assert [one.schedule for one in hourly.due(after(hours=2))] == [HOURLY]


def test_the_waits_of_a_scheduler_job():
    """Doubled three times, then by the same amount, up to the longest: the example of Scheduler's documentation."""
    retries = ScheduleRetries(count=8, shortest_s=10, longest_s=300, doublings=3)

    assert [retries.delay_s(attempt) for attempt in range(1, 10)] == [10, 20, 40, 80, 160, 240, 300, 300, None]


def test_the_waits_of_a_push():
    """Doubled from ten seconds to ten minutes, for ever."""
    waits = [PushRetries().delay_s(attempt) for attempt in (1, 2, 3, 6, 7, 8, 5000)]

    assert waits == [10, 20, 40, 320, 600, 600, 600]
