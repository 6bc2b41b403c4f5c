"""Cancelling a run: a request to its holder, or, where nobody works on it, its end at once."""

from collections.abc import Callable

from pplns.errors import LeaseHeld, LeaseLost
from pplns.model.ids import new_token
from pplns.model.run import RunRecord, iso_now
from pplns.state.ends import End, read_end, request_cancel
from pplns.state.history import read_run, record_of
from pplns.state.holders import this_holder
from pplns.state.lease import Claim, Lease, acquire_lease, cancelled, view_lease
from pplns.state.runs import RunHead, move_hint, read_head
from pplns.stores import Store

MAX_ROUNDS = 20  # a holder may come and go between looking and asking; more often than this it is damage


OnEnd = Callable[[RunRecord], None]


def _say_nothing(record: RunRecord) -> None:
    pass


def cancel_run(
    store: Store, pipeline: str, run_id: str, *, lease_seconds: float, on_end: OnEnd = _say_nothing
) -> RunRecord:
    """Cancel a run and return its record; `on_end` is told if it was this call that ended it.

    A live holder is asked and ends the run within a renewal: the record still says running. A run that nobody works on
    is ended here; one that has ended stays as it is. Whichever end is created first stands.

    Raises: NotFoundError, StoreError."""
    head = read_head(store, pipeline, run_id)
    for _ in range(MAX_ROUNDS):
        before = read_run(store, pipeline, run_id)
        claim = Claim(this_holder(), lease_seconds, steps=tuple(step.step for step in before.steps))
        try:
            lease = acquire_lease(store, head.prefix, claim, reopen=False, continues="any")
            return record_of(head, lease) if isinstance(lease, End) else _end(store, head, lease, before, on_end)
        except LeaseHeld:
            if _ask_holder(store, head.prefix):
                return read_run(store, pipeline, run_id)
        except LeaseLost:
            continue  # overtaken before the end was written: there is a holder to ask
    raise LeaseHeld(
        f"The run {run_id!r} of pipeline {pipeline!r} changed hands {MAX_ROUNDS} times while it was being cancelled.",
        "Its lease can be read and its holder asked.",
        "Try again; if it happens again, look at the lease in the store.",
    )


def _ask_holder(store: Store, prefix: str) -> bool:
    """Ask the holder to end its attempt; tell whether that is sure to be seen.

    While the attempt has no end, whoever ends or passes it has yet to look. Once it was sealed, whoever passes it may
    have looked before there was a request."""
    view = view_lease(store, prefix)
    if view is None:
        return False
    request_cancel(store, prefix, view.attempt, writer=new_token())
    end = read_end(store, prefix, view.attempt)
    return end is None or end.final


def _end(store: Store, head: RunHead, lease: Lease, before: RunRecord, on_end: OnEnd) -> RunRecord:
    """End a run that nobody works on, in the attempt that was taken for it."""

    def end(attempt: int) -> End:
        made = End(
            attempt=attempt, state="lost", final=False, finished_at=iso_now(), started_at=lease.started_at,
            first_started_at=lease.first_started_at, steps=before.steps,
        )  # fmt: skip
        return cancelled(made)

    standing = lease.end(end)
    move_hint(store, head.pipeline, head.run_id, before=before.state, after=standing.state)
    record = record_of(head, standing)
    on_end(record)
    return record
