"""The head of a run, `run.json`: who it is, what started it, with which parameters. Created once.

Two deliveries of one trigger meet here: the second finds the head of the first and joins that run."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.built_in import datetime
from pplns.errors import DamagedRecord, KeyReused, NotFoundError, StateError, StoreError
from pplns.model.frozen import Frozen
from pplns.model.ids import digest_fields, new_token
from pplns.model.run import ENDED, TRIGGER_KINDS, Trigger, iso
from pplns.state import records
from pplns.state.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.stores import Store


class RunHead(Frozen):
    """What is fixed about a run from its creation. `params` are converted, in their JSON form; times aware UTC."""

    run_id: str
    pipeline: str
    trigger: Trigger
    params: Mapping[str, Any]
    params_digest: str
    logical_date: datetime
    created_at: datetime

    @property
    def prefix(self) -> str:
        """The folder of the run in its store."""
        return run_prefix(self.pipeline, self.run_id)


def run_prefix(pipeline: str, run_id: str) -> str:
    """Return the folder of a run in its store."""
    return f"{pipeline}/runs/{run_id}"


def digest_params(sent: Mapping[str, Any]) -> str:
    """Return the digest of parameters as a caller sent them, before any conversion."""
    if not sent:
        return digest_fields("{}")  # as below, without the import
    import json

    return digest_fields(json.dumps(dict(sent), sort_keys=True, default=repr))


def create_or_join(store: Store, head: RunHead, *, compare_params: bool = True) -> tuple[RunHead, bool]:
    """Create a run, or join the one of that id; tell whether it was created.

    Who chose the id joins the run whatever started it; a key joins only the run that it started itself.
    `compare_params` refuses other parameters under the same key: for keys that a caller chose, not for redeliveries.

    Raises: KeyReused, and StateError when another key gave the same id."""
    name = _head_name(head.prefix)
    standing = records.create(store, name, _as_record(head), writer=new_token())
    if standing is None:
        _hint(store, head.pipeline, head.run_id, "open")
        return head, True
    joined = _from_record(standing, name=name)
    if not _is_by_id(head) and (joined.trigger.kind, joined.trigger.key) != (head.trigger.kind, head.trigger.key):
        raise StateError(
            f"The run id {head.run_id!r} belongs to another {joined.trigger.kind} trigger already.",
            "One run id stands for one trigger.",
            "Give this run another id with --run-id.",
        )
    if compare_params and joined.params_digest != head.params_digest:
        import json

        raise KeyReused(
            f"The run {head.run_id!r} of pipeline {head.pipeline!r} exists with other parameters:"
            f" {json.dumps(dict(joined.params))}.",
            "The same run id or key stands for the same run, with the same parameters.",
            f"Use another id, or go on with `pplns resume {head.pipeline}/{head.run_id}`.",
        )
    return joined, False


def _is_by_id(head: RunHead) -> bool:
    """Tell whether a person named the run by its id, as with --run-id; any other key leads to its id by a digest."""
    return head.trigger.kind == "manual" and head.trigger.key == head.run_id


def read_head(store: Store, pipeline: str, run_id: str) -> RunHead:
    """Return the head of a run.

    Raises: NotFoundError, DamagedRecord."""
    name = _head_name(run_prefix(pipeline, run_id))
    record = records.read(store, name)
    if record is None:
        raise NotFoundError(
            f"There is no run {run_id!r} of pipeline {pipeline!r} in {store.url}.",
            "A run is named as `pplns runs` shows it.",
            f"See `pplns runs {pipeline}`, or name another store with --store.",
        )
    return _from_record(record, name=name)


def require_head(store: Store, prefix: str) -> None:
    """Refuse to go on with a run that somebody deleted while it went on: what it wrote would belong to no run.

    Raises: StoreError."""
    if store.read(_head_name(prefix)) is None:
        store.children(f"{prefix}/")  # a bucket that is gone says so here, and what to do
        raise deleted_under_way(store, _head_name(prefix))


def deleted_under_way(store: Store, name: str) -> StoreError:
    """Return the error for a record of a run that somebody deleted while the run went on."""
    return StoreError(
        f"{name!r} was deleted from {store.url} while the run went on.",
        "What a run has written stays at least until it has ended.",
        "Start a new run; the outcome of this one is recorded nowhere.",
    )


def _head_name(prefix: str) -> str:
    return f"{prefix}/run.json"


def move_hint(store: Store, pipeline: str, run_id: str, *, before: str | None, after: str | None) -> None:
    """Note for listings that a run went from one state into another; None stands for an open run.

    Hints are empty objects that readers check against the run; one that is missing or wrong costs a listing, no run."""
    old, new = hint_folder(before), hint_folder(after)
    if old != new:
        _hint(store, pipeline, run_id, new)
        store.delete(f"{pipeline}/{old}/{run_id}")


def remove_hints(store: Store, pipeline: str, run_id: str) -> None:
    """Delete what listings say of a run that is there no more."""
    for folder in dict.fromkeys(map(hint_folder, (None, *ENDED))):
        store.delete(f"{pipeline}/{folder}/{run_id}")


def hint_folder(state: str | None) -> str:
    """Return the folder that names the runs in a state; all that haven't ended are open."""
    return f"by-state/{state}" if state in ENDED else "open"


def _hint(store: Store, pipeline: str, run_id: str, folder: str) -> None:
    store.create(f"{pipeline}/{folder}/{run_id}", b"")


def _as_record(head: RunHead) -> dict[str, Any]:
    return {
        "run_id": head.run_id, "pipeline": head.pipeline, "trigger": head.trigger.as_json(),
        "params": dict(head.params), "params_digest": head.params_digest,
        "logical_date": iso(head.logical_date), "created_at": iso(head.created_at),
    }  # fmt: skip


def _from_record(record: Mapping[str, Any], *, name: str) -> RunHead:
    try:
        fields = Fields(record)
        head = RunHead(
            run_id=fields.text("run_id"), pipeline=fields.text("pipeline"),
            trigger=_trigger_from(fields.any("trigger")), params=fields.mapping("params"),
            params_digest=fields.text("params_digest"),
            logical_date=datetime.fromisoformat(fields.time("logical_date")),
            created_at=datetime.fromisoformat(fields.time("created_at")),
        )  # fmt: skip
        if _head_name(head.prefix) != name:
            raise ValueError(f"'run_id' and 'pipeline': {head.pipeline}/{head.run_id} lies elsewhere")
    except ValueError as error:
        raise DamagedRecord(
            f"The record {name!r} garbles {error}.",
            "It says what the run is and how it was started.",
            "Restore it from a backup, or start a new run.",
        ) from error
    return head


def _trigger_from(record: object) -> Trigger:
    fields = Fields(record)
    return Trigger(
        kind=fields.one_of("kind", TRIGGER_KINDS), key=fields.text("key"), name=fields.text_or_none("name"),
        timezone=fields.text("timezone"), details=fields.mapping("details"),
    )  # fmt: skip
