"""Which schedule fires when, as Cloud Scheduler would fire it. Pure: the present comes in as an argument.

A schedule has at most one request outstanding. A time that comes meanwhile is delayed until that one has ended, and
a retry waits at most until the next time. Times at which this machine slept are not made up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pplns_deploy.dev.cron import next_time
from pplns_deploy.dev.retries import ScheduleRetries

SLEPT = timedelta(seconds=60)  # between two looks at the clock: this machine was asleep


@dataclass(frozen=True, slots=True)
class DeclaredSchedule:
    """A schedule as a pipeline declares it. `job_name` is what Scheduler calls it, `name` what the pipeline does."""

    pipeline: str
    job_name: str
    cron: str
    timezone: str
    name: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def label(self) -> str:
        """What tells the schedule from the pipeline's others: its name, else its cron line."""
        return self.name or self.cron


@dataclass(frozen=True, slots=True)
class Firing:
    """A request of a schedule that is due: its attempt, and the time that it stands for."""

    schedule: DeclaredSchedule
    time: datetime
    attempt: int
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Missed:
    """Times of a schedule that passed while this machine slept; `first` is the earliest."""

    schedule: DeclaredSchedule
    first: datetime


@dataclass(slots=True)
class _State:
    """Where a schedule stands: the time it fires next, and its request that is under way or waits for a retry."""

    schedule: DeclaredSchedule
    next: datetime | None
    under_way: Firing | None = None
    retry: tuple[datetime, Firing] | None = None


class Schedules:
    """The schedules of a project, asked again and again what is due."""

    def __init__(self, declared: Iterable[DeclaredSchedule], *, now: datetime, retries: ScheduleRetries) -> None:
        self._retries = retries
        self._seen = now
        self._states = {one.job_name: _State(one, next_time(one.cron, one.timezone, now)) for one in declared}

    def redeclare(self, declared: Iterable[DeclaredSchedule], *, now: datetime) -> None:
        """Take other schedules; one that is as it was keeps its place, and its request that is under way."""
        before = self._states
        self._states = {
            one.job_name: before[one.job_name]
            if one.job_name in before and before[one.job_name].schedule == one
            else _State(one, next_time(one.cron, one.timezone, now))
            for one in declared
        }

    @property
    def declared(self) -> list[DeclaredSchedule]:
        """The schedules, in the order in which they were declared."""
        return [state.schedule for state in self._states.values()]

    def next_time(self, schedule: DeclaredSchedule) -> datetime | None:
        """Return when a schedule fires next."""
        return self._states[schedule.job_name].next

    def wake_at(self) -> datetime | None:
        """Return when something is due next, None if nothing ever is."""
        times = [time for state in self._states.values() for time in _due_times(state)]
        return min(times, default=None)

    def missed(self, now: datetime) -> list[Missed]:
        """Leave out the times at which this machine slept, and return the first of each schedule.

        Asked before `due`, at least every minute."""
        slept, self._seen = now - self._seen > SLEPT, now
        passed = [state for state in self._states.values() if slept and state.next and state.next < now - SLEPT]
        found = [Missed(state.schedule, state.next) for state in passed if state.next]
        for state in passed:
            state.next = next_time(state.schedule.cron, state.schedule.timezone, now)
        return found

    def due(self, now: datetime) -> list[Firing]:
        """Return the requests to be sent now, and hold them for under way until `ended` is told of each."""
        return [firing for state in self._states.values() if (firing := self._fire(state, now))]

    def force(self, schedule: DeclaredSchedule) -> Firing:
        """Return the request of a schedule fired by hand: for the time at which it fires next, as Scheduler does."""
        state = self._states[schedule.job_name]
        return Firing(schedule, state.next or self._seen, 1, is_forced=True)

    def ended(self, firing: Firing, *, is_success: bool, now: datetime) -> float | None:
        """Note how a request ended; return the seconds until its retry, or None where none follows."""
        state = self._states.get(firing.schedule.job_name)
        if state is None or state.under_way != firing:  # fired by hand, or no longer declared
            return None
        state.under_way = None
        delay_s = None if is_success else self._retries.delay_s(firing.attempt)
        if delay_s is None:
            return None
        again = now + timedelta(seconds=delay_s)
        if state.next is not None and again >= state.next:
            return None
        state.retry = (again, Firing(firing.schedule, firing.time, firing.attempt + 1))
        return delay_s

    def _fire(self, state: _State, now: datetime) -> Firing | None:
        if state.under_way is not None:
            return None
        if state.next is not None and state.next <= now:
            firing = Firing(state.schedule, state.next, 1)
            state.next = next_time(state.schedule.cron, state.schedule.timezone, now)
        elif state.retry is not None and state.retry[0] <= now:
            firing = state.retry[1]
        else:
            return None
        state.under_way, state.retry = firing, None
        return firing


def _due_times(state: _State) -> list[datetime]:
    if state.under_way is not None:
        return []
    return [time for time in (state.next, state.retry and state.retry[0]) if time]
