"""Whether a failed try is followed by another one, and when. Pure: time and randomness come in as arguments."""

import math
from typing import Any

from pplns.errors import PplnsError, RetryableError, StoreError, TerminalError
from pplns.model.frozen import Frozen
from pplns.model.policies import Retry


class Again(Frozen):
    """Another try follows after `delay_s` seconds."""

    delay_s: float


class GiveUp(Frozen):
    """No try follows in this attempt. `final`: none ever does, unless a person resumes the run."""

    final: bool


def decide(
    error: BaseException, retry: Retry, *, tries: int, spread: float, remaining_s: float | None
) -> Again | GiveUp:
    """Return what follows try number `tries` that ended with an error.

    `spread` is a random number from 0 to 1 (full jitter). A wait never reaches past the deadline, `remaining_s` away:
    then a later attempt goes on, with the tries counted."""
    if not may_retry(error):
        return GiveUp(final=not isinstance(error, StoreError))  # of a streamed value's store: a later attempt may help
    if tries >= retry.attempts:
        return GiveUp(final=not isinstance(error, RetryableError))
    delay_s = delay_before(tries + 1, retry, spread=spread)
    if isinstance(error, RetryableError):
        delay_s = max(delay_s, _asked_for(error.retry_after))
    if delay_s >= (math.inf if remaining_s is None else remaining_s):
        return GiveUp(final=False)
    return Again(delay_s)


def _asked_for(retry_after: Any) -> float:
    """Return the seconds that an error asks for: a number, a timedelta, or text as the header Retry-After has it.

    What says no time decides nothing: the error is still one that a later try may mend."""
    try:
        seconds = float(getattr(retry_after, "total_seconds", lambda: retry_after)())
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return seconds if seconds > 0 else 0.0  # NaN is no time


def may_retry(error: BaseException) -> bool:
    """Tell whether a retry could help at all: not after a TerminalError, nor after misuse of pplns itself."""
    if isinstance(error, TerminalError) or not isinstance(error, Exception):
        return False
    return not isinstance(error, PplnsError) or isinstance(error, RetryableError) or error.code == "timed_out"


def delay_before(number: int, retry: Retry, *, spread: float) -> float:
    """Return the seconds to wait before try `number` (2 is the first that waits)."""
    try:
        longest = float(retry.delay) * retry.factor ** (number - 2)  # type: ignore[arg-type]
    except OverflowError:
        longest = float("inf")
    longest = min(longest, float(retry.max_delay))  # type: ignore[arg-type]
    return longest * spread if retry.jitter else longest
