"""How punctual each airline was on each day of a month, at New York's three airports.

Four tables are loaded and cleaned side by side, joined flight by flight, summed up by day and carrier, and written
as one Parquet file. A table that is missing or malformed ends the run for good, with an error that names the file."""

import calendar
import re
import uuid
from pathlib import Path

import pandas as pd
import pyarrow as pa

from nyc_flights.tables import FIRST_ROW, Kind, read_table, refuse_file
from pplns import Retry, RetryableError, TerminalError, pipeline, step

DATA_DIR = Path(__file__).parent / "data"
PROJECT = Path(__file__).parents[2]  # results go there, wherever the command is called

LATE_MINUTES = 15
AGE_YEAR = 2013  # a plane's age is counted to the year of the data, not to today

FLIGHT_COLUMNS: dict[str, Kind] = {
    "year": "number",
    "month": "number",
    "day": "number",
    "dep_time": "number",
    "dep_delay": "number",
    "arr_delay": "number",
    "carrier": "text",
    "tailnum": "text",
    "origin": "text",
    "time_hour": "time",
}

OUTPUT_TYPES: dict[str, pa.DataType] = {
    "day": pa.date32(),
    "carrier": pa.string(),
    "airline": pa.string(),
    "flights": pa.int64(),
    "cancelled": pa.int64(),
    "mean_dep_delay": pa.float64(),
    "mean_arr_delay": pa.float64(),
    "late_share": pa.float64(),
    "mean_wind_speed": pa.float64(),
    "mean_plane_age": pa.float64(),
}


@step
def load_flights(month: str, data_dir: Path) -> pd.DataFrame:
    """Read the month's scheduled flights; each is of a day of that month."""
    path = _month_file("flights", month, data_dir)
    flights = read_table(path, FLIGHT_COLUMNS, required=("year", "month", "day", "carrier"))
    _check_days(path, flights, month)
    return flights.astype({"year": "int64", "month": "int64", "day": "int64"})


@step
def load_weather(month: str, data_dir: Path) -> pd.DataFrame:
    """Read the month's hourly weather at the airports that flights leave from; wind in miles an hour."""
    path = _month_file("weather", month, data_dir)
    return read_table(path, {"origin": "text", "time_hour": "time", "wind_speed": "number"})


@step
def load_planes(data_dir: Path) -> pd.DataFrame:
    """Read the planes and the year in which each was built."""
    return read_table(data_dir / "planes.csv", {"tailnum": "text", "year": "number"})


@step
def load_airlines(data_dir: Path) -> pd.DataFrame:
    """Read the airlines' codes and names."""
    return read_table(data_dir / "airlines.csv", {"carrier": "text", "name": "text"})


@step
def clean_flights(flights: pd.DataFrame) -> pd.DataFrame:
    """Give each flight its day, whether it was cancelled, and whether it came late (1.0, 0.0, or missing)."""
    arr_delay = flights["arr_delay"]
    kept = flights[["carrier", "origin", "time_hour", "tailnum", "dep_delay", "arr_delay"]]
    return kept.assign(
        day=pd.to_datetime(flights[["year", "month", "day"]]),
        cancelled=flights["dep_time"].isna(),
        late=(arr_delay > LATE_MINUTES).astype("float64").where(arr_delay.notna()),
    )


@step
def clean_weather(weather: pd.DataFrame) -> pd.DataFrame:
    """Leave one row for each airport and hour, so that joining it multiplies no flight; repeats are averaged."""
    return weather.groupby(["origin", "time_hour"], as_index=False).agg(wind_speed=("wind_speed", "mean"))


@step
def clean_planes(planes: pd.DataFrame) -> pd.DataFrame:
    """Leave one row for each plane whose year is known: the first."""
    known = planes.dropna(subset=["tailnum", "year"]).drop_duplicates("tailnum", ignore_index=True)
    return known.rename(columns={"year": "plane_year"})


@step
def clean_airlines(airlines: pd.DataFrame) -> pd.DataFrame:
    """Leave one row for each airline whose name is known: the first."""
    known = airlines.dropna(subset=["carrier", "name"]).drop_duplicates("carrier", ignore_index=True)
    return known.rename(columns={"name": "airline"})


