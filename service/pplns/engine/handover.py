"""Handing a run over to its pipeline's topic: the continuation is published, confirmed, and only then recorded."""

import contextlib
from collections.abc import Iterator

from pplns.built_in import SimpleQueue
from pplns.engine.bounds import Bounds
from pplns.engine.clock import Clock
from pplns.engine.work import Continuation, Outcome
from pplns.errors import DamagedRecord, NotFoundError, PublishError
from pplns.model.run import ErrorInfo, RunRecord
from pplns.state.ends import read_end
from pplns.state.history import read_run
from pplns.state.lease import view_lease
from pplns.state.runs import RunHead, hint_folder, read_head
from pplns.stores import Store

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 2.0  # so that a drain is seen in time
MOST_OPEN = 200  # runs of a pipeline that are looked through for continuations that got lost


def continue_by_message(
    head: RunHead, attempt: int, outcome: Outcome, *, bounds: Bounds, clock: Clock, until: float
) -> Continuation | ErrorInfo:
    """Publish the continuation of an attempt that stopped at a boundary, or return why it ends without one.

    A run continues by a message only if the attempt committed a step, so that no chain of messages goes round in
    circles; a request that wouldn't come back is handed over all the same."""
    if outcome.boundary == "draining" and not bounds.hands_over_when_busy:
        return ErrorInfo("draining", "The process was told to end.", "A redelivery goes on; so does `pplns resume`.")
    if bounds.hand_over is None:
        return ErrorInfo(
            "budget_spent", "The request's time is over, and the pipeline has no topic to go on by.",
            "A redelivery goes on, and so does `pplns resume`; set PPLNS_TOPIC to go on by messages.",
        )  # fmt: skip
    if not outcome.has_committed and not bounds.hands_over_when_busy:
        return ErrorInfo(
            "budget_spent", "The request's time was over before a step was committed.",
            "A redelivery tries again; split the step, or use a trigger that waits longer.",
        )  # fmt: skip
    try:
        return Continuation(attempt, publish(head, attempt, bounds=bounds, clock=clock, until=until))
    except PublishError as error:
        return ErrorInfo.of(error)


def hand_over_busy(store: Store, head: RunHead, *, bounds: Bounds, clock: Clock, until: float) -> RunRecord:
    """Hand over a run that can't run here and now, and return its record as `continuing`.

    One that has ended or waits for a continuation already is returned as it is.

    Raises: PublishError."""
    record = read_run(store, head.pipeline, head.run_id)
    if record.final or record.state == "continuing":
        return record
    publish(head, record.attempt, bounds=bounds, clock=clock, until=until)
    return record.replace(state="continuing", finished_at=None, error=None)


def repeat_forgotten(
    store: Store, pipeline: str, *, bounds: Bounds, clock: Clock, until: float
) -> Iterator[tuple[RunHead, int]]:
    """Publish continuations that haven't come for half an hour once more; yield their runs, and the attempts they name.

    Pub/Sub loses nothing that it confirmed, but a subscription may be deleted or purged. Where the first message comes
    all the same, one of the two finds the run taken and changes nothing. Only the newest open runs are looked at.

    Raises: PublishError."""
    for run_id in sorted(store.children(f"{pipeline}/{hint_folder(None)}/"), reverse=True)[:MOST_OPEN]:
        with contextlib.suppress(NotFoundError, DamagedRecord):  # the list of runs tells of them
            head = read_head(store, pipeline, run_id)
            attempt = _forgotten_attempt(store, head)
            if attempt is not None:
                publish(head, attempt, bounds=bounds, clock=clock, until=until)
                yield head, attempt


def _forgotten_attempt(store: Store, head: RunHead) -> int | None:
    """Return the attempt whose continuation a run waits for in vain."""
    view = view_lease(store, head.prefix)
    end = None if view is None else read_end(store, head.prefix, view.attempt)
    if view is None or end is None or end.state != "continuing" or view.awaits(end):
        return None
    return end.attempt


def publish(head: RunHead, attempt: int, *, bounds: Bounds, clock: Clock, until: float) -> str:
    """Publish the continuation of an attempt, again and again until a time on the clock, and return its message id.

    Raises: PublishError."""
    assert bounds.hand_over is not None, "whoever publishes has a topic"
    pause_s = FIRST_PAUSE_SECONDS
    while True:
        try:
            return bounds.hand_over(head, attempt)
        except PublishError:
            left_s = until - clock.monotonic()
            if bounds.drain is not None and bounds.drain.is_set:
                left_s = min(left_s, bounds.drain.left_s)
            if left_s <= pause_s:
                raise
        pause(clock, pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_SECONDS)


def pause(clock: Clock, seconds: float) -> None:
    """Wait for seconds on a clock, which gives up each wait after a while to hear signals."""
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        clock.take(SimpleQueue(), until=end, is_busy=False)
