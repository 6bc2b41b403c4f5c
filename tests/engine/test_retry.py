"""Whether and when a failed try is followed by another one."""

import math
from datetime import timedelta
from typing import Any

import pytest

from pplns import DefinitionError, Retry, RetryableError, TerminalError
from pplns.engine.context import StepTimedOut
from pplns.engine.retry import Again, GiveUp, decide, delay_before

RETRY = Retry(attempts=3, delay=10, factor=2, max_delay=25)


@pytest.mark.parametrize(
    ("error", "tries", "remaining_s", "expected"),
    [
        (ValueError(), 1, None, Again(5.0)),
        (ValueError(), 2, None, Again(10.0)),
        (ValueError(), 3, None, GiveUp(final=True)),
        (StepTimedOut(""), 1, None, Again(5.0)),
        (RetryableError(""), 3, None, GiveUp(final=False)),
        (RetryableError("", retry_after=60), 1, None, Again(60.0)),
        (RetryableError("", retry_after=60), 1, 59.0, GiveUp(final=False)),
        (RetryableError("", retry_after=math.inf), 1, None, GiveUp(final=False)),
        (RetryableError("", retry_after=math.nan), 1, None, Again(5.0)),
        (RetryableError("", retry_after=-1), 1, None, Again(5.0)),
        (ValueError(), 1, 5.0, GiveUp(final=False)),
        (TerminalError(""), 1, None, GiveUp(final=True)),
        (DefinitionError(""), 1, None, GiveUp(final=True)),
        (SystemExit(2), 1, None, GiveUp(final=True)),
    ],
)
def test_what_follows_a_failed_try(
    error: BaseException, tries: int, remaining_s: float | None, expected: Again | GiveUp
) -> None:
    """Half of the longest wait, as the spread of 0.5 says; never past the deadline."""
    assert decide(error, RETRY, tries=tries, spread=0.5, remaining_s=remaining_s) == expected


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("60", 60), (timedelta(minutes=1), 60), ("Wed, 21 Oct 2015 07:28:00 GMT", 5), (object(), 5), (10**400, 5)],
)
def test_a_wait_is_read_as_another_server_says_it(said: Any, seconds: float) -> None:
    """The text of a Retry-After header is often passed on; what says no time doesn't break the run."""
    assert decide(RetryableError("", retry_after=said), RETRY, tries=1, spread=0.5, remaining_s=None) == Again(seconds)


@pytest.mark.parametrize(("number", "seconds"), [(2, 10), (3, 20), (4, 25), (5, 25), (5000, 25)])
def test_waits_grow_to_a_cap(number: int, seconds: float) -> None:
    """The wait doubles from the delay up to max_delay, however many tries there were."""
    assert delay_before(number, RETRY, spread=1.0) == seconds


def test_without_jitter_the_wait_is_exact() -> None:
    """jitter=False takes the spread out."""
    assert delay_before(2, Retry(delay="1m", jitter=False), spread=0.1) == 60
