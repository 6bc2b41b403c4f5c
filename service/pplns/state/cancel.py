"""Cancelling a run: a request to its holder, or, where nobody works on it, its end at once."""

from pplns.errors import LeaseHeld
from pplns.model.ids import new_token
from pplns.model.run import RunRecord, iso_now
from pplns.state.ends import End, request_cancel
from pplns.state.history import read_run, record_of
from pplns.state.holders import this_holder
from pplns.state.lease import Claim, acquire_lease, cancelled, view_lease
from pplns.state.runs import move_hint, read_head
from pplns.stores import Store


def cancel_run(store: Store, pipeline: str, run_id: str, *, lease_seconds: float) -> RunRecord:
    """Cancel a run and return its record.

    A live holder is asked and ends the run within a renewal: the record still says running. A run that nobody works on
    is ended here; one that has ended stays as it is. Whichever end is created first stands.

    Raises: NotFoundError, StoreError, LeaseHeld when a holder comes and goes at this very moment."""
    head = read_head(store, pipeline, run_id)
    before = read_run(store, pipeline, run_id)
    claim = Claim(this_holder(), lease_seconds, steps=tuple(step.step for step in before.steps))
    try:
        lease = acquire_lease(store, head.prefix, claim, reopen=False)
    except LeaseHeld:
        view = view_lease(store, head.prefix)
        if view is None:
            raise
        request_cancel(store, head.prefix, view.attempt, writer=new_token())
        return read_run(store, pipeline, run_id)
    if isinstance(lease, End):
        return record_of(head, lease)

    def end(attempt: int) -> End:
        made = End(
            attempt=attempt, state="lost", final=False, finished_at=iso_now(), started_at=lease.started_at,
            first_started_at=lease.first_started_at, steps=before.steps,
        )  # fmt: skip
        return cancelled(made)

    standing = lease.end(end)
    move_hint(store, head, standing.state)
    return record_of(head, standing)
