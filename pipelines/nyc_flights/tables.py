"""Read the input tables: comma-separated files, plain or gzipped, that are either what they should be or refused.

pandas' own reader fills a short row with missing values and lets one stray word turn a column of numbers into text;
the figures made from such a table are wrong without anyone noticing. Here every refusal names the file."""

import csv
import difflib
import gzip
import io
import textwrap
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from pplns import TerminalError

Kind = Literal["text", "number", "time"]

MISSING = ("", "NA")
EXPECTED: dict[Kind, str] = {
    "number": "This column should hold numbers, nothing or NA where one is missing.",
    "time": "This column should hold times such as '2013-01-31T15:00:00Z', nothing or NA where one is missing.",
}
FIRST_ROW = 2  # as an editor counts: the header is row 1


def read_table(path: Path, columns: Mapping[str, Kind], *, required: Collection[str] = ()) -> pd.DataFrame:
    """Return the named columns of a file, in that order; empty cells and `NA` are missing values.

    "text" becomes str, "number" float64, "time" datetime64[us, UTC] (a time without a zone is taken for UTC).
    Columns that aren't named are ignored, those in `required` may hold no missing value.

    Raises: TerminalError, which names the file and where it applies the column and the row."""
    content = _read_bytes(path)
    _check_header(path, _decode(path, content), columns)
    texts = _parse(path, content, list(columns))
    for name in required:
        _refuse_rows(path, texts[name].isna(), texts[name], expected="This column should hold a value in every row.")
    return pd.DataFrame({name: _convert(path, texts[name], kind) for name, kind in columns.items()})


def refuse_file(path: Path, met: str, expected: str) -> TerminalError:
    """Return the error that refuses an input file: `met` goes on after the file's name."""
    return TerminalError(f"The file {path.name!r} {met}", expected, f"Repair or replace {str(path)!r}.")


def _read_bytes(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refuse_file(path, f"can't be unpacked: {error}.", "It should be a whole gzip file.") from None
    except OSError as error:
        raise refuse_file(path, f"can't be read: {error.strerror}.", "It should be a readable file.") from None


def _missing(path: Path) -> TerminalError:
    folder = path.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    alike = ", ".join(repr(name) for name in sorted(difflib.get_close_matches(path.name, names, cutoff=0.85)))
    return TerminalError(
        f"The file {path.name!r} is not in the folder {str(folder)!r}.",
        f"Files there with a like name: {alike}." if alike else "No file there has a like name.",
        "Put it there, or pass another folder as `-p data_dir=FOLDER`.",
    )


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start : error.start + 1]
        raise refuse_file(path, f"has the byte {byte!r} in line {row}.", "It should be text in UTF-8.") from None


def _check_header(path: Path, text: str, columns: Mapping[str, Kind]) -> None:
    header = _header_of(path, text)
    shown = textwrap.shorten(f"Its header is {', '.join(repr(name) for name in header)}.", 300, placeholder=" …")
    lacking = [repr(name) for name in columns if name not in header]
    if lacking:
        raise refuse_file(path, f"lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}.", shown)
    for name in columns:
        if header.count(name) > 1:
            raise refuse_file(path, f"has the column {name!r} {header.count(name)} times.", shown)


def _header_of(path: Path, text: str) -> list[str]:
    try:
        for row in csv.reader(io.StringIO(text)):
            if row:
                return row
    except csv.Error as error:
        raise refuse_file(path, f"can't be read as a table: {error}.", "It should begin with a header.") from None
    raise refuse_file(path, "is empty.", "It should begin with a header of column names.")


def _parse(path: Path, content: bytes, names: list[str]) -> pd.DataFrame:
    """Return the columns as text; Arrow's reader, unlike pandas', refuses a row with too few or too many fields."""
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content + b"\n"),  # a lone header without its line end would be refused
            read_options=arrow_csv.ReadOptions(use_threads=False),  # only then errors name the row
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=list(MISSING),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowException as error:
        met = f"can't be read as a table: {' '.join(str(error).removeprefix('CSV parse error: ').split())}."
        raise refuse_file(path, met, "Each row should have as many fields as the header.") from None
    return table.to_pandas()  # pyright: ignore[reportUnknownMemberType]


def _convert(path: Path, texts: "pd.Series[str]", kind: Kind) -> pd.Series:
    if kind == "text":
        return texts
    values = _numbers(texts) if kind == "number" else _times(texts)
    _refuse_rows(path, values.isna() & texts.notna(), texts, expected=EXPECTED[kind])
    return values


def _numbers(texts: "pd.Series[str]") -> pd.Series:
    values = pd.to_numeric(texts, errors="coerce").astype("float64")
    return values.where(values.abs() != float("inf"))


def _times(texts: "pd.Series[str]") -> pd.Series:
    return pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")


def _refuse_rows(path: Path, bad: "pd.Series[bool]", texts: "pd.Series[str]", *, expected: str) -> None:
    if bad.any():
        place = int(bad.argmax())
        text = texts.iloc[place]
        met = f"has {'no value' if pd.isna(text) else repr(text)} in row {place + FIRST_ROW}, column {texts.name!r}."
        raise refuse_file(path, met, expected)
