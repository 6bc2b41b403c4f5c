"""pandas DataFrames and Series: stored as Arrow or Parquet, handed out as copy-on-write copies.

A frame is held as a shallow copy: pandas copies a column when someone changes it in place, whoever that is, so that
neither the artifact nor another consumer sees the change. pandas 2 does that only when told: `copy_on_write` is
switched on for the process with its first frame. `.array` is the one way around it that pandas leaves open: who writes
into `column.array` writes into everybody's. What the dtypes, labels and attributes were stands as JSON in the
file's own metadata (`pplns`), so that an artifact is complete without its commit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pplns.codecs.columns import Column, from_column, to_column
from pplns.codecs.held import Artifact, Bytes, Sink
from pplns.codecs.indexes import from_index_columns, index_of_note, to_index_columns
from pplns.codecs.layouts import METADATA_KEY, Note, layout_of
from pplns.codecs.libraries import pandas, pyarrow
from pplns.codecs.objects import decode_objects, is_fresh
from pplns.codecs.refusal import UnstorableError, about
from pplns.codecs.tables import BATCH_BYTES, EXTENSIONS, format_for, read_table, write_table
from pplns.codecs.values import decode
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression, TableFormat


_MANY_COLUMNS = 100  # pandas warns of a fragmented frame beyond this


class Frame(Artifact):
    """A DataFrame or Series, with its columns as they go to Arrow."""

    __slots__ = ("columns", "extension", "format", "frame", "fresh", "meta", "note", "parts", "rows", "schema")
    codec = "pandas"

    def __init__(self, frame: Any, note: Note, table_format: str, columns: Mapping[str, str]) -> None:
        self.frame = frame
        self.note = note
        self.format = table_format
        self.extension = EXTENSIONS[table_format]
        self.meta: Mapping[str, Any] = {"format": table_format}
        self.rows: int = len(frame)
        self.columns = columns
        self.fresh: dict[int, Any] = {}
        self.parts: list[Column] = []
        self.schema: Any = None

    def handout(self) -> Any:
        """Return a shallow copy, with columns of mutable cells decoded anew."""
        copy = self.frame.copy(deep=False)
        if self.note["attrs"]:
            copy.attrs = decode(self.note["attrs"])
        for place, cells in self.fresh.items():
            copy = _with_cells(copy, place, decode_objects(self.note["columns"][place], cells))
        return copy

    def give(self) -> Any:
        """Return the frame itself where it is plain: then what its consumer changes in place is nobody else's.

        A copy of one over a read-only array can be changed in place, as the restored frame can; it itself couldn't."""
        is_plain = self.schema is not None and not self.fresh and not self.note["attrs"]
        return self.frame if is_plain and all(map(_can_be_given, self.parts)) else self.handout()

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the rows, batch by batch."""
        if self.schema is None:
            raise ValueError("a restored frame is written already")
        size_bytes = sum(part.size_bytes for part in self.parts)
        write_table(
            sink, self.schema, self._batches(size_bytes), table_format=self.format, size_bytes=size_bytes,
            compression=compression,
        )  # fmt: skip

    def _batches(self, size_bytes: int) -> Iterator[Any]:
        pa = pyarrow()

        rows = self.rows if size_bytes <= BATCH_BYTES else max(1, self.rows * BATCH_BYTES // size_bytes)
        for start in range(0, self.rows, max(rows, 1)) if self.rows else [0]:
            arrays = [part.part(start, min(start + rows, self.rows)) for part in self.parts]
            if arrays:
                yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def hold_frame(frame: Any, table_format: TableFormat) -> Frame:
    """Hold a DataFrame or Series of pandas itself.

    Raises: UnstorableError, naming the column."""
    pd = pandas()

    _use_copy_on_write(pd)
    if type(frame) not in (pd.DataFrame, pd.Series):
        from pplns.codecs.refusal import unstorable

        raise unstorable(frame)
    snapshot = frame.copy(deep=False)
    dictionaries = table_format == "arrow"
    parts = _columns_of(snapshot, dictionaries=dictionaries)
    index = about("its index", lambda: to_index_columns(snapshot.index, dictionaries=dictionaries))
    layout = layout_of(snapshot, parts, index)
    held = Frame(snapshot, layout.note, format_for((part.type for part in parts), table_format), layout.columns)
    held.parts, held.schema = [*parts, *index.columns], layout.schema
    held.fresh = {place: parts[place].values for place in layout.fresh}
    return held


def restore_frame(stored: StoredValue, data: Bytes) -> Frame:
    """Return the frame of an artifact; numbers are copied once, text may go on reading from the buffer.

    Raises: ValueError, LookupError, TypeError where the file isn't a frame of ours."""
    table_format = (stored.meta or {})["format"]
    table = read_table(data, table_format)
    note: Note = json.loads(_metadata_of(table)[METADATA_KEY])
    count = len(note["columns"])
    index = from_index_columns(note["index"], table.columns[count:])
    arrays = [from_column(column, values) for column, values in zip(note["columns"], table.columns, strict=False)]
    make = _make_series if note["type"] == "Series" else _make_frame
    frame = make(arrays, index, note)
    if not note["duplicates"]:
        frame.flags.allows_duplicate_labels = False
    types = {field.name: str(field.type) for field in list(table.schema)[:count]}
    held = Frame(frame, note, table_format, types)
    held.fresh = {place: table.column(place) for place, column in enumerate(note["columns"]) if is_fresh(column)}
    return held


