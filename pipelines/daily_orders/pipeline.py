"""What a shop sold and took back, by day and category: from BigQuery, into BigQuery, each day exactly once.

Every night the shop's system exports its order lines and its returns, each under the day of the export. At 6:00 in
New York they are cleaned, summed up and put in the place of that day's rows of `daily_totals`. Without any account it
runs on a week of sample data and writes into a file (`warehouse.py`)."""

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa

from daily_orders.warehouse import Kind, Place, open_warehouse
from pplns import Resources, Retry, RetryableError, Schedule, current_run, logical_date, pipeline, step

DATA_DIR = Path(__file__).parent / "data"

LINE_COLUMNS = ("line_id", "order_id", "sku", "quantity", "unit_price")
PRODUCT_COLUMNS = ("sku", "category")
UNKNOWN = "unknown"  # the category of goods that no product names

QUANTITY = r"[1-9][0-9]{0,4}"
PRICE = r"[0-9]{1,8}(?:\.[0-9]{1,2})?"

TOTALS: dict[str, pa.DataType] = {
    "day": pa.date32(),
    "category": pa.string(),
    "orders": pa.int64(),
    "units": pa.int64(),
    "gross_cents": pa.int64(),
    "returned_units": pa.int64(),
    "refunded_cents": pa.int64(),
    "net_cents": pa.int64(),
}

PATIENT = Retry(attempts=4, delay=5, max_delay="1m")


@step(retry=PATIENT, timeout="5m")
def load_orders(day: date, place: Place) -> pd.DataFrame:
    """Read the order lines of a day's export, as text.

    A day without any is one whose export hasn't landed: worth another try, and never a day of zeros in the report."""
    lines = open_warehouse(place).read("orders", LINE_COLUMNS, day=day)
    if lines.empty:
        raise RetryableError(
            f"The table 'orders' has no line of {day.isoformat()!r}.",
            "The export of a day lands before 6:00 in New York, and has at least one order.",
            "See whether the export ran, then `pplns resume` this run.",
        )
    return lines


@step(retry=PATIENT, timeout="5m")
def load_returns(day: date, place: Place) -> pd.DataFrame:
    """Read the returned lines of a day's export, as text; there may be none."""
    return open_warehouse(place).read("returns", LINE_COLUMNS, day=day)


@step(retry=PATIENT, timeout="5m")
def load_products(place: Place) -> pd.DataFrame:
    """Read the category of each product, the first where one comes twice."""
    products = open_warehouse(place).read("products", PRODUCT_COLUMNS)
    return products.drop_duplicates("sku", ignore_index=True)


@step
def clean(lines: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the usable lines, each once, with money in cents; and how many rows were left out.

    A line is usable that has its ids, a quantity from 1 to 99999 and a price of at most two decimals. Of rows that
    have one line id the first counts, in the order of their values: a table in BigQuery has no order of its own."""
    text = pd.DataFrame({name: lines[name].str.strip() for name in LINE_COLUMNS})
    text = text.sort_values(list(LINE_COLUMNS), ignore_index=True)
    usable = (
        (text["line_id"] != "")
        & (text["order_id"] != "")
        & text["quantity"].str.fullmatch(QUANTITY)
        & text["unit_price"].str.fullmatch(PRICE)
    )
    kept = text[usable].drop_duplicates("line_id", ignore_index=True)
    units = kept["quantity"].astype("int64")
    unit_cents = (kept["unit_price"].astype("float64") * 100).round().astype("int64")
    cleaned = kept[["order_id"]].assign(sku=kept["sku"].str.upper(), units=units, cents=units * unit_cents)
    return cleaned, len(lines) - len(kept)


@step
def enrich(orders: pd.DataFrame, returns: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Put orders and returns below each other, each line with its category; no line is lost.

    The `order_id` of a return is left out, so that counting orders doesn't count it."""
    sold = orders.assign(returned_units=0, refunded_cents=0)
    back = returns.rename(columns={"units": "returned_units", "cents": "refunded_cents"})
    back = back.assign(order_id=None, units=0, cents=0)
    lines = pd.concat([sold, back], ignore_index=True)
    joined = lines.merge(products, on="sku", how="left", validate="many_to_one")
    return joined.assign(category=joined["category"].fillna(UNKNOWN)).drop(columns="sku")


@step
def daily_totals(lines: pd.DataFrame, day: date) -> pd.DataFrame:
    """Sum the lines up to one row for each category, in the order of their names."""
    totals = lines.groupby("category", as_index=False).agg(
        orders=("order_id", "nunique"),
        units=("units", "sum"),
        gross_cents=("cents", "sum"),
        returned_units=("returned_units", "sum"),
        refunded_cents=("refunded_cents", "sum"),
    )
    totals["net_cents"] = totals["gross_cents"] - totals["refunded_cents"]
    totals.insert(0, "day", pd.Timestamp(day))
    return totals


@step(retry=PATIENT, timeout="5m", wait_for_commit=True)
def write_totals(totals: pd.DataFrame, day: date, place: Place) -> dict[str, str | int]:
    """Put the totals in the place of that day's rows of `daily_totals`, exactly once, and return what was written.

    The key is the same for every try and attempt of this step of this run, and is known only once what it rests on
    can't change any more. A repeat finds by it the load that an earlier try made, and loads nothing."""
    key = current_run().idempotency_key
    rows = pa.Table.from_pandas(totals, schema=pa.schema(TOTALS), preserve_index=False)
    load = open_warehouse(place).replace_day("daily_totals", rows, day=day, key=key)
    return {
        "table": "daily_totals",
        "day": day.isoformat(),
        "rows": len(totals),
        "net_cents": int(totals["net_cents"].sum()),
        "load": load,
    }


@pipeline(
    triggers=[Schedule("0 6 * * *", timezone="America/New_York", params={"warehouse": "bigquery"})],
    resources=Resources(cpu=1, memory="1Gi"),
    timeout="25m",
    max_concurrent_runs=1,
)
def daily_orders(
    day: date = logical_date(),
    warehouse: Kind = "local",
    project: str | None = None,
    dataset: str = "shop",
    location: str = "US",
    data_dir: Path = DATA_DIR,
    database: Path = Path("out/daily_orders.sqlite"),
) -> dict[str, object]:
    """What was sold and taken back on a day, by category."""
    place = Place(warehouse, project, dataset, location, data_dir=data_dir, database=database)
    orders, bad_orders = clean(load_orders(day, place))
    returns, bad_returns = clean.named("clean_returns")(load_returns(day, place))
    totals = daily_totals(enrich(orders, returns, load_products(place)), day)
    written = write_totals(totals, day, place)
    return {"written": written, "left_out_orders": bad_orders, "left_out_returns": bad_returns}
