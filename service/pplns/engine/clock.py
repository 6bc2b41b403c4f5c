"""The clock of an attempt: the present, waiting for the next report, and chance, which spreads waits.

`pplns.testing` puts a frozen one in its place. Leases go by the machine's clock and the store's all the same."""

from __future__ import annotations

import time

from pplns.built_in import UTC, Empty, SimpleQueue, datetime
from pplns.typed import Protocol

# A signal is heard between two waits only: by no wait on Windows, and elsewhere not by one that it just precedes.
LONGEST_WAIT_SECONDS = 0.2


class Clock(Protocol):
    """What an attempt asks about time."""

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        ...

    def take(self, reports: SimpleQueue[object], *, until: float | None, is_busy: bool) -> object | None:
        """Return the next report, or None at `until` on the monotonic scale or before; None there means no end.

        `is_busy` says that a thread is at work and will report."""
        ...

    def spread(self) -> float:
        """Return the share, from 0 to 1, of a wait with jitter that is waited."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the system's monotonic seconds."""
        return time.monotonic()

    def take(self, reports: SimpleQueue[object], *, until: float | None, is_busy: bool) -> object | None:
        """Wait for the next report, at most until a time, and never so long that Ctrl-C would go unheard."""
        left = LONGEST_WAIT_SECONDS if until is None else until - time.monotonic()
        wait = min(max(0.0, left), LONGEST_WAIT_SECONDS)
        try:
            return reports.get(timeout=wait)
        except Empty:
            return None

    def spread(self) -> float:
        """Return a random share: full jitter."""
        import random  # of use only before a retry

        return random.random()
