"""What bounds an attempt besides its own work: a request's budget, a container that ends, who is busy already.

An attempt stops at a step boundary and never in a step: what it committed stays, and a message makes the run go on in a
new request with a new budget."""

import threading
import time
from collections.abc import Callable

from pplns.model.frozen import Frozen
from pplns.state.runs import RunHead

HandOver = Callable[[RunHead, int], str]

GRACE_SECONDS = 6.0  # of the 10 s between SIGTERM and SIGKILL on Cloud Run; the rest is for recording and answering
LAST_SHARE = 0.1  # a step without a timeout isn't begun in the last tenth of a budget


class Drain:
    """Says that this process was told to end (SIGTERM). One for the whole process; any thread may use it.

    Attempts start no further step. Steps under way get `grace_s` seconds to finish, from the beginning of the drain."""

    def __init__(self, *, grace_s: float = GRACE_SECONDS) -> None:
        self.grace_s = grace_s
        self._began: float | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._guard = threading.RLock()  # a signal's handler may interrupt the thread that holds it

    @property
    def is_set(self) -> bool:
        """Whether the process was told to end."""
        return self._began is not None

    @property
    def left_s(self) -> float:
        """The seconds that steps under way still have; all of them before the drain has begun."""
        return self.grace_s if self._began is None else self.grace_s - (time.monotonic() - self._began)

    def begin(self) -> None:
        """Tell all attempts of this process to end. A repeat changes nothing."""
        with self._guard:
            if self._began is not None:
                return
            self._began = time.monotonic()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when the drain begins, at once if it has; return what ends the subscription.

        The callback runs in the thread that begins the drain, which may be a signal's handler: it may only note. A
        signal that comes during this call may make it run twice, never not at all."""
        with self._guard:
            self._callbacks.append(callback)
            has_begun = self._began is not None
        if has_begun:
            callback()

        def unsubscribe() -> None:
            with self._guard:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return unsubscribe


class Bounds(Frozen):
    """What bounds the attempts of one request.

    `budget_s`: the seconds that the attempt may take from now, the margin for publishing and answering subtracted
    already; None: no limit. `hand_over`: publishes the continuation of an attempt (the run's head, the attempt's
    number; 0 for a queued run) and returns the message's id once that is confirmed, or raises PublishError; None: the
    pipeline has no topic. It is called again until it succeeds or the margin is spent. `hands_over_when_busy`: what
    can't run now, since another holder has the lease, no slot is free or the process drains, is handed over as well,
    and the record says `continuing`: for Cloud Scheduler, which wouldn't come back. `drain`: the process's."""

    budget_s: float | None = None
    hand_over: HandOver | None = None
    hands_over_when_busy: bool = False
    drain: Drain | None = None

    @property
    def is_draining(self) -> bool:
        """Whether the process was told to end."""
        return self.drain is not None and self.drain.is_set


UNBOUNDED = Bounds()


class Budget(Frozen):
    """A budget that runs: `seconds` of it, up to `ends` on the attempt's monotonic clock."""

    seconds: float
    ends: float

    def has_room(self, timeout_s: float | None, *, at: float) -> bool:
        """Tell whether a step may begin at a time: its declared timeout fits, or more than a tenth is left."""
        left = self.ends - at
        return left > self.seconds * LAST_SHARE if timeout_s is None else timeout_s <= left
