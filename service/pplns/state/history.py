"""Runs as they are shown: one run's record put together from its objects, a step's commit, lists, newest first."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from pplns.built_in import UTC, datetime
from pplns.errors import DamagedRecord, NotFoundError, ParameterError, StoreError
from pplns.model.artifact import Commit
from pplns.model.ids import check_run_id, time_of_run_id
from pplns.model.names import is_name, listed, nearest, shorten
from pplns.model.run import RUN_STATES, RunRecord, StepRecord
from pplns.state.checkpoints import read_checkpoints
from pplns.state.ends import End, read_end
from pplns.state.lease import LeaseView, view_lease
from pplns.state.runs import RunHead, hint_folder, move_hint, read_head, remove_hints, run_prefix
from pplns.stores import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.model.run import RunState


READERS = 16  # runs read side by side from a remote store
Listed = RunRecord | DamagedRecord | None


def read_run(store: Store, pipeline: str, run_id: str) -> RunRecord:
    """Return the record of a run as it stands now; one whose continuation didn't come for 30 minutes is lost.

    Raises: NotFoundError, DamagedRecord."""
    head = read_head(store, pipeline, run_id)
    lease = view_lease(store, head.prefix)
    if lease is None:
        return _record(head, state="queued", final=False)
    end = read_end(store, head.prefix, lease.attempt)
    if end is not None:
        is_forgotten = end.state == "continuing" and not lease.awaits(end)
        return record_of(head, end).replace(state="lost") if is_forgotten else record_of(head, end)
    return _unended(store, head, lease)


def record_of(head: RunHead, end: End) -> RunRecord:
    """Return the record of a run whose last attempt ended."""
    return _record(
        head, state=end.state, final=end.final, attempt=end.attempt, started_at=_time(end.first_started_at),
        finished_at=_time(end.finished_at), steps=end.steps, result=end.result, error=end.error,
    )  # fmt: skip


def read_commit(store: Store, pipeline: str, run_id: str, step: str) -> Commit:
    """Return the commit of a step that the run's record names, or the newest while it names none.

    Raises: NotFoundError, DamagedRecord."""
    head = read_head(store, pipeline, run_id)
    checkpoints = read_checkpoints(store, head.prefix)
    commits = [commit for (name, _), commit in checkpoints.commits.items() if name == step]
    if not commits:
        known = sorted({name for name, _ in checkpoints.commits})
        raise NotFoundError(
            f"Step {step!r} has no checkpoint in run {run_id!r} of pipeline {pipeline!r}.",
            f"Committed steps: {listed(known)}.",
            f"Did you mean {nearest(step, known)!r}?" if nearest(step, known) else "See `pplns run-info`.",
        )
    version = next((one.version for one in read_run(store, pipeline, run_id).steps if one.step == step), None)
    shown = checkpoints.commits.get((step, version or ""))
    return shown or max(commits, key=lambda commit: commit.finished_at)


def list_runs(
    store: Store,
    *,
    pipeline: str | None = None,
    state: str | None = None,
    limit: int = 20,
    before: tuple[str, str] | None = None,
    on_damage: Callable[[DamagedRecord], None] | None = None,
) -> list[RunRecord]:
    """Return runs, newest first, of one pipeline or of all, in one state or in any.

    `before` is a run, by pipeline and run id: only runs that such a list would name after it are returned, whether or
    not it would name that run itself.

    A run whose records are damaged is left out and reported to `on_damage`; without it the list fails.

    Raises: ParameterError for a state that is none."""
    if state is not None and state not in RUN_STATES:
        raise ParameterError(
            f"The state is {state!r}.",
            f"A run is {', '.join(RUN_STATES[:-1])} or {RUN_STATES[-1]}.",
            f"Did you mean {nearest(state, RUN_STATES)!r}?" if nearest(state, RUN_STATES) else "Choose one of them.",
        )
    found = _newest_first(store, pipeline, state, before)
    read = functools.partial(_read_listed, store, is_hinted=state is not None)
    records = _readable(read, found, on_damage, side_by_side=1 if store.shares_host else min(limit, READERS))
    return list(islice((record for record in records if _is_in(store, record, state)), limit))


def _readable(
    read: Callable[[tuple[str, str]], Listed],
    found: Iterator[tuple[str, str]],
    on_damage: Callable[[DamagedRecord], None] | None,
    *,
    side_by_side: int,
) -> Iterator[RunRecord]:
    """Yield the records of runs in order, reading several at once where each takes requests."""
    for records in _in_batches(read, found, side_by_side):
        for record in records:
            if isinstance(record, RunRecord):
                yield record
            elif isinstance(record, DamagedRecord):
                if on_damage is None:
                    raise record
                on_damage(record)


def _read_listed(store: Store, one: tuple[str, str], *, is_hinted: bool) -> Listed:
    """Return a run that a list came upon, what is wrong with it, or None where there is none.

    Somebody may have deleted the run: a hint that led to it goes then. Or a process died as it was to create it."""
    try:
        return read_run(store, *one)
    except DamagedRecord as error:
        return error
    except NotFoundError:
        if is_hinted:
            with contextlib.suppress(StoreError):  # whoever may only read still gets the list
                remove_hints(store, *one)
        return None


def _in_batches(
    read: Callable[[tuple[str, str]], Listed], found: Iterator[tuple[str, str]], size: int
) -> Iterator[Iterable[Listed]]:
    if size <= 1:
        yield map(read, found)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(size) as readers:
        while batch := list(islice(found, size)):
            yield readers.map(read, batch)


def _is_in(store: Store, record: RunRecord, state: str | None) -> bool:
    """Tell whether a run is in a state; a hint that led to it wrongly is repaired on the way."""
    if state is None or record.state == state:
        return True
    for hinted in (state, None):
        with contextlib.suppress(StoreError):  # whoever may only read still gets the list
            move_hint(store, record.pipeline, record.run_id, before=hinted, after=record.state)
    return False


def find_run(store: Store, reference: str) -> tuple[str, str]:
    """Return pipeline and run id of "PIPELINE/RUN_ID", or of a bare run id that only one pipeline has.

    Raises: NotFoundError, ParameterError."""
    pipeline, _, run_id = reference.rpartition("/")
    check_run_id(run_id)
    if pipeline:
        return pipeline, read_head(store, checked_name(pipeline), run_id).run_id
    owners = [name for name in _pipelines(store) if store.read(f"{run_prefix(name, run_id)}/run.json") is not None]
    if len(owners) > 1:
        raise ParameterError(
            f"The run id {run_id!r} stands in several pipelines: {', '.join(map(repr, owners))}.",
            "A bare run id has to be of one pipeline.",
            f"Write {owners[0]}/{run_id}, for example.",
        )
    if not owners:
        known = [one for name in _pipelines(store) for one in _run_ids(store, name)]
        close = nearest(run_id, known)
        raise NotFoundError(
            f"There is no run {run_id!r} in {store.url}.",
            "A run is named as `pplns runs` shows it.",
            f"Did you mean {close!r}?" if close else "See `pplns runs`, or name another store with --store.",
        )
    return owners[0], run_id


def checked_name(pipeline: str) -> str:
    """Return the name of a pipeline, refusing what can be none before it is looked up in a store.

    Raises: NotFoundError."""
    if is_name(pipeline):
        return pipeline
    raise NotFoundError(
        f"There is no pipeline {shorten(pipeline)}.", "A run is named RUN_ID or PIPELINE/RUN_ID.", "See `pplns runs`."
    )


def _newest_first(
    store: Store, pipeline: str | None, state: str | None, before: tuple[str, str] | None
) -> Iterator[tuple[str, str]]:
    """Yield pipeline and run id, newest logical time first, reading only the runs whose ids don't tell it."""

    def rank(one: tuple[str, str]) -> tuple[datetime, tuple[str, str]]:
        return _logical_time(store, *one), one

    names = [checked_name(pipeline)] if pipeline else _pipelines(store)
    found = [(name, run_id) for name in names for run_id in _run_ids(store, name, state)]
    ranked = sorted(map(rank, found), reverse=True)
    limit = None if before is None else rank(before)
    return (one for place, one in ranked if limit is None or (place, one) < limit)


