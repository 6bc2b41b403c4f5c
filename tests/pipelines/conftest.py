"""Months of input that tests write themselves."""

import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]

USUAL: dict[str, Row] = {
    "flights": {
        "year": 2016,
        "month": 2,
        "day": 1,
        "dep_time": 517,
        "dep_delay": 2,
        "arr_delay": 11,
        "carrier": "UA",
        "flight": 1545,
        "tailnum": "N1",
        "origin": "JFK",
        "time_hour": "2016-02-01T12:00:00Z",
    },
    "weather": {"origin": "JFK", "temp": 39.02, "wind_speed": 10, "time_hour": "2016-02-01T12:00:00Z"},
    "planes": {"tailnum": "N1", "year": 1999, "engines": 2},
    "airlines": {"carrier": "UA", "name": "United"},
}


@pytest.fixture
def write_month(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the inputs of February 2016 and returns their folder.

    It takes each table's rows, of which only what is unusual need be given, and a (table, column) to leave out."""

    def write(without: tuple[str, str] = ("", ""), **tables: Sequence[Row]) -> Path:
        folder = tmp_path / "inputs"
        folder.mkdir()
        for table, usual in USUAL.items():
            suffix = "_2016-02.csv.gz" if table in ("flights", "weather") else ".csv"
            header = [name for name in usual if (table, name) != without]
            _write_table(folder / (table + suffix), [usual | row for row in tables.get(table, [])], header)
        return folder

    return write


def _write_table(path: Path, rows: Sequence[Row], header: Sequence[str]) -> None:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
