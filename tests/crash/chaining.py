"""A pipeline of six steps, one run of it at a time, whose requests have time for one step each.

Every request is a process of its own, which may be killed. The topic is a file: a message is a line in it, and comes
again until it is answered. So does each run's push."""

import json
import os
from pathlib import Path
from typing import Any

from crash.children import ROOT, Mortality, open_mortal
from kit import settings_of
from pplns import current_run, pipeline, step
from pplns.engine.bounds import Bounds
from pplns.engine.runner import Origin, continue_run, run_pipeline
from pplns.errors import LeaseHeld, TooManyRuns
from pplns.model.run import Trigger
from pplns.state.runs import RunHead

STEPS = 6


def append(file: str, line: str) -> None:
    """Append one line in one write."""
    with Path(file).open("ab", buffering=0) as opened:
        opened.write(f"{line}\n".encode())


@step
def link(x: int) -> int:
    """Count on, alone: another run of the pipeline that is in a step at this moment is a collision."""
    run_id = current_run().run_id
    append(os.environ["CHAINING_JOURNAL"], f"start {run_id} {x}")
    with Path(os.environ["CHAINING_JOURNAL"] + ".working").open("a+") as working:
        if not _lock(working.fileno()):
            append(os.environ["CHAINING_JOURNAL"], f"collision {run_id} {x}")
    return x + 1


@pipeline(max_concurrent_runs=1)
def chaining() -> Any:
    """Six steps in a row."""
    number: Any = 0
    for _ in range(STEPS):
        number = link(number)
    return number


def request(
    *, url: str, run_id: str, journal: str, topic: str, message: int | None, lease_seconds: float, dies_at: int | None
) -> dict[str, Any]:
    """Answer a push of a run, or a message that names its attempt `message`; tell whether it needn't come again."""
    os.environ["CHAINING_JOURNAL"] = journal
    mortality = Mortality(dies_at)
    store, settings = open_mortal(url, mortality), settings_of(ROOT, PPLNS_LEASE_SECONDS=str(lease_seconds))

    def hand_over(head: RunHead, attempt: int) -> str:
        mortality.pass_point()
        append(topic, json.dumps([head.run_id, attempt]))
        mortality.pass_point()
        return f"{head.run_id} {attempt}"

    bounds = Bounds(budget_s=0.0, hand_over=hand_over)
    try:
        if message is None:
            origin = Origin(Trigger("pubsub", f"sub/{run_id}"), by_person=False)
            record = run_pipeline(chaining, store=store, settings=settings, origin=origin, run_id=run_id, bounds=bounds)
        else:
            record = continue_run(chaining, run_id, attempt=message, store=store, settings=settings, bounds=bounds)
    except (LeaseHeld, TooManyRuns) as busy:
        return {"answered": False, "state": busy.code, "points": mortality.points}
    is_answered = record.final or record.state == "continuing"
    return {"answered": is_answered, "state": record.state, "result": record.result, "points": mortality.points}


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed, or its process dies; tell whether nobody else has."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
