"""`current_run()`: what a step may know of the run that it is part of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token

from pplns.built_in import datetime
from pplns.errors import Interrupted, PplnsError
from pplns.model.frozen import Unchecked
from pplns.model.ids import digest_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

    from pplns.model.run import Trigger


class StepTimedOut(PplnsError):
    """A try of a step took longer than its timeout; it is retried as the step's Retry says."""

    code = "timed_out"


def step_timed_out(step: str, timeout_s: float | None) -> StepTimedOut:
    """Return the error of a try that was abandoned at its timeout."""
    return StepTimedOut(
        f"Step {step!r} ran longer than its timeout of {timeout_s:g} s.",
        "A try ends before it; this one was abandoned.",
        "Raise its timeout, split the step, or call current_run().check_deadline() in its loops.",
    )


class Gate:
    """Opens when everything before a step is durable, or when its try isn't waited for any more (`abandoned`).

    Few steps ever wait at theirs: what they wait by is made for the first that does."""

    def __init__(self, *, is_open: bool = False) -> None:
        self.abandoned = False
        self._is_open = is_open
        self._opened: threading.Event | None = None

    def open(self) -> None:
        """Let pass who waits, and whoever comes."""
        with _gates:
            self._is_open = True
            if self._opened is not None:
                self._opened.set()

    def abandon(self) -> None:
        """Send away who waits, and whoever comes."""
        self.abandoned = True
        self.open()

    def pass_through(self) -> None:
        """Wait until the gate opens.

        Raises: Interrupted, where the try was abandoned."""
        with _gates:
            if not self._is_open and self._opened is None:
                self._opened = threading.Event()
        if self._opened is not None:
            self._opened.wait()
        if self.abandoned:
            raise Interrupted("This try of the step was abandoned.")


_gates = threading.Lock()  # of them all: it is held for a moment


class CurrentRun(Unchecked):
    """The run, and the step in it, that the calling code is part of.

    `attempt` counts the attempts of the run, `params` are the pipeline's converted parameters, `logical_date` is aware
    UTC, `deadline` is the time by which this try has to end, on `time.monotonic()`'s scale in seconds, or None.
    `version` is the step's, as its checkpoint is named."""

    run_id: str
    pipeline: str
    step: str
    attempt: int
    logical_date: datetime
    params: Mapping[str, Any]
    trigger: Trigger
    deadline: float | None
    version: str
    gate: Gate
    monotonic: Callable[[], float] = time.monotonic

    @property
    def logger(self) -> logging.Logger:
        """The logger of the step, by the names of its pipeline and its own; most steps never ask for one."""
        import logging

        return logging.getLogger(f"pplns.{self.pipeline}.{self.step}")

    @property
    def idempotency_key(self) -> str:
        """A key for exactly-once writes, the same for every try and attempt of this step of this run.

        Reading it waits until everything that the step rests on is durable: a key must not stand for a value that a
        crash could still change."""
        self.gate.pass_through()
        return digest_fields("idempotency", self.pipeline, self.run_id, self.step, self.version)

    def remaining_s(self) -> float | None:
        """Return the seconds until the deadline, or None where there is none."""
        return None if self.deadline is None else self.deadline - self.monotonic()

    def check_deadline(self) -> None:
        """Raise when the deadline has passed; call it inside long loops, so that a try ends in good order."""
        left = self.remaining_s()
        if left is not None and left <= 0:
            raise StepTimedOut(
                f"Step {self.step!r} passed its deadline.",
                "A try ends before it.",
                "Raise its timeout, or split the step.",
            )


_current: ContextVar[CurrentRun | None] = ContextVar("pplns_current_run", default=None)


def current_run() -> CurrentRun:
    """Return the run that the calling step is part of.

    Raises: PplnsError outside of a run."""
    found = _current.get()
    if found is None:
        raise PplnsError(
            "current_run() was called outside of a run.",
            "It is known inside a step while a pipeline runs, in the step's own thread.",
            "Read it in the step and hand its values on to threads and helpers.",
        )
    return found


def set_current(run: CurrentRun) -> Token[CurrentRun | None]:
    """Make a run the current one of this thread's context; return what `unset_current` takes."""
    return _current.set(run)


def unset_current(token: Token[CurrentRun | None]) -> None:
    """Make that the current run which was before."""
    _current.reset(token)
