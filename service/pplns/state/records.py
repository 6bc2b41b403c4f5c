"""Records: JSON objects that are created once, with a schema number and the token of their writer.

The token makes a lost answer harmless: whoever is refused reads back, and finding the own token means success. A check
of all bytes before it ends each record, so that one with a digit changed isn't believed (docs/decisions/0021); a record
without one, which somebody wrote by hand, is."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.errors import DamagedRecord
from pplns.json_text import read_json, write_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.stores import Store

SCHEMA = 1
CHECK = b',"check":"'


class NewerRecord(DamagedRecord):
    """A record of a newer schema: it is whole, but this pplns can't read it."""


def encode(payload: Mapping[str, Any], *, writer: str) -> bytes:
    """Return the bytes of a record."""
    record = {"schema": SCHEMA, "writer": writer, **payload}
    checked = write_ascii(record)[:-1].encode("ascii")
    return b'%b%b%b"}' % (checked, CHECK, _check_of(checked).encode("ascii"))


def decode(data: bytes, *, name: str) -> dict[str, Any]:
    """Return a record. What it doesn't know is left for newer readers.

    Raises: DamagedRecord for what is no record, NewerRecord for one of a newer schema."""
    try:
        record: dict[str, Any] = read_json(data)
        schema = record["schema"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _damaged(data, name) from None
    if not isinstance(schema, int) or schema > SCHEMA:
        raise NewerRecord(
            f"The record {name!r} has schema {schema!r}.",
            f"This pplns reads schemas up to {SCHEMA}.",
            "Upgrade: pip install --upgrade pplns.",
        )
    checked, mark, _ = data.rpartition(CHECK)
    if mark and record.get("check") not in (None, _check_of(checked)):
        raise _damaged(data, name)
    return record


def read(store: Store, name: str) -> dict[str, Any] | None:
    """Return a record of a store, or None where there is none."""
    data = store.read(name)
    return None if data is None else decode(data, name=name)


def create(store: Store, name: str, payload: Mapping[str, Any], *, writer: str) -> dict[str, Any] | None:
    """Create a record if it is absent; return None on success, else the record that stands there."""
    if store.create(name, encode(payload, writer=writer)):
        return None
    standing = read(store, name)
    return None if standing is not None and standing.get("writer") == writer else standing


def _check_of(checked: bytes) -> str:
    import xxhash

    return xxhash.xxh3_64_hexdigest(checked)


def _damaged(data: bytes, name: str) -> DamagedRecord:
    return DamagedRecord(
        f"The record {name!r} is damaged ({len(data)} bytes).",
        "A record is a JSON object with a schema number, written whole.",
        "Restore it from a backup, or start a new run.",
    )
