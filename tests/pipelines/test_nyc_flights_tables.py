"""The reader of input tables: what it takes, and that it refuses the rest by the file's name."""

import gzip
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nyc_flights.tables import Kind, read_table
from pplns import TerminalError

COLUMNS: dict[str, Kind] = {"name": "text", "size": "number", "at": "time"}
GOOD = b'name,size,other,at\nx,1,?,2013-01-01T00:00:00Z\n"y, ""z""",NA,,\n'


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.rstrip(),
        GOOD + b"\n\n",
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"x,1", b'"x","1.0"').replace(b"T00:00:00Z", b" 00:00:00"),
    ],
    ids=["plain", "no-last-line-end", "blank-lines", "crlf", "byte-order-mark", "quotes"],
)
def test_a_file_is_read_in_whatever_way_it_was_written(content: bytes, tmp_path: Path):
    """Line ends, quotes, blank lines and a byte order mark don't matter; unnamed columns are left out."""
    (tmp_path / "table.csv").write_bytes(content)

    table = read_table(tmp_path / "table.csv", COLUMNS)

    assert list(table.columns) == ["name", "size", "at"]
    assert table["name"].tolist() == ["x", 'y, "z"']
    assert table["size"].fillna(-1).tolist() == [1.0, -1]
    assert table["at"].tolist() == [pd.Timestamp("2013-01-01T00:00Z"), pd.NaT]


def test_dtypes_do_not_rest_on_the_rows(tmp_path: Path):
    """A table of no rows, or of missing values only, has the dtypes of any other."""
    (tmp_path / "none.csv").write_bytes(b"name,size,at")
    (tmp_path / "missing.csv").write_bytes(b"name,size,at\nNA,NA,NA\n")

    none, missing = (read_table(tmp_path / name, COLUMNS) for name in ("none.csv", "missing.csv"))

    assert (len(none), len(missing)) == (0, 1)
    assert none.dtypes.equals(missing.dtypes)
    assert [str(dtype) for dtype in none.dtypes][1:] == ["float64", "datetime64[us, UTC]"]


REFUSED = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n", "is empty"),
    "no-header": (b"x,1,?,2013-01-01T00:00:00Z\n", "lacks the columns 'name', 'size', 'at'. Its header is 'x', '1',"),
    "semicolons": (GOOD.replace(b",", b";"), "lacks the columns 'name', 'size', 'at'. Its header is 'name;size;"),
    "repeated-column": (b"name,size,at,name\n", "has the column 'name' 2 times."),
    "too-few-fields": (GOOD + b"x,1\n", "can't be read as a table: Row #4: Expected 4 columns, got 2: x,1."),
    "too-many-fields": (GOOD + b"x,1,,,\n", "can't be read as a table: Row #4: Expected 4 columns, got 5: x,1,,,."),
    "open-quote": (GOOD + b'"x,1,,\n' + GOOD[:18], "can't be read as a table: Row #4: Expected 4 columns, got 1:"),
    "endless-field": (b'"' + b"x" * 200_000, "can't be read as a table: field larger"),
    "text-for-number": (GOOD + b"x,1 kg,,\n", "has '1 kg' in row 4, column 'size'. This column should hold numbers"),
    "infinity": (GOOD + b"x,-inf,,\n", "has '-inf' in row 4, column 'size'."),
    "not-a-time": (GOOD + b"x,1,,noon\n", "has 'noon' in row 4, column 'at'. This column should hold times such as"),
    "not-utf-8": (GOOD + b"\xe9,1,,\n", "has the byte b'\\xe9' in line 4. It should be text in UTF-8."),
    "utf-16": (GOOD.decode().encode("utf-16"), "in line 1. It should be text in UTF-8."),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_table_is_refused(content: bytes, message: str, tmp_path: Path):
    """The message begins with the file, says what was met and expected, and ends with what to do."""
    path = tmp_path / "table.csv"
    path.write_bytes(content)

    with pytest.raises(TerminalError) as refusal:
        read_table(path, COLUMNS)

    assert str(refusal.value).startswith("The file 'table.csv' ")
    assert message in str(refusal.value)
    assert str(refusal.value).endswith(f"Repair or replace {str(path)!r}.")


PACKED = gzip.compress(GOOD)


@pytest.mark.parametrize(
    "content",
    [GOOD, PACKED[:-5], PACKED[:20], PACKED[:5], PACKED + b"more", PACKED[:30] + b"\0\0\0" + PACKED[33:]],
    ids=["not-gzip", "cut-trailer", "cut-body", "cut-header", "garbage-after", "damaged"],
)
def test_a_damaged_gzip_file_is_refused(content: bytes, tmp_path: Path):
    """A download that broke off is no shorter month."""
    (tmp_path / "table.csv.gz").write_bytes(content)

    with pytest.raises(TerminalError, match=r"The file 'table\.csv\.gz' can't be unpacked: .* a whole gzip file"):
        read_table(tmp_path / "table.csv.gz", COLUMNS)


def test_what_is_no_file_is_refused(tmp_path: Path):
    """A folder where a file should be is named too."""
    (tmp_path / "table.csv").mkdir()

    with pytest.raises(TerminalError, match=r"The file 'table\.csv' can't be read: "):
        read_table(tmp_path / "table.csv", COLUMNS)


def test_a_required_column_holds_a_value_in_every_row(tmp_path: Path):
    """The first row without one is named."""
    (tmp_path / "table.csv").write_bytes(GOOD)

    with pytest.raises(TerminalError, match=r"has no value in row 3, column 'size'\. This column should hold a value"):
        read_table(tmp_path / "table.csv", COLUMNS, required=("name", "size"))


@given(content=st.text(alphabet='name,size,at\n\r"\0 1é').map(str.encode) | st.binary(), is_packed=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(content: bytes, is_packed: bool, tmp_path: Path):
    """Whatever stands in a file, there is a table or one kind of error, and no other."""
    path = tmp_path / ("table.csv.gz" if is_packed else "table.csv")
    path.write_bytes(gzip.compress(content) if is_packed else b"name,size,at\n" + content)

    outcome = columns_or_refusal(path)

    assert outcome == list(COLUMNS) or "The file 'table.csv" in outcome


def columns_or_refusal(path: Path) -> list[str] | str:
    """The columns of the table that is read, or the message that refuses the file."""
    try:
        return list(read_table(path, COLUMNS).columns)
    except TerminalError as refusal:
        return str(refusal)
