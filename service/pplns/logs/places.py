"""Places: which step of which run is speaking, and for which request.

Both are context variables, so that threads and tasks that copy their context speak from the same place. A step that
has ended is no place any more: a thread that outlives it isn't counted to the run."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from pplns.model.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.logs.streams import LineBuffer

Keep = Callable[[str], None]

_TRACEPARENT = r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
_CLOUD_TRACE = r"([0-9a-fA-F]{32})(?:/(\d{1,20}))?(?:;o=(\d))?"
_MOST_SPANS = 1 << 64


class _Process:
    """Which process this is, noted: asking the system takes a good part of the time that a printed line does."""

    def __init__(self) -> None:
        self.note()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.note)

    def note(self) -> None:
        self.pid = os.getpid()


_process = _Process()


class Place:
    """A step of a run. `keep` takes each of its lines, to be kept with the run.

    `unfinished` holds what was printed of lines that haven't ended, for each thread and stream; under `guard`."""

    def __init__(
        self, pipeline: str, run_id: str, attempt: int, step: str | None = None, *, keep: Keep | None = None
    ) -> None:
        self.pipeline = pipeline
        self.run_id = run_id
        self.attempt = attempt
        self.step = step
        self.keep = keep
        self.is_over = False
        self.unfinished: dict[tuple[int, str], LineBuffer] = {}
        self.guard = threading.RLock()
        self.pid = _process.pid

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its lines."""
        shown = {"pplns_pipeline": self.pipeline, "pplns_run_id": self.run_id, "pplns_attempt": str(self.attempt)}
        return shown if self.step is None else {**shown, "pplns_step": self.step}


class Trace(Frozen):
    """The trace that a request belongs to: 32 hex digits, and 16 of the span that sent it where it is known."""

    trace_id: str
    span_id: str | None = None
    is_sampled: bool = False


_place: ContextVar[Place | None] = ContextVar("pplns_log_place", default=None)
_trace: ContextVar[Trace | None] = ContextVar("pplns_log_trace", default=None)


def here() -> Place | None:
    """Return the step that the calling code is part of, or None outside of steps.

    A process that a step forked is outside: it has the step's locks and buffers, but none of its threads."""
    place = _place.get()
    return None if place is None or place.is_over or place.pid != _process.pid else place


def speak_from(place: Place) -> None:
    """Make a place the one of this thread's context."""
    _place.set(place)


def current_trace() -> Trace | None:
    """Return the trace of the request that the calling code serves, if any."""
    return _trace.get()


@contextmanager
def traced(trace: Trace | None) -> Generator[None]:
    """Make what is logged in the block part of a trace."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    """Return the trace that a request's headers (lower-case names) tell of: `traceparent` before Google's own header.

    W3C Trace Context 1 gives the span in hex; X-Cloud-Trace-Context gives it as a decimal number. What is malformed is
    taken for absent."""
    import re

    found = re.fullmatch(_TRACEPARENT, headers.get("traceparent", "").strip())
    if found and found[1] != "0" * 32 and found[2] != "0" * 16:
        return Trace(found[1], found[2], is_sampled=bool(int(found[3], 16) & 1))
    found = re.fullmatch(_CLOUD_TRACE, headers.get("x-cloud-trace-context", "").strip())
    if found is None or found[1] == "0" * 32:
        return None
    span = int(found[2] or 0)
    return Trace(found[1].lower(), f"{span:016x}" if 0 < span < _MOST_SPANS else None, is_sampled=found[3] == "1")
