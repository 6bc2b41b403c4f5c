"""A branching pipeline of 30 steps whose every start and finish is written to a journal that survives a kill.

    load ──┬─ a_1 … a_9 ─┐      a: values inside their commits
           ├─ b_1 … b_9 ─┼─ join ── publish      b: small tables, stored by their step's own thread
           └─ c_1 … c_9 ─┘      c: larger tables, stored beside the next step

The journal is the file named by BRANCHING_JOURNAL: one line an event, appended in one write. `publish` writes to the
outside: a line with its key."""

import os
import time
from pathlib import Path
from typing import Any

from pplns import current_run, pipeline, step

BRANCHES = "abc"
LENGTH = 9
SMALL_ROWS, LARGE_ROWS = 20, 3_000


def note(what: str, name: str) -> None:
    """Append one line to the journal."""
    with Path(os.environ["BRANCHING_JOURNAL"]).open("ab", buffering=0) as journal:
        journal.write(f"{what} {name}\n".encode())


def work(name: str) -> None:
    """Begin a step and take its time."""
    note("start", name)
    time.sleep(float(os.environ.get("BRANCHING_STEP_SECONDS", "0.01")))


@step
def load(seed: int) -> list[int]:
    """Start all branches."""
    work("load")
    note("finish", "load")
    return [seed]


@step
def grow(values: Any, name: str) -> Any:
    """Lengthen a branch by one."""
    import pandas as pd

    work(name)
    if name.startswith("a"):
        values.append(values[-1] * 3 % 1009 + len(name))
    else:
        rows = SMALL_ROWS if name.startswith("b") else LARGE_ROWS
        before = pd.Series(range(rows)) + values[0] if isinstance(values, list) else values["value"]
        values = pd.DataFrame({"value": before * 3 % 1009 + len(name)})
    note("finish", name)
    return values


@step
def join(branches: list[Any]) -> int:
    """Bring the branches together."""
    note("start", "join")
    total = sum(sum(one) if isinstance(one, list) else int(one["value"].sum()) for one in branches)
    note("finish", "join")
    return total


@step
def publish(total: int) -> int:
    """Write to the outside."""
    note("start", "publish")
    note("effect", f"{current_run().idempotency_key}={total}")
    note("finish", "publish")
    return total


@pipeline
def branching(seed: int = 7) -> int:
    """Thirty steps in three branches."""
    loaded = load(seed)
    ends: list[Any] = []
    for branch in BRANCHES:
        values: Any = loaded
        for number in range(1, LENGTH + 1):
            values = grow.named(f"{branch}_{number}")(values, f"{branch}_{number}")
        ends.append(values)
    return publish(join(ends))
