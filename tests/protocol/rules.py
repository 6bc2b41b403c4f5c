"""What an exploration is about: a graph, how much may go wrong, and which rules of the protocol are kept.

Each rule is a switch, so that a test can leave it out and show that the explorer then finds what it is there for."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Graph:
    """A run's steps in their order: `inputs` of each by number, `varying` those that return another value each time.

    Step 0 is the root: everything depends on it, and its code and its commit are what changes and breaks."""

    name: str
    inputs: tuple[tuple[int, ...], ...]
    varying: frozenset[int]

    @property
    def sinks(self) -> tuple[int, ...]:
        """Return the steps that nothing consumes; together they are the run's result."""
        consumed = {one for inputs in self.inputs for one in inputs}
        return tuple(step for step in range(len(self.inputs)) if step not in consumed)

    def descendants(self, step: int) -> tuple[int, ...]:
        """Return all that depends on a step."""
        found = {step}
        for later, inputs in enumerate(self.inputs):
            if found.intersection(inputs):
                found.add(later)
        return tuple(sorted(found - {step}))


SINGLE = Graph("single", ((),), varying=frozenset({0}))
PAIR = Graph("pair", ((), (0,)), varying=frozenset({0, 1}))
JOIN = Graph("join", ((), (0,), (0, 1)), varying=frozenset({0}))
FORK = Graph("fork", ((), (0,), (0,)), varying=frozenset({0}))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of PROTOCOL.md, and of create-if-absent itself; a False leaves one out."""

    takes_committed_value: bool = True  # Commits 2
    seals: bool = True  # Leases 3: the end of attempt n precedes attempt n+1
    seals_before_taking: bool = True  # Leases 3: the end of attempt n precedes the lease write
    moves_past_lost_only: bool = True  # Leases 4 and 7: a sealed holder moves on only if its attempt was lost
    waits_for_its_continuation: bool = True  # Budgets 3: only continuation m follows an end `continuing` at m
    publishes_before_ending: bool = True  # Budgets 3: the message is confirmed before the end is recorded
    continues_its_own_attempt: bool = True  # a holder that had to move on doesn't end `continuing`: no message says so
    cancels_follow_the_run: bool = True  # Leases 8: a request that attempt n missed counts in attempt n+1
    commits_in_order: bool = True  # Commits 3
    sinks_wait: bool = True  # Commits 3
    knows_code_from_redos: bool = True  # Versions: a sink that follows an input made again is no changed code
    swaps_compare: bool = True
    commits_once: bool = True
    ends_once: bool = True


ALL_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A graph, the number of processes, and how often each thing may happen to them, at any moment.

    `crashes` are processes that die and start anew; one that dies for ever is one that is never scheduled again, so
    that needs no number. `failures`: an attempt gives up, for good or so that a later one may help. `reopens`: a
    person resumes what has ended. `damages`: the root's artifact breaks. `deploys`: later starts have other code.
    `boundaries`: an attempt stops between two steps and goes on by a message, of which any number of copies may come.
    `handovers`: who finds the run held, or may not begin it, publishes the continuation of the attempt it saw. `waits`:
    somebody finds that a continuation didn't come for 30 minutes, and goes on without it."""

    graph: Graph
    processes: int
    crashes: int = 0
    failures: int = 0
    cancels: int = 0
    reopens: int = 0
    damages: int = 0
    deploys: int = 0
    boundaries: int = 0
    handovers: int = 0
    waits: int = 0
    rules: Rules = ALL_RULES

    def __str__(self) -> str:
        counts = {one.name: getattr(self, one.name) for one in fields(self) if one.type == "int" or one.type is int}
        del counts["processes"]
        happens = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return f"{self.graph.name}, {self.processes} processes{', ' if happens else ''}{happens}"
