"""A run whose values tell who made them and from what, and processes that race for it.

    first ──┬─ left ──┐
            └─ right ─┴─ both ── publish

Every call of a step returns another value: a token of its own and the tokens of its inputs. So a value that doesn't
come from the commits shows, wherever it went. `publish` writes what it saw to the journal, as the outside."""

import ctypes
import os
import random
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import google.auth.transport.requests  # noqa: F401 - imported before the birth of children

from kit import settings_of
from pplns import current_run, pipeline, step
from pplns.engine.clock import SystemClock
from pplns.engine.runner import resume_run, run_pipeline
from pplns.errors import LeaseHeld, NotFoundError
from pplns.model.ids import new_token
from pplns.stores import open_store

ROOT = Path(__file__).parents[2]
STEP_SECONDS = 0.02
BEFORE_NEXT_TRY_S = 0.02
INPUTS = {"first": [], "left": ["first"], "right": ["first"], "both": ["left", "right"], "publish": ["both"]}
holding: dict[str, float] = {}  # the step that holds the interpreter's lock, and for how long
stopping: set[str] = set()  # steps in which the process stops, until it is told to go on

Value = dict[str, Any]


def note(*words: object) -> None:
    """Append one line to the journal."""
    with Path(os.environ["RACING_JOURNAL"]).open("ab", buffering=0) as journal:
        journal.write(" ".join(map(str, words)).encode() + b"\n")


def traced(name: str, *inputs: Value) -> Value:
    """Take a step's time and return a value that no other call returns."""
    note("start", name, os.getpid())
    time.sleep(STEP_SECONDS)
    if name in stopping:
        os.kill(os.getpid(), signal.SIGSTOP)
    if name in holding:
        ctypes.PyDLL(None).usleep(int(holding[name] * 1e6))  # PyDLL calls C without letting go of the lock
    return {"by": new_token(), "of": [one["by"] for one in inputs]}


@step
def first() -> Value:
    return traced("first")


@step
def left(value: Value) -> Value:
    return traced("left", value)


@step
def right(value: Value) -> Value:
    return traced("right", value)


@step
def both(one: Value, other: Value) -> Value:
    return traced("both", one, other)


@step
def publish(value: Value) -> Value:
    note("effect", current_run().idempotency_key, value["by"])
    return traced("publish", value)


@pipeline
def racing() -> Any:
    before = first()
    return publish(both(left(before), right(before)))


class JumpingClock(SystemClock):
    """The clock of a machine that is minutes off, and that somebody sets again and again."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def now(self) -> datetime:
        """Return a time up to ten minutes off, another way each time."""
        return datetime.now(UTC) + timedelta(seconds=self._rng.uniform(-600, 600))


def race(
    *,
    url: str,
    run_id: str,
    journal: str,
    lease_seconds: float,
    is_person: bool = False,
    clock_seed: int | None = None,
    holds: Sequence[Any] = (),
    stops_in: str | None = None,
) -> dict[str, Any]:
    """Run or resume a run again and again until it has ended; LeaseHeld is the only error that may come."""
    os.environ["RACING_JOURNAL"] = journal
    holding.update([tuple(holds)] if holds else [])  # type: ignore[list-item]
    stopping.update([stops_in] if stops_in else [])
    store, settings = open_store(url, root=ROOT), settings_of(ROOT, PPLNS_LEASE_SECONDS=str(lease_seconds))
    clock = None if clock_seed is None else JumpingClock(clock_seed)
    refused = 0
    while True:
        try:
            if is_person:
                record = resume_run(racing, run_id, store=store, settings=settings, clock=clock)
            else:
                record = run_pipeline(racing, store=store, settings=settings, run_id=run_id, clock=clock)
        except NotFoundError:
            is_person = False  # nobody began it yet
        except LeaseHeld:
            refused += 1
            time.sleep(BEFORE_NEXT_TRY_S)
        else:
            return {"state": record.state, "result": record.result, "attempt": record.attempt, "refused": refused}
