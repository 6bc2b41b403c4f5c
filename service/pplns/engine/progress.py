"""How far an attempt is: the phase of each step, and what that allows next. No clocks, no threads, no store.

The rules are those of PROTOCOL, commits: a commit follows the commits of all before it; a sink, a step ordered after
another, and one that others are ordered after start only when all before them is durable; and write-behind is one deep:
no step starts while the commit before last on its branch is still in flight."""

from __future__ import annotations

from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pplns.graph import Graph

    # Of a step: a returned one has its value in memory and its commit on the way.
    Phase = Literal["waiting", "running", "returned", "durable", "failed"]


class Progress:
    """The phases of all steps of a graph.

    It counts, for each step, those before it that have to become durable: a join of many steps is asked for as often
    as one of them gets on."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._phases: dict[str, Phase] = dict.fromkeys(graph.names, "waiting")
        self._before = {call.name: call.before for call in graph.calls}
        self._awaited = {name: len(before) for name, before in self._before.items()}

    def __getitem__(self, name: str) -> Phase:
        return self._phases[name]

    def __setitem__(self, name: str, phase: Phase) -> None:
        more = (self._phases[name] == "durable") - (phase == "durable")
        self._phases[name] = phase
        if more:
            for one in self._graph.dependents(name):
                self._awaited[one] += more

    def may_start(self, name: str) -> bool:
        """Tell whether a waiting step may start now."""
        if self._phases[name] != "waiting":
            return False
        if self._graph.waits_for_commits(name):
            return self.is_grounded(name)
        for one in self._before[name]:  # its value is at hand: durable, or returned with all before it durable
            phase = self._phases[one]
            if phase != "durable" and not (phase == "returned" and self._awaited[one] == 0):
                return False
        return True

    def may_commit(self, name: str) -> bool:
        """Tell whether a returned step's commit may be written: everything before it is durable."""
        return self._phases[name] == "returned" and self.is_grounded(name)

    def is_grounded(self, name: str) -> bool:
        """Tell whether everything before a step is durable."""
        return self._awaited[name] == 0

    def touched_by(self, name: str) -> Iterable[str]:
        """Return the waiting steps that may become startable when a step has returned, or has become durable.

        The first touches the steps after it; the second those after them too, since a returned one counts then."""
        phases, after = self._phases, self._graph.dependents
        near = after(name)
        if phases[name] == "durable":
            near = (*near, *[one for each in near if phases[each] == "returned" for one in after(each)])
        return dict.fromkeys([one for one in near if phases[one] == "waiting"])
