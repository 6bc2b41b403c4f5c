"""Plans of one attempt, and the redos that change them.

The plan itself is pure (plan.py); here it is made from what is committed by now, past commits that can't be used."""

from collections.abc import Iterable

from pplns.engine import events
from pplns.engine.plan import Plan, plan_steps
from pplns.engine.work import Work
from pplns.model.artifact import Commit
from pplns.state.artifacts import find_damage
from pplns.state.checkpoints import create_redo


class Planner:
    """Plans the steps of an attempt. What is redone before the attempt is announced is reported right after that."""

    def __init__(self, work: Work, *, observer: events.Observer) -> None:
        self._work = work
        self._observe = observer
        self._is_announced = False
        self._redone_before: list[events.StepRedone] = []

    def plan(self) -> Plan:
        """Plan the steps; an unreadable commit that the plan would meet is passed by a redo."""
        work = self._work
        while True:
            plan = plan_steps(work.graph, work.shapes, work.checkpoints)
            met = [name for name, one in plan.items() if (name, one.version) in work.checkpoints.unreadable]
            if not met:
                return plan
            for name in met:
                self.redo(name, work.checkpoints.unreadable[name, str(plan[name].version)])

    def first_plan(self) -> Plan:
        """Plan the first time: with the redos that a person asked for, and of what is found damaged."""
        plan = self.plan()
        reused = {name: one.commit for name, one in plan.items() if one.commit is not None}
        reasons = dict.fromkeys((name for name in self._work.redo if name in reused), "asked for")
        if self._work.lease.attempt > 1:
            store, prefix = self._work.store, self._work.head.prefix
            reasons |= find_damage(store, prefix, reused.values(), thorough=self._work.verify and store.shares_host)
        for name, reason in reasons.items():
            self.redo(name, reason)
        return self.plan() if reasons else plan

    def redo(self, name: str, reason: str) -> None:
        """Record that a step has to run again although it is committed: its version changes.

        Raises: LeaseLost, StoreError."""
        self._work.lease.require()
        number = self._work.checkpoints.redos.get(name, 0) + 1
        writer = self._work.lease.claim.holder.id
        create_redo(self._work.store, self._work.head.prefix, name, number=number, reason=reason, writer=writer)
        self._work.checkpoints.redos[name] = number
        event = events.StepRedone(step=name, reason=reason)
        if self._is_announced:
            self._observe(event)
        else:
            self._redone_before.append(event)

    def note_commit(self, commit: Commit) -> None:
        """Note a commit that stands now, whoever wrote it."""
        self._work.checkpoints.commits[commit.step, commit.version] = commit

    def is_redone(self, name: str) -> bool:
        """Tell whether a step was ever redone: what comes after it is planned when its new value is known."""
        return bool(self._work.checkpoints.redos.get(name))

    def announce(self, reused: Iterable[str]) -> None:
        """Report that the attempt has begun, and what was decided before."""
        head, names, known = self._work.head, self._work.graph.names, set(reused)
        ordered = tuple(name for name in names if name in known)
        self._observe(
            events.AttemptStarted(
                pipeline=head.pipeline,
                run_id=head.run_id,
                attempt=self._work.lease.attempt,
                steps=names,
                reused=ordered,
            )
        )
        self._is_announced = True
        for event in self._redone_before:
            self._observe(event)

    def report_reuse(self, name: str) -> None:
        """Report that a step is reused after all; before the attempt is announced that is part of the announcement."""
        if self._is_announced:
            self._observe(events.StepReused(step=name))
