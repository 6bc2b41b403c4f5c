"""The runner: from a trigger, or a person's resume, to a recorded end.

Everything that can be refused is refused before anything is written: parameters, the pipeline's function, constants
without a digest. Then the run is created or joined, an attempt takes the lease, and its end is recorded whatever
happens, unless the process dies or the store is gone."""

import contextlib
import signal
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any

from pplns.engine import events
from pplns.engine.clock import Clock, SystemClock
from pplns.engine.executor import Executor
from pplns.engine.plan import plan_steps, repeated_sinks, shapes_of
from pplns.engine.results import result_of
from pplns.engine.work import Outcome, Work
from pplns.errors import Interrupted, LeaseHeld, LeaseLost, NotFoundError, ParameterError, PplnsError
from pplns.fingerprint import CodeDigests, digest_constant
from pplns.graph import Graph, build_graph, constants_in
from pplns.model.ids import check_run_id, derive_run_id, digest_fields, new_token
from pplns.model.names import nearest
from pplns.model.run import ErrorInfo, RunRecord, Trigger, iso
from pplns.settings import Settings
from pplns.state.checkpoints import Checkpoints, read_checkpoints
from pplns.state.ends import MAX_LOST_IN_A_ROW, End, EndState, lost_in_a_row, read_end
from pplns.state.history import read_run, record_of
from pplns.state.holders import this_holder
from pplns.state.lease import Claim, Lease, LeaseKeeper, acquire_lease
from pplns.state.runs import RunHead, create_or_join, digest_params, move_hint, read_head
from pplns.steps import Pipeline
from pplns.steps.parameters import convert_params, stored_params
from pplns.stores import Store


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A pipeline with the parameters of one run, ready to be attempted."""

    pipeline: Pipeline[..., Any]
    head: RunHead
    params: Mapping[str, Any]
    graph: Graph
    shapes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run comes from: a trigger and the time that it stands for (aware UTC; now, unless given).

    A delivery (not `by_person`) doesn't repeat outside effects because the code changed, and counts tries spent."""

    trigger: Trigger | None = None
    logical_date: datetime | None = None
    by_person: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """Which steps a person asks for: `redo` runs again although it is committed, with all that its value changes;
    `only` too, with what it needs and nothing after it."""

    redo: str | None = None
    only: str | None = None


ALL_STEPS = Selection()


@dataclass(frozen=True, slots=True)
class _Setting:
    """What an attempt runs in."""

    store: Store
    settings: Settings
    observer: events.Guarded
    clock: Clock
    by_person: bool = True
    reopen: bool = False
    selection: Selection = ALL_STEPS


def run_pipeline(
    pipeline: Pipeline[..., Any],
    *,
    store: Store,
    settings: Settings,
    params: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    origin: Origin | None = None,
    selection: Selection = ALL_STEPS,
    observer: events.Observer = events.ignore,
    clock: Clock | None = None,
) -> RunRecord:
    """Run a pipeline to the end and return the run's record; a failed run is a record too.

    A run that exists under `run_id`, or by the trigger's key, is that run: gone on with if it has not ended, returned
    if it has. `params` are as sent, before conversion.

    Raises: ParameterError, DefinitionError, KeyReused (nothing is recorded); LeaseHeld; StoreError; DamagedRecord;
    Interrupted after Ctrl-C, once the end is recorded."""
    sent = dict(params or {})
    clock, origin = clock or SystemClock(), origin or Origin()
    logical_date = origin.logical_date or clock.now().replace(microsecond=0)
    trigger = origin.trigger or Trigger("manual", run_id or new_token(), timezone=settings.timezone)
    converted = convert_params(pipeline, sent, logical_date=logical_date, timezone=trigger.timezone)
    graph, shapes = _connect(pipeline, converted, settings)
    _check_selection(selection, graph)
    head = RunHead(
        run_id=_run_id(pipeline, run_id, trigger, logical_date), pipeline=pipeline.name, trigger=trigger,
        params=stored_params(converted), params_digest=digest_params(sent), logical_date=logical_date,
        created_at=clock.now(),
    )  # fmt: skip
    store.prepare()
    standing, is_new = create_or_join(store, head, compare_params=trigger.kind in ("manual", "api"))
    setting = _Setting(
        store, settings, events.Guarded(observer), clock, by_person=origin.by_person, selection=selection,
        reopen=selection != ALL_STEPS,
    )  # fmt: skip
    if is_new:
        return _attempt(_Prepared(pipeline, standing, converted, graph, shapes), setting)
    read_checkpoints(store, standing.prefix)  # a record that is too new is refused before anything is written
    return _attempt(_prepare(pipeline, standing, settings), setting)


