"""How a pandas table lies in its file: the names and types of its columns, and the note (JSON) that leads back.

A pipeline mostly returns tables of the same few layouts. Those of plain tables are remembered: making one anew takes
longer than writing ten rows."""

from collections.abc import Mapping
from typing import Any

from pplns.codecs.columns import Column
from pplns.codecs.indexes import IndexColumns, index_as_note, labels_of
from pplns.codecs.libraries import pyarrow
from pplns.codecs.objects import is_fresh
from pplns.codecs.refusal import about
from pplns.codecs.values import encode, json_bytes

METADATA_KEY = b"pplns"
REMEMBERED = 64
REMEMBERED_COLUMNS = 64  # a plain table has at most as many, so that all that is remembered is about a megabyte

Note = dict[str, Any]


class Layout:
    """All of a table's file but its cells; shared, so never changed.

    `columns` is name → Arrow type, in order, `fresh` the places of those whose cells can be changed in place."""

    __slots__ = ("columns", "fresh", "note", "schema")

    def __init__(self, note: Note, schema: Any, columns: Mapping[str, str]) -> None:
        self.note = note
        self.schema = schema
        self.columns = columns
        self.fresh = tuple(place for place, column in enumerate(note["columns"]) if is_fresh(column))


def layout_of(frame: Any, parts: list[Column], index: IndexColumns) -> Layout:
    """Return the layout of a DataFrame or Series with its columns and index.

    Raises: UnstorableError."""
    labels = [frame.name] if frame.ndim == 1 else labels_of(frame.columns)
    key = _plain_key(frame, labels, parts, index)
    found = None if key is None else _remembered.get(key)
    if found is None:
        found = _make_layout(frame, labels, parts, index)
        if key is not None:
            _remember(key, found)
    return found


def _plain_key(frame: Any, labels: list[Any], parts: list[Column], index: IndexColumns) -> tuple[Any, ...] | None:
    """Return all that the layout of a plain table depends on, None for any other table.

    A plain one has columns named by text, whose dtypes say all, rows that are numbered, and nothing attached."""
    if frame.ndim == 1 or frame.attrs or index.note["kind"] != "range" or len(parts) > REMEMBERED_COLUMNS:
        return None
    columns, dtypes, rows = frame.columns, [part.dtype for part in parts], index.note
    if type(columns).__name__ != "Index" or columns.name is not None or rows["name"] is not None:
        return None
    if any(dtype is None for dtype in dtypes) or set(map(type, labels)) != {str}:
        return None
    types = [part.type for part in parts]
    numbers = (rows["start"], rows["stop"], rows["step"])
    return *labels, columns.dtype, *dtypes, *types, *numbers, frame.flags.allows_duplicate_labels


def _remember(key: tuple[Any, ...], layout: Layout) -> None:
    if len(_remembered) >= REMEMBERED:
        _remembered.clear()
    _remembered[key] = layout


def _make_layout(frame: Any, labels: list[Any], parts: list[Column], index: IndexColumns) -> Layout:
    note = _note_of(frame, parts, index.note)
    fields = [(name, part.type) for name, part in zip(_unique_names(labels), parts, strict=True)]
    levels = [(f"__index_level_{place}__", part.type) for place, part in enumerate(index.columns)]
    schema = pyarrow().schema([*fields, *levels], metadata={METADATA_KEY: json_bytes(note)})
    return Layout(note, schema, {name: str(type_) for name, type_ in fields})


def _note_of(frame: Any, parts: list[Column], index: Note) -> Note:
    note: Note = {
        "schema": 1,
        "type": type(frame).__name__,
        "columns": [part.note for part in parts],
        "index": index,
        "attrs": about("its attrs", lambda: encode(frame.attrs, [])),
        "duplicates": frame.flags.allows_duplicate_labels,
    }
    if frame.ndim == 1:
        return {**note, "name": about("its name", lambda: encode(frame.name, []))}
    return {**note, "labels": about("its column labels", lambda: index_as_note(frame.columns))}


def _unique_names(labels: list[Any]) -> list[str]:
    """Arrow names are text and, for most readers, unique; the labels themselves stand in the note."""
    names: list[str] = []
    taken: set[str] = set()
    for label in labels:
        name = wanted = str(label).encode("utf-8", "replace").decode()
        place = 0
        while name in taken or name.startswith("__index_level_"):
            place += 1
            name = f"{wanted.lstrip('_')}.{place}"
        taken.add(name)
        names.append(name)
    return names


_remembered: dict[tuple[Any, ...], Layout] = {}
