"""A clock that stands still until it is moved: retries don't really wait, and records say the time that a test chose.

Only what a run says and waits for goes by it. Leases go by the machine's clock and the store's."""

import threading
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

from pplns.engine.clock import LONGEST_WAIT_SECONDS
from pplns.errors import DefinitionError
from pplns.model.durations import Duration, seconds_of


class _Moved:
    """Wakes whoever waits for a report, so that it looks at the clock again."""


class FrozenClock:
    """Stands at `now` (aware; the present unless given, to the second).

    It moves by `advance`, and by itself to the next thing that is due (a retry, the pipeline's timeout) when no step is
    at work. A step's timeout thus never elapses by itself. A wait with jitter is the longest that the jitter allows.
    One clock may serve several runs, one after the other, and any thread may move it."""

    def __init__(self, now: datetime | None = None) -> None:
        self._start = check_aware(now or datetime.now(UTC).replace(microsecond=0), what="The time of a FrozenClock")
        self._elapsed = 0.0
        self._guard = threading.Lock()
        self._waiting: SimpleQueue[object] | None = None

    def __repr__(self) -> str:
        return f"FrozenClock({self.now().isoformat()})"

    def now(self) -> datetime:
        """Return the time at which the clock stands, aware UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds by which the clock was moved so far."""
        return self._elapsed

    def advance(self, duration: Duration) -> None:
        """Move the clock forward: by seconds, a timedelta, or text such as "90s" or "1h30m"."""
        seconds = seconds_of(duration, what="FrozenClock.advance(duration)")
        with self._guard:
            self._elapsed += seconds
            if self._waiting is not None:
                self._waiting.put(_Moved())

    def spread(self) -> float:
        """Return 1: a wait with jitter is waited whole."""
        return 1.0

    def take(self, reports: SimpleQueue[object], *, until: float | None, is_busy: bool) -> object | None:
        """Return the next report; move to `until` when there is none and no step is at work."""
        with self._guard:
            self._waiting = reports
        try:
            return self._take(reports, until, is_busy)
        finally:
            with self._guard:
                self._waiting = None

    def _take(self, reports: SimpleQueue[object], until: float | None, is_busy: bool) -> object | None:
        while True:
            is_due = until is not None and until <= self._elapsed
            report = _next(reports, waits=not is_due and (is_busy or until is None))
            if isinstance(report, _Moved):
                continue
            if report is None and until is not None:
                self._move_to(until)
            return report

    def _move_to(self, elapsed: float) -> None:
        with self._guard:
            self._elapsed = max(self._elapsed, elapsed)


def _next(reports: SimpleQueue[object], *, waits: bool) -> object | None:
    """Return the next report; None where there is none and it isn't waited for."""
    while True:
        try:
            return reports.get(block=waits, timeout=LONGEST_WAIT_SECONDS if waits else None)
        except Empty:
            if not waits:
                return None


def check_aware(time: datetime, *, what: str) -> datetime:
    """Return a time in UTC; `what` names it in the error.

    Raises: DefinitionError for a time without a time zone."""
    if time.tzinfo is None:
        raise DefinitionError(
            f"{what} is {time!r}.",
            "A time is aware, so that it is the same on every machine.",
            "Write datetime(2013, 1, 31, 6, tzinfo=UTC), for example.",
        )
    return time.astimezone(UTC)
