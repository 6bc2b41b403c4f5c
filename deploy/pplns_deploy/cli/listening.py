"""What the commands that listen on this machine have in common: a port of their own, and how they end."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

from pplns.errors import ConfigError

HOST = "127.0.0.1"
LOOK_SECONDS = 0.2
TELLING = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    TELLING.append(signal.SIGBREAK)


def check_port(port: int) -> None:
    """Refuse a port that another program has: its answers would be taken for the service's.

    Raises: ConfigError."""
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the service itself binds it
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} can't be used: {error.strerror or error}.",
                "The service listens on it.",
                "End the program that has it, or choose another one with --port.",
            ) from None


def work_until_told(work: Callable[[], None]) -> None:
    """Work in a thread of its own until the work has ended, or this process is told to end (Ctrl-C, SIGTERM).

    What the work raises is raised here. A signal leaves a note, and raises nothing: an exception that comes in the
    middle of any call may leave a lock held, or one released that is released again, and `Event.wait` fails of that.
    The next signal does what it did before.

    Raises: KeyboardInterrupt when the process was told to end; the work goes on then, until its caller ends it."""
    news: SimpleQueue[BaseException | None] = SimpleQueue()  # the one queue that a handler may put into

    def run() -> None:
        try:
            work()
        except BaseException as error:  # it is raised in the main thread
            news.put(error)
        else:
            news.put(None)

    with _noted(lambda: news.put(KeyboardInterrupt())):
        threading.Thread(target=run, name="work", daemon=True).start()
        found = _first(news)
    if found is not None:
        raise found


def _first(news: "SimpleQueue[BaseException | None]") -> BaseException | None:
    while True:
        try:
            return news.get(timeout=LOOK_SECONDS)  # Windows hears no signal while it waits
        except Empty:
            continue


@contextmanager
def _noted(note: Callable[[], None]) -> Generator[None]:
    """Note the signals that end a process, but those that it was started to ignore."""

    def hear(number: int, frame: FrameType | None) -> None:
        note()

    before = {number: signal.getsignal(number) for number in TELLING}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
