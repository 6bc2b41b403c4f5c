"""The tries that are under way: started in worker threads, waited for by a token, abandoned by name.

Used by the deciding thread alone."""

from __future__ import annotations

import contextvars
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Mapping

from pplns.engine.committer import Crashed
from pplns.engine.context import CurrentRun, Gate
from pplns.engine.tries import Try, run_try
from pplns.engine.workers import Workers
from pplns.graph import copied
from pplns.state.artifacts import ArtifactPlace, is_quick, settle_value, store_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns import codecs
    from pplns.engine.values import Values
    from pplns.engine.work import Work
    from pplns.model.artifact import StoredValue
    from pplns.stores import Store

Run = Callable[[], object]  # runs a try to its end, and returns the report of it

ABANDON_AFTER_SECONDS = 1.0  # what a try gets past its timeout to end by itself


class TriesUnderWay:
    """Starts tries and knows which of them are waited for.

    Each reports once, to `report`, in the thread it ran in; where that returns the next try to run, it runs there."""

    def __init__(self, work: Work, values: Values, report: Callable[[object], Run | None]) -> None:
        self._work = work
        self._values = values
        self._report = report
        self._workers = Workers(work.parallel_steps, name="step")
        self._tries: dict[str, Try] = {}
        self._prepared: dict[str, Run] = {}
        self._counts: dict[str, int] = dict(work.spent)
        self._started_here: dict[str, int] = {}
        self._tokens = itertools.count(1)

    def __len__(self) -> int:
        return len(self._tries)

    def start(self, name: str, *, version: str, is_grounded: bool) -> Try:
        """Prepare the next try of a step, to be handed over or taken. `is_grounded`: all before it is durable."""
        one = self._tries[name] = self._new_try(name, version, is_grounded=is_grounded)
        work, context = self._work, contextvars.copy_context()
        place = ArtifactPlace(prefix=work.head.prefix, step=name, version=version)

        def is_abandoned() -> bool:
            return one.gate.abandoned

        settle = functools.partial(settle_value, work.store, place, is_abandoned=is_abandoned)
        attempt = functools.partial(
            run_try, one, work.graph[name], run=self._current_run(one), values=self._values,
            table_format=work.table_format, clock=work.clock, settle=settle,
            store_quick=functools.partial(_store_quick, work.store, place, is_abandoned),
        )  # fmt: skip

        def run() -> object:
            try:
                return context.run(attempt)
            except BaseException as error:  # a worker thread must never die without a word
                return Crashed(error=error)

        self._prepared[name] = run
        return one

    def hand_over(self, *, keep: int) -> None:
        """Let the prepared tries begin in other threads, but for so many."""
        for name in list(self._prepared)[keep:]:
            self._workers.submit(functools.partial(self._run_on, self._prepared.pop(name)))

    def take_prepared(self) -> Run | None:
        """Return a prepared try for the calling thread to run, or None."""
        return self._prepared.pop(next(iter(self._prepared))) if self._prepared else None

    def _run_on(self, run: Run) -> None:
        """Run a try, and after it those that its report leads to."""
        following: Run | None = run
        process = os.getpid()
        while following is not None:
            report = following()
            following = None
            if os.getpid() == process:  # else a step forked and didn't end its child, which is no part of the run
                following = self._report(report)
            del report

    def take(self, name: str, token: int) -> Try | None:
        """Return the try of a report and wait for it no more, or None when it isn't waited for."""
        one = self._tries.get(name)
        return self._tries.pop(name) if one is not None and one.token == token else None

    def take_back(self, one: Try) -> None:
        """Don't count a try that couldn't begin."""
        self._counts[one.step] -= 1
        self._started_here[one.step] -= 1

    def abandon(self, names: Iterable[str] | None = None) -> list[str]:
        """Wait for tries no more, of some steps or of all; return the steps that were running."""
        abandoned = [name for name in (list(self._tries) if names is None else names) if name in self._tries]
        for name in abandoned:
            self._tries.pop(name).gate.abandon()
            if self._prepared.pop(name, None) is None:
                self._workers.add_one()
        return abandoned

    def open_gate(self, name: str) -> None:
        """Let a running try read its idempotency key: all before it is durable now."""
        if name in self._tries:
            self._tries[name].gate.open()

    def overdue(self, now: float) -> list[Try]:
        """Return the tries that are past their timeout and what they got beyond it."""
        return [one for one in self._tries.values() if one.deadline is not None and _end_of(one.deadline) <= now]

    def deadlines(self) -> list[float]:
        """Return when tries become overdue, on the clock's monotonic seconds."""
        return [_end_of(one.deadline) for one in self._tries.values() if one.deadline is not None]

    def count(self, name: str) -> int:
        """Return how many tries of a step there were, in all attempts that count."""
        return self._counts.get(name, 0)

    def count_here(self, name: str) -> int:
        """Return how many tries of a step there were in this attempt."""
        return self._started_here.get(name, 0)

    def close(self) -> None:
        """Abandon what is under way and let idle threads end."""
        self.abandon()
        self._workers.close()

    def _new_try(self, name: str, version: str, *, is_grounded: bool) -> Try:
        self._counts[name] = self.count(name) + 1
        self._started_here[name] = self.count_here(name) + 1
        now, timeout = self._work.clock.monotonic(), self._work.graph[name].step.options_set.timeout
        return Try(
            step=name, number=self._counts[name], token=next(self._tokens), version=version, started=now,
            started_at=self._work.clock.now(), deadline=None if timeout is None else now + timeout,
            gate=Gate(is_open=is_grounded),
        )  # fmt: skip

    def _current_run(self, one: Try) -> CurrentRun:
        head, lease = self._work.head, self._work.lease
        deadlines = [end for end in (one.deadline, self._work.deadline) if end is not None]
        details = head.trigger.details
        trigger = head.trigger.replace(details=_own(details)) if details else head.trigger
        return CurrentRun(
            run_id=head.run_id, pipeline=head.pipeline, step=one.step, attempt=lease.attempt,
            logical_date=head.logical_date, params=_own(self._work.params), trigger=trigger,
            gate=one.gate, deadline=min(deadlines, default=None), version=one.version,
            monotonic=self._work.clock.monotonic,
        )  # fmt: skip


def _own(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: copied(value) for name, value in fields.items()}


def _store_quick(
    store: Store, place: ArtifactPlace, is_abandoned: Callable[[], bool], held: tuple[codecs.Held, ...]
) -> tuple[StoredValue, ...] | None:
    if is_abandoned() or not all(is_quick(store, one) for one in held):
        return None
    return tuple([store_value(store, place, one, is_abandoned=is_abandoned) for one in held])


def _end_of(deadline: float) -> float:
    return deadline + ABANDON_AFTER_SECONDS
