"""When a schedule fires: the instants at which the wall clock of its time zone shows a time of its cron line.

Wall clock, as Cloud Scheduler has it, to the letter: a time in the hour that is skipped when summer begins doesn't come
that day; one in the hour that is there twice when summer ends comes twice. cronsim finds the wall-clock times; which
instants they are is found here, since cronsim would move them as Debian's cron does."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_ONE_WITH_STEP = re.compile(r"\b(\w+)-\1/\d+")
FOLD = timedelta(hours=3)  # more than any clock was ever put back by for summer


def next_time(cron: str, timezone: str, after: datetime) -> datetime | None:
    """Return the first instant after `after` at which a schedule fires, in UTC; None if it never does (30 February)."""
    zone = ZoneInfo(timezone)
    wall = after.astimezone(zone).replace(tzinfo=None, fold=0)
    times = wall_times(cron, wall - FOLD)
    first = next((found[0] for time in times if (found := _after(after, time, zone))), None)
    if first is None:
        return None
    near = takewhile(lambda time: time <= first.astimezone(zone).replace(tzinfo=None) + FOLD, times)
    return min([first, *(instant for time in near for instant in _after(after, time, zone))])


def last_time(cron: str, timezone: str, until: datetime) -> datetime | None:
    """Return the last instant up to `until` at which a schedule fired, in UTC, or None if it never did."""
    zone = ZoneInfo(timezone)
    wall = until.astimezone(zone).replace(tzinfo=None, fold=0)
    times = wall_times(cron, wall + FOLD, is_backwards=True)
    last = next((found[-1] for time in times if (found := _up_to(until, time, zone))), None)
    if last is None:
        return None
    near = takewhile(lambda time: time >= last.astimezone(zone).replace(tzinfo=None) - FOLD, times)
    return max([last, *(instant for time in near for instant in _up_to(until, time, zone))])


def wall_times(cron: str, start: datetime, *, is_backwards: bool = False) -> Iterator[datetime]:
    """Yield the times of a cron line after `start`, on a clock without summer time."""
    try:
        yield from CronSim(_for_cronsim(cron), start, reverse=is_backwards)
    except CronSimError:  # a day that no month has; what is wrong otherwise the Schedule refused
        return


def _for_cronsim(cron: str) -> str:
    """Return a cron line as cronsim reads it right: FRI-SUN ends with 7, and 5-5/2, to it every second from 5, is 5."""
    *others, weekdays = cron.upper().split()
    return _ONE_WITH_STEP.sub(r"\1", " ".join([*others, weekdays.replace("-SUN", "-7")]))


def _after(instant: datetime, wall: datetime, zone: ZoneInfo) -> list[datetime]:
    return [one for one in _instants(wall, zone) if one > instant]


def _up_to(instant: datetime, wall: datetime, zone: ZoneInfo) -> list[datetime]:
    return [one for one in _instants(wall, zone) if one <= instant]


def _instants(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the instants at which a clock shows a time: none, one, or two, the earlier first."""
    folds = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return sorted({one for one in folds if one.astimezone(zone).replace(tzinfo=None, fold=0) == wall})
