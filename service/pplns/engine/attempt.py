"""One attempt of a run: from the lease to the end that is recorded.

The end is recorded whatever happens, unless the process dies, the store is gone, or a step had to be left running in a
process that is told to end: then the lease runs out, so that nobody repeats the step beside it."""

from collections.abc import Callable

from pplns.built_in import datetime
from pplns.engine import events
from pplns.engine.bounds import UNBOUNDED, Bounds, Budget
from pplns.engine.clock import Clock
from pplns.engine.ending import stopped
from pplns.engine.executor import Executor
from pplns.engine.plan import plan_steps, repeated_sinks
from pplns.engine.prepare import ALL_STEPS, Prepared, Selection
from pplns.engine.recording import record_continuing, record_end
from pplns.engine.results import result_of
from pplns.engine.run_log import AttemptLog, report_end
from pplns.engine.stops import drained, stopped_by_ctrl_c
from pplns.engine.work import Continuation, Outcome, Work
from pplns.errors import Interrupted, LeaseHeld, LeaseLost, PplnsError, TooManyRuns
from pplns.graph import Graph
from pplns.logs.redaction import redact_error
from pplns.model.frozen import Frozen
from pplns.model.ids import digest_fields
from pplns.model.run import ErrorInfo, RunRecord, iso
from pplns.settings import Settings
from pplns.state.checkpoints import Checkpoints, read_checkpoints
from pplns.state.ends import MAX_LOST_IN_A_ROW, End, lost_in_a_row, read_end
from pplns.state.history import read_run, record_of
from pplns.state.holders import this_holder
from pplns.state.lease import Claim, Lease, LeaseKeeper, acquire_lease, lease_name
from pplns.state.runs import RunHead, deleted_under_way, move_hint, require_head
from pplns.stores import Store

MARGIN_SHARE = 2 / 3  # of the margin is for publishing; the rest for recording and answering
LOG_SHARE = 5 / 6  # of the margin: after publishing, before recording
LEAST_LOG_SECONDS = 1.0


class Setting(Frozen):
    """What an attempt runs in. `began`: when its request came, on the clock's monotonic seconds.

    `continues`: the attempt whose continuation this one is."""

    store: Store
    settings: Settings
    observer: events.Guarded
    clock: Clock
    began: float
    by_person: bool = True
    reopen: bool = False
    selection: Selection = ALL_STEPS
    bounds: Bounds = UNBOUNDED
    continues: int | None = None

    @property
    def budget(self) -> Budget | None:
        """The budget, running since the request came."""
        seconds = self.bounds.budget_s
        return None if seconds is None else Budget(seconds, self.began + seconds)

    @property
    def publishing_ends(self) -> float:
        """When publishing is given up after some work: inside the margin that follows the budget."""
        if self.budget is None:
            return self.publishing_ends_soon
        return self.budget.ends + MARGIN_SHARE * self.settings.margin_seconds

    @property
    def log_patience_s(self) -> float:
        """How long the run's log may hold up the end: a store that is down leaves time to record and to answer."""
        if self.bounds.is_draining:
            return LEAST_LOG_SECONDS
        from pplns.state.logs import CLOSE_SECONDS  # of use only where there is a log

        if self.budget is None:
            return CLOSE_SECONDS
        left_s = self.budget.ends + LOG_SHARE * self.settings.margin_seconds - self.clock.monotonic()
        return max(LEAST_LOG_SECONDS, min(CLOSE_SECONDS, left_s))

    @property
    def publishing_ends_soon(self) -> float:
        """When publishing is given up where nothing ran: the caller is told, and asks again."""
        return self.clock.monotonic() + MARGIN_SHARE * self.settings.margin_seconds


def attempt(prepared: Prepared, setting: Setting) -> RunRecord:
    """Begin the next attempt and bring it to its end, unless the run is over or waits for its continuation.

    Raises: LeaseHeld, TooManyRuns, unless the run is handed over then; PublishError when that fails; Interrupted."""
    return _unless_busy(prepared.head, setting, lambda: _attempt(prepared, setting))


def fail_for_good(head: RunHead, error: PplnsError, setting: Setting) -> RunRecord:
    """End a run that no delivery can go on with, unless it is over or waits for its continuation.

    Raises: LeaseHeld, unless the run is handed over then; PublishError when that fails."""
    return _unless_busy(head, setting, lambda: _fail(head, error, setting))


def _unless_busy(head: RunHead, setting: Setting, work: Callable[[], RunRecord]) -> RunRecord:
    """Do some work on a run, or hand the run over where that can't be done now and nobody would ask again."""
    bounds = setting.bounds
    hands_over = bounds.hands_over_when_busy and bounds.hand_over is not None
    try:
        if not (hands_over and bounds.is_draining):
            return work()
    except (LeaseHeld, TooManyRuns):
        if not hands_over:
            raise
    from pplns.engine.handover import hand_over_busy  # of use only in a service

    return hand_over_busy(setting.store, head, bounds=bounds, clock=setting.clock, until=setting.publishing_ends_soon)


