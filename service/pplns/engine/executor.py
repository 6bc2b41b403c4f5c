"""The executor: runs the steps of one attempt in threads and makes each durable, as the plan and the progress allow.

One thread at a time decides (`turns`): it takes a report (a try ended, a commit stands, the lease is gone, stop) and
starts what has become possible. Only it changes the state of the attempt, so nothing here needs a lock of its own. A
report of a try that isn't waited for any more carries an old token and is dropped."""

from __future__ import annotations

from collections.abc import Iterable

from pplns.built_in import heappop, heappush
from pplns.engine import events
from pplns.engine.committer import Committed, Committer, Crashed, Gone, Stored, WriteFailed
from pplns.engine.context import step_timed_out
from pplns.engine.ending import Ending, run_timed_out
from pplns.engine.finished import Finished
from pplns.engine.plan import Plan
from pplns.engine.planner import Planner
from pplns.engine.progress import Progress
from pplns.engine.retries import Retries
from pplns.engine.tries import MetDamage, Raised, Returned, Try, info_of
from pplns.engine.turns import Turns, Wait
from pplns.engine.under_way import Run, TriesUnderWay
from pplns.engine.values import Values
from pplns.engine.work import DrainBegun, Outcome, StopRequested, Work
from pplns.errors import DamagedRecord, LeaseLost, StoreError
from pplns.logs.redaction import redact_error
from pplns.model.artifact import Commit
from pplns.model.run import ErrorInfo, StepRecord
from pplns.state.history import step_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.engine.work import Stop


