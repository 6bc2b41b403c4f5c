"""The head of a stored value: a few rows of a table, the text of a JSON value, the size of bytes.

Tables are told by their class's module, so that looking at a number imports no pandas."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, cast

from pplns.codecs import plain
from pplns_deploy.cli.output import Column, bytes_text, count_text, cut, table_lines, text_width

LEAST_CELL_WIDTH = 6
MOST_CELL_WIDTH = 40
_MISSING = ("NAType", "NaTType")  # of pandas
_TABLES = {
    "pandas": ("DataFrame", "Series"),
    "pyarrow": ("Table", "RecordBatch"),
    "polars": ("DataFrame", "Series"),
}
MOST_LINES = 40
MOST_LINE_WIDTH = 400


@dataclass(frozen=True, slots=True)
class TableHead:
    """The first rows of a table; `total` is how many it has. Cells are Python values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int


def table_head(value: Any, *, count: int) -> TableHead | None:
    """Return the first rows of a value that is a table, or None. An index of pandas stands before its columns."""
    if not is_table(value):
        return None
    library = type(value).__module__.partition(".")[0]
    if library == "pandas":
        return _of_pandas(value, count)
    if library == "polars":
        frame = value if hasattr(value, "columns") else value.to_frame()
        return TableHead(tuple(frame.columns), tuple(frame.head(count).rows()), frame.height)
    head = value.slice(0, count)
    return TableHead(tuple(head.schema.names), _rows([one.to_pylist() for one in head.columns]), value.num_rows)


def is_table(value: Any) -> bool:
    """Tell whether a value is a table of pandas, pyarrow or polars."""
    return type(value).__name__ in _TABLES.get(type(value).__module__.partition(".")[0], ())


def value_lines(value: Any, *, count: int, width: int) -> list[str]:
    """Return a value as people read it, tables by their first `count` rows, cut to so many columns of a terminal."""
    head = table_head(value, count=count)
    if head is not None:
        return head_lines(head, width=width)
    if isinstance(value, bytes | bytearray):
        return [f"{count_text(len(value), 'byte')} ({bytes_text(len(value))}); save them with --output FILE"]
    if isinstance(value, str):
        return cut_lines(value.splitlines() or [""])
    if _is_array(value):
        return [f"array of shape {value.shape}, {value.dtype}", *str(value).splitlines()]
    return cut_lines(json.dumps(value_json(value, count=count), indent=2, ensure_ascii=False).splitlines())


def cut_lines(lines: Sequence[str]) -> list[str]:
    """Return the first lines of a text, long ones cut; what is left out is counted."""
    shown = [cut(line, MOST_LINE_WIDTH) for line in lines[:MOST_LINES]]
    left = len(lines) - len(shown)
    return [*shown, f"… {count_text(left, 'more line')}; save all with --output FILE"] if left else shown


def head_lines(head: TableHead, *, width: int) -> list[str]:
    """Return the first rows of a table, with the columns that fit; what doesn't is counted."""
    if not head.columns:
        return [f"{count_text(head.total, 'row')} without columns"]
    cells = [[cell_text(value) for value in row] for row in head.rows]
    fitting = _count_fitting(head, cells, width)
    columns = [
        Column(name, least=LEAST_CELL_WIDTH, is_number=_is_number_column(head, place))
        for place, name in enumerate(head.columns[:fitting])
    ]
    lines = table_lines(columns, [row[:fitting] for row in cells], width=width)
    if fitting < len(head.columns):
        lines.append(f"… {count_text(len(head.columns) - fitting, 'more column')}")
    if len(head.rows) < head.total:
        lines.append(f"… {count_text(head.total - len(head.rows), 'more row')}")
    return lines


def value_json(value: Any, *, count: int) -> Any:
    """Return a value as JSON: a table as its columns and first rows, bytes as their number,
    an array as its shape and first values, all else in full."""
    head = table_head(value, count=count)
    if head is not None:
        rows = [[plain(cell) for cell in row] for row in head.rows]
        return {"columns": list(head.columns), "rows": rows, "total_rows": head.total}
    if isinstance(value, bytes | bytearray):
        return {"bytes": len(value)}
    if _is_array(value):
        return {"shape": list(value.shape), "dtype": str(value.dtype), "first": plain(value.ravel()[:count])}
    return plain(value)


def _is_array(value: Any) -> bool:
    return (type(value).__module__, type(value).__name__) == ("numpy", "ndarray")


def _of_pandas(value: Any, count: int) -> TableHead:
    columns = frame_columns(value.head(count))
    return TableHead(tuple(name for name, _ in columns), _rows([one.tolist() for _, one in columns]), len(value))


def frame_columns(frame: Any) -> list[tuple[str, Any]]:
    """Return the columns of a DataFrame or Series by name; those of an index that isn't just a count come first."""
    if frame.ndim == 1:
        columns = [("value" if frame.name is None else str(frame.name), frame)]
    else:
        columns = [(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]
    index = frame.index
    if type(index).__name__ == "RangeIndex" and index.name is None:
        return columns
    levels = [(str(name or "index"), index.get_level_values(place)) for place, name in enumerate(index.names)]
    return levels + columns


def _rows(columns: Sequence[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(zip(*columns, strict=True))


def _count_fitting(head: TableHead, cells: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns fit when each is as wide as its widest cell, within reason; at least one."""
    used, fitting = -2, 0
    for place, name in enumerate(head.columns):
        widest = max([text_width(name), *(text_width(row[place]) for row in cells)])
        used += 2 + min(widest, MOST_CELL_WIDTH)
        if used > width:
            break
        fitting += 1
    return max(1, fitting)


def _is_number_column(head: TableHead, place: int) -> bool:
    values = [row[place] for row in head.rows if row[place] is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def cell_text(value: Any) -> str:
    """Return a value as it stands in a table; nothing for a missing one."""
    if value is None or type(value).__name__ in _MISSING or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, dict | list | tuple):
        return json.dumps(plain(cast("Any", value)), ensure_ascii=False)
    text = str(value)
    return text[: MOST_CELL_WIDTH * 4]
