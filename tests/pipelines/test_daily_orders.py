"""The daily orders offline: the steps as plain functions, and whole runs on the local warehouse."""

import csv
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from daily_orders.local import LocalWarehouse, sample_day
from daily_orders.make_data import write_data
from daily_orders.pipeline import (
    DATA_DIR,
    LINE_COLUMNS,
    TOTALS,
    clean,
    daily_orders,
    daily_totals,
    enrich,
    load_orders,
    load_returns,
    write_totals,
)
from daily_orders.warehouse import Place
from pplns import RetryableError, TerminalError
from pplns.testing import FailingStore, inside_run, run

USUAL = {"line_id": "1-1", "order_id": "1", "sku": "TEA-01", "quantity": "2", "unit_price": "8.90"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "out" / "daily.sqlite"


def lines(*rows: dict[str, str]) -> pd.DataFrame:
    """Lines of an export, of which only what is unusual is given."""
    return pd.DataFrame([USUAL | row for row in rows], columns=list(LINE_COLUMNS), dtype="str")


def stored(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """What stands in the SQLite file."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def local(data_dir: Path = DATA_DIR, database: Path = Path("unused")) -> Place:
    """The local warehouse, as the pipeline would describe it."""
    return Place("local", None, "shop", "US", data_dir=data_dir, database=database)


def test_a_line_is_cleaned():
    """Spaces and case don't matter, and money becomes cents, for all pieces of the line."""
    cleaned, left_out = clean(lines({"sku": " tea-01 ", "quantity": " 3", "unit_price": "8.9"}))

    assert cleaned.to_dict("records") == [{"order_id": "1", "sku": "TEA-01", "units": 3, "cents": 2670}]
    assert left_out == 0


@pytest.mark.parametrize("row", [
    {"line_id": ""}, {"order_id": " "}, {"quantity": "0"}, {"quantity": "-1"}, {"quantity": "two"}, {"quantity": "1.5"},
    {"quantity": "100000"}, {"quantity": "٣"}, {"unit_price": ""}, {"unit_price": "n/a"}, {"unit_price": "-8.90"},
    {"unit_price": "8.905"}, {"unit_price": "8,90"}, {"unit_price": "1e3"}, {"unit_price": "inf"},
])  # fmt: skip
def test_an_unusable_line_is_left_out_and_counted(row: dict[str, str]):
    """One bad line costs itself, not the day."""
    cleaned, left_out = clean(lines(row | {"line_id": row.get("line_id", "1-2")}, {}))

    assert (cleaned["cents"].tolist(), left_out) == ([1780], 1)


def test_a_line_that_comes_twice_counts_once_whatever_the_order():
    """A table in BigQuery has no order: the same rows give the same lines, however they come."""
    rows = [{"quantity": "1"}, {"quantity": "3"}, {"line_id": "1-2"}]

    forth, back = clean(lines(*rows)), clean(lines(*reversed(rows)))

    assert forth[0]["units"].tolist() == back[0]["units"].tolist() == [1, 2]
    assert forth[1] == back[1] == 1


@pytest.mark.parametrize("cents", range(0, 100_000_000, 3_333_331))
def test_every_price_is_exact_to_the_cent(cents: int):
    """No amount is rounded on its way through a float."""
    cleaned, _ = clean(lines({"unit_price": f"{Decimal(cents) / 100:.2f}", "quantity": "99999"}))

    assert cleaned["cents"].tolist() == [cents * 99999]


def test_no_line_is_lost_when_it_is_enriched():
    """Goods that no product names are of the category 'unknown', and a return is no order."""
    orders, _ = clean(lines({}, {"line_id": "2-1", "order_id": "2", "sku": "OLD-99"}))
    returns, _ = clean(lines({"quantity": "1"}))
    products = pd.DataFrame({"sku": ["TEA-01"], "category": ["tea"]})

    totals = daily_totals(enrich(orders, returns, products), date(2024, 3, 4))

    assert list(totals.columns) == list(TOTALS)
    assert totals.iloc[:, 1:].values.tolist() == [
        ["tea", 1, 2, 1780, 1, 890, 890],
        ["unknown", 1, 2, 1780, 0, 0, 1780],
    ]


def test_a_day_without_returns_is_a_day():
    """Empty tables keep their types through every step."""
    orders, _ = clean(lines({}))
    returns, left_out = clean(lines())

    totals = daily_totals(enrich(orders, returns, pd.DataFrame({"sku": ["X"], "category": ["x"]})), date(2024, 3, 4))

    assert left_out == 0
    assert totals["net_cents"].tolist() == [1780]
    assert {dtype.kind for dtype in totals.dtypes[2:]} == {"i"}


@pytest.mark.parametrize("day", [date(2024, 3, 4 + weekday) for weekday in range(7)])
def test_the_totals_of_each_sample_day_are_right(day: date, database: Path):
    """A whole run gives what plain Python makes of the files, row by row."""
    done = run(daily_orders, {"day": day.isoformat(), "database": str(database)})

    assert done.state == "succeeded"
    assert stored(database, "SELECT * FROM daily_totals ORDER BY category") == recompute(day)
    assert done.result["written"]["net_cents"] == sum(row[-1] for row in recompute(day))
    assert done.result["left_out_orders"] > 0


def test_a_day_that_the_sample_lacks_reads_its_weekday(database: Path):
    """Whoever tries the example today sees orders, under today's date."""
    done = run(daily_orders, {"day": "2031-07-16", "database": str(database)})

    assert done.state == "succeeded"
    assert sample_day(date(2031, 7, 16)) == date(2024, 3, 6)
    rows = [("2031-07-16", *row[1:]) for row in recompute(date(2024, 3, 6))]
    assert stored(database, "SELECT * FROM daily_totals ORDER BY category") == rows


def test_the_same_step_stands_twice_in_the_run(database: Path):
    """Orders and returns are cleaned by one function under two names, each with a checkpoint of its own."""
    done = run(daily_orders, {"day": "2024-03-04", "database": str(database)})

    assert done.step("clean").version != done.step("clean_returns").version
    assert done.value("clean")[0].equals(clean(load_orders(date(2024, 3, 4), local()))[0])
    assert done.value("clean_returns")[0].equals(clean(load_returns(date(2024, 3, 4), local()))[0])


def test_a_run_that_dies_after_every_step_leaves_the_day_once(database: Path):
    """Each attempt ends right after a commit; together they do what one would have done."""
    done = run(daily_orders, {"day": "2024-03-04", "database": str(database)}, interrupt="every-step")

    assert (done.state, done.attempts) == ("succeeded", 9)
    assert stored(database, "SELECT * FROM daily_totals ORDER BY category") == recompute(date(2024, 3, 4))
    assert stored(database, "SELECT count(*) FROM loads") == [(1,)]


def test_a_write_whose_checkpoint_is_lost_is_not_repeated(database: Path):
    """The rows are there and their commit isn't: the next attempt finds the key, and writes nothing."""
    params = {"day": "2024-03-04", "database": str(database)}
    store = FailingStore()
    store.fail("create", matching="steps/write_totals@")
    failed = run(daily_orders, params, store=store)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE daily_totals SET net_cents = 1")

    assert (failed.state, failed.resume().state) == ("failed", "succeeded")
    assert stored(database, "SELECT DISTINCT net_cents FROM daily_totals") == [(1,)]


def test_a_step_that_asks_for_the_key_is_tested_inside_a_run(database: Path):
    """`inside_run` gives the step a run, so that it too is called as a plain function."""
    orders, _ = clean(lines({}))
    returns, _ = clean(lines())
    totals = daily_totals(enrich(orders, returns, pd.DataFrame({"sku": ["X"], "category": ["x"]})), date(2024, 3, 4))

    with inside_run(step="write_totals") as current:
        written = write_totals(totals, date(2024, 3, 4), local(database=database))

    assert written["load"] == f"local-{current.idempotency_key}"
    assert stored(database, "SELECT category, net_cents FROM daily_totals") == [("unknown", 1780)]


def test_two_runs_of_a_day_leave_it_once(database: Path):
    """A second run has a key of its own, and replaces the rows of the first."""
    for _ in range(2):
        run(daily_orders, {"day": "2024-03-04", "database": str(database)})

    assert stored(database, "SELECT * FROM daily_totals ORDER BY category") == recompute(date(2024, 3, 4))
    assert stored(database, "SELECT count(*) FROM loads") == [(2,)]


def test_a_key_that_was_loaded_changes_nothing_any_more(database: Path, tmp_path: Path):
    """A repeat of an old load doesn't undo what came after it, and another day stays as it is."""
    import pyarrow as pa

    warehouse = LocalWarehouse(tmp_path, database)
    rows = {day: pa.table({"day": [date(2024, 3, day)], "x": [day]}) for day in (4, 5)}
    newer = pa.table({"day": [date(2024, 3, 4)], "x": [40]})

    for table, key in ((rows[4], "a"), (rows[5], "b"), (newer, "c"), (rows[4], "a")):
        warehouse.replace_day("t", table, day=table["day"][0].as_py(), key=key)

    assert sorted(stored(database, "SELECT * FROM t")) == [("2024-03-04", 40), ("2024-03-05", 5)]


def test_a_run_needs_no_library_of_the_cloud(database: Path, monkeypatch: pytest.MonkeyPatch):
    """Offline it runs where google-cloud-bigquery isn't installed."""
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)

    assert run(daily_orders, {"database": str(database)}).state == "succeeded"


def test_a_day_without_an_export_is_worth_another_try(tmp_path: Path):
    """An export that is late must not become a day of zeros; a day without returns may be."""
    (tmp_path / "orders.csv").write_text("day," + ",".join(LINE_COLUMNS) + "\n")
    (tmp_path / "returns.csv").write_text("day," + ",".join(LINE_COLUMNS) + "\n")

    with pytest.raises(RetryableError, match=r"The table 'orders' has no line of '2024-03-04'\..*pplns resume"):
        load_orders(date(2024, 3, 4), local(tmp_path))

    assert load_returns(date(2024, 3, 4), local(tmp_path)).empty


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"The file 'orders\.csv' can't be read: .*-p data_dir=FOLDER"),
        (b"\xff\xfe", r"The file 'orders\.csv' can't be read: .*UTF-8"),
        (b"", r"The file 'orders\.csv' lacks 'line_id', .*Its header is nothing\."),
        (b"day,line_id,order_id,sku,amount,unit_price\n", r"lacks 'quantity'\. Its header is 'day', 'line_id'"),
    ],
    ids=["missing", "not-utf-8", "empty", "another-column"],
)
def test_a_file_that_is_no_export_is_refused(content: bytes | None, message: str, tmp_path: Path):
    """The message names the file and what to pass or repair."""
    if content is not None:
        (tmp_path / "orders.csv").write_bytes(content)

    with pytest.raises(TerminalError, match=message):
        load_orders(date(2024, 3, 4), local(tmp_path))


