"""The clock of an attempt: the present, waiting for the next report, and chance, which spreads waits.

`pplns.testing` puts a frozen one in its place. Leases go by the machine's clock and the store's all the same."""

import os
import time
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Protocol

WINDOWS_WAIT_SECONDS = 0.2  # on Windows a wait without end can't be interrupted by Ctrl-C
LONGEST_WAIT_SECONDS = 86_400.0  # a queue refuses to wait for centuries; who is woken early waits again


class Clock(Protocol):
    """What an attempt asks about time."""

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        ...

    def take(self, reports: SimpleQueue[object], *, until: float | None, is_busy: bool) -> object | None:
        """Return the next report, or None at `until` on the monotonic scale; None there means no end.

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
        """Wait for the next report, at most until a time."""
        wait = None if until is None else min(max(0.0, until - time.monotonic()), LONGEST_WAIT_SECONDS)
        if os.name == "nt":
            wait = WINDOWS_WAIT_SECONDS if wait is None else min(wait, WINDOWS_WAIT_SECONDS)
        try:
            return reports.get(timeout=wait)
        except Empty:
            return None

    def spread(self) -> float:
        """Return a random share: full jitter."""
        import random  # of use only before a retry

        return random.random()
