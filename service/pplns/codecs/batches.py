"""Tables larger than memory: an iterator of tables, written one table at a time and handed out as one again.

Each table is stored as it would be by itself, so it comes back with its own types, whatever the others have. The
artifact is these files one after another, each at a multiple of 64 bytes, then their index (JSON) and its length."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pplns.codecs.held import Artifact, Bytes, Held, Sink, SourceFailed
from pplns.codecs.refusal import UnstorableError, article, class_of, full_name, refusal
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression


ALIGNMENT = 64  # what Arrow wants of its buffers
INDEX_LENGTH_BYTES = 8
EXPECTED = (
    "An iterator that a step returns gives tables: pandas or polars DataFrames and Series, pyarrow Tables and"
    " RecordBatches, numpy arrays."
)

HoldOne = Callable[[Any, str], Held]
RestoreOne = Callable[[StoredValue, Bytes], Held]


class Batches(Artifact):
    """An iterator as a step returned it, on its way to the artifact; `hold_one` holds one table for what it is."""

    __slots__ = ("_hold_one", "_tables", "_where", "columns", "rows")
    codec = "batches"
    extension = "batches"
    meta: Mapping[str, Any] | None = None
    is_streamed = True

    def __init__(self, tables: Iterator[Any], *, where: str, hold_one: HoldOne) -> None:
        self._tables = tables
        self._where = where
        self._hold_one = hold_one
        self.rows: int | None = None
        self.columns: Mapping[str, str] | None = None

    @classmethod
    def held(cls, iterator: Iterator[Any], *, where: str, hold_one: HoldOne) -> Batches:
        """Hold an iterator; its first table is taken, to see that it gives tables.

        Raises: UnstorableError, and what the iterator raises."""
        end = object()
        first = next(iterator, end)
        if first is end:
            return cls(iter(()), where=where, hold_one=hold_one)
        if not is_table(class_of(first)):
            raise UnstorableError(
                f"{full_name(class_of(iterator))} whose first item is {article(full_name(class_of(first)))}",
                "Return list(…) of it, or a table.",
                expected=EXPECTED,
            )
        return cls(chain([first], iterator), where=where, hold_one=hold_one)

    def handout(self) -> Any:
        """Refuse: an iterator gives its tables once, to the artifact."""
        raise ValueError("an iterator is handed out from its artifact")

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write each table as the iterator gives it; only one is in memory at a time.

        Raises: SourceFailed, StorageRefused."""
        counted = _CountingSink(sink)
        parts: list[_Part] = []
        while (part := self._write_next(counted, len(parts), compression)) is not None:
            parts.append(part)
        index = json.dumps([part.as_json() for part in parts]).encode()
        counted.write(index)
        counted.write(len(index).to_bytes(INDEX_LENGTH_BYTES, "little"))
        counts = [part.rows for part in parts if part.rows is not None]
        self.rows = sum(counts) if counts or not parts else None

    def _write_next(self, sink: _CountingSink, number: int, compression: Compression) -> _Part | None:
        try:
            table = next(self._tables)
        except StopIteration:
            return None
        except BaseException as error:
            raise SourceFailed(error) from error
        held = self._hold(table, number)
        del table
        sink.write(bytes(-sink.place % ALIGNMENT))
        start = sink.place
        held.write(sink, compression=compression)
        if number == 0:
            self.columns = held.columns
        return _Part(held.codec, held.meta, start, sink.place - start, held.rows)

    def _hold(self, table: Any, number: int) -> Held:
        where = f"Item {number} of {_source(self._where)}"
        if is_table(class_of(table)):
            return self._hold_one(table, where)
        remedy = "Let it give tables only, or return list(…) of it."
        refused = UnstorableError(full_name(class_of(table)), remedy, expected=EXPECTED)
        raise refusal(refused, table, where=where)


class StoredBatches(Artifact):
    """The tables of an artifact; `restore_one` restores one of them."""

    __slots__ = ("_data", "_parts", "_restore_one", "columns", "rows")
    codec = "batches"
    extension = "batches"
    meta: Mapping[str, Any] | None = None

    def __init__(self, stored: StoredValue, data: Bytes, *, restore_one: RestoreOne) -> None:
        self.rows = stored.rows
        self.columns = stored.columns
        self._data = memoryview(data)
        self._parts = _read_index(self._data)
        self._restore_one = restore_one

    def handout(self) -> Generator[Any]:
        """Return a new iterator over the tables; each is read when it is asked for."""
        for part in self._parts:
            stored = StoredValue(
                codec=part.codec, digest="", size_bytes=part.size_bytes, artifact="part", meta=part.meta, rows=part.rows
            )
            yield self._restore_one(stored, self._data[part.start : part.start + part.size_bytes]).handout()

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Refuse: it is written already."""
        raise ValueError("restored batches are written already")


def is_table(kind: type) -> bool:
    """Say whether a class is one of those that an iterator may give."""
    return (kind.__module__.split(".")[0], kind.__name__) in _TABLES


@dataclass(frozen=True, slots=True)
class _Part:
    """One table in an artifact."""

    codec: str
    meta: Mapping[str, Any] | None
    start: int
    size_bytes: int
    rows: int | None

    def as_json(self) -> list[Any]:
        return [self.codec, self.meta, self.start, self.size_bytes, self.rows]


class _CountingSink:
    """A sink that knows where it is."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.place = 0

    def write(self, data: bytes | memoryview, /) -> int:
        self.place += memoryview(data).nbytes
        return self._sink.write(data)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


def _read_index(data: memoryview) -> list[_Part]:
    """Return the tables of an artifact.

    Raises: ValueError, TypeError where it isn't one."""
    end = len(data) - INDEX_LENGTH_BYTES
    length = int.from_bytes(data[max(end, 0) :], "little")
    if not 0 < length <= end:
        raise ValueError("the index of the batches is cut off")
    parts = [_Part(*part) for part in json.loads(bytes(data[end - length : end]))]
    if any(part.start + part.size_bytes > end - length for part in parts):
        raise ValueError("the index of the batches names bytes that aren't there")
    return parts


def _source(where: str) -> str:
    named = f"{where[0].lower()}{where[1:]}"
    return f"what {named} returned" if where.startswith("Step ") else named


_TABLES = {
    ("pandas", "DataFrame"), ("pandas", "Series"), ("polars", "DataFrame"), ("polars", "Series"),
    ("pyarrow", "Table"), ("pyarrow", "RecordBatch"), ("numpy", "ndarray"),
}  # fmt: skip
