"""Save a stored value to a file of the user's choice."""

import json
from pathlib import Path
from typing import Any, BinaryIO, cast

from pplns.codecs import plain
from pplns.errors import ParameterError
from pplns_deploy.cli.previews import table_head


def save_value(value: Any, output: Path) -> None:
    """Write a value to a file: a table by the file's ending, bytes and text as they are, all else as JSON.

    Raises: ParameterError for a table whose file has another ending; OSError."""
    if table_head(value, count=0) is not None:
        _save_table(value, output)
    elif isinstance(value, bytes | bytearray):
        output.write_bytes(value)
    else:
        text = value if isinstance(value, str) else json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"
        output.write_text(text, encoding="utf-8", newline="")


def _save_table(value: Any, output: Path) -> None:
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise ParameterError(
            f"A table can't be saved as {output.name!r}.",
            f"Tables are saved as {', '.join(_WRITERS)}.",
            f"Write --output {output.stem}.csv, for example.",
        )
    table = _as_arrow(value)
    with output.open("wb") as file:
        write(table, file)


def _write_csv(table: Any, file: BinaryIO) -> None:
    from pyarrow import csv

    csv.write_csv(table, file)


def _write_parquet(table: Any, file: BinaryIO) -> None:
    from pyarrow import parquet

    cast("Any", parquet).write_table(table, file)


def _write_arrow(table: Any, file: BinaryIO) -> None:
    import pyarrow

    with pyarrow.ipc.new_file(cast("Any", file), table.schema) as writer:
        writer.write_table(table)


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".arrow": _write_arrow}


def _as_arrow(value: Any) -> Any:
    import pyarrow

    library = type(value).__module__.partition(".")[0]
    if library == "pandas":
        frame = value.to_frame() if value.ndim == 1 else value
        return pyarrow.Table.from_pandas(frame)
    if library == "polars":
        return value.to_arrow()
    return value if isinstance(value, pyarrow.Table) else pyarrow.Table.from_batches([value])
