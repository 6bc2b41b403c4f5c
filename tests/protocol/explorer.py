"""Visits every state that a scenario can reach, breadth first, so that the trace to a violation is a shortest one.

A transition involves one process and the store, so both are numbered, and what follows from a pair is computed once. A
state is the number of the store with the sorted numbers of the processes: processes are alike, so who is who makes no
other state. It is packed into one integer, to keep millions of them."""

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from protocol.invariants import INVARIANTS, Invariant, changed_record, unfounded_effect
from protocol.rules import Scenario
from protocol.state import IDLE, Left, Process, Store
from protocol.transitions import changes_around, steps_of

PROCESS_BITS = 20
Edge = tuple[int, int, str, str]  # the store and the process after it, what happened, what is wrong ("" if nothing)


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong in a state that can be reached, and how it is reached."""

    what: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{place:>3}  {line}" for place, line in enumerate(self.trace, 1)]
        return "\n".join([self.what, *lines])


@dataclass(frozen=True, slots=True)
class Explored:
    """What an exploration found. `happened` counts the operations, each once for a process and a store."""

    scenario: Scenario
    states: int
    depth: int
    seconds: float
    violation: Violation | None
    happened: Counter[str]

    def __str__(self) -> str:
        found = f"{self.states:>9,} states, {self.depth} deep, {self.seconds:6.1f} s"
        return f"{found}: {self.scenario}" + (f"\n{self.violation}" if self.violation else "")


class Explorer:
    """Explores one scenario."""

    def __init__(self, scenario: Scenario, *, invariants: Sequence[Invariant] = INVARIANTS) -> None:
        self._scenario = scenario
        self._invariants = invariants
        self._stores: list[Store] = []
        self._store_numbers: dict[Store, int] = {}
        self._processes: list[Process] = []
        self._process_numbers: dict[Process, int] = {}
        self._edges: dict[int, list[Edge]] = {}
        self._around: dict[int, list[tuple[int, str, str]]] = {}
        self._wrong: dict[int, str] = {}
        self._came_from: dict[int, int] = {}
        self._happened: Counter[str] = Counter()

    def explore(self) -> Explored:
        """Visit all that can be reached, up to the first violation."""
        started = time.perf_counter()
        scenario = self._scenario
        left = Left(*(getattr(scenario, name) for name in Left._fields))
        idle = self._number_of_process(IDLE)
        first = self._pack(self._number_of_store(Store(left=left)), [idle] * scenario.processes)
        self._came_from[first] = first
        level, depth, violation = [first], 0, None
        while level and violation is None:
            level, violation = self._next_level(level)
            depth += 1
        seconds = time.perf_counter() - started
        return Explored(scenario, len(self._came_from), depth, seconds, violation, self._happened)

    def _next_level(self, level: list[int]) -> tuple[list[int], Violation | None]:
        following: list[int] = []
        came_from = self._came_from
        for state in level:
            for after, label, wrong in self._successors(state):
                if wrong:
                    return [], Violation(wrong, (*self._trace_to(state), label))
                if after not in came_from:
                    came_from[after] = state
                    following.append(after)
        return following, None

    def _successors(self, state: int) -> list[tuple[int, str, str]]:
        """Return the states after one, each with what happened and what is wrong."""
        store, processes = self._unpack(state)
        found: list[tuple[int, str, str]] = []
        for place, process in enumerate(processes):
            if place and process == processes[place - 1]:
                continue
            others = processes[:place] + processes[place + 1 :]
            for next_store, next_process, label, wrong in self._edges_of(store, process):
                found.append((self._pack(next_store, [*others, next_process]), label, wrong))
        for next_store, label, wrong in self._changes_around(store):
            found.append((self._pack(next_store, processes), label, wrong))
        return found

    def _edges_of(self, store: int, process: int) -> list[Edge]:
        pair = store << PROCESS_BITS | process
        if pair not in self._edges:
            before = self._stores[store]
            self._happened[self._processes[process].at] += 1
            self._edges[pair] = [
                self._edge(before, *step) for step in steps_of(before, self._processes[process], self._scenario)
            ]
        return self._edges[pair]

    def _edge(self, before: Store, label: str, after: Store, process: Process) -> Edge:
        number = self._number_of_store(after)
        wrong = changed_record(before, after) or unfounded_effect(after, process, self._scenario) or self._wrong[number]
        return number, self._number_of_process(process), label, wrong

    def _changes_around(self, store: int) -> list[tuple[int, str, str]]:
        if store not in self._around:
            numbered = [(self._number_of_store(after), label) for label, after in changes_around(self._stores[store])]
            self._around[store] = [(number, label, self._wrong[number]) for number, label in numbered]
        return self._around[store]

    def _number_of_store(self, store: Store) -> int:
        if store not in self._store_numbers:
            number = self._store_numbers[store] = len(self._stores)
            self._stores.append(store)
            broken = (invariant(store, self._scenario) for invariant in self._invariants)
            self._wrong[number] = next((one for one in broken if one), "")
        return self._store_numbers[store]

    def _number_of_process(self, process: Process) -> int:
        if process not in self._process_numbers:
            self._process_numbers[process] = len(self._processes)
            self._processes.append(process)
            assert len(self._processes) < 1 << PROCESS_BITS, "more local states than a packed state has room for"
        return self._process_numbers[process]

    def _pack(self, store: int, processes: list[int]) -> int:
        packed = store
        for process in sorted(processes):
            packed = packed << PROCESS_BITS | process
        return packed

    def _unpack(self, state: int) -> tuple[int, list[int]]:
        processes: list[int] = []
        for _ in range(self._scenario.processes):
            processes.append(state & (1 << PROCESS_BITS) - 1)
            state >>= PROCESS_BITS
        return state, processes

    def _trace_to(self, state: int) -> list[str]:
        """Return what happened on the way to a state."""
        states = [state]
        while self._came_from[states[-1]] != states[-1]:
            states.append(self._came_from[states[-1]])
        states.reverse()
        return [
            next(label for after, label, _ in self._successors(before) if after == later)
            for before, later in itertools.pairwise(states)
        ]


def explore(scenario: Scenario, *, invariants: Sequence[Invariant] = INVARIANTS) -> Explored:
    """Explore a scenario to its end, or to the first violation."""
    return Explorer(scenario, invariants=invariants).explore()