class Executor:
    """One attempt of a run."""

    def __init__(self, work: Work, *, observer: events.Observer) -> None:
        self._work = work
        self._graph = work.graph
        self._observe = observer
        self._turns = Turns()
        self._waited: Wait | None = None
        self._progress = Progress(work.graph)
        self._plan: Plan = {}
        self._commits: dict[str, Commit] = {}
        self._values = Values(work.store, self._commits.get)
        self._committer = Committer(work.store, work.head.prefix, lease=work.lease, report=self._turns.post)
        self._planner = Planner(work, observer=observer)
        self._tries = TriesUnderWay(work, self._values, self._on_report)
        self._order = {name: place for place, name in enumerate(work.graph.names)}
        self._startable: list[tuple[int, str]] = []
        self._finished: dict[str, Finished] = {}
        self._retries = Retries()
        self._ending = Ending()
        self._clock = work.clock
        self._scope = work.scope or frozenset(work.graph.names)
        self._reused: set[str] = set()
        self._has_begun = False
        self._has_committed = False

    def stop(self, reason: Stop = "interrupted") -> None:
        """Ask for the end of the attempt: what runs is abandoned, commits in flight are waited for."""
        self._turns.post(StopRequested(reason))

    def lose(self) -> None:
        """Tell the executor that the lease is gone."""
        self._turns.post(Gone())

    def drain(self) -> None:
        """Tell the executor that the process is told to end: what runs may finish, nothing more starts."""
        self._turns.post(DrainBegun())

    def execute(self) -> Outcome:
        """Run the attempt until all steps are durable, a step has failed, it comes to a boundary, or it is stopped.

        Raises: LeaseLost; then nothing more is written."""
        try:
            with self._turns.taken():
                self._begin()
            while (wait := self._waited) is not None:
                self._turns.wait(self._clock, wait)
                with self._turns.taken():
                    self._look()
        finally:
            self._turns.close()
            self._tries.close()
            self._committer.close()
        return self._outcome()

    def _begin(self) -> None:
        self._adopt(self._planner.first_plan())
        self._planner.announce(self._reused)
        if self._work.drain is not None and self._work.drain.is_set:
            self._ending.boundary = "draining"
        self._go_on()
        self._waited = self._wait()

    def _look(self) -> None:
        """Decide on what was posted; where nothing was, on what is due."""
        reports = self._turns.posted()
        for report in reports:
            self._handle(report)
        if not reports:
            self._on_timer()
        self._go_on()
        self._waited = self._wait()

    def _on_report(self, report: object) -> Run | None:
        """Decide on the report of a try in the thread it ran in, and return the try to run there next."""
        return self._turns.take(lambda: self._decide_here(report))

    def _decide_here(self, report: object) -> Run | None:
        for one in (*self._turns.posted(), report):
            self._handle(one)
        self._go_on(keep=1)
        now = self._wait()
        if now is None or self._waited is None or not self._waited.covers(now):
            self._turns.wake()
        return self._tries.take_prepared()

    # What is planned

    def _adopt(self, plan: Plan) -> None:
        """Take a plan for the present one: steps whose version changed begin again, committed ones are reused."""
        for name, planned in plan.items():
            before = self._plan.get(name)
            if planned.commit is not None:
                self._reuse(name, planned.commit)
            elif before is not None and before.version != planned.version:
                self._reset(name)
        self._plan = plan
        for name in self._graph.names:
            self._consider(name)

    def _reuse(self, name: str, commit: Commit) -> None:
        if self._progress[name] == "durable" and self._commits.get(name) == commit:
            return
        self._tries.abandon([name])
        self._finished.pop(name, None)
        self._reused.add(name)
        self._planner.report_reuse(name)
        self._commits[name] = commit
        self._progress[name] = "durable"
        self._values.let_go(name)
        self._values.expect(name, self._takers(name))
        self._values.mark_handed(name, self._graph[name].inputs)  # it will take none of them

    def _reset(self, name: str) -> None:
        self._tries.abandon([name])
        self._finished.pop(name, None)
        self._reused.discard(name)
        self._commits.pop(name, None)
        self._progress[name] = "waiting"
        self._values.let_go(name)

    def _takers(self, name: str) -> list[str]:
        """Return the steps that may take a value in this attempt."""
        return [one for one in self._graph.consumers(name) if one in self._scope]

    # What starts

    def _is_busy(self) -> bool:
        if self._ending.is_abandoned:
            return False
        if self._tries or any(one.committing or one.values is None for one in self._finished.values()):
            return True
        return not self._ending.is_closing and bool(self._startable or self._retries)

    def _consider(self, name: str) -> None:
        if name in self._scope and self._is_due(name):
            heappush(self._startable, (self._order[name], name))

    def _go_on(self, *, keep: int = 0) -> None:
        """Start what may start, then write what is written at once: it stands when the other threads have woken up.

        So many prepared tries are kept for the calling thread."""
        written: list[object] | None = None
        while written is None or written:
            for report in written or ():
                self._handle(report)
            self._start_what_may()
            self._tries.hand_over(keep=keep)
            written = self._committer.write_waiting()

    def _start_what_may(self) -> None:
        while self._startable and not self._ending.is_closing and len(self._tries) < self._work.parallel_steps:
            _, name = heappop(self._startable)
            if self._is_due(name) and self._is_in_time() and self._has_room(name, at=self._clock.monotonic()):
                self._start(name)
        waiting = self._retries.first()
        if waiting and not (self._tries or self._finished or self._startable):
            when, name = waiting
            self._has_room(name, at=when)  # nothing else to do until then: don't wait for it in vain

    def _is_in_time(self) -> bool:
        """Tell whether the run's own timeout hasn't passed; if it has, the run fails for good."""
        if self._work.deadline is None or self._clock.monotonic() < self._work.deadline:
            return True
        self._ending.fail(run_timed_out(), final=True)
        return False

    def _has_room(self, name: str, *, at: float) -> bool:
        """Tell whether a step fits into the budget; if not, the attempt comes to its boundary. One step always does."""
        budget = self._work.budget
        timeout_s = self._graph[name].step.options_set.timeout
        if budget is None or not self._has_begun or budget.has_room(timeout_s, at=at):
            return True
        self._ending.boundary = self._ending.boundary or "budget"
        return False

    def _is_due(self, name: str) -> bool:
        return self._progress.may_start(name) and self._plan[name].action == "run" and name not in self._retries

    def _start(self, name: str) -> None:
        try:
            self._work.lease.require()
        except StoreError as error:
            self._ending.fail(redact_error(ErrorInfo.of(error)), final=False)
            return
        version, is_grounded = str(self._plan[name].version), self._progress.is_grounded(name)
        one = self._tries.start(name, version=version, is_grounded=is_grounded)
        self._has_begun = True
        self._progress[name] = "running"
        self._observe(events.StepStarted(step=name, number=one.number))

    # What is reported

    def _wait(self) -> Wait | None:
        """Return what to wait for, or None at the attempt's end."""
        if not self._is_busy():
            return None
        timers = self._tries.deadlines()
        if waiting := self._retries.first():
            timers.append(waiting[0])
        if self._work.deadline is not None and not self._ending.is_stopping:
            timers.append(self._work.deadline)
        if self._work.drain is not None and self._ending.boundary == "draining":
            timers.append(self._clock.monotonic() + max(0.0, self._work.drain.left_s))
        return Wait(until=min(timers, default=None), is_busy=bool(self._tries or self._finished))

    def _handle(self, report: object) -> None:
        match report:
            case Returned():
                self._on_returned(report)
            case Raised():
                self._on_raised(report)
            case MetDamage():
                self._on_damage(report)
            case Stored():
                self._on_stored(report)
            case Committed():
                self._on_committed(report)
            case WriteFailed():
                self._on_write_failed(report)
            case Crashed():
                raise report.error
            case Gone():
                raise LeaseLost(self._work.head.run_id)
            case StopRequested():
                self._abandon()
                self._ending.stop(report.reason)
            case DrainBegun():
                self._ending.boundary = "draining"
            case _:
                raise TypeError(f"no report: {report!r}")

    def _on_returned(self, report: Returned) -> None:
        one = self._tries.take(report.step, report.token)
        if one is None:
            return
        name = one.step
        self._progress[name] = "returned"
        self._values.keep(name, report.held, several=report.several, consumers=self._takers(name))
        finished = self._finished[name] = Finished(one, report)
        if finished.values is None:
            self._committer.store(name, one.token, version=one.version, held=report.held)
        self._observe(
            events.StepFinished(
                step=name, duration_s=report.duration_s, rows=report.rows, size_bytes=finished.size_bytes
            )
        )
        self._commit_if_may(name)
        self._consider_around(name)

    def _on_stored(self, report: Stored) -> None:
        finished = self._finished.get(report.step)
        if finished is not None and finished.one.token == report.token:
            finished.values = report.values
            self._commit_if_may(report.step)

    def _commit_if_may(self, name: str) -> None:
        finished = self._finished.get(name)
        if finished is None or finished.values is None or finished.committing or not self._progress.may_commit(name):
            return
        finished.committing = True
        lease, base = self._work.lease, self._plan[name].base
        commit = finished.commit(base=base, attempt=lease.attempt, holder=lease.claim.holder.id)
        self._committer.commit(finished.one.token, commit)

    def _on_committed(self, report: Committed) -> None:
        name, commit = report.step, report.commit
        self._planner.note_commit(commit)
        finished = self._finished.get(name)
        if finished is None or finished.one.token != report.token:
            return
        del self._finished[name]
        self._has_committed = True
        ours = finished.values or ()
        is_same = report.is_ours or commit.digests == tuple(value.digest for value in ours)
        self._commits[name] = commit
        self._progress[name] = "durable"
        if is_same:
            self._values.mark_durable(name)
        else:
            self._discard_after(name)
        self._observe(events.StepCommitted(step=name, commit=commit))
        if self._planner.is_redone(name):
            self._adopt(self._planner.plan())
        self._after_commit(name)

    def _after_commit(self, name: str) -> None:
        for one in self._graph.dependents(name):
            self._commit_if_may(one)
            if self._progress.is_grounded(one):
                self._tries.open_gate(one)
        self._consider_around(name)

    def _discard_after(self, name: str) -> None:
        """Drop our own value and everything started from it: another holder's commit was first and stands."""
        self._values.let_go(name)
        self._values.expect(name, self._takers(name))
        for one in self._graph.descendants(name):
            if self._progress[one] != "durable":
                self._reset(one)

    def _consider_around(self, name: str) -> None:
        for one in self._progress.touched_by(name):
            self._consider(one)

    def _on_damage(self, report: MetDamage) -> None:
        """Run an input's step again whose checkpoint can't be used, and its consumer after it.

        Of several consumers that met it the first decides: for the others it isn't the present checkpoint any more."""
        one = self._tries.take(report.step, report.token)
        if one is None:
            return
        self._tries.take_back(one)
        self._progress[one.step] = "waiting"
        present = self._commits.get(report.source)
        if present is not None and present.version == report.version:
            self._planner.redo(report.source, report.reason)
            self._reset(report.source)
            self._adopt(self._planner.plan())
        self._consider(report.source)
        self._consider(one.step)

    def _on_raised(self, report: Raised) -> None:
        one = self._tries.take(report.step, report.token)
        if one is not None:
            self._after_failure(one, report.error, report.info, report.duration_s)

    def _after_failure(self, one: Try, error: BaseException, info: ErrorInfo, duration_s: float) -> None:
        from pplns.engine.retry import Again, decide

        retry = self._graph[one.step].step.options_set.retry
        left = None if self._work.deadline is None else self._work.deadline - self._clock.monotonic()
        tries = max(self._tries.count_here(one.step), min(one.number, retry.attempts))
        decision = decide(error, retry, tries=tries, spread=self._clock.spread(), remaining_s=left)
        self._progress[one.step] = "waiting"
        if isinstance(decision, Again) and not self._ending.is_stopping:
            self._retries.add(one.step, at=self._clock.monotonic() + decision.delay_s)
            self._observe(events.StepRetrying(step=one.step, number=one.number, delay_s=decision.delay_s, error=info))
            return
        final = not isinstance(decision, Again) and decision.final
        self._progress[one.step] = "failed"
        self._ending.fail_step(one.step, info, duration_s=duration_s)
        self._observe(events.StepFailed(step=one.step, tries=one.number, duration_s=duration_s, error=info))
        self._ending.fail(info, final=final)

    def _on_write_failed(self, report: WriteFailed) -> None:
        finished = self._finished.get(report.step)
        if finished is None or finished.one.token != report.token:
            return
        del self._finished[report.step]
        self._progress[report.step] = "failed"
        info, final = redact_error(ErrorInfo.of(report.error)), not isinstance(report.error, StoreError | DamagedRecord)
        duration_s = finished.returned.duration_s
        self._ending.fail_step(report.step, info, duration_s=duration_s)
        self._observe(events.StepFailed(step=report.step, tries=finished.one.number, duration_s=duration_s, error=info))
        self._abandon(self._graph.descendants(report.step))  # they may be waiting for this commit
        self._ending.fail(info, final=final)

    def _on_timer(self) -> None:
        now = self._clock.monotonic()
        for name in self._retries.take_due(now):
            self._consider(name)
        for one in self._tries.overdue(now):
            self._time_out(one)
        if self._work.deadline is not None and self._work.deadline <= now and not self._ending.is_stopping:
            self._abandon()
            self._ending.fail(run_timed_out(), final=True)
        if self._ending.boundary == "draining" and self._work.drain is not None and self._work.drain.left_s <= 0:
            self._ending.is_abandoned = True

    def _time_out(self, one: Try) -> None:
        error = step_timed_out(one.step, self._graph[one.step].step.options_set.timeout)
        self._tries.abandon([one.step])
        self._after_failure(one, error, info_of(error, step=one.step), self._clock.monotonic() - one.started)

    # How it ends

    def _abandon(self, names: Iterable[str] | None = None) -> None:
        """Wait no more for the tries of some steps, or of all."""
        for name in self._tries.abandon(names):
            self._progress[name] = "waiting"

    def _outcome(self) -> Outcome:
        steps = tuple(self._step_record(name) for name in self._graph.names)
        return self._ending.outcome(steps, self._commits, scope=self._scope, has_committed=self._has_committed)

    def _step_record(self, name: str) -> StepRecord:
        if self._progress[name] == "durable":
            return step_record(self._commits[name], reused=name in self._reused)
        return self._ending.record(name, tries=self._tries.count(name), scope=self._scope)