@pytest.mark.parametrize(
    ("param", "value"),
    [("dataset", "shop; DROP"), ("dataset", ""), ("dataset", "a.b"), ("project", "Acme`"), ("project", "x")],
)
def test_a_name_that_can_be_no_name_is_refused(param: str, value: str):
    """What becomes part of an SQL text is checked before anything is read or written."""
    done = run(daily_orders, {param: value, "warehouse": "bigquery"})

    assert (done.state, done.record.final) == ("failed", True)
    assert done.error is not None
    assert f"raised TerminalError: The {param} is {value!r}." in done.error.message
    assert done.error.hint == f"Correct `-p {param}=NAME`."


def test_a_database_in_an_impossible_place_is_refused(tmp_path: Path):
    """The message says what to pass instead."""
    import pyarrow as pa

    (tmp_path / "out").write_text("not a folder")
    warehouse = LocalWarehouse(tmp_path, tmp_path / "out" / "daily.sqlite")

    with pytest.raises(TerminalError, match=r"daily\.sqlite' can't be written: .*-p database=FILE"):
        warehouse.replace_day("t", pa.table({"day": [date(2024, 3, 4)]}), day=date(2024, 3, 4), key="a")


def test_a_database_that_another_process_holds_is_worth_another_try(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SQLite lets one write at a time."""
    import pyarrow as pa

    monkeypatch.setattr("daily_orders.local.WAIT_SECONDS", 0.0)
    rows = pa.table({"day": [date(2024, 3, 4)]})
    warehouse = LocalWarehouse(tmp_path, database)
    warehouse.replace_day("t", rows, day=date(2024, 3, 4), key="a")

    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match="database is locked"):
            warehouse.replace_day("t", rows, day=date(2024, 3, 4), key="b")


def test_the_sample_is_what_its_script_writes(tmp_path: Path):
    """The data is made, not collected: the same bytes on every Python and system."""
    write_data(tmp_path)

    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (DATA_DIR / path.name).read_bytes(), path.name


def test_the_test_that_the_readme_shows_passes():
    """Who copies it begins with a green test."""
    readme = (DATA_DIR.parent / "README.md").read_text(encoding="utf-8")
    (snippet,) = [text for text in readme.split("```python\n") if text.startswith("import pandas")]
    shown: dict[str, Any] = {}

    exec(snippet.partition("```")[0], shown)  # the README is part of the project

    shown["test_a_line_without_a_price_is_left_out"]()


def recompute(day: date) -> list[tuple[Any, ...]]:
    """The totals of a day from the files, line by line in plain Python."""
    category = {row["sku"]: row["category"] for row in read_rows("products")}
    orders: dict[str, set[str]] = defaultdict(set)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for table, place in (("orders", 0), ("returns", 2)):
        for row in usable_rows(table, day):
            name = category.get(row["sku"].strip().upper(), "unknown")
            sums[name][place] += int(row["quantity"])
            sums[name][place + 1] += int(row["quantity"]) * int(Decimal(row["unit_price"]) * 100)
            if table == "orders":
                orders[name].add(row["order_id"])
    return [(f"{day}", name, len(orders[name]), *sums[name], sums[name][1] - sums[name][3]) for name in sorted(sums)]


def usable_rows(table: str, day: date) -> list[dict[str, str]]:
    """The lines of a day that count, each once."""
    rows = {row["line_id"]: row for row in read_rows(table) if row["day"] == f"{day}" and row["order_id"]}
    return [row for row in rows.values() if row["quantity"].isdecimal() and int(row["quantity"]) and is_price(row)]


def is_price(row: dict[str, str]) -> bool:
    """Whether a line has a price, and none below zero."""
    return row["unit_price"].replace(".", "", 1).isdecimal()


def read_rows(table: str) -> list[dict[str, str]]:
    """The rows of a sample file."""
    with (DATA_DIR / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
