"""The stand-in for BigQuery on a laptop: CSV files to read from, an SQLite database to write into.

It needs nothing but Python and pandas, and takes a load's id as BigQuery does: the first one counts."""

import contextlib
import csv
import sqlite3
from collections.abc import Generator, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pplns import RetryableError, TerminalError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SAMPLE_MONDAY = date(2024, 3, 4)  # the first day of the week that the files hold
WAIT_SECONDS = 30.0  # for another process that is writing


class LocalWarehouse:
    """Reads `<data_dir>/<table>.csv` and writes tables of `database`.

    The files hold one week. It stands for every week, so that there are orders on whatever day one tries it: a day
    that the file doesn't hold is read as the sample's day of the same weekday."""

    def __init__(self, data_dir: Path, database: Path) -> None:
        self._data_dir = data_dir
        self._database = database

    def read(self, table: str, columns: tuple[str, ...], *, day: date | None = None) -> "pd.DataFrame":
        """Return the named columns as text, of one day where `day` is given."""
        import pandas as pd

        rows = _read_rows(self._data_dir / f"{table}.csv", columns if day is None else (*columns, "day"))
        if day is not None:
            held = {row["day"] for row in rows}
            wanted = next((one for one in (day, sample_day(day)) if one.isoformat() in held), day)
            rows = [row for row in rows if row["day"] == wanted.isoformat()]
        return pd.DataFrame([[row[name] for name in columns] for row in rows], columns=list(columns), dtype="str")

    def replace_day(self, table: str, rows: "pa.Table", *, day: date, key: str) -> str:
        """Replace the day and note the key in one transaction; a key that is noted already changes nothing."""
        load = f"local-{key}"
        with _transaction(self._database) as database:
            _create_tables(database, table, rows.column_names)
            if database.execute("INSERT OR IGNORE INTO loads VALUES (?, ?)", (load, table)).rowcount:
                database.execute(f'DELETE FROM "{table}" WHERE day = ?', (day.isoformat(),))
                places = ", ".join("?" * rows.num_columns)
                database.executemany(f'INSERT INTO "{table}" VALUES ({places})', _plain_rows(rows))
        return load


def sample_day(day: date) -> date:
    """Return the day of the sample week that has the weekday of `day`."""
    return SAMPLE_MONDAY + timedelta(days=day.weekday())


def _read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            header = reader.fieldnames or []
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TerminalError(
            f"The file {path.name!r} can't be read: {getattr(error, 'strerror', None) or error}.",
            f"The local warehouse reads CSV files in UTF-8 from {str(path.parent)!r}.",
            "Pass another folder as `-p data_dir=FOLDER`.",
        ) from error
    lacking = [name for name in columns if name not in header]
    if lacking:
        raise TerminalError(
            f"The file {path.name!r} lacks {_named(lacking)}. Its header is {_named(header)}.",
            f"It should have the columns {_named(columns)}.",
            f"Repair or replace {str(path)!r}.",
        )
    return rows


def _named(columns: Iterable[str]) -> str:
    return ", ".join(map(repr, columns)) or "nothing"


@contextlib.contextmanager
def _transaction(path: Path) -> Generator[sqlite3.Connection]:
    """Give a connection whose changes are kept whole, or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: Exception) -> RetryableError | TerminalError:
    met = f"The database {str(path)!r} can't be written: {error}."
    if "locked" in str(error):
        return RetryableError(met, "Other processes write for a short time only.", "Close the program that holds it.")
    return TerminalError(met, "It is an SQLite file in a folder of yours.", "Pass another file as `-p database=FILE`.")


def _create_tables(database: sqlite3.Connection, table: str, columns: Iterable[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    database.execute("CREATE TABLE IF NOT EXISTS loads (load TEXT PRIMARY KEY, table_name TEXT)")
    database.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({names})')


def _plain_rows(rows: "pa.Table") -> list[tuple[object, ...]]:
    """Return rows of what SQLite holds: a date as its ISO text."""
    return [
        tuple(value.isoformat() if isinstance(value, date) else value for value in row.values())
        for row in rows.to_pylist()
    ]
