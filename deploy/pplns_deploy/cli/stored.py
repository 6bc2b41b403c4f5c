"""A stored value, looked at without loading a large one: tables batch by batch, of long text its beginning.

What is small is read as its consumers get it. A large table is read as the Arrow or Parquet file that it is, from the
artifact's own bytes; its types are then Arrow's."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pplns.codecs import plain
from pplns.codecs.libraries import parquet, pyarrow
from pplns.model.artifact import StoredValue
from pplns.state.artifacts import load_value, read_artifact
from pplns.stores import Store
from pplns_deploy.cli.output import bytes_text, count_text
from pplns_deploy.cli.previews import cut_lines, head_lines, is_table, value_json, value_lines
from pplns_deploy.cli.summaries import Survey, summary_lines, survey

LARGE_BYTES = 64_000_000
MOST_TEXT_BYTES = 1_000_000  # a preview needn't read more of a text
FILE_TABLES = ("pandas", "arrow", "polars")
STREAMS = ("batches", "reader")
INDEX_LEVEL = "__index_level_"


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of a stored value: a table's survey, or the beginning of a long text, or the value itself."""

    stored: StoredValue
    survey: Survey | None = None
    start: str | None = None
    value: Any = None


def preview_of(store: Store, stored: StoredValue, *, count: int, large_bytes: int = LARGE_BYTES) -> Preview:
    """Look at a stored value, at a table by its first `count` rows.

    Raises: DamagedArtifact."""
    if stored.codec in ("bytes", "file"):
        return Preview(stored)
    if stored.artifact is not None and stored.codec in ("text", "json") and stored.size_bytes > MOST_TEXT_BYTES:
        beginning = bytes(read_artifact(store, stored)[:MOST_TEXT_BYTES])
        return Preview(stored, start=beginning.decode("utf-8", "replace"))
    tables = tables_of(store, stored, large_bytes=large_bytes)
    if tables is not None:
        return Preview(stored, survey=survey(tables, count=count))
    return Preview(stored, value=load_value(store, stored).handout())


def tables_of(store: Store, stored: StoredValue, *, large_bytes: int = LARGE_BYTES) -> Iterable[Any] | None:
    """Return the tables of a value that is one, or a stream of them, else None; each is read when it is asked for.

    Raises: DamagedArtifact."""
    if stored.codec in FILE_TABLES and stored.size_bytes > large_bytes:
        return _batches_of(read_artifact(store, stored), (stored.meta or {}).get("format", "arrow"))
    if stored.codec in STREAMS:
        return map(_as_table, _parts_of(load_value(store, stored).handout()))
    if stored.codec in FILE_TABLES:
        return [load_value(store, stored).handout()]
    return None


def preview_lines(preview: Preview, *, count: int, width: int) -> list[str]:
    """Return a preview as people read it."""
    stored = preview.stored
    if preview.survey is not None:
        rows = head_lines(preview.survey.head, width=width)
        return ["", *summary_lines(preview.survey.columns, width=width), "", *rows]
    if preview.start is not None:
        shown = cut_lines(preview.start.splitlines())
        return [*shown, f"… the beginning of {bytes_text(stored.size_bytes)}; save all of it with --output FILE"]
    if stored.codec in ("bytes", "file"):
        name = f"{stored.meta['name']}, " if stored.meta and "name" in stored.meta else ""
        size = f"{count_text(stored.size_bytes, 'byte')} ({bytes_text(stored.size_bytes)})"
        return [f"{name}{size}; save them with --output FILE"]
    return value_lines(preview.value, count=count, width=width)


def preview_json(preview: Preview, *, count: int) -> dict[str, Any]:
    """Return a preview as JSON: `head` and, of a table, `summary`."""
    if preview.survey is not None:
        head, columns = preview.survey.head, preview.survey.columns
        summary = [
            {"column": one.name, "type": one.type, "nulls": one.nulls, "min": plain(one.least),
             "max": plain(one.most)}
            for one in columns
        ]  # fmt: skip
        rows = [[plain(cell) for cell in row] for row in head.rows]
        return {"head": {"columns": list(head.columns), "rows": rows, "total_rows": head.total}, "summary": summary}
    if preview.start is not None:
        return {"head": {"start": preview.start[:1000], "bytes": preview.stored.size_bytes}, "summary": None}
    if preview.stored.codec in ("bytes", "file"):
        return {"head": {"bytes": preview.stored.size_bytes, **_name_of(preview.stored.meta)}, "summary": None}
    return {"head": value_json(preview.value, count=count), "summary": None}


def _name_of(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"name": meta["name"]} if meta and "name" in meta else {}


def _batches_of(data: Any, table_format: str) -> Iterator[Any]:
    """Yield the record batches of an Arrow or Parquet file."""
    pa = pyarrow()
    buffer = pa.py_buffer(data)
    if table_format == "parquet":
        batches: Iterator[Any] = parquet().ParquetFile(pa.BufferReader(buffer)).iter_batches()
    else:
        reader = pa.ipc.open_file(buffer)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    for batch in batches:
        yield batch.rename_columns([_label_of(name) for name in batch.schema.names])


def _label_of(name: str) -> str:
    return "index" if name.startswith(INDEX_LEVEL) else name


def _parts_of(value: Any) -> Iterable[Any]:
    """Return the batches of a stream as a consumer has it: an iterator, a reader, a dataset."""
    batches: Iterable[Any] = value.to_batches() if hasattr(value, "to_batches") else value
    return batches


def _as_table(part: Any) -> Any:
    if is_table(part):
        return part
    import pandas

    return pandas.DataFrame(part.reshape(len(part), -1) if part.ndim else part.reshape(1, 1))
