"""What an attempt is given to do, and how it came out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pplns.engine.clock import Clock, SystemClock
from pplns.model.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pplns.codecs.held import TableFormat
    from pplns.engine.bounds import Budget, Drain
    from pplns.graph import Graph
    from pplns.model.artifact import Commit
    from pplns.model.run import ErrorInfo, StepRecord
    from pplns.state.checkpoints import Checkpoints
    from pplns.state.lease import Lease
    from pplns.state.runs import RunHead
    from pplns.stores import Store

    Stop = Literal["interrupted", "cancelled"]
    Boundary = Literal["budget", "draining"]

NO_TRIES: Mapping[str, int] = MappingProxyType({})


class StopRequested(Frozen):
    """Asks the executor to stop: Ctrl-C, or a cancellation."""

    reason: Stop


class DrainBegun(Frozen):
    """Tells the executor that its process was told to end: no further step starts."""


class Work(Frozen):
    """What an attempt needs to run. `params` converted; `spent` counts tries of steps in earlier attempts.

    `deadline` bounds the whole run, on the clock's monotonic seconds. `redo` are steps to run again although they
    are committed, `scope` the steps to get done: all, unless a person asked for less. `verify`: read all artifacts that
    are reused, to see whether they are whole. `budget`: when no further step starts, but for the first."""

    head: RunHead
    graph: Graph
    shapes: Mapping[str, str]
    checkpoints: Checkpoints
    params: Mapping[str, Any]
    store: Store
    lease: Lease
    table_format: TableFormat
    parallel_steps: int
    spent: Mapping[str, int] = NO_TRIES
    deadline: float | None = None
    redo: tuple[str, ...] = ()
    scope: frozenset[str] | None = None
    verify: bool = False
    clock: Clock = SystemClock()
    budget: Budget | None = None
    drain: Drain | None = None


class Outcome(Frozen):
    """How an attempt came out; `error` and `final` are of a failed one. `is_partial`: steps were left out.

    `boundary`: why no further step started, where some are left and none failed; `has_committed`: a step became
    durable in this attempt. `is_abandoned`: a step may still run in this process, so the lease has to run out."""

    succeeded: bool
    is_partial: bool
    steps: tuple[StepRecord, ...]
    commits: Mapping[str, Commit]
    error: ErrorInfo | None = None
    final: bool = False
    stopped: Stop | None = None
    boundary: Boundary | None = None
    has_committed: bool = False
    is_abandoned: bool = False


class Continuation(Frozen):
    """A message by which a run goes on, for the end of this attempt and no other."""

    attempt: int
    message_id: str
