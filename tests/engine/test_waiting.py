"""How long an attempt waits, and what it listens to meanwhile."""

import signal
import sys
import threading
from datetime import timedelta
from queue import SimpleQueue
from typing import Any

import pytest

from kit import Runs
from pplns import Retry, pipeline, step
from pplns.engine.clock import LONGEST_WAIT_SECONDS, SystemClock
from pplns.engine.handover import pause
from pplns.engine.workers import Workers, has_abandoned_threads

POOLS = 2_000
HANDLERS: tuple[Any, ...] = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)
CENTURIES = timedelta(days=1_000_000).total_seconds()


@step(timeout=CENTURIES, retry=Retry(delay=CENTURIES, max_delay=CENTURIES))
def quick() -> str:
    return "done"


@pipeline(timeout=CENTURIES)
def patient() -> str:
    return quick()


def test_a_timeout_of_centuries_is_none(runs: Runs) -> None:
    """No queue waits that long; the attempt looks again now and then."""
    assert runs.run(patient).state == "succeeded"


@pytest.mark.parametrize("handler", HANDLERS, ids=str)
def test_what_heard_signals_before_a_run_hears_them_after_it(runs: Runs, handler: Any) -> None:
    """A run in the main thread listens to Ctrl-C for as long as its steps run."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        runs.run(patient)
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert after == handler


def test_a_clock_takes_what_comes_before_a_far_end() -> None:
    """A report is returned at once, whatever the end."""
    reports: SimpleQueue[object] = SimpleQueue()
    reports.put("report")

    assert SystemClock().take(reports, until=CENTURIES * 1000, is_busy=True) == "report"


def test_a_clock_waits_for_a_report_in_short_turns() -> None:
    """A signal that comes just before a wait is heard after it; one without end never hears it."""
    taken: list[object] = []
    waiting = threading.Thread(
        target=lambda: taken.append(SystemClock().take(SimpleQueue(), until=None, is_busy=True)), daemon=True
    )

    waiting.start()
    waiting.join(30)

    assert taken == [None]


class Turns(SystemClock):
    """A clock that ends each wait after a fifth of a second of its own, at once."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def monotonic(self) -> float:
        """Return the seconds that were waited."""
        return self.elapsed

    def take(self, reports: SimpleQueue[object], *, until: float | None, is_busy: bool) -> object | None:
        """Wait for a turn."""
        self.elapsed += LONGEST_WAIT_SECONDS
        return None


def test_a_pause_is_waited_to_its_end() -> None:
    """Between two tries to publish a continuation lie the seconds that were meant, however short its turns are."""
    clock = Turns()

    pause(clock, 2.0)

    assert clock.elapsed >= 2.0


def test_pools_may_be_left_behind_while_they_are_counted() -> None:
    """One run ends with an abandoned step while the end of another one asks whether the process has any."""
    interval, kept = sys.getswitchinterval(), list[Workers]()
    leaving = threading.Thread(target=leave_behind, args=(kept,))
    sys.setswitchinterval(1e-6)
    try:
        leaving.start()
        while leaving.is_alive():
            assert not has_abandoned_threads()
    finally:
        sys.setswitchinterval(interval)
        leaving.join()

    assert len(kept) == POOLS


def leave_behind(kept: list[Workers]) -> None:
    for _ in range(POOLS):
        pool = Workers(1, name="left")
        pool.add_one()
        kept.append(pool)
        pool.close()
