"""What each column of a table holds: its type, how many values are missing, the least and the greatest one.

Tables come one after the other, so that one larger than memory is summed up batch by batch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pplns_deploy.cli.output import Column, count_text, table_lines
from pplns_deploy.cli.previews import TableHead, cell_text, frame_columns, table_head

MOST_COLUMNS = 60
_WITHOUT_ORDER = (list, tuple, dict, set, frozenset, bytes, bytearray)


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One column: its type as its library names it, its missing values, its range where its values have an order."""

    name: str
    type: str
    nulls: int
    least: Any = None
    most: Any = None

    def joined(self, other: "ColumnSummary") -> "ColumnSummary":
        """Return the summary of this column and of the same one in a further table."""
        types = self.type if other.type in self.type.split(" | ") else f"{self.type} | {other.type}"
        merged = replace(self, type=types, nulls=self.nulls + other.nulls)
        if self.least is None or other.least is None:
            known = other if self.least is None else self
            return replace(merged, least=known.least, most=known.most)
        try:
            return replace(merged, least=min(self.least, other.least), most=max(self.most, other.most))
        except TypeError:  # text after numbers
            return replace(merged, least=None, most=None)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is shown of a table, or of several that belong together."""

    head: TableHead
    columns: tuple[ColumnSummary, ...]


def survey(tables: Iterable[Any], *, count: int) -> Survey:
    """Go through tables once; return the first `count` rows of all and the summary of each column."""
    head = TableHead((), (), 0)
    found: dict[tuple[str, int], ColumnSummary] = {}
    for table in tables:
        head = _longer(head, table, count)
        for key, summary in _numbered(_summaries(table)):
            found[key] = found[key].joined(summary) if key in found else summary
    return Survey(head, tuple(found.values()))


def summary_lines(columns: Sequence[ColumnSummary], *, width: int) -> list[str]:
    """Return a table with a line for each column, cut to so many columns of a terminal."""
    if not columns:
        return []
    titles = [
        Column("column", least=8), Column("type", least=20), Column("nulls", is_number=True),
        Column("min", least=6), Column("max", least=6),
    ]  # fmt: skip
    rows = [
        [one.name, one.type, f"{one.nulls:,}", cell_text(one.least), cell_text(one.most)]
        for one in columns[:MOST_COLUMNS]
    ]
    left = len(columns) - len(rows)
    return table_lines(titles, rows, width=width) + ([f"… {count_text(left, 'more column')}"] if left else [])


def _longer(head: TableHead, table: Any, count: int) -> TableHead:
    """Return a head with the rows of a further table; one with other columns is only counted."""
    more = table_head(table, count=max(0, count - len(head.rows)))
    if more is None:
        return head
    if not head.columns:
        return replace(more, total=head.total + more.total)
    rows = more.rows if more.columns == head.columns else ()
    return replace(head, rows=(*head.rows, *rows), total=head.total + more.total)


def _numbered(summaries: Iterable[ColumnSummary]) -> Iterator[tuple[tuple[str, int], ColumnSummary]]:
    """Yield each summary under its name and how often that name came before: names may come twice."""
    seen: dict[str, int] = {}
    for summary in summaries:
        seen[summary.name] = seen.get(summary.name, -1) + 1
        yield (summary.name, seen[summary.name]), summary


def _summaries(table: Any) -> Iterator[ColumnSummary]:
    library = type(table).__module__.partition(".")[0]
    if library == "pandas":
        for name, values in frame_columns(table):
            yield _of_pandas(name, values)
    elif library == "polars":
        frame = table if hasattr(table, "columns") else table.to_frame()
        for name in frame.columns:
            yield replace(_of_arrow(name, frame[name].to_arrow()), type=str(frame[name].dtype))
    else:
        for name, values in zip(table.schema.names, table.columns, strict=True):
            yield _of_arrow(name, values)


def _of_pandas(name: str, values: Any) -> ColumnSummary:
    present = values.dropna()
    summary = ColumnSummary(name, str(values.dtype), len(values) - len(present))
    try:
        least, most = (present.min(), present.max()) if len(present) else (None, None)
    except (TypeError, ValueError):  # mixed, nested or unordered values
        return summary
    return summary if isinstance(least, _WITHOUT_ORDER) else replace(summary, least=least, most=most)


def _of_arrow(name: str, values: Any) -> ColumnSummary:
    import pyarrow as pa
    from pyarrow import compute

    library: Any = compute
    type_ = str(values.type)
    if pa.types.is_dictionary(values.type):
        values = library.cast(values, values.type.value_type)
    elif pa.types.is_string_view(values.type):  # polars' text; Arrow finds no least one in it
        values = library.cast(values, pa.large_string())
    nulls: int = library.sum(library.is_null(values, nan_is_null=pa.types.is_floating(values.type))).as_py() or 0
    summary = ColumnSummary(name, type_, nulls)
    try:
        found: dict[str, Any] = library.min_max(values).as_py()
    except (pa.ArrowException, ValueError):  # nested values have no order
        return summary
    return (
        summary if isinstance(found["min"], _WITHOUT_ORDER) else replace(summary, least=found["min"], most=found["max"])
    )
