"""When a schedule fires: held to a walk over every minute of a clock on the wall."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.model.cron import check_cron
from pplns_deploy.dev.cron import last_time, next_time

MINUTE = timedelta(minutes=1)
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Antarctica/Troll"]


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def numbers(field, names, lowest, highest):
    """Return the numbers of one field of a cron line, written down from the definition."""
    found = set()
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            start, end = lowest, highest
        else:
            start = names.index(first) + lowest if first in names else int(first)
            end = highest if step else start
            if last:
                end = 7 if last == "SUN" else names.index(last) + lowest if last in names else int(last)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def rule_of(cron):
    """Return what tells whether a clock on the wall shows a time of a cron line."""
    minute, hour, day, month, weekday = cron.split()
    minutes, hours, months = numbers(minute, [], 0, 59), numbers(hour, [], 0, 23), numbers(month, MONTHS, 1, 12)
    days, weekdays = numbers(day, [], 1, 31), {number % 7 for number in numbers(weekday, DAYS, 0, 7)}
    both = day[0] == "*" or weekday[0] == "*"

    def fits(wall):
        if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
            return False
        on = wall.day in days, (wall.weekday() + 1) % 7 in weekdays
        return all(on) if both else any(on)

    return fits


def walk(cron, zone, start, step):
    """Return the first time that fits, looking at every minute of five days."""
    fits, zone_info = rule_of(cron), ZoneInfo(zone)
    times = (start + number * step for number in range(60 * 24 * 5))
    return next((time for time in times if fits(time.astimezone(zone_info))), None)


@st.composite
def fields(draw, lowest, highest):
    """A field of a cron line: anything, a number, a range, a step, a list."""
    number = st.integers(lowest, highest)
    first, last = sorted([draw(number), draw(number)])
    step = draw(st.integers(1, highest))
    forms = [
        "*",
        f"{first}",
        f"{first}-{last}",
        f"*/{step}",
        f"{first}-{last}/{step}",
        f"{first}/{step}",
        f"{first},{last}",
    ]
    return draw(st.sampled_from(forms))


CRONS = st.tuples(
    fields(0, 59), fields(0, 23), st.just("*") | fields(1, 31), st.just("*"), st.just("*") | fields(0, 7)
).map(" ".join)
# around the days on which clocks change in these zones, in 2026
INSTANTS = st.sampled_from(
    ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"]
).flatmap(lambda day: st.integers(0, 3 * 24 * 60).map(lambda minutes: at(day) + minutes * MINUTE))


@given(cron=CRONS, zone=st.sampled_from(ZONES), start=INSTANTS)
def test_the_next_time_is_the_one_that_a_walk_over_the_minutes_finds(cron, zone, start):
    """Whatever the line and the zone, also on the days on which clocks change."""
    check_cron(cron)

    found = next_time(cron, zone, start)

    walked = walk(cron, zone, start + MINUTE, MINUTE)
    assert found == walked if walked is not None else found is None or found > start + timedelta(days=4)


@given(cron=CRONS, zone=st.sampled_from(ZONES), end=INSTANTS)
def test_the_last_time_is_the_one_that_a_walk_back_finds(cron, zone, end):
    """It may be the very instant that is asked for."""
    found = last_time(cron, zone, end)

    walked = walk(cron, zone, end, -MINUTE)
    assert found == walked if walked is not None else found is None or found < end - timedelta(days=4)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 0 1 * MON", "2026-11-02T00:00", "2026-11-09T00:00"),  # day of month and of week: either will do
        ("0 0 1 * MON", "2026-11-30T00:00", "2026-12-01T00:00"),
        ("0 0 * * 7", "2026-11-20T00:00", "2026-11-22T00:00"),
        ("0 0 * * FRI-SUN", "2026-11-21T00:00", "2026-11-22T00:00"),
        ("0 0 1 jan *", "2026-11-20T00:00", "2027-01-01T00:00"),
        ("15/20 9 * * *", "2026-11-20T09:20", "2026-11-20T09:35"),
        ("0 0 29 2 *", "2026-11-20T00:00", "2028-02-29T00:00"),
        ("0 0 30 2 *", "2026-11-20T00:00", None),
    ],
)
def test_lines_that_scheduler_takes(cron, after, expected):
    """Names, Sunday as 7, ranges, steps, and days that hardly ever come."""
    check_cron(cron)

    assert next_time(cron, "UTC", at(after)) == (expected and at(expected))


def test_a_time_in_the_skipped_hour_does_not_come_that_day():
    """On 8 March 2026 clocks in New York go from 2:00 to 3:00: there is no 2:30."""
    found = next_time("30 2 * * *", "America/New_York", at("2026-03-07T12:00"))

    assert found == at("2026-03-09T06:30")


def test_a_time_in_the_doubled_hour_comes_twice():
    """On 1 November 2026 clocks in New York show 1:30 twice."""
    first = next_time("30 1 * * *", "America/New_York", at("2026-10-31T12:00"))

    assert first == at("2026-11-01T05:30")
    assert next_time("30 1 * * *", "America/New_York", first) == at("2026-11-01T06:30")
