"""Tables as Arrow IPC files or Parquet, and pyarrow's own tables as values.

Small tables are written in one piece, large ones streamed batch by batch, so that no second copy of them exists."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from pplns.codecs.held import Artifact, Bytes, Sink
from pplns.codecs.libraries import parquet, pyarrow
from pplns.codecs.refusal import UnstorableError
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression, TableFormat


BATCH_BYTES = 64 << 20
SMALL_BYTES = 4 << 20
_NOT_IN_PARQUET = ("is_union", "is_interval", "is_run_end_encoded", "is_list_view", "is_large_list_view")
EXTENSIONS: Mapping[str, str] = {"arrow": "arrow", "parquet": "parquet"}


class ArrowTable(Artifact):
    """A pyarrow Table or RecordBatch: immutable, so every consumer gets the same one."""

    __slots__ = ("columns", "extension", "format", "meta", "rows", "table")
    codec = "arrow"

    def __init__(self, table: Any, table_format: TableFormat) -> None:
        self.table = table
        self.format = table_format
        self.extension = EXTENSIONS[table_format]
        self.meta: Mapping[str, Any] = _meta_of(table, table_format)
        self.rows: int = table.num_rows
        self.columns = column_types(table.schema)

    @classmethod
    def held(cls, table: Any, table_format: TableFormat) -> ArrowTable:
        """Hold a Table or RecordBatch.

        Raises: UnstorableError, for a type that is known to this process only."""
        for field in table.schema:
            check_type(field.type, field.name)
        if any(pyarrow().types.is_dictionary(field.type) for field in table.schema):
            table = _with_one_dictionary(table)
        return cls(table, format_for(table.schema.types, table_format))

    @classmethod
    def of(cls, stored: StoredValue, data: Bytes) -> ArrowTable:
        """Return the table of an artifact."""
        pa = pyarrow()

        meta = stored.meta or {}
        table = read_table(data, meta["format"])
        if "schema" in meta:
            table = _cast(table, read_schema(meta["schema"]))
        if meta["type"] == "Table":
            return cls(table, meta["format"])
        columns = [join_chunks(column) for column in table.columns]
        return cls(pa.RecordBatch.from_arrays(columns, schema=table.schema), meta["format"])

    def handout(self) -> Any:
        """Return the table."""
        return self.table

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the table."""
        pa = pyarrow()

        table: Any = self.table
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        write_table(
            sink, table.schema, table.to_batches(), table_format=self.format, size_bytes=table.nbytes,
            compression=compression,
        )  # fmt: skip


def write_table(
    sink: Sink,
    schema: Any,
    batches: Iterable[Any],
    *,
    table_format: str,
    size_bytes: int,
    compression: Compression = None,
) -> None:
    """Write record batches to a sink as one Arrow IPC or Parquet file; `size_bytes` is about what they take."""
    pa = pyarrow()

    if size_bytes > SMALL_BYTES:
        _write_batches(FileOfSink(sink), schema, batches, table_format, compression)
        return
    buffer = pa.BufferOutputStream()
    _write_batches(buffer, schema, batches, table_format, compression)
    sink.write(memoryview(buffer.getvalue()))


def read_table(data: Bytes, table_format: str) -> Any:
    """Return the table of an artifact; with Arrow IPC it reads from the buffer itself, without a copy.

    Raises: ValueError (pyarrow's errors are ValueErrors or OSErrors)."""
    pa = pyarrow()

    buffer: Any = pa.py_buffer(data)
    if table_format == "parquet":
        pq = parquet()

        return pq.ParquetFile(pa.BufferReader(buffer)).read()
    return pa.ipc.open_file(buffer).read_all()


def format_for(types: Iterable[Any], table_format: TableFormat) -> TableFormat:
    """Return the format asked for, or Arrow where Parquet has no such type: unions, dictionaries of numbers."""
    return "parquet" if table_format == "parquet" and all(map(_fits_parquet, types)) else "arrow"


def write_schema(schema: Any) -> str:
    """Return a schema as text."""
    return b64encode(schema.serialize().to_pybytes()).decode("ascii")


def read_schema(text: str) -> Any:
    """Return the schema of a text."""
    pa = pyarrow()
    return pa.ipc.read_schema(pa.py_buffer(b64decode(text)))


def column_types(schema: Any) -> dict[str, str]:
    """Return the columns as a record shows them: name → Arrow type, in order."""
    return {field.name: str(field.type) for field in schema}


def check_type(type_: Any, column: str) -> None:
    """Refuse an extension type that another process may not know.

    Raises: UnstorableError."""
    pa = pyarrow()

    if isinstance(type_, pa.BaseExtensionType) and not type_.extension_name.startswith("arrow."):
        refused = UnstorableError(
            f"values of the extension type {type_.extension_name!r}",
            "Return the column as its storage: `table.column(…).cast(…)`, for example.",
        )
        refused.column = f"column {column!r}"
        raise refused


def join_chunks(column: Any) -> Any:
    """Return a chunked array as one array."""
    pa = pyarrow()

    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


class FileOfSink:
    """A sink as the file that pyarrow writes to."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.place = 0

    def write(self, data: Any) -> int:
        """Pass bytes on."""
        view = memoryview(data)
        self.place += view.nbytes
        self.sink.write(view)
        return view.nbytes

    def tell(self) -> int:
        """Return the number of bytes so far."""
        return self.place

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def close(self) -> None:
        """Do nothing: the sink is its owner's."""


def _meta_of(table: Any, table_format: TableFormat) -> dict[str, Any]:
    """Parquet forgets some types (seconds, names inside lists), so the schema stands beside it."""
    meta = {"type": type(table).__name__, "format": table_format}
    return meta if table_format == "arrow" else {**meta, "schema": write_schema(table.schema)}


def _with_one_dictionary(table: Any) -> Any:
    """Return a table whose chunks share a dictionary a column, as an IPC file has it; a batch has only one chunk."""
    return table.unify_dictionaries() if hasattr(table, "unify_dictionaries") else table


def _cast(table: Any, schema: Any) -> Any:
    columns = [
        column if column.type == type_ else column.cast(type_)
        for column, type_ in zip(table.columns, schema.types, strict=True)
    ]
    return pyarrow().Table.from_arrays(columns, schema=schema)


def _fits_parquet(type_: Any) -> bool:
    types = pyarrow().types
    if types.is_dictionary(type_):
        return bool(types.is_string(type_.value_type) or types.is_large_string(type_.value_type))
    if types.is_struct(type_) and not type_.num_fields:
        return False
    if any(getattr(types, predicate)(type_) for predicate in _NOT_IN_PARQUET):
        return False
    return all(_fits_parquet(type_.field(place).type) for place in range(type_.num_fields))


def _write_batches(
    target: Any, schema: Any, batches: Iterable[Any], table_format: str, compression: Compression
) -> None:
    pa = pyarrow()

    if table_format == "parquet":
        pq = parquet()

        with pq.ParquetWriter(target, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return
    with pa.ipc.new_file(target, schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in batches:
            writer.write_batch(batch)