def _logical_time(store: Store, pipeline: str, run_id: str) -> datetime:
    known = time_of_run_id(run_id)
    if known is not None:
        return known
    try:
        return read_head(store, pipeline, run_id).logical_date
    except (NotFoundError, DamagedRecord):
        return datetime.min.replace(tzinfo=UTC)


def _pipelines(store: Store) -> list[str]:
    return [name.removesuffix("/") for name in store.children("") if name.endswith("/")]


def _run_ids(store: Store, pipeline: str, state: str | None = None) -> list[str]:
    """Return the ids of a pipeline's runs; for a state those that the hints name, which the caller checks.

    Open ones are looked through too: a process that died just before its last hint leaves an ended run there."""
    if state is None:
        return [name.removesuffix("/") for name in store.children(f"{pipeline}/runs/")]
    folders = dict.fromkeys((hint_folder(state), hint_folder(None)))
    return list(dict.fromkeys(run_id for folder in folders for run_id in store.children(f"{pipeline}/{folder}/")))


def _unended(store: Store, head: RunHead, lease: LeaseView) -> RunRecord:
    """Return the record of a run whose attempt goes on, or vanished."""
    checkpoints = read_checkpoints(store, head.prefix)
    newest: dict[str, Commit] = {}
    for commit in checkpoints.commits.values():
        if commit.step not in newest or newest[commit.step].finished_at < commit.finished_at:
            newest[commit.step] = commit
    names = lease.steps or tuple(newest)
    return _record(
        head, state="running" if lease.live else "lost", final=False, attempt=lease.attempt,
        started_at=_time(lease.first_started_at),
        steps=tuple(_step(name, newest.get(name), lease.attempt) for name in names),
    )  # fmt: skip


def _step(name: str, commit: Commit | None, attempt: int) -> StepRecord:
    if commit is None:
        return StepRecord(step=name, state="waiting")
    return step_record(commit, reused=commit.attempt < attempt)


def step_record(commit: Commit, *, reused: bool) -> StepRecord:
    """Return what a run's record says of a committed step."""
    return StepRecord(
        step=commit.step, state="succeeded", attempts=commit.tries, duration_s=commit.duration_s, rows=commit.rows,
        bytes=commit.size_bytes, artifact=commit.artifact, reused=reused, version=commit.version,
    )  # fmt: skip


def _record(head: RunHead, *, state: RunState, final: bool, **more: object) -> RunRecord:
    record = RunRecord(
        run_id=head.run_id, pipeline=head.pipeline, state=state, final=final, params=head.params,
        trigger=head.trigger, logical_date=head.logical_date, created_at=head.created_at,
    )  # fmt: skip
    return record.replace(**more)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
