"""What stops an attempt from outside while its steps run: Ctrl-C, and the end of its process.

Both only post it to the executor; a signal's handler may do no more."""

import contextlib
import threading
from collections.abc import Generator
from types import FrameType

from pplns.built_in import signal
from pplns.engine.bounds import Bounds
from pplns.engine.executor import Executor


@contextlib.contextmanager
def drained(executor: Executor, bounds: Bounds) -> Generator[None]:
    """Pass on that the process is told to end."""
    if bounds.drain is None:
        yield
        return
    unsubscribe = bounds.drain.subscribe(executor.drain)
    try:
        yield
    finally:
        unsubscribe()


@contextlib.contextmanager
def stopped_by_ctrl_c(executor: Executor) -> Generator[None]:
    """Turn the first Ctrl-C into an orderly stop; the second one interrupts as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before is None:  # set by C code: Python couldn't put it back
        before = signal.default_int_handler

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before if callable(before) else signal.default_int_handler)
        executor.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
