"""Turns: one thread at a time decides on an attempt, whoever has news for it.

The thread of a try decides on its own report, so that between two steps in a row nobody waits for another thread to
wake up. What comes from elsewhere, a signal's handler included, is posted: the thread that waits for the attempt wakes
up, and whoever decides next, be it that thread or another one, decides on it before anything else."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from pplns.built_in import SimpleQueue
from pplns.model.frozen import Unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from pplns.engine.clock import Clock

    T = TypeVar("T")


class Wait(Unchecked):
    """What is waited for: a report, at most until a time on the clock's monotonic seconds, None for any time.

    `is_busy`: a thread is at work and will report."""

    until: float | None
    is_busy: bool

    def covers(self, other: Wait) -> bool:
        """Tell whether who waits for this doesn't miss the other one's time, nor that nothing is at work."""
        in_time = other.until is None or (self.until is not None and self.until <= other.until)
        return in_time and self.is_busy == other.is_busy


class Turns:
    """Who may decide. All do in the context of the thread that waits for the attempt, as it was at its last turn."""

    def __init__(self) -> None:
        self._posted: SimpleQueue[object] = SimpleQueue()  # taken from by who holds the lock
        self._news: SimpleQueue[object] = SimpleQueue()  # what wakes up the thread that waits
        self._deciding = threading.Lock()
        self._context = contextvars.copy_context()
        self._crash: BaseException | None = None
        self._is_over = False

    def post(self, report: object) -> None:
        """Leave a report, and wake up the thread that waits. It never blocks."""
        self._posted.put(report)
        self.wake()

    def wake(self) -> None:
        """Let the thread that waits look again what there is to wait for."""
        self._news.put("look again")

    def wait(self, clock: Clock, wait: Wait) -> None:
        """Wait until there is news, until the wait's time has come, or for less."""
        clock.take(self._news, until=wait.until, is_busy=wait.is_busy)
        _drained(self._news)

    def posted(self) -> list[object]:
        """Return the reports that were posted and that nobody has decided on, for who decides now."""
        return _drained(self._posted)

    @contextmanager
    def taken(self) -> Generator[None]:
        """Decide in the thread that waits.

        Raises: what another thread's decision raised."""
        with self._deciding:
            if self._crash is not None:
                raise self._crash
            self._context = contextvars.copy_context()
            yield

    def take(self, decide: Callable[[], T]) -> T | None:
        """Decide in the thread of a try; return what is decided, None where the attempt is over.

        What it raises is raised in the thread that waits."""
        with self._deciding:
            if self._is_over or self._crash is not None:
                return None
            try:
                return self._context.run(decide)
            except BaseException as error:  # the thread of a try must never die without a word
                self._crash = error
                self.wake()
                return None

    def close(self) -> None:
        """Let nobody decide any more; waits for who does."""
        with self._deciding:
            self._is_over = True


def _drained(queue: SimpleQueue[object]) -> list[object]:
    """Return what a queue holds, which nobody else takes from now."""
    found: list[object] = []
    while not queue.empty():
        found.append(queue.get())
    return found
