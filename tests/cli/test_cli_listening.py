"""How commands that listen end: a signal is heard between two steps of theirs, never in the middle of a call."""

import signal
import threading

import pytest

from pplns.errors import ConfigError
from pplns_deploy.cli.listening import TELLING, work_until_told


@pytest.mark.parametrize("number", TELLING)
def test_a_signal_ends_the_wait_and_not_the_work(number: signal.Signals):
    """The work goes on until its caller ends it: nothing is raised in the middle of its calls."""
    gate, ended = threading.Event(), threading.Event()

    def work() -> None:
        signal.raise_signal(number)
        gate.wait()
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        work_until_told(work)

    assert not ended.is_set()
    gate.set()
    assert ended.wait(30)


def test_what_the_work_raises_is_raised():
    """A service that ends by itself, say."""

    def work() -> None:
        raise ConfigError("The service ended.")

    with pytest.raises(ConfigError, match="The service ended"):
        work_until_told(work)


def test_a_signal_that_was_ignored_stays_so():
    """A shell starts what runs in its background without Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work_until_told(lambda: signal.raise_signal(signal.SIGINT))
        standing = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert standing is signal.SIG_IGN


def test_handlers_are_as_they_were():
    """The next signal does what it did before: a second Ctrl-C ends a command that takes its time to end."""
    before = [signal.getsignal(number) for number in TELLING]

    work_until_told(lambda: None)

    assert [signal.getsignal(number) for number in TELLING] == before
