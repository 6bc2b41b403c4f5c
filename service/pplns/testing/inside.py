"""A run around a step that a test calls as a plain function, so that `current_run()` works in it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pplns.engine.clock import Clock
from pplns.engine.context import CurrentRun, Gate, set_current, unset_current
from pplns.model.durations import Duration, seconds_of
from pplns.model.ids import VERSION_LENGTH, check_run_id
from pplns.model.run import Trigger
from pplns.testing.clock import FrozenClock, check_aware


@contextmanager
def inside_run(
    *,
    step: str = "step",
    pipeline: str = "pipeline",
    params: Mapping[str, Any] | None = None,
    run_id: str = "test-run",
    attempt: int = 1,
    logical_date: datetime | None = None,
    timeout: Duration | None = None,
    clock: Clock | None = None,
) -> Generator[CurrentRun]:
    """Make `current_run()` return a run of these fields in the `with` block, and give that run.

    `params` are as the pipeline would have converted them. `logical_date` is aware; the clock's present unless given.
    `timeout` is what the try has left on `clock`, a FrozenClock unless given. `idempotency_key` is the same for the
    same pipeline, run id and step, whatever the attempt, and is there at once.

    Raises: ParameterError for a run id that can't be one; DefinitionError for a time without a time zone."""
    clock = clock or FrozenClock()
    run = CurrentRun(
        run_id=check_run_id(run_id), pipeline=pipeline, step=step, attempt=attempt,
        logical_date=check_aware(logical_date or clock.now(), what="logical_date"), params=dict(params or {}),
        trigger=Trigger("manual", run_id),
        deadline=None if timeout is None else clock.monotonic() + seconds_of(timeout, what="timeout"),
        version="0" * VERSION_LENGTH, gate=Gate(is_open=True), monotonic=clock.monotonic,
    )  # fmt: skip
    token = set_current(run)
    try:
        yield run
    finally:
        unset_current(token)
