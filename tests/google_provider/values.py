"""From Terraform's values to Google's and back: `ack_deadline_seconds` is `ackDeadlineSeconds`, and a block of which
there is at most one is an object.

Places in a resource are written with dots, without numbers: `template.containers.ports`."""

import re
from collections.abc import Mapping
from typing import Any, cast

from google_provider.kinds import Kind
from google_provider.messages import is_unknown
from google_provider.schema import Block, Field, Nested, Row

Json = dict[str, Any]


def to_google(kind: Kind, block: Block, row: Row, *, place: str = "") -> Json:
    """Return what Google is told of a resource or a block: what was written, and nothing that is empty."""
    body: Json = {}
    for name, field in block.fields.items():
        value, where = row[name], f"{place}{name}"
        if _is_told(kind, field, where) and not is_unknown(value) and (value or where in kind.zeros):
            body[kind.name_of(where)] = _told(field.kind, value)
    for name, nested in block.blocks.items():
        where = f"{place}{name}"
        rows = [to_google(kind, nested.block, one, place=f"{where}.") for one in _rows(row[name])]
        if rows and nested.nesting != "single":
            body[kind.name_of(where)] = rows[0] if _is_object(kind, nested, where) else rows
    return body


def from_google(kind: Kind, block: Block, found: Json, *, before: Row | None = None, place: str = "") -> Row:
    """Return a resource or a block as Terraform has it; what Google doesn't know of stays as it was `before`."""
    row = block.empty()
    for name, field in block.fields.items():
        where = f"{place}{name}"
        if where in kind.ours:
            row[name] = (before or row)[name]
        else:
            row[name] = _read(field.kind, found.get(kind.name_of(where)))
    for name, nested in block.blocks.items():
        where = f"{place}{name}"
        row[name] = (
            (before or row)[name]
            if nested.nesting == "single" or where in kind.ours
            else _read_blocks(kind, nested, found.get(kind.name_of(where)), _rows((before or row)[name]), where=where)
        )
    return row


def snake(name: str) -> str:
    """Return Terraform's name of a field of Google's."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _read_blocks(kind: Kind, nested: Nested, found: Any, before: list[Row], *, where: str) -> list[Row]:
    if found is None or (nested.is_one and not found and where not in kind.hollow):
        return []
    ones: list[Json] = [found] if _is_object(kind, nested, where) else found
    return [
        from_google(kind, nested.block, one, before=before[at] if at < len(before) else None, place=f"{where}.")
        for at, one in enumerate(ones)
    ]


def _is_object(kind: Kind, nested: Nested, where: str) -> bool:
    return nested.is_one and where not in kind.listed


def _is_told(kind: Kind, field: Field, where: str) -> bool:
    return where not in kind.ours and (not field.is_googles or where in kind.told)


def _told(kind: Any, value: Any) -> Any:
    """Return a value as Google takes it: large numbers come from Terraform as text."""
    if kind == "number" and isinstance(value, str):
        return float(value) if re.search(r"[.eE]", value) else int(value)
    return value


def _read(kind: Any, value: Any) -> Any:
    """Return a value of Google's as a type of Terraform's: Google writes 64-bit numbers as text, and leaves out no."""
    if value is None:
        return False if kind == "bool" else None
    if isinstance(kind, str):
        return _read_scalar(kind, value)
    word, inner = kind
    if word == "map":
        return {name: _read(inner, one) for name, one in value.items()}
    if word == "object":
        camel: Mapping[str, Any] = {snake(name): one for name, one in value.items()}
        return {name: _read(one, camel.get(name)) for name, one in inner.items()}
    listed: list[Any] = [value] if isinstance(value, dict) else value
    return [_read(inner, one) for one in listed]


def _read_scalar(kind: str, value: Any) -> Any:
    if kind == "string":
        return value if isinstance(value, str) else str(value)
    if kind == "number" and isinstance(value, str):
        return float(value) if "." in value else int(value)
    return value


def _rows(blocks: Any) -> list[Row]:
    return cast("list[Row]", blocks) if isinstance(blocks, list) else []
