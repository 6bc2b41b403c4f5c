"""A pool of daemon threads: a step that never ends keeps neither the run nor the process from ending."""

import os
import threading
from collections.abc import Callable

from pplns.built_in import SimpleQueue, WeakSet

FORKED = 70  # EX_SOFTWARE of sysexits.h


class Workers:
    """Runs callables in at most `limit` threads, made when they are needed. The callables catch their own errors."""

    def __init__(self, limit: int, *, name: str) -> None:
        self._limit = limit
        self._name = name
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._guard = threading.Lock()
        self._has_abandoned = False

    @property
    def is_busy(self) -> bool:
        """Whether a thread runs something, or something waits for one."""
        return self._busy > 0

    def submit(self, work: Callable[[], None]) -> None:
        """Run something as soon as a thread is free."""
        with self._guard:
            self._busy += 1
            needs_thread = self._busy > self._threads and self._threads < self._limit
            if needs_thread:
                self._threads += 1
        self._waiting.put(work)
        if needs_thread:
            threading.Thread(target=self._work, name=f"pplns-{self._name}", daemon=True).start()

    def add_one(self) -> None:
        """Allow another thread, in place of one that was abandoned with what it runs."""
        with self._guard:
            self._limit += 1
            self._has_abandoned = True

    def close(self) -> None:
        """Let idle threads end; those that are busy end with what they run."""
        with self._guard:
            threads = self._threads
        for _ in range(threads):
            self._waiting.put(None)
        if self._has_abandoned:
            with _left_behind_guard:
                _left_behind.add(self)

    def _work(self) -> None:
        process = os.getpid()
        while (work := self._waiting.get()) is not None:
            try:
                work()
            finally:
                del work
                if os.getpid() != process:  # a step forked and didn't end its child, which would wait here for ever
                    os._exit(FORKED)
                with self._guard:
                    self._busy -= 1


_left_behind: WeakSet[Workers] = WeakSet()  # pools that were closed after something in them was abandoned
_left_behind_guard = threading.Lock()


def has_abandoned_threads() -> bool:
    """Tell whether this process has a thread that still runs what nobody waits for."""
    with _left_behind_guard:  # another run's end may add to it
        pools = list(_left_behind)
    return any(pool.is_busy for pool in pools)
