"""The steps of the main job, called as plain functions on small tables, and what it refuses."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nyc_flights.pipeline import (
    DATA_DIR,
    OUTPUT_TYPES,
    aggregate_days,
    clean_airlines,
    clean_flights,
    clean_planes,
    clean_weather,
    export,
    join_flights,
    load_flights,
    nyc_flights,
)
from pplns import RetryableError, TerminalError

Row = dict[str, Any]


def test_tables_between_steps_have_plain_dtypes():
    """No column holds Python objects other than text, so that each checkpoint gives it back equal."""
    flights = load_flights("2013-01", DATA_DIR)

    dtypes = {**flights.dtypes, **clean_flights(flights).dtypes}

    texts = {name for name, dtype in dtypes.items() if dtype.kind == "O"}
    assert texts == {"carrier", "tailnum", "origin"}
    assert {dtype.kind for name, dtype in dtypes.items() if name not in texts} == {"i", "f", "b", "M"}


def test_cleaning_tells_cancelled_from_late_from_unknown():
    """A flight that left and has no known arrival is neither cancelled nor on time."""
    known = {"year": 2013, "month": 1, "day": 31, "carrier": "UA", "tailnum": "N1", "origin": "JFK"}
    times = {"dep_time": [500.0, 501.0, 502.0, None], "arr_delay": [15.0, 15.5, None, None], "dep_delay": 0.0}
    flights = pd.DataFrame({**known, **times, "time_hour": pd.Timestamp("2013-01-31T10:00Z")})

    cleaned = clean_flights(flights)

    assert cleaned["cancelled"].tolist() == [False, False, False, True]
    assert cleaned["late"].fillna(-1).tolist() == [0, 1, -1, -1]
    assert cleaned["day"].unique().tolist() == [pd.Timestamp(2013, 1, 31)]


def test_repeated_hours_of_weather_are_averaged_over_what_is_known():
    """An hour that comes twice is one row after cleaning, and an hour without a value stays."""
    times = pd.to_datetime(["2013-11-03T06:00Z"] * 3 + ["2013-11-03T07:00Z"])
    weather = pd.DataFrame({"origin": "JFK", "time_hour": times, "wind_speed": [4.0, 8.0, None, None]})

    cleaned = clean_weather(weather)

    assert cleaned["wind_speed"].fillna(-1).tolist() == [6.0, -1]


def test_planes_and_airlines_are_left_once_and_only_where_known():
    """The first known row of a key wins; a row without its key or value joins nothing."""
    planes = pd.DataFrame({"tailnum": ["N1", "N1", "N1", None], "year": [None, 1999.0, 2001.0, 1950.0]})
    airlines = pd.DataFrame({"carrier": ["UA", "UA", None, "B6"], "name": ["United", "again", "nobody", None]})

    assert clean_planes(planes).to_dict("records") == [{"tailnum": "N1", "plane_year": 1999.0}]
    assert clean_airlines(airlines).to_dict("records") == [{"carrier": "UA", "airline": "United"}]


def test_joining_keeps_each_flight_once():
    """What has no match stays missing, and a flight without a tail number doesn't join a plane without one."""
    hours = pd.to_datetime(["2013-01-31T10:00Z", "2013-01-31T11:00Z"])
    flights = pd.DataFrame({"origin": "JFK", "time_hour": hours, "tailnum": ["N1", None], "carrier": ["UA", "ZZ"]})
    weather = pd.DataFrame({"origin": ["JFK"], "time_hour": hours[:1], "wind_speed": [7.0]})
    planes = pd.DataFrame({"tailnum": ["N1"], "plane_year": [2003.0]})
    airlines = pd.DataFrame({"carrier": ["UA"], "airline": ["United"]})

    joined = join_flights(flights, weather, planes, airlines)

    assert joined["wind_speed"].fillna(-1).tolist() == [7.0, -1]
    assert joined["plane_age"].fillna(-1).tolist() == [10.0, -1]
    assert joined["airline"].fillna("").tolist() == ["United", ""]


def test_days_come_in_order_of_day_and_carrier_with_and_without_a_name():
    """A carrier that no airline names keeps its rows and its place."""
    days = pd.to_datetime(["2013-01-02", "2013-01-01", "2013-01-02", "2013-01-02"])
    flights = pd.DataFrame({"day": days, "carrier": ["B6", "ZZ", "AA", "AA"], "airline": ["JetBlue", None, None, None]})
    flights = flights.assign(cancelled=False, dep_delay=1.0, arr_delay=2.0, late=0.0, wind_speed=3.0, plane_age=4.0)

    rows = aggregate_days(flights)

    found = list(zip(rows["day"].dt.day, rows["carrier"], rows["flights"], strict=True))
    assert found == [(1, "ZZ", 1), (2, "AA", 2), (2, "B6", 1)]


