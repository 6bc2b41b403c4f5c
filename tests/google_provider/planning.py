"""What would change: the configuration against what is there, as the real provider compares them.

Nothing, an empty text, no and zero are the same, since Google doesn't tell them apart. Where nothing is written the
provider's default counts, or what Google has filled in."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from google_provider.kinds import Kind
from google_provider.messages import UNKNOWN, is_unknown
from google_provider.schema import Block, Field, Nested, Row

LABELS = {"effective_labels": "labels", "terraform_labels": "labels", "effective_annotations": "annotations"}


class Plan(NamedTuple):
    """A resource as it would be, and the fields for which it would have to be replaced."""

    row: Row
    replaced_for: list[str]


def plan(kind: Kind, block: Block, config: Row, prior: Row | None) -> Plan:
    """Return what a resource would become."""
    row = _planned(kind, block, config, prior)
    for name, source in LABELS.items():
        if name in block.fields:
            wanted: Any = UNKNOWN if is_unknown(config[source]) else config[source] or {}
            row[name] = prior[name] if prior and is_same(prior[name], wanted) else wanted
    if prior is None:
        return Plan(row, [])
    if not changed_fields(block, prior, row):
        return Plan(prior, [])
    there = [place for place in sorted(kind.fixed) if place.partition(".")[0] in row]
    fixed = [place for place in there if list(_leaves(prior, place)) != list(_leaves(row, place))]
    return Plan(row, list(dict.fromkeys(place.partition(".")[0] for place in fixed)))


def changed_fields(block: Block, prior: Row, row: Row) -> list[str]:
    """Return the names of the fields and blocks in which two states of a resource differ."""
    return [name for name in (*block.fields, *block.blocks) if prior[name] != row[name]]


def is_same(one: Any, other: Any, *, is_set: bool = False) -> bool:
    """Tell whether two values are the same to Google."""
    if not one and not other:
        return not is_unknown(one) and not is_unknown(other)
    if is_unknown(one) or is_unknown(other):
        return False
    if is_set and one and other:
        return sorted(map(_text, one)) == sorted(map(_text, other))
    return bool(one == other)


def _planned(kind: Kind, block: Block, config: Row, prior: Row | None, *, place: str = "") -> Row:
    row: Row = {
        name: _planned_value(kind, field, config[name], prior and [prior[name]], where=f"{place}{name}")
        for name, field in block.fields.items()
    }
    for name, nested in block.blocks.items():
        where = f"{place}{name}"
        if nested.nesting == "single":
            row[name] = config[name]
        elif not config[name] and where in kind.kept:
            row[name] = prior[name] if prior else []
        else:
            row[name] = _planned_blocks(kind, nested, config[name], prior[name] if prior else None, where=where)
    return row


def _planned_value(kind: Kind, field: Field, given: Any, prior: Any, *, where: str) -> Any:
    """Return a field as it would be; `prior` is a list with its value, or None where there is no resource yet."""
    if "w" in field.flags:
        return None
    if given is None and (field.is_googles or (field.is_computed and where not in kind.defaults)):
        return prior[0] if prior else UNKNOWN
    wanted = kind.defaults.get(where) if given is None else given
    if prior and (is_same(prior[0], wanted, is_set=field.is_set) or _is_alike(kind, where, prior[0], wanted)):
        return prior[0]
    return wanted


def _is_alike(kind: Kind, where: str, one: Any, other: Any) -> bool:
    compare = kind.alike.get(where)
    return compare is not None and not is_unknown(one) and not is_unknown(other) and compare(one, other)


def _planned_blocks(kind: Kind, nested: Nested, config: list[Row], found: list[Row] | None, *, where: str) -> list[Row]:
    """Return the blocks of a name as they would be; `found` are those that are there, None in a new resource."""
    if where in kind.unset and found == [] and not any(value for one in config for value in one.values()):
        return []
    prior = found or []
    if nested.nesting == "set" and not nested.is_one:
        rows = [_planned_in_set(kind, nested, one, prior, where=where) for one in config]
        return prior if sorted(map(_text, rows)) == sorted(map(_text, prior)) else rows
    return [
        _planned(kind, nested.block, one, prior[at] if at < len(prior) else None, place=f"{where}.")
        for at, one in enumerate(config)
    ]


def _planned_in_set(kind: Kind, nested: Nested, config: Row, prior: list[Row], *, where: str) -> Row:
    """Return a block of a set: the one that is there if it is the same, since none has a place."""
    for one in prior:
        if _planned(kind, nested.block, config, one, place=f"{where}.") == one:
            return one
    return _planned(kind, nested.block, config, None, place=f"{where}.")


def _leaves(row: Any, place: str) -> Iterator[str]:
    """Yield the values at a place, in every block on the way."""
    name, _, rest = place.partition(".")
    if not rest:
        yield _text(row[name])
        return
    for one in sorted(row[name] or [], key=_text):
        yield from _leaves(one, rest)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
