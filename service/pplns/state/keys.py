"""Keys that bring no time of their own: an Idempotency-Key, or a CloudEvent without one.

A run id begins with a logical time, and a second delivery can't know that of the first. So the key is created first,
with the run id that was derived then, and whoever is refused uses that. A process that dies between the key and the run
leaves a key whose run the next delivery creates, under the same id and logical date."""

from datetime import datetime

from pplns.errors import DamagedRecord, KeyReused, StateError
from pplns.model.frozen import Frozen
from pplns.model.ids import check_run_id, digest_fields, new_token
from pplns.model.run import iso
from pplns.state import records
from pplns.state.fields import Fields
from pplns.stores import Store


class Key(Frozen):
    """A key as it was first used: by which trigger, for which run, with which parameters (their digest, as sent)."""

    kind: str
    key: str
    run_id: str
    logical_date: datetime
    params_digest: str


def claim_key(store: Store, pipeline: str, key: Key, *, compare_params: bool) -> Key:
    """Create a key if it is absent; return the one that stands: ours, or the first delivery's.

    Raises: KeyReused for other parameters where these are compared; StateError when two keys have one digest."""
    name = _name_of(pipeline, kind=key.kind, key=key.key)
    made = {
        "kind": key.kind, "key": key.key, "run_id": key.run_id, "logical_date": iso(key.logical_date),
        "params_digest": key.params_digest,
    }  # fmt: skip
    record = records.create(store, name, made, writer=new_token())
    if record is None:
        return key
    standing = _from_record(record, name=name)
    if (standing.kind, standing.key) != (key.kind, key.key):
        raise StateError(
            f"The key {key.key!r} has the digest of another one, {standing.key!r}.",
            "A digest stands for one key.",
            "Send another key.",
        )
    if compare_params and standing.params_digest != key.params_digest:
        raise KeyReused(
            f"The key {key.key!r} came before with other parameters, for run {standing.run_id!r}.",
            "The same key stands for the same run, with the same parameters.",
            "Send another key for another run.",
        )
    return standing


def find_key(store: Store, pipeline: str, *, kind: str, key: str) -> Key | None:
    """Return a key that was used before, or None.

    Raises: DamagedRecord."""
    name = _name_of(pipeline, kind=kind, key=key)
    record = records.read(store, name)
    return None if record is None else _from_record(record, name=name)


def _name_of(pipeline: str, *, kind: str, key: str) -> str:
    return f"{pipeline}/keys/{digest_fields(pipeline, kind, key)}.json"


def _from_record(record: object, *, name: str) -> Key:
    try:
        fields = Fields(record)
        return Key(
            kind=fields.text("kind"), key=fields.text("key"), run_id=check_run_id(fields.text("run_id")),
            logical_date=datetime.fromisoformat(fields.time("logical_date")),
            params_digest=fields.text("params_digest"),
        )  # fmt: skip
    except ValueError as error:
        raise DamagedRecord(
            f"The key {name!r} garbles {error}.",
            "It says for which run a key was used first.",
            "Restore it from a backup, or send another key.",
        ) from error