def resume_run(
    pipeline: Pipeline[..., Any],
    run_id: str,
    *,
    store: Store,
    settings: Settings,
    selection: Selection = ALL_STEPS,
    observer: events.Observer = events.ignore,
    clock: Clock | None = None,
) -> RunRecord:
    """Go on with a run, whatever it ended in, and return its record: a person's resume.

    What is committed and unchanged is reused; a step whose code changed runs again, with all that depends on it.

    Raises: NotFoundError, and all that `run_pipeline` raises."""
    head = read_head(store, pipeline.name, run_id)
    setting = _Setting(
        store, settings, events.Guarded(observer), clock or SystemClock(), reopen=True, selection=selection
    )
    prepared = _prepare(pipeline, head, settings)
    _check_selection(selection, prepared.graph)
    read_checkpoints(store, head.prefix)  # a record that is too new is refused before anything is written
    return _attempt(prepared, setting)


def _prepare(pipeline: Pipeline[..., Any], head: RunHead, settings: Settings) -> _Prepared:
    """Prepare a run that exists from its own parameters, which are never resolved again."""
    try:
        params = convert_params(pipeline, head.params, logical_date=head.logical_date, timezone=head.trigger.timezone)
    except ParameterError as error:
        raise ParameterError(
            f"The parameters of run {head.run_id!r} don't fit pipeline {pipeline.name!r} any more: {error.met}",
            error.expected,
            "Give the pipeline its old parameters back, or start a new run.",
        ) from error
    graph, shapes = _connect(pipeline, params, settings)
    return _Prepared(pipeline, head, params, graph, shapes)


def _connect(
    pipeline: Pipeline[..., Any], params: Mapping[str, Any], settings: Settings
) -> tuple[Graph, dict[str, str]]:
    graph = build_graph(pipeline, params)
    code = CodeDigests(settings.root)

    def constant(value: object, where: str) -> str:
        return digest_constant(value, code=code, where=where)

    for value in constants_in(graph.result):
        digest_constant(value, code=code, where=f"What pipeline {pipeline.name!r} returns")
    return graph, shapes_of(graph, digest_code=lambda call: code.of(call.step.function), digest_constant=constant)


def _check_selection(selection: Selection, graph: Graph) -> None:
    for name in (selection.redo, selection.only):
        if name is not None and name not in graph:
            close = nearest(name, graph.names)
            raise NotFoundError(
                f"Pipeline {graph.pipeline!r} has no step {name!r}.",
                f"Its steps: {', '.join(map(repr, graph.names))}.",
                f"Did you mean {close!r}?" if close else f"See `pplns show {graph.pipeline}`.",
            )


def _run_id(pipeline: Pipeline[..., Any], run_id: str | None, trigger: Trigger, logical_date: datetime) -> str:
    if run_id is not None:
        return check_run_id(run_id)
    return derive_run_id(pipeline.name, kind=trigger.kind, key=trigger.key, logical_date=logical_date)


def _attempt(prepared: _Prepared, setting: _Setting) -> RunRecord:
    """Begin the next attempt, unless the run is over."""
    store, head = setting.store, prepared.head
    claim = Claim(
        holder=this_holder(), duration_s=setting.settings.lease_seconds, steps=prepared.graph.names,
        code=digest_fields(*prepared.shapes.values()), graph=digest_fields(*prepared.shapes),
    )  # fmt: skip
    lease = acquire_lease(store, head.prefix, claim, reopen=setting.reopen, now=setting.clock.now())
    if isinstance(lease, End):
        return record_of(head, lease)
    try:
        end = _begin(prepared, setting, lease)
    except LeaseLost:
        standing = read_run(store, head.pipeline, head.run_id)
        if standing.final:  # it was ended for good under this holder: cancelled, say
            return standing
        raise LeaseHeld(
            "Another process took this run over.",
            "A run has one holder at a time.",
            f"See `pplns run-info {head.pipeline}/{head.run_id}`; this process wrote nothing more.",
        ) from None
    except PplnsError as error:  # the store is gone, or holds a record that can't be read
        end = _end(lease, setting.clock, error=ErrorInfo.of(error), final=False)
    finally:
        lease.leave()
    return _record_end(head, end, setting)


