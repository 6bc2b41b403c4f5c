"""What PROTOCOL promises of a run that was killed, held against its journal and what lies in its store.

A kill repeats, on each branch, at most the finished step whose commit was in flight and the one step begun behind it.
That one was running, or had just returned: its own commit waits for the one before it."""

import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from crash.branching import BRANCHES, LARGE_ROWS, LENGTH, SMALL_ROWS


@dataclass(slots=True)
class Attempt:
    """What stood before an attempt: the committed steps, and the size of the journal in bytes."""

    known: frozenset[str]
    before: int
    started: Counter[str] = field(default_factory=Counter[str])
    finished: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Found:
    """How many steps were repeated; how often two of a branch were; and how many times `publish` wrote outside."""

    repeated: int
    behind: int
    effects: int


def check_run(record: dict[str, Any], commits: list[str], journal: str, attempts: list[Attempt]) -> Found:
    """Check a run that has ended, and return what its kills cost."""
    _read_journal(journal, attempts)
    where = (record["run_id"], journal)
    assert (record["state"], record["final"], record["result"]) == ("succeeded", True, expected_result()), where
    assert sorted(name.partition("@")[0] for name in commits) == sorted(_all_steps()), where
    assert all(step["state"] == "succeeded" for step in record["steps"]), where
    for attempt in attempts:
        assert not attempt.known & set(attempt.started), ("a committed step ran again", where)
        assert max(attempt.started.values(), default=1) == 1, ("a step ran twice in one attempt", where)
    repeated = behind = 0
    for number, attempt in enumerate(attempts):
        later: set[str] = set().union(*(one.started for one in attempts[number + 1 :]))
        again = set(attempt.started) & later
        repeated += len(again)
        behind += _check_repeats(again, attempt, where)
    return Found(repeated, behind, _check_effects(journal, len(attempts)))


def _check_repeats(again: set[str], attempt: Attempt, where: object) -> int:
    """Check what one kill repeats; return on how many branches the step behind was repeated too."""
    behind = 0
    by_branch: dict[str, list[str]] = {}
    for name in again:
        by_branch.setdefault(name.partition("_")[0], []).append(name)
    for names in by_branch.values():
        running = [name for name in names if name not in attempt.finished]
        assert len(running) <= 1, ("two running steps of a branch", names, where)
        assert len(names) <= 2, ("more than one step in flight and one behind it", names, where)
        if len(names) == 2:
            first, second = sorted(int(name.partition("_")[2]) for name in names)
            assert second == first + 1, ("steps that don't follow each other", names, where)
            behind += 1
    return behind


def _check_effects(journal: str, attempts: int) -> int:
    """Check that the outside was written to under one key with one value; return how often."""
    effects = [line.removeprefix("effect ") for line in journal.splitlines() if line.startswith("effect ")]
    assert len(set(effects)) == 1, effects
    assert effects[0].endswith(f"={expected_result()}"), effects
    assert 1 <= len(effects) <= attempts, effects
    return len(effects)


def _read_journal(journal: str, attempts: list[Attempt]) -> None:
    data = journal.encode()
    ends = [*(one.before for one in attempts[1:]), len(data)]
    for attempt, end in zip(attempts, ends, strict=True):
        for line in data[attempt.before : end].decode().splitlines():
            what, _, name = line.partition(" ")
            if what == "start":
                attempt.started[name] += 1
            elif what == "finish":
                attempt.finished.add(name)


def _all_steps() -> list[str]:
    in_branches = [f"{branch}_{number}" for branch in BRANCHES for number in range(1, LENGTH + 1)]
    return ["load", *in_branches, "join", "publish"]


@functools.cache
def expected_result() -> int:
    """Return what the run comes to, computed without pplns or pandas."""
    ends = [_grown([7], "a", is_kept=True)]
    ends += [_grown([7 + row for row in range(rows)], "b", is_kept=False) for rows in (SMALL_ROWS, LARGE_ROWS)]
    return sum(map(sum, ends))


def _grown(values: list[int], branch: str, *, is_kept: bool) -> list[int]:
    for number in range(1, LENGTH + 1):
        length = len(f"{branch}_{number}")
        if is_kept:
            values = [*values, values[-1] * 3 % 1009 + length]
        else:
            values = [value * 3 % 1009 + length for value in values]
    return values