def _fail(head: RunHead, error: PplnsError, setting: Setting) -> RunRecord:
    claim = Claim(this_holder(), setting.settings.lease_seconds)
    lease = acquire_lease(
        setting.store, head.prefix, claim, reopen=False, continues=setting.continues, now=setting.clock.now()
    )
    if isinstance(lease, End):
        return record_of(head, lease)
    try:
        end = record_end(lease, setting.clock, error=redact_error(ErrorInfo.of(error)), final=True)
    except LeaseLost:
        return _overtaken(head, setting)
    return _conclude(head, end, setting)


def _attempt(prepared: Prepared, setting: Setting) -> RunRecord:
    head = prepared.head
    lease = _acquire(prepared, setting)
    if isinstance(lease, End):
        return record_of(head, lease)
    try:
        end = _begin_or_fail(prepared, setting, lease)
    except LeaseLost:
        lease.leave()
        return _overtaken(head, setting)
    except BaseException:
        lease.leave()
        raise
    return _conclude(head, end, setting) if isinstance(end, End) else _leave_running(head, end, setting)


def _overtaken(head: RunHead, setting: Setting) -> RunRecord:
    """Return the record of a run that was ended for good under its holder: cancelled, say.

    Raises: LeaseHeld where it goes on elsewhere, StoreError where somebody deleted it, or its lease."""
    require_head(setting.store, head.prefix)
    standing = read_run(setting.store, head.pipeline, head.run_id)
    if standing.final:
        return standing
    if standing.attempt == 0:
        raise deleted_under_way(setting.store, lease_name(head.prefix))
    raise LeaseHeld(
        "Another process took this run over.",
        "A run has one holder at a time.",
        f"See `pplns run-info {head.pipeline}/{head.run_id}`; this process wrote nothing more.",
    )


def _acquire(prepared: Prepared, setting: Setting) -> Lease | End:
    store, head, limit = setting.store, prepared.head, prepared.pipeline.max_concurrent_runs
    claim = Claim(
        holder=this_holder(), duration_s=setting.settings.lease_seconds, steps=prepared.graph.names,
        code=digest_fields(*prepared.shapes.values()), graph=digest_fields(*prepared.shapes),
    )  # fmt: skip
    slot = None
    if limit is not None:
        from pplns.state.slots import RunSlot

        slot = RunSlot(store, head.pipeline, limit=limit, run_id=head.run_id, claim=claim)
    return acquire_lease(
        store, head.prefix, claim, reopen=setting.reopen, continues=setting.continues, slot=slot,
        now=setting.clock.now(),
    )  # fmt: skip


class _Unrecorded(Frozen):
    """What an attempt comes to whose lease has to run out."""

    lease: Lease
    outcome: Outcome


def _begin_or_fail(prepared: Prepared, setting: Setting, lease: Lease) -> End | _Unrecorded:
    """Run an attempt that holds the lease; where the store is gone, or a record can't be read, end it with that."""
    try:
        return _begin(prepared, setting, lease)
    except PplnsError as error:
        return record_end(lease, setting.clock, error=redact_error(ErrorInfo.of(error)), final=False)


def _begin(prepared: Prepared, setting: Setting, lease: Lease) -> End | _Unrecorded:
    """Run an attempt that holds the lease, unless it is cancelled or refused before it begins."""
    store, head = setting.store, prepared.head
    previous = read_end(store, head.prefix, lease.attempt - 1) if lease.attempt > 1 else None
    if previous is not None:
        move_hint(store, head.pipeline, head.run_id, before=previous.state, after=None)
    if lease.is_cancel_requested():
        return record_end(lease, setting.clock, final=True)
    refusal = None if setting.by_person else _refuse_delivery(prepared, setting, previous)
    if refusal is not None:
        return record_end(lease, setting.clock, error=refusal, final=True)
    return _work(prepared, setting, lease, previous)


def _conclude(head: RunHead, end: End, setting: Setting) -> RunRecord:
    """Tell of an end that stands, and return the run's record.

    Raises: Interrupted after Ctrl-C; what the observer raised."""
    move_hint(setting.store, head.pipeline, head.run_id, before=None, after=end.state)
    record = record_of(head, end)
    report_end(record)
    setting.observer(events.AttemptEnded(record=record))
    setting.observer.raise_error()
    if end.error == stopped("interrupted"):  # not by its code alone, which a user's error may have as well
        raise Interrupted(record)
    return record


