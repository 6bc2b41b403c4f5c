"""Where the tables are: on this machine, or in BigQuery. The steps know only the `Warehouse` of this file.

Both keep the same promise: however often a day is written under one key, it is written once."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pplns import TerminalError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FOLDER = Path(__file__).parents[2]  # of the project: results go there, wherever the command is called

Kind = Literal["local", "bigquery"]

DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")


class Warehouse(Protocol):
    """Reads whole tables or one day of them as text, and replaces one day of a table."""

    def read(self, table: str, columns: tuple[str, ...], *, day: date | None = None) -> "pd.DataFrame":
        """Return the named columns as text, of one day where `day` is given; a missing value is an empty text."""
        ...

    def replace_day(self, table: str, rows: "pa.Table", *, day: date, key: str) -> str:
        """Put `rows` in the place of all that the table has of `day`, once for each key; return the load's id."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which warehouse a run reads and writes.

    `project`, `dataset` and `location` are BigQuery's, `data_dir` and `database` those of the stand-in."""

    kind: Kind
    project: str | None
    dataset: str
    location: str
    data_dir: Path
    database: Path


def open_warehouse(place: Place) -> Warehouse:
    """Return the warehouse of a place; what only one of them needs is imported only for that one.

    Raises: TerminalError where a name can't be one, or nothing gives access."""
    if place.kind == "local":
        from daily_orders.local import LocalWarehouse

        return LocalWarehouse(place.data_dir, FOLDER / place.database)
    from daily_orders import bigquery

    _check_name(place.dataset, DATASET, option="dataset", expected="A dataset has letters, digits and '_' only.")
    if place.project is not None:
        _check_name(place.project, PROJECT, option="project", expected="It is the id of a Google project.")
    client = bigquery.make_client(place.project, place.location)
    return bigquery.BigQueryWarehouse(client, place.dataset, location=place.location)


def _check_name(name: str, form: re.Pattern[str], *, option: str, expected: str) -> None:
    """Refuse what would become a part of an SQL text and can't be a name."""
    if not form.fullmatch(name):
        raise TerminalError(f"The {option} is {name!r}.", expected, f"Correct `-p {option}=NAME`.")
