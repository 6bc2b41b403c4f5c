"""Save a stored value to a file of the user's choice; a stream of tables is written as it is read."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any, cast

from pplns.codecs import plain
from pplns.errors import ParameterError
from pplns.model.artifact import StoredValue
from pplns.state.artifacts import load_value, read_artifact
from pplns.stores import Store
from pplns_deploy.cli.stored import tables_of

AS_THEY_ARE = ("bytes", "text", "file")

OpenWriter = Callable[[Any, Any], AbstractContextManager[Any]]


def save_value(store: Store, stored: StoredValue, output: Path) -> None:
    """Write a value to a file: a table by the file's ending, bytes, text and files as they are, all else as JSON.

    Raises: ParameterError for a table whose file has another ending; DamagedArtifact, OSError."""
    is_npy = stored.codec == "numpy" and output.suffix.lower() == ".npy"
    if stored.artifact is not None and (stored.codec in AS_THEY_ARE or is_npy):
        output.write_bytes(read_artifact(store, stored))
        return
    tables = tables_of(store, stored, large_bytes=sys.maxsize)
    if tables is not None:
        _save_tables(tables, output)
        return
    value = load_value(store, stored).handout()
    if isinstance(value, bytes | bytearray):
        output.write_bytes(value)
    else:
        text = value if isinstance(value, str) else json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"
        output.write_text(text, encoding="utf-8", newline="")


def _save_tables(tables: Iterable[Any], output: Path) -> None:
    open_writer = _WRITERS.get(output.suffix.lower())
    if open_writer is None:
        raise ParameterError(
            f"A table can't be saved as {output.name!r}.",
            f"Tables are saved as {', '.join(_WRITERS)}.",
            f"Write --output {output.stem}.csv, for example.",
        )
    import pyarrow

    try:
        _write_tables(map(_as_arrow, tables), output, open_writer)
    except (KeyError, pyarrow.ArrowException) as error:
        raise ParameterError(
            f"The value can't be saved as {output.name!r}: {'; '.join(map(str, error.args)).rstrip('.')}.",
            "In a file a column has one type, and all tables of a stream have the same columns.",
            "Save it in another form, or convert the column in a step.",
        ) from error


def _write_tables(tables: Iterator[Any], output: Path, open_writer: OpenWriter) -> None:
    first = next(tables, None)
    if first is None:  # a stream that gave nothing
        first = _as_arrow(None)
    try:
        with output.open("wb") as file, open_writer(file, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(_as_first(table, first.schema))
    except BaseException:
        output.unlink(missing_ok=True)  # half of a table would look like a table
        raise


def _as_first(table: Any, schema: Any) -> Any:
    """Return a table of a stream with the columns and types of the first one: a file has one schema."""
    return table if table.schema.equals(schema) else table.select(schema.names).cast(schema)


def _open_csv(file: Any, schema: Any) -> AbstractContextManager[Any]:
    from pyarrow import csv

    return cast("AbstractContextManager[Any]", csv.CSVWriter(file, schema))


def _open_parquet(file: Any, schema: Any) -> AbstractContextManager[Any]:
    from pyarrow import parquet

    return cast("AbstractContextManager[Any]", parquet.ParquetWriter(file, schema))


def _open_arrow(file: Any, schema: Any) -> AbstractContextManager[Any]:
    import pyarrow

    return pyarrow.ipc.new_file(file, schema)


_WRITERS: dict[str, OpenWriter] = {
    ".csv": _open_csv,
    ".parquet": _open_parquet,
    ".arrow": _open_arrow,
}


def _as_arrow(value: Any) -> Any:
    import pyarrow

    if value is None:
        return pyarrow.table({})
    library = type(value).__module__.partition(".")[0]
    if library == "pandas":
        frame = value.to_frame() if value.ndim == 1 else value
        return pyarrow.Table.from_pandas(frame)
    if library == "polars":
        return (value if hasattr(value, "columns") else value.to_frame()).to_arrow()
    return value if isinstance(value, pyarrow.Table) else pyarrow.Table.from_batches([value])
