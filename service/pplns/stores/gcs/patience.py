"""How long a call to Cloud Storage may take, and how long it waits between two tries.

Waits are exponential with full jitter (https://cloud.google.com/storage/docs/retry-strategy), so that many containers
that were refused at once don't come back at once."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

CONNECT_SECONDS = 10.0
_SHORTEST_TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """The time for one call with all its tries, for the answer to one try, and the bounds of the waits between."""

    seconds: float
    answer_s: float
    first_wait_s: float = 1.0
    longest_wait_s: float = 16.0


DATA_PATIENCE = Patience(seconds=60.0, answer_s=30.0)
LEASE_PATIENCE = Patience(seconds=10.0, answer_s=5.0)  # a renewal has to be over long before its lease is


class Tries:
    """The tries of one call; `draw` chooses a wait between two bounds."""

    def __init__(self, patience: Patience, *, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._patience = patience
        self._draw = draw
        self._end = time.monotonic() + patience.seconds
        self._wait_s = patience.first_wait_s

    @property
    def timeout_s(self) -> tuple[float, float]:
        """How long the next try may take to connect, and to be answered."""
        left = max(_SHORTEST_TIMEOUT_S, self._end - time.monotonic())
        return min(CONNECT_SECONDS, left), min(self._patience.answer_s, left)

    def wait(self, at_least_s: float = 0.0) -> bool:
        """Wait for the next try; False at once when the time of the call wouldn't allow one."""
        wait_s = max(at_least_s, self._draw(0.0, self._wait_s))
        self._wait_s = min(2 * self._wait_s, self._patience.longest_wait_s)
        if time.monotonic() + wait_s >= self._end:
            return False
        time.sleep(wait_s)
        return True
