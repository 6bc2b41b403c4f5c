"""The runner: from a trigger, a continuation, or a person's resume, to a recorded end.

Everything that can be refused is refused before anything is written: parameters, the pipeline's function, constants
without a digest. Then the run is created or joined, and an attempt takes it as far as it may."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.built_in import datetime
from pplns.engine import events
from pplns.engine.attempt import Setting, attempt, fail_for_good
from pplns.engine.bounds import UNBOUNDED, Bounds
from pplns.engine.clock import Clock, SystemClock
from pplns.engine.prepare import ALL_STEPS, Prepared, Selection, check_selection, prepare, prepare_new, run_id_of
from pplns.errors import NotFoundError, ParameterError, PublishError
from pplns.model.frozen import Frozen
from pplns.model.ids import new_token
from pplns.model.run import RunRecord, Trigger
from pplns.state.checkpoints import read_checkpoints
from pplns.state.history import read_run
from pplns.state.runs import RunHead, create_or_join, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.settings import Settings
    from pplns.steps import Pipeline
    from pplns.stores import Store

__all__ = ["ALL_STEPS", "Origin", "Selection", "continue_run", "queue_run", "resume_run", "run_pipeline"]


class Origin(Frozen):
    """Where a run comes from: a trigger and the time that it stands for (aware UTC; now, unless given).

    A delivery (not `by_person`) doesn't repeat outside effects because the code changed, and counts tries spent.
    `brings_time`: each delivery of the trigger has the same logical date; where it hasn't, the first one's counts.
    `compare_params`: other parameters under the same key are refused; unless given, for keys that a caller chose."""

    trigger: Trigger | None = None
    logical_date: datetime | None = None
    by_person: bool = True
    brings_time: bool = True
    compare_params: bool | None = None


def run_pipeline(  # noqa: PLR0913 - each is a choice of the caller, by keyword
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
    bounds: Bounds = UNBOUNDED,
) -> RunRecord:
    """Run a pipeline to the end, or to a boundary of `bounds`, and return the run's record; a failed run is one too.

    A run that exists under `run_id`, or by the trigger's key, is that run: gone on with if it has not ended, returned
    if it has, or if it waits for its continuation. `params` are as sent, before conversion.

    Raises: ParameterError, DefinitionError, KeyReused (nothing is recorded); LeaseHeld, TooManyRuns, PublishError (the
    run is recorded, and can be gone on with); StoreError; DamagedRecord; Interrupted after Ctrl-C, once the end is
    recorded."""
    clock, origin = clock or SystemClock(), origin or Origin()
    setting = Setting(
        store, settings, events.Guarded(observer), clock, began=clock.monotonic(), by_person=origin.by_person,
        selection=selection, reopen=selection != ALL_STEPS, bounds=bounds,
    )  # fmt: skip
    head, prepared = _create_or_join(pipeline, params or {}, origin, run_id=run_id, setting=setting)
    return _go_on(pipeline, head, setting) if prepared is None else attempt(prepared, setting)


def resume_run(
    pipeline: Pipeline[..., Any],
    run_id: str,
    *,
    store: Store,
    settings: Settings,
    selection: Selection = ALL_STEPS,
    observer: events.Observer = events.ignore,
    clock: Clock | None = None,
    bounds: Bounds = UNBOUNDED,
) -> RunRecord:
    """Go on with a run, whatever it ended in, and return its record: a person's resume.

    What is committed and unchanged is reused; a step whose code changed runs again, with all that depends on it. A run
    that waits for its continuation is gone on with here; the continuation then finds it taken.

    Raises: NotFoundError, and all that `run_pipeline` raises."""
    clock = clock or SystemClock()
    setting = Setting(
        store, settings, events.Guarded(observer), clock, began=clock.monotonic(), reopen=True, selection=selection,
        bounds=bounds,
    )  # fmt: skip
    return _go_on(pipeline, read_head(store, pipeline.name, run_id), setting)


def continue_run(
    pipeline: Pipeline[..., Any],
    run_id: str,
    *,
    attempt: int,
    store: Store,
    settings: Settings,
    bounds: Bounds,
    observer: events.Observer = events.ignore,
    clock: Clock | None = None,
) -> RunRecord:
    """Go on with a run by the continuation of its attempt `attempt`, 0 for a queued run, and return its record.

    A continuation that came twice or too late finds the run taken, or gone on to another continuation, and changes
    nothing. Parameters that don't convert any more end the run for good.

    Raises: NotFoundError, LeaseHeld, TooManyRuns, PublishError, StoreError, DamagedRecord, DefinitionError."""
    clock = clock or SystemClock()
    setting = Setting(
        store, settings, events.Guarded(observer), clock, began=clock.monotonic(), by_person=False, bounds=bounds,
        continues=attempt,
    )  # fmt: skip
    return _go_on(pipeline, read_head(store, pipeline.name, run_id), setting)


def queue_run(
    pipeline: Pipeline[..., Any],
    *,
    store: Store,
    settings: Settings,
    params: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    origin: Origin | None = None,
    bounds: Bounds,
    clock: Clock | None = None,
) -> RunRecord:
    """Create a run and hand it to its pipeline's topic, to be run by the message; return its record, `queued`.

    A run that exists is handed over again only where nobody works on it and no continuation is awaited.

    Raises: PublishError when the message isn't confirmed: the run may stay queued, and a repeat publishes again;
    ParameterError, DefinitionError, KeyReused (nothing is recorded); StoreError; DamagedRecord."""
    clock = clock or SystemClock()
    if bounds.hand_over is None:
        raise PublishError(
            f"Pipeline {pipeline.name!r} has no topic here.",
            "A run is queued by a message to the pipeline's topic.",
            "Set PPLNS_TOPIC, or send the request without `Prefer: respond-async`.",
        )
    setting = Setting(store, settings, events.Guarded(events.ignore), clock, began=clock.monotonic(), bounds=bounds)
    head, _ = _create_or_join(pipeline, params or {}, origin or Origin(), run_id=run_id, setting=setting)
    record = read_run(store, pipeline.name, head.run_id)
    if record.final or record.state in ("running", "continuing"):
        return record
    from pplns.engine.handover import publish  # of use only in a service

    publish(head, record.attempt, bounds=bounds, clock=clock, until=setting.publishing_ends_soon)
    return record if record.attempt == 0 else record.replace(state="continuing", error=None)


def _create_or_join(
    pipeline: Pipeline[..., Any],
    sent: Mapping[str, Any],
    origin: Origin,
    *,
    run_id: str | None,
    setting: Setting,
) -> tuple[RunHead, Prepared | None]:
    """Create a run, or join the one of the same id or key; return it, prepared if it was created."""
    store, clock = setting.store, setting.clock
    trigger = origin.trigger or Trigger("manual", run_id or new_token(), timezone=setting.settings.timezone)
    compares = trigger.kind in ("manual", "api") if origin.compare_params is None else origin.compare_params

    def prepared_for(run_id: str | None, logical_date: datetime) -> Prepared:
        return prepare_new(
            pipeline, dict(sent), trigger=trigger, run_id=run_id, logical_date=logical_date, created_at=clock.now(),
            settings=setting.settings,
        )  # fmt: skip

    logical_date = origin.logical_date or clock.now().replace(microsecond=0)
    try:
        prepared = prepared_for(run_id, logical_date)
    except ParameterError:
        if (joined := _redelivered(pipeline, origin, trigger, run_id, logical_date, store=store)) is None:
            raise
        return joined, None
    check_selection(setting.selection, prepared.graph)
    store.prepare()
    if run_id is None and not origin.brings_time:
        run_id, logical_date = _claimed(prepared.head, store, compare_params=compares)
        if (run_id, logical_date) != (prepared.head.run_id, prepared.head.logical_date):
            prepared = prepared_for(run_id, logical_date)
    head, is_new = create_or_join(store, prepared.head, compare_params=compares)
    return head, prepared if is_new else None


def _redelivered(
    pipeline: Pipeline[..., Any], origin: Origin, trigger: Trigger, run_id: str | None, logical_date: datetime, *,
    store: Store,
) -> RunHead | None:  # fmt: skip
    """Return the run that a delivery is of although its parameters don't convert any more, or None.

    The code changed since it was created. Its stored parameters count: if they don't convert either, it is ended for
    good, rather than left open behind a delivery that is refused."""
    if origin.by_person or not origin.brings_time:
        return None
    try:
        head = read_head(store, pipeline.name, run_id_of(pipeline, run_id, trigger, logical_date))
    except NotFoundError:
        return None
    return head if (head.trigger.kind, head.trigger.key) == (trigger.kind, trigger.key) else None


def _claimed(head: RunHead, store: Store, *, compare_params: bool) -> tuple[str, datetime]:
    """Return the run id and the logical date of the first delivery by a key, for which this one's head was made."""
    from pplns.state.keys import Key, claim_key

    own = Key(head.trigger.kind, head.trigger.key, head.run_id, head.logical_date, head.params_digest)
    first = claim_key(store, head.pipeline, own, compare_params=compare_params)
    return first.run_id, first.logical_date


def _go_on(pipeline: Pipeline[..., Any], head: RunHead, setting: Setting) -> RunRecord:
    """Attempt a run that exists, with its own parameters."""
    try:
        prepared = prepare(pipeline, head, setting.settings)
    except ParameterError as error:
        if setting.by_person:
            raise
        return fail_for_good(head, error, setting)
    check_selection(setting.selection, prepared.graph)
    read_checkpoints(setting.store, head.prefix)  # a record that is too new is refused before anything is written
    return attempt(prepared, setting)
