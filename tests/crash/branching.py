"""A branching pipeline of 30 steps whose every start and finish is written to a journal that survives a kill.

    load ──┬─ a_1 … a_9 ─┐
           ├─ b_1 … b_9 ─┼─ join ── publish
           └─ c_1 … c_9 ─┘

The journal is the file named by BRANCHING_JOURNAL: one line an event, appended in one write."""

import os
import time
from pathlib import Path

from pplns import pipeline, step

STEP_SECONDS = 0.01
BRANCHES = "abc"
LENGTH = 9


def note(what: str, name: str) -> None:
    """Append one line to the journal."""
    with Path(os.environ["BRANCHING_JOURNAL"]).open("ab", buffering=0) as journal:
        journal.write(f"{what} {name}\n".encode())


@step
def load(seed: int) -> list[int]:
    """Start all branches."""
    note("start", "load")
    time.sleep(STEP_SECONDS)
    note("finish", "load")
    return [seed]


@step
def grow(values: list[int], name: str) -> list[int]:
    """Lengthen a branch by one."""
    note("start", name)
    time.sleep(STEP_SECONDS)
    values.append(values[-1] * 3 % 1009 + len(name))
    note("finish", name)
    return values


@step
def join(branches: list[list[int]]) -> int:
    """Bring the branches together."""
    note("start", "join")
    total = sum(sum(branch) for branch in branches)
    note("finish", "join")
    return total


@step
def publish(total: int) -> int:
    """Write to the outside."""
    note("start", "publish")
    note("finish", "publish")
    return total


@pipeline
def branching(seed: int = 7) -> int:
    """Thirty steps in three branches."""
    loaded = load(seed)
    ends: list[list[int]] = []
    for branch in BRANCHES:
        values = loaded
        for number in range(1, LENGTH + 1):
            values = grow.named(f"{branch}_{number}")(values, f"{branch}_{number}")
        ends.append(values)
    return publish(join(ends))