def _begin(prepared: _Prepared, setting: _Setting, lease: Lease) -> End:
    """Run an attempt that holds the lease, unless it is cancelled or refused before it begins."""
    store, head = setting.store, prepared.head
    previous = read_end(store, head.prefix, lease.attempt - 1) if lease.attempt > 1 else None
    if previous is not None:
        move_hint(store, head.pipeline, head.run_id, before=previous.state, after=None)
    if lease.is_cancel_requested():
        return _end(lease, setting.clock, final=True)
    refusal = None if setting.by_person else _refuse_delivery(prepared, setting, previous)
    if refusal is not None:
        return _end(lease, setting.clock, error=refusal, final=True)
    return _work(prepared, setting, lease, previous)


def _record_end(head: RunHead, end: End, setting: _Setting) -> RunRecord:
    move_hint(setting.store, head.pipeline, head.run_id, before=None, after=end.state)
    record = record_of(head, end)
    setting.observer(events.AttemptEnded(record))
    setting.observer.raise_error()
    if end.error is not None and end.error.code == "interrupted":
        raise Interrupted(record)
    return record


def _refuse_delivery(prepared: _Prepared, setting: _Setting, previous: End | None) -> ErrorInfo | None:
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


def _work(prepared: _Prepared, setting: _Setting, lease: Lease, previous: End | None) -> End:
    """Run the steps of an attempt and record its end."""
    head, store = prepared.head, setting.store
    work = Work(
        head=head, graph=prepared.graph, shapes=prepared.shapes, params=prepared.params, store=store, lease=lease,
        checkpoints=Checkpoints() if previous is None else read_checkpoints(store, head.prefix),
        table_format=setting.settings.table_format,
        parallel_steps=prepared.pipeline.max_parallel_steps, deadline=_deadline(prepared, setting),
        redo=tuple(name for name in (setting.selection.redo, setting.selection.only) if name), clock=setting.clock,
        scope=_scope(prepared.graph, setting.selection), verify=setting.by_person,
        spent={} if setting.by_person or previous is None else {step.step: step.attempts for step in previous.steps},
    )  # fmt: skip
    executor = Executor(work, observer=setting.observer)
    keeper = LeaseKeeper(lease, on_loss=executor.lose, on_cancel=lambda: executor.stop("cancelled"))
    with keeper, _stopped_by_ctrl_c(executor):
        outcome = executor.execute()
    if not outcome.succeeded:
        return _end(lease, setting.clock, outcome=outcome, error=outcome.error, final=outcome.final)
    if outcome.is_partial:
        return _end(lease, setting.clock, outcome=outcome, final=False)
    result = result_of(prepared.graph, outcome.commits)
    return _end(lease, setting.clock, outcome=outcome, result=result, final=True)


def _scope(graph: Graph, selection: Selection) -> frozenset[str] | None:
    return None if selection.only is None else graph.ancestors(selection.only) | {selection.only}


def _deadline(prepared: _Prepared, setting: _Setting) -> float | None:
    """Return when the run is over time, on the monotonic clock; a person's resume begins its time anew."""
    timeout = prepared.pipeline.timeout
    if timeout is None:
        return None
    spent = 0.0 if setting.reopen else (setting.clock.now() - prepared.head.created_at).total_seconds()
    return setting.clock.monotonic() + timeout - max(0.0, spent)


def _end(
    lease: Lease,
    clock: Clock,
    *,
    final: bool,
    outcome: Outcome | None = None,
    error: ErrorInfo | None = None,
    result: Any = None,
) -> End:
    state: EndState = "failed" if error else "succeeded"
    steps = outcome.steps if outcome else ()
    finished_at = str(iso(clock.now()))

    def make(attempt: int) -> End:
        return End(
            attempt=attempt, state=state, final=final, started_at=lease.started_at, finished_at=finished_at,
            first_started_at=lease.first_started_at, steps=steps, result=result, error=error,
            commits=sum(step.state == "succeeded" for step in steps),
        )  # fmt: skip

    return lease.end(make)


@contextlib.contextmanager
def _stopped_by_ctrl_c(executor: Executor) -> Generator[None]:
    """Turn the first Ctrl-C into an orderly stop; the second one interrupts as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before if callable(before) else signal.default_int_handler)
        executor.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
