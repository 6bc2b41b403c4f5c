"""The figures of whole months, recomputed from the files with nothing but plain Python."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow.parquet as pq
import pytest

from nyc_flights.pipeline import DATA_DIR, OUTPUT_TYPES, nyc_flights

Row = dict[str, Any]


def test_january_is_what_plain_python_makes_of_the_files(tmp_path: Path):
    """Each cell of the shipped month equals a recomputation that shares no code with the pipeline."""
    result = nyc_flights(out_dir=tmp_path)

    assert_same_rows(pq.read_table(result["path"]).to_pylist(), recompute(DATA_DIR, "2013-01"))
    path = str(tmp_path / "carrier_days_2013-01.parquet")
    assert result == {"path": path, "flights": 27004, "cancelled": 521, "rows": 460}


def test_a_month_of_exceptions_is_what_plain_python_makes_of_its_files(write_month: Callable[..., Path]):
    """No match, repeated keys, unknown values, times of another zone: no flight is lost and none counted twice."""
    data_dir = write_month(
        flights=[
            {"day": 29, "carrier": "ZZ", "dep_delay": -3, "arr_delay": 15},
            {"day": 29, "carrier": "ZZ", "dep_delay": 40, "arr_delay": 16, "origin": "LGA"},
            {"day": 29, "carrier": "ZZ", "arr_delay": "", "time_hour": "2016-02-01T07:00:00-05:00"},
            {"day": 3, "dep_time": "NA", "dep_delay": "NA", "arr_delay": "NA", "tailnum": "NA"},
            {"day": 3, "dep_time": "", "dep_delay": "", "arr_delay": "", "tailnum": "N2"},
            {"day": 3, "carrier": "AA", "arr_delay": -20, "tailnum": "N3", "time_hour": "2016-03-01T04:00:00Z"},
            {"day": 3, "carrier": "AA", "arr_delay": 120, "tailnum": "", "origin": "", "time_hour": ""},
        ],
        weather=[
            *({"wind_speed": speed} for speed in (10, 20, "NA")),
            {"wind_speed": "NA", "time_hour": "2016-03-01T04:00:00Z"},
            {"wind_speed": 99, "origin": "", "time_hour": ""},
        ],
        planes=[
            *({"year": year} for year in ("NA", 1999, 2001)),
            *({"tailnum": tailnum, "year": year} for tailnum, year in (("", 1950), ("N2", "NA"))),
        ],
        airlines=[
            *({"carrier": "AA", "name": name} for name in ('Ä, B & "Co"', "again")),
            *({"carrier": carrier, "name": name} for carrier, name in (("UA", "NA"), ("NA", "nobody"))),
        ],
    )

    result = nyc_flights(month="2016-02", data_dir=data_dir, out_dir=data_dir / "deep" / "out")

    rows = pq.read_table(result["path"]).to_pylist()
    assert_same_rows(rows, recompute(data_dir, "2016-02"))
    counted = [(row["day"].day, row["carrier"], row["flights"], row["cancelled"]) for row in rows]
    assert counted == [(3, "AA", 2, 0), (3, "UA", 2, 2), (29, "ZZ", 3, 0)]
    assert (result["flights"], result["cancelled"], result["rows"]) == (7, 2, 3)


def test_a_day_on_which_nothing_flew_has_counts_and_no_means(write_month: Callable[..., Path], tmp_path: Path):
    """A mean over no known value is missing, neither zero nor NaN."""
    cancelled = {"dep_time": "NA", "dep_delay": "NA", "arr_delay": "NA"}
    data_dir = write_month(flights=[cancelled, cancelled])

    result = nyc_flights(month="2016-02", data_dir=data_dir, out_dir=tmp_path)

    expected = {**dict.fromkeys(OUTPUT_TYPES), "day": date(2016, 2, 1), "carrier": "UA", "flights": 2, "cancelled": 2}
    assert pq.read_table(result["path"]).to_pylist() == [expected]


@pytest.mark.parametrize("flights", [[], [{}]])
def test_the_columns_have_their_types_whatever_the_rows_hold(
    flights: list[Row], write_month: Callable[..., Path], tmp_path: Path
):
    """Dates are dates, counts whole numbers, and pandas' index isn't there; a month without flights is a table too."""
    result = nyc_flights(month="2016-02", data_dir=write_month(flights=flights), out_dir=tmp_path)

    schema = pq.read_schema(result["path"])
    assert dict(zip(schema.names, schema.types, strict=True)) == OUTPUT_TYPES
    assert result == {"path": result["path"], "flights": len(flights), "cancelled": 0, "rows": len(flights)}
    assert [type(value) for value in result.values()] == [str, int, int, int]


def assert_same_rows(rows: list[Row], expected: list[Row]) -> None:
    """Compare cell by cell: counts and names exactly, means to twelve digits, for sums may run in another order."""
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            assert row[name] == (pytest.approx(value, rel=1e-12, abs=1e-12) if type(value) is float else value), wanted


def recompute(data_dir: Path, month: str) -> list[Row]:
    """The output table from the files, row by row in plain Python."""
    winds = defaultdict[Any, list[float | None]](list)
    for row in read_rows(data_dir / f"weather_{month}.csv.gz"):
        winds[place_of(row)].append(number(row["wind_speed"]))
    built = first_known(data_dir / "planes.csv", "tailnum", "year")
    names = first_known(data_dir / "airlines.csv", "carrier", "name")
    groups = defaultdict[tuple[date, str], list[Row]](list)
    for row in read_rows(data_dir / f"flights_{month}.csv.gz"):
        row["wind"] = mean(winds.get(place_of(row), [])) if None not in place_of(row) else None
        row["age"] = 2013 - int(built[row["tailnum"]]) if row["tailnum"] in built else None
        groups[date(int(row["year"]), int(row["month"]), int(row["day"])), row["carrier"]].append(row)
    return [summary(day, carrier, names.get(carrier), groups[day, carrier]) for day, carrier in sorted(groups)]


def summary(day: date, carrier: str, airline: str | None, flights: list[Row]) -> Row:
    """One row of the output, from the flights of a day and carrier."""
    arrivals = [delay for row in flights if (delay := number(row["arr_delay"])) is not None]
    return {
        "day": day,
        "carrier": carrier,
        "airline": airline,
        "flights": len(flights),
        "cancelled": sum(row["dep_time"] is None for row in flights),
        "mean_dep_delay": mean([number(row["dep_delay"]) for row in flights]),
        "mean_arr_delay": mean(arrivals),
        "late_share": sum(delay > 15 for delay in arrivals) / len(arrivals) if arrivals else None,
        "mean_wind_speed": mean([row["wind"] for row in flights]),
        "mean_plane_age": mean([row["age"] for row in flights]),
    }


def read_rows(path: Path) -> list[Row]:
    """The rows of a file as text, None where empty or NA."""
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: None if text in ("", "NA") else text for name, text in row.items()} for row in rows]


def first_known(path: Path, key: str, value: str) -> dict[str, str]:
    """The first known value of each known key."""
    found: dict[str, str] = {}
    for row in read_rows(path):
        if row[key] is not None and row[value] is not None:
            found.setdefault(row[key], row[value])
    return found


def place_of(row: Row) -> tuple[str | None, datetime | None]:
    """Where and in which hour: what flights and weather have in common."""
    return row["origin"], None if row["time_hour"] is None else datetime.fromisoformat(row["time_hour"])


def number(text: str | None) -> float | None:
    """A number, or None for a missing one."""
    return None if text is None else float(text)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean over the known values, or None where none is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