def _leave_running(head: RunHead, left: _Unrecorded, setting: Setting) -> RunRecord:
    """Return the record of a run with a step that may still run here: no end is recorded, the lease runs out."""
    lease, bounds = left.lease, setting.bounds
    if bounds.hands_over_when_busy and bounds.hand_over is not None:
        from pplns.engine.handover import hand_over_busy

        return hand_over_busy(setting.store, head, bounds=bounds, clock=setting.clock, until=setting.publishing_ends)
    error = ErrorInfo(
        "draining", "The process was told to end, and a step didn't finish in time.",
        f"A redelivery goes on once the lease has run out, in {lease.claim.duration_s:.0f} s at most.",
    )  # fmt: skip
    end = End(
        attempt=lease.attempt, state="failed", final=False, started_at=lease.started_at, error=error,
        finished_at=str(iso(setting.clock.now())), first_started_at=lease.first_started_at, steps=left.outcome.steps,
    )  # fmt: skip
    record = record_of(head, end)
    report_end(record)
    setting.observer(events.AttemptEnded(record=record))
    return record


def _refuse_delivery(prepared: Prepared, setting: Setting, previous: End | None) -> ErrorInfo | None:
    """Return why a delivery may not go on with a run that a person may."""
    store, prefix = setting.store, prepared.head.prefix
    if previous is not None and lost_in_a_row(store, prefix, previous) >= MAX_LOST_IN_A_ROW:
        return ErrorInfo(
            "lost_repeatedly", f"{MAX_LOST_IN_A_ROW} attempts in a row vanished without finishing a step.",
            "Give the pipeline more memory or split the step that ran last, then resume the run.",
        )  # fmt: skip
    checkpoints = read_checkpoints(store, prefix)
    repeated = repeated_sinks(prepared.graph, plan_steps(prepared.graph, prepared.shapes, checkpoints), checkpoints)
    if repeated:
        return ErrorInfo(
            "code_changed", f"The code changed under the run, and {', '.join(map(repr, repeated))} would write again.",
            "Look at what it wrote; `pplns resume` goes on with the new code.",
        )  # fmt: skip
    return None


def _work(prepared: Prepared, setting: Setting, lease: Lease, previous: End | None) -> End | _Unrecorded:
    """Run the steps of an attempt and record its end."""
    work = _work_of(prepared, setting, lease, previous)
    log = AttemptLog(setting.store, prepared.head, lease.attempt, patience=lambda: setting.log_patience_s)
    executor = Executor(work, observer=log.watch(setting.observer))
    outcome, following = _execute(executor, prepared.head, setting, lease, log)
    if outcome.is_abandoned:
        return _Unrecorded(lease, outcome)
    if isinstance(following, Continuation):
        return record_continuing(lease, setting.clock, outcome, following)
    if not outcome.succeeded:
        return record_end(lease, setting.clock, outcome=outcome, error=following or outcome.error, final=outcome.final)
    if outcome.is_partial:
        return record_end(lease, setting.clock, outcome=outcome, final=False)
    result = result_of(prepared.graph, outcome.commits)
    return record_end(lease, setting.clock, outcome=outcome, result=result, final=True)


def _execute(
    executor: Executor, head: RunHead, setting: Setting, lease: Lease, log: AttemptLog
) -> tuple[Outcome, Continuation | ErrorInfo | None]:
    """Run steps, and keep their lines, while the lease is kept.

    At a boundary publish what the run goes on by, or say why it can't."""
    keeper = LeaseKeeper(lease, on_loss=executor.lose, on_cancel=lambda: executor.stop("cancelled"))
    with keeper, stopped_by_ctrl_c(executor), drained(executor, setting.bounds), log:
        outcome = executor.execute()
        if outcome.boundary is None or outcome.is_abandoned:
            return outcome, None
        from pplns.engine.handover import continue_by_message

        return outcome, continue_by_message(
            head, lease.attempt, outcome, bounds=setting.bounds, clock=setting.clock, until=setting.publishing_ends
        )


def _work_of(prepared: Prepared, setting: Setting, lease: Lease, previous: End | None) -> Work:
    head, store = prepared.head, setting.store
    return Work(
        head=head, graph=prepared.graph, shapes=prepared.shapes, params=prepared.params, store=store, lease=lease,
        checkpoints=Checkpoints() if previous is None else read_checkpoints(store, head.prefix),
        table_format=setting.settings.table_format,
        parallel_steps=prepared.pipeline.max_parallel_steps, deadline=_deadline(prepared, setting, lease),
        redo=setting.selection.names, clock=setting.clock,
        scope=_scope(prepared.graph, setting.selection), verify=setting.by_person,
        spent={} if setting.by_person or previous is None else {step.step: step.attempts for step in previous.steps},
        budget=setting.budget, drain=setting.bounds.drain,
    )  # fmt: skip


def _scope(graph: Graph, selection: Selection) -> frozenset[str] | None:
    return None if selection.only is None else graph.ancestors(selection.only) | {selection.only}


def _deadline(prepared: Prepared, setting: Setting, lease: Lease) -> float | None:
    """Return when the run is over time, on the monotonic clock; a person's resume begins its time anew."""
    timeout = prepared.pipeline.timeout
    if timeout is None:
        return None
    since = prepared.head.created_at if lease.reopened_at is None else datetime.fromisoformat(lease.reopened_at)
    return float(setting.clock.monotonic() + timeout - max(0.0, (setting.clock.now() - since).total_seconds()))
