"""All that may happen next in the model: to a process, by one operation on the store, or to what surrounds it."""

from collections.abc import Iterator

from protocol import acquiring, working
from protocol.acquiring import Step
from protocol.rules import Scenario
from protocol.state import IDLE, Process, Store

ACQUIRING = {
    "idle": acquiring.begin,
    "read lease": acquiring.read_lease,
    "read end": acquiring.read_end,
    "read request before sealing": acquiring.read_request_before_sealing,
    "seal": acquiring.seal,
    "read busy lease": acquiring.read_busy_lease,
    "read busy end": acquiring.read_busy_end,
    "publish busy": acquiring.publish_busy,
    "read request before taking": acquiring.read_request_before_taking,
    "take": acquiring.take,
    "seal late": acquiring.seal_late,
    "read holder": acquiring.read_holder,
    "request": acquiring.request,
    "check request": acquiring.check_request,
    "move": working.move,
    "publish": working.publish,
    "publish late": working.publish_late,
    "read request before end": working.read_request_before_end,
    "read request before moving": working.read_request_before_moving,
}
WORKING = {"plan": working.plan, "work": working.work, "redo": working.redo, "end": working.end}


def steps_of(store: Store, process: Process, scenario: Scenario) -> Iterator[Step]:
    """Yield what one process may do next, each with the store and the process after it."""
    if process.at in ACQUIRING:
        yield from ACQUIRING[process.at](store, process, scenario.rules)
    elif process.at in WORKING:
        yield from WORKING[process.at](store, process, scenario.graph, scenario.rules)
    if store.left.crashes and process.at != "idle":
        yield "dies, and starts anew", store.spend("crashes"), IDLE


def changes_around(store: Store) -> Iterator[tuple[str, Store]]:
    """Yield what may happen to a run without any process: the root's artifact breaks, other code is deployed."""
    if store.left.damages:
        for key, _ in sorted(store.commits):
            if key[0] == 0 and key not in store.damaged:
                yield f"damage of {key}", store.spend("damages")._replace(damaged=store.damaged | {key})
    if store.left.deploys:
        yield "other code is deployed", store.spend("deploys")._replace(code=1 - store.code)
