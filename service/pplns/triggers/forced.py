"""The runs of a schedule that somebody forced: each its own, beside the one that the schedule starts at its time.

Cloud Scheduler sends such a request with the time of the next run, or with none, and repeats it in the same words. So
the key gets a number, the first whose run has not ended: a repeat joins the run that is going on, a second forcing
after its end is a new one."""

from collections.abc import Callable
from dataclasses import replace

from pplns.errors import NotFoundError
from pplns.state.history import read_run
from pplns.state.keys import find_key
from pplns.stores import Store
from pplns.triggers.envelope import Delivery


def settle_forced(delivery: Delivery, *, pipeline: str, store: Store) -> Delivery:
    """Return a forced delivery with its whole key; any other one as it is.

    Reads about twice the logarithm of the number of runs forced before, and writes nothing: two repeats that come at
    once choose the same number, and meet at the key.

    Raises: StoreError, DamagedRecord."""
    trigger = delivery.origin.trigger
    if not delivery.forced or trigger is None:
        return delivery

    def has_ended(number: int) -> bool:
        found = find_key(store, pipeline, kind=trigger.kind, key=f"{trigger.key} {number}")
        try:
            return found is not None and read_run(store, pipeline, found.run_id).final
        except NotFoundError:  # its process died between the key and the run
            return False

    numbered = trigger.replace(key=f"{trigger.key} {first_open(has_ended)}")
    return replace(delivery, origin=delivery.origin.replace(trigger=numbered))


def first_open(has_ended: Callable[[int], bool]) -> int:
    """Return the first number whose run has not ended, where all before it have."""
    above = 1
    while has_ended(above - 1):
        above *= 2
    low, high = above // 2, above - 1  # the run of low - 1 has ended, that of high has not
    while low < high:
        middle = (low + high) // 2
        if has_ended(middle):
            low = middle + 1
        else:
            high = middle
    return low