@step
def join_flights(
    flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame, airlines: pd.DataFrame
) -> pd.DataFrame:
    """Add wind, plane's age and airline to each flight; what has no match stays missing, and no flight is lost."""
    joined = (
        flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
        .merge(planes, on="tailnum", how="left", validate="many_to_one")
        .merge(airlines, on="carrier", how="left", validate="many_to_one")
    )
    joined["plane_age"] = AGE_YEAR - joined["plane_year"]
    return joined.drop(columns=["origin", "time_hour", "tailnum", "plane_year"])


@step
def aggregate_days(flights: pd.DataFrame) -> pd.DataFrame:
    """Sum the flights up to one row for each day and carrier, in that order; means are over the known values."""
    days = flights.groupby(["day", "carrier", "airline"], as_index=False, dropna=False)
    return days.agg(
        flights=("cancelled", "size"),
        cancelled=("cancelled", "sum"),
        mean_dep_delay=("dep_delay", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
        late_share=("late", "mean"),
        mean_wind_speed=("wind_speed", "mean"),
        mean_plane_age=("plane_age", "mean"),
    )


@step(retry=Retry(attempts=3, delay=1))
def export(carrier_days: pd.DataFrame, month: str, out_dir: Path) -> dict[str, str | int]:
    """Write `carrier_days_<month>.parquet` into `out_dir` of the project, and return its path there and the counts.

    Nothing consumes this step, so it starts only when all before it is durable. A repeat replaces the file by an equal
    one: it is written under a name of its own beside the final one and takes its place whole, or not at all."""
    name = f"carrier_days_{month}.parquet"
    folder = PROJECT / out_dir
    _make_folder(folder)
    _write_whole(carrier_days, folder / name)
    return {
        "path": str(out_dir / name),
        "flights": int(carrier_days["flights"].sum()),
        "cancelled": int(carrier_days["cancelled"].sum()),
        "rows": len(carrier_days),
    }


@pipeline
def nyc_flights(month: str = "2013-01", data_dir: Path = DATA_DIR, out_dir: Path = Path("out")) -> dict[str, str | int]:
    """Delays, cancellations, wind and planes' age for each day and carrier of a month."""
    flights = clean_flights(load_flights(month, data_dir))
    weather = clean_weather(load_weather(month, data_dir))
    planes = clean_planes(load_planes(data_dir))
    airlines = clean_airlines(load_airlines(data_dir))
    joined = join_flights(flights, weather, planes, airlines)
    return export(aggregate_days(joined), month, out_dir)


def _month_file(table: str, month: str, data_dir: Path) -> Path:
    if not re.fullmatch(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])", month):
        raise TerminalError(
            f"The month is {month!r}.",
            "A month is a year and a number from 01 to 12, such as '2013-01'.",
            "Pass it as `-p month=2013-01`.",
        )
    return data_dir / f"{table}_{month}.csv.gz"


def _check_days(path: Path, flights: pd.DataFrame, month: str) -> None:
    """Refuse a file that holds another month's flights, or a day that the calendar doesn't have."""
    year, number = (int(part) for part in month.split("-"))
    days = range(1, calendar.monthrange(year, number)[1] + 1)
    strange = (flights["year"] != year) | (flights["month"] != number) | ~flights["day"].isin(days)
    if strange.any():
        place = int(strange.argmax())
        found = "-".join(f"{flights[part].iloc[place]:g}" for part in ("year", "month", "day"))
        raise refuse_file(
            path, f"has a flight of {found!r} in row {place + FIRST_ROW}.", f"It should hold flights of {month!r} only."
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TerminalError(
            f"The folder {str(folder)!r} can't be made: {error.strerror or error}.",
            "The output goes into a folder, which is made when it isn't there.",
            "Pass another folder as `-p out_dir=FOLDER`.",
        ) from error


def _write_whole(carrier_days: pd.DataFrame, path: Path) -> None:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        carrier_days.to_parquet(part, engine="pyarrow", index=False, schema=pa.schema(OUTPUT_TYPES))
        part.replace(path)
    except OSError as error:
        raise RetryableError(
            f"The file {str(path)!r} can't be written: {error.strerror or error}.",
            "The folder is writable, the disk has room, and on Windows no other program has the file open.",
            "Make room, or pass another folder as `-p out_dir=FOLDER`.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
