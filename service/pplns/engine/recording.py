"""Writes the end of an attempt: how it came out, by which number, and whether the run goes on.

A run that somebody deleted while it went on gets none: its outcome would belong to nothing that anybody can find."""

from __future__ import annotations

from pplns.model.run import ErrorInfo, iso
from pplns.state.ends import End
from pplns.state.runs import require_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pplns.engine.clock import Clock
    from pplns.engine.work import Continuation, Outcome
    from pplns.state.lease import Lease


def record_end(
    lease: Lease,
    clock: Clock,
    *,
    final: bool,
    outcome: Outcome | None = None,
    error: ErrorInfo | None = None,
    result: Any = None,
) -> End:
    """Write the end of an attempt, failed where there is an error; return the one that stands, another's if that was
    first.

    Raises: LeaseLost, StoreError."""
    made = _end_of(lease, clock, outcome, state="failed" if error else "succeeded")
    require_head(lease.store, lease.prefix)
    return lease.end(lambda attempt: made.replace(attempt=attempt, final=final, error=error, result=result))


def record_continuing(lease: Lease, clock: Clock, outcome: Outcome, continuation: Continuation) -> End:
    """Write that the run goes on by a message; return the end that stands.

    The message names its attempt: if someone sealed that meanwhile, the attempt that the holder moved to has none, and
    ends so that any delivery goes on, that message included.

    Raises: LeaseLost, StoreError."""
    made = _end_of(lease, clock, outcome, state="failed")
    missed = ErrorInfo(
        "continuation_missed", f"Attempt {continuation.attempt} was taken for lost while it was being continued.",
        "A redelivery goes on; so does `pplns resume`.",
    )  # fmt: skip

    def make(attempt: int) -> End:
        if attempt != continuation.attempt:
            return made.replace(attempt=attempt, error=missed)
        return made.replace(state="continuing", message_id=continuation.message_id)

    require_head(lease.store, lease.prefix)
    return lease.end(make)


def _end_of(lease: Lease, clock: Clock, outcome: Outcome | None, *, state: Literal["succeeded", "failed"]) -> End:
    steps = outcome.steps if outcome else ()
    return End(
        attempt=lease.attempt, state=state, final=False, started_at=lease.started_at,
        finished_at=str(iso(clock.now())), first_started_at=lease.first_started_at, steps=steps,
        commits=sum(step.state == "succeeded" for step in steps),
    )  # fmt: skip