def test_a_repeated_export_replaces_the_file_by_an_equal_one(tmp_path: Path):
    """A step that was killed after its work and runs again does no harm, and leaves nothing else behind."""
    path = Path(export(one_day(), "2013-01", tmp_path)["path"])
    first = path.read_bytes()

    export(one_day(), "2013-01", tmp_path)

    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_an_export_that_breaks_off_leaves_the_old_file(tmp_path: Path):
    """Half a file never stands under the final name, and a later try may find room."""
    path = Path(export(one_day(), "2013-01", tmp_path)["path"])
    before = path.read_bytes()

    with file_size_limit(1000), pytest.raises(RetryableError, match=r"carrier_days_2013-01\.parquet' can't be written"):
        export(one_day(), "2013-01", tmp_path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_relative_folder_is_one_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Wherever the command is called; and the path that is returned is the same on every machine."""
    monkeypatch.setattr("nyc_flights.pipeline.PROJECT", tmp_path)

    written = export(one_day(), "2013-01", Path("out"))

    assert Path(str(written["path"])) == Path("out/carrier_days_2013-01.parquet")
    assert (tmp_path / "out" / "carrier_days_2013-01.parquet").is_file()


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path):
    """A retry can't help here; the message names the folder."""
    (tmp_path / "out").write_text("not a folder")

    with pytest.raises(TerminalError, match=r"The folder '.*out' can't be made: .* Pass another folder"):
        export(one_day(), "2013-01", tmp_path / "out")


@pytest.mark.parametrize("month", ["2013-13", "2013-00", "jan", "2013-1", "2013-01-01", "", "../2013-01", "٢٠١٣-01"])
def test_a_month_of_another_form_is_refused(month: str, tmp_path: Path):
    """No file is looked for under a name that isn't a month's."""
    with pytest.raises(TerminalError, match=r"The month is .* such as '2013-01'\. Pass it as `-p month=2013-01`\."):
        nyc_flights(month=month, out_dir=tmp_path)


@pytest.mark.parametrize("name", ["flights_2016-02.csv.gz", "weather_2016-02.csv.gz", "planes.csv", "airlines.csv"])
def test_a_missing_file_is_refused_by_its_name(name: str, write_month: Callable[..., Path], tmp_path: Path):
    """Each of the four inputs is named, with the folder and what to pass instead; nothing is written."""
    data_dir = write_month(flights=[{}])
    (data_dir / name).unlink()

    with pytest.raises(TerminalError, match=rf"The file '{name}' is not in the folder .*-p data_dir=FOLDER"):
        nyc_flights(month="2016-02", data_dir=data_dir, out_dir=tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_missing_month_is_refused_with_the_months_that_are_there():
    """Whoever mistypes a month sees what there is."""
    with pytest.raises(TerminalError, match=r"'flights_2013-02\.csv\.gz' .* like name: 'flights_2013-01\.csv\.gz'\."):
        nyc_flights(month="2013-02")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("flights", column) for column in ("year", "dep_time", "arr_delay", "carrier", "tailnum", "time_hour")),
        *(("weather", column) for column in ("origin", "time_hour", "wind_speed")),
        *(("planes", column) for column in ("tailnum", "year")),
        *(("airlines", column) for column in ("carrier", "name")),
    ],
)
def test_a_table_that_lacks_a_column_says_which(
    table: str, column: str, write_month: Callable[..., Path], tmp_path: Path
):
    """The file and the column are named, and the header that was met is shown."""
    data_dir = write_month(without=(table, column), flights=[{}], weather=[{}], planes=[{}], airlines=[{}])

    with pytest.raises(TerminalError, match=rf"The file '{table}.* lacks the column '{column}'\. Its header is '"):
        nyc_flights(month="2016-02", data_dir=data_dir, out_dir=tmp_path)


@pytest.mark.parametrize(
    ("table", "column"),
    [("flights", "arr_delay"), ("flights", "time_hour"), ("weather", "wind_speed"), ("planes", "year")],
)
def test_text_where_a_number_or_time_must_be_is_refused(
    table: str, column: str, write_month: Callable[..., Path], tmp_path: Path
):
    """The file, the row, the column and the text are named."""
    data_dir = write_month(**{table: [{}, {column: "soon"}]})

    with pytest.raises(TerminalError, match=rf"The file '{table}.* has 'soon' in row 3, column '{column}'"):
        nyc_flights(month="2016-02", data_dir=data_dir, out_dir=tmp_path)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"year": 2015}, "2015-2-1"),
        ({"month": 3}, "2016-3-1"),
        ({"day": 30}, "2016-2-30"),
        ({"day": 1.5}, "2016-2-1.5"),
    ],
)
def test_a_flight_of_another_month_or_of_no_day_is_refused(row: Row, found: str, write_month: Callable[..., Path]):
    """Figures of another month must not be published under this month's name."""
    data_dir = write_month(flights=[{"day": 29}, row])

    with pytest.raises(TerminalError, match=rf"'flights_2016-02\.csv\.gz' has a flight of '{found}' in row 3"):
        load_flights("2016-02", data_dir)


@pytest.mark.parametrize("column", ["year", "month", "day", "carrier"])
def test_a_flight_without_day_or_carrier_is_refused(column: str, write_month: Callable[..., Path]):
    """It could be counted nowhere, and leaving it out would be a wrong figure."""
    data_dir = write_month(flights=[{column: "NA"}])

    with pytest.raises(TerminalError, match=rf"'flights_2016-02\.csv\.gz' has no value in row 2, column '{column}'"):
        load_flights("2016-02", data_dir)


def test_the_test_that_the_readme_shows_passes():
    """Who copies it begins with a green test."""
    readme = (DATA_DIR.parent / "README.md").read_text(encoding="utf-8")
    (snippet,) = [text for text in readme.split("```python\n") if text.startswith("import pandas")]
    shown: dict[str, Any] = {}

    exec(snippet.partition("```")[0], shown)  # the README is part of the project

    shown["test_a_plane_without_a_year_is_left_out"]()


def one_day() -> pd.DataFrame:
    """A table of one day and carrier, as `aggregate_days` returns it."""
    day = {"day": pd.Timestamp(2013, 1, 1), "carrier": "UA", "airline": "United", "flights": 3, "cancelled": 1}
    return pd.DataFrame([{**dict.fromkeys(OUTPUT_TYPES, 0.5), **day}])


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Let no file grow past a size, as a full disk would."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
