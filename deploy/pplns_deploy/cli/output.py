"""Text for people: tables that fit the terminal, and numbers as they are read.

A table is cut only where the caller gives it a width; in a pipe every cell stays whole, so that `grep` finds it."""

from collections.abc import Sequence

from pplns.model.frozen import Frozen

GAP = "  "
ELLIPSIS = "…"


class Column(Frozen):
    """A column of a table. It may be cut down to `least` characters where the table is too wide; None: never."""

    title: str
    least: int | None = None
    is_number: bool = False


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None) -> list[str]:
    """Return the lines of a table, its titles first; the widest columns that may be cut give way first."""
    cells = [[clean_text(cell) for cell in row] for row in rows]
    titles = [column.title for column in columns]
    widths = [max(map(text_width, cells_of)) for cells_of in zip(titles, *cells, strict=True)]
    if width is not None:
        widths = _fit(widths, [column.least for column in columns], width - len(GAP) * (len(columns) - 1))
    return [_line(columns, row, widths) for row in [titles, *cells]]


def cut(text: str, width: int) -> str:
    """Return a text of at most so many terminal columns, with an ellipsis where it was cut."""
    if text_width(text) <= width:
        return text
    while text and text_width(text) > width - 1:
        text = text[:-1]
    return text + ELLIPSIS


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide letters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_letter_width(letter) for letter in text)


def clean_text(text: str) -> str:
    """Return a text on one line, without characters that would steer the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _visible(letter) for letter in text)


def duration_text(seconds: float | None) -> str:
    """Return a duration: `4 ms`, `12.3 s`, `2m 05s`, `1h 02m`."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def bytes_text(size_bytes: int | None) -> str:
    """Return a size in decimal units: `512 B`, `3.1 MB`."""
    if size_bytes is None:
        return ""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size, units = size_bytes / 1000, ["kB", "MB", "GB", "TB"]
    while size >= 999.95 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun: `1 row`, `27,004 rows`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def rows_text(rows: int | None) -> str:
    """Return the rows of a table, or nothing for a value that has none."""
    return "" if rows is None else count_text(rows, "row")


def _fit(widths: list[int], least: Sequence[int | None], room: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) > room:
        spare = [place for place, low in enumerate(least) if low is not None and fitted[place] > low]
        if not spare:
            break
        fitted[max(spare, key=lambda place: fitted[place])] -= 1
    return fitted


def _line(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> str:
    cells: list[str] = []
    for column, text, width in zip(columns, row, widths, strict=True):
        shown = cut(text, width)
        space = " " * (width - text_width(shown))
        cells.append(space + shown if column.is_number else shown + space)
    return GAP.join(cells).rstrip()


def _letter_width(letter: str) -> int:
    import unicodedata  # of use only where text isn't ASCII

    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _visible(letter: str) -> str:
    return " " if letter.isspace() else repr(letter)[1:-1]