def _can_be_given(part: Column) -> bool:
    """Tell whether the values of a held column are writable numbers, or text of Arrow's, which is never written to."""
    note = part.note
    if note["kind"] == "numpy":
        return bool(part.values.flags.writeable)
    return bool(note["kind"] == "string" and note["storage"] == "pyarrow")


def _metadata_of(table: Any) -> dict[bytes, bytes]:
    return table.schema.metadata or {}


def _use_copy_on_write(pandas: Any) -> None:
    if int(pandas.__version__.split(".")[0]) < 3 and pandas.options.mode.copy_on_write is not True:
        pandas.options.mode.copy_on_write = True


def _columns_of(frame: Any, *, dictionaries: bool) -> list[Column]:
    if frame.ndim == 1:
        place = "its values" if frame.name is None else f"column {frame.name!r}"
        return [about(place, lambda: to_column(frame.array, dictionaries=dictionaries))]
    parts: list[Column] = []
    try:
        for values in arrays_of(frame):
            parts.append(to_column(values, dictionaries=dictionaries))
    except UnstorableError as refused:
        refused.column = f"column {frame.columns.tolist()[len(parts)]!r}"
        raise
    return parts


def arrays_of(frame: Any) -> Iterator[Any]:
    """Return the columns of a DataFrame as arrays that are only read: numpy's, or pandas's own where it has one.

    The way that pandas itself takes isn't public; the public one makes a Series a column, which costs more than storing
    a small table."""
    arrays = getattr(frame, "_iter_column_arrays", None)
    return (values.array for _, values in frame.items()) if arrays is None else arrays()


def _make_series(arrays: list[Any], index: Any, note: Note) -> Any:
    pd = pandas()

    return pd.Series(arrays[0], index=index, dtype=arrays[0].dtype, name=decode(note["name"]), copy=False)


def _make_frame(arrays: list[Any], index: Any, note: Note) -> Any:
    pd = pandas()

    columns = {place: pd.Series(array, dtype=array.dtype, copy=False) for place, array in enumerate(arrays)}
    frame = pd.DataFrame(columns, copy=len(arrays) > _MANY_COLUMNS)
    frame.index = index
    frame.columns = index_of_note(note["labels"])
    return frame


def _with_cells(frame: Any, place: int, cells: Any) -> Any:
    pd = pandas()

    if frame.ndim == 2:
        frame.isetitem(place, pd.Series(cells, index=frame.index, dtype=object, copy=False))
        return frame
    series: Any = pd.Series(cells, index=frame.index, dtype=object, name=frame.name, copy=False)
    return series.__finalize__(frame)
