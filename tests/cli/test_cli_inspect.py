"""`pplns runs`, `run-info` and `artifact`."""

import json
import re

import pytest

TABLE = """
from datetime import date
import pandas as pd
from pplns import pipeline, step

@step
def load(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"id": range(rows), "name": ["Zoë"] * rows, "share": [0.5] * rows})

@step
def raw(table: pd.DataFrame) -> bytes:
    return b"\\x00\\xff" * 20_000

@step(outputs=2)
def parts(table: pd.DataFrame):
    return {"day": date(2026, 1, 31), "rows": len(table)}, "a line\\nanother"

@pipeline
def tables(rows: int = 25):
    table = load(rows)
    return raw(table), parts(table)
"""


@pytest.fixture
def tables(shop, pplns):
    """A project with a run `t` of a pipeline whose steps return a table, bytes and two values."""
    (shop / "pipelines" / "tables.py").write_text(TABLE)
    assert pplns("run", "tables", "--run-id", "t").code == 0
    return shop


def test_runs_are_listed_newest_first(shop, pplns):
    """The list has a line for each run, with state, start and time."""
    pplns("run", "shop", "--run-id", "first")
    pplns("run", "shop", "--run-id", "second", "-p", "broken=true")

    lines = pplns("runs").out.splitlines()

    assert lines[0].split() == ["run", "pipeline", "state", "started", "UTC", "time"]
    assert {tuple(line.split()[:3]) for line in lines[1:]} == {
        ("first", "shop", "succeeded"),
        ("second", "shop", "failed"),
    }


def test_runs_can_be_narrowed_by_pipeline_state_and_number(shop, pplns):
    """NAME, --state and --limit leave out the rest."""
    for run_id, broken in (("a", "0"), ("b", "1"), ("c", "0")):
        pplns("run", "shop", "--run-id", run_id, "-p", f"broken={broken}")

    failed = pplns("runs", "shop", "--state", "failed", "--json").document["runs"]
    limited = pplns("runs", "--limit", "2", "--json").document["runs"]

    assert [record["run_id"] for record in failed] == ["b"]
    assert len(limited) == 2


def test_a_long_list_is_shown_page_by_page(shop, pplns):
    """A full page says how to see the next one; together they hold each run once, newest first."""
    for number in range(5):
        pplns("run", "shop", "--run-id", f"r{number}", "-p", "broken=0")
    pages, before = [], []
    while before is not None:
        page = pplns("runs", "shop", "--limit", "2", *before, "--json").document
        pages.append([record["run_id"] for record in page["runs"]])
        before = None if page["before"] is None else ["--before", page["before"]]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(run_id for page in pages for run_id in page) == [f"r{number}" for number in range(5)]
    assert (
        pplns("runs", "--limit", "2", "--state", "succeeded")
        .out.splitlines()[-1]
        .startswith("Older ones: pplns runs --state succeeded --before shop/r")
    )


def test_a_run_that_is_not_there_has_no_runs_before_it(shop, pplns):
    """A mistyped id is refused, not taken for the end of the list."""
    pplns("run", "shop", "--run-id", "first")

    answer = pplns("runs", "--before", "frist")

    assert answer.code == 2
    assert "Did you mean 'first'?" in answer.err


def test_a_damaged_run_is_named_and_the_others_are_listed(shop, pplns):
    """A warning on stderr, a problem in --json, exit 0."""
    pplns("run", "shop", "--run-id", "first")
    pplns("run", "shop", "--run-id", "second")
    record = shop / ".pplns" / "shop" / "runs" / "first" / "run.json"
    record.chmod(0o644)
    record.write_text("{")

    answer, document = pplns("runs"), pplns("runs", "--json").document

    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == ["run", "second"]
    assert answer.err.startswith("Warning: The record 'shop/runs/first/run.json' is damaged")
    assert [one["code"] for one in document["problems"]] == ["damaged_record"]


def test_no_runs_is_said_and_is_no_error(shop, pplns):
    """An empty store is a fact, not a failure."""
    answer = pplns("runs", "shop")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("No runs of shop in file:")
    assert pplns("runs", "--json").document == {"runs": [], "problems": [], "before": None}


def test_runs_fit_80_columns(shop, pplns, monkeypatch):
    """Derived ids stay whole, a long name of a pipeline gives way."""
    file = shop / "pipelines" / "shop.py"
    file.write_text(file.read_text().replace("def shop(", "def shop_with_a_very_long_name_of_its_own("))
    run_id = pplns("run", "shop_with_a_very_long_name_of_its_own", "--json").document["run_id"]
    monkeypatch.setenv("COLUMNS", "80")

    lines = pplns("runs").out.splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[1].startswith(run_id + "  shop")


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["runs", "shp"], "There is no pipeline 'shp'", "Did you mean 'shop'?"),
        (["runs", "--state", "fialed"], "Did you mean 'failed'?", "See `pplns runs --help`."),
        (["runs", "--limit", "0"], "0 is not in the range", "See `pplns runs --help`."),
        (["run-info", "secnd"], "There is no run 'secnd'", "Did you mean 'second'?"),
        (["run-info", "shop/missing"], "missing", ""),
        (["artifact", "second", "splt"], "Step 'splt' has no checkpoint", "Did you mean 'split'?"),
        (
            ["artifact", "second", "split", "--number", "2"],
            "Step 'split' returned 2 values, counted from 0.",
            "Choose a smaller",
        ),
        (["artifact", "second", "split", "-o", "x"], "Step 'split' returned 2 values.", "Choose it with --number"),
    ],
)
def test_a_wrong_name_gets_the_nearest_one(shop, pplns, arguments, message, remedy):
    """Mistyped names exit 2 with the nearest name."""
    pplns("run", "shop", "--run-id", "second")

    answer = pplns(*arguments)

    assert answer.code == 2
    assert message in answer.err
    assert f"\n  → {remedy}" in answer.err


def test_run_info_shows_what_is_recorded(shop, pplns):
    """State, parameters, steps, error with its place, and the next command."""
    pplns("run", "shop", "--run-id", "bad", "-p", "broken=true")

    out = pplns("run-info", "bad").out

    for part in (
        "State         failed, for good", "Parameters    n=3", "broken=true",
        "Error         Step 'check' raised KeyError: 'amount'", 'raise KeyError("amount")', "\n  → ",
        "Go on with: pplns resume bad",
    ):  # fmt: skip
        assert part in out
    assert re.search(r"^step +state +tries +time +rows +bytes$", out, re.MULTILINE)
    assert re.search(r"^check +failed +2 +\d+ m?s$", out, re.MULTILINE)


def test_run_info_json_is_the_record(shop, pplns):
    """The same record that the run itself gave."""
    record = pplns("run", "shop", "--run-id", "first", "--json").document

    assert pplns("run-info", "shop/first", "--json").document == record


def test_a_bare_id_of_two_pipelines_is_refused(tables, pplns):
    """PIPELINE/RUN_ID says which is meant."""
    pplns("run", "shop", "--run-id", "t")

    answer = pplns("run-info", "t")

    assert answer.code == 2
    assert "'shop', 'tables'" in answer.err
    assert pplns("run-info", "tables/t").code == 0


def test_a_table_is_shown_by_its_first_rows(tables, pplns):
    """--head says how many; what isn't shown is counted."""
    lines = pplns("artifact", "t", "load", "--head", "2").out.splitlines()

    assert lines[0].startswith("load: pandas, 25 rows, ")
    assert lines[-4:] == ["id  name  share", " 0  Zoë     0.5", " 1  Zoë     0.5", "… 23 more rows"]


def test_a_table_is_shown_by_its_columns(tables, pplns):
    """Each with its type, its missing values and its range."""
    lines = pplns("artifact", "t", "load", "--head", "0").out.splitlines()

    assert lines[2].split() == ["column", "type", "nulls", "min", "max"]
    assert lines[3].split() == ["id", "int64", "0", "0", "24"]
    assert lines[5].split() == ["share", "float64", "0", "0.5", "0.5"]


def test_a_wide_table_shows_the_columns_that_fit(tables, pplns, monkeypatch):
    """Columns that don't fit are counted; their names stand above."""
    monkeypatch.setenv("COLUMNS", "12")

    lines = pplns("artifact", "t", "load", "--head", "1").out.splitlines()

    assert lines[-4:] == ["id  name", " 0  Zoë", "… 1 more column", "… 24 more rows"]


def test_values_are_shown_as_json_and_text(tables, pplns):
    """A step with several outputs shows each; --number picks one."""
    both = pplns("artifact", "t", "parts").out
    second = pplns("artifact", "t", "parts", "--number", "1").out.splitlines()

    assert '"day": "2026-01-31"' in both
    assert second[0].startswith("parts [1]: ")
    assert second[1:] == ["a line", "another"]


def test_bytes_are_shown_by_their_size_and_saved_as_they_are(tables, pplns):
    """Raw bytes don't go to a terminal."""
    shown = pplns("artifact", "t", "raw").out
    saved = pplns("artifact", "t", "raw", "--output", "raw.bin")

    assert "40,000 bytes (40.0 kB); save them with --output FILE" in shown
    assert saved.out == "Saved raw.bin.\n"
    assert (tables / "raw.bin").read_bytes() == b"\x00\xff" * 20_000


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_a_table_is_saved_by_the_ending_of_the_file(tables, pplns, ending):
    """What was saved reads back with all rows."""
    import pandas as pd

    assert pplns("artifact", "t", "load", "-o", f"t.{ending}").code == 0

    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "arrow": pd.read_feather}[ending]
    frame = read(tables / f"t.{ending}")
    assert frame["name"].tolist() == ["Zoë"] * 25


@pytest.mark.parametrize(("file", "code"), [("t.xlsx", 2), ("missing/t.csv", 3)])
def test_a_table_that_cannot_be_saved_so_is_refused(tables, pplns, file, code):
    """An unknown ending is wrong usage; a folder that isn't there is the environment."""
    answer = pplns("artifact", "t", "load", "-o", file)

    assert answer.code == code
    assert file.split("/")[-1] in answer.err
    assert "Traceback" not in answer.err


def test_artifact_json_is_the_commit_and_the_head(tables, pplns):
    """--json gives digest, sizes, columns and the first rows."""
    document = pplns("artifact", "t", "load", "--head", "1", "--json").document

    [value] = document["values"]
    assert value["rows"] == 25
    assert value["head"] == {"columns": ["id", "name", "share"], "rows": [[0, "Zoë", 0.5]], "total_rows": 25}
    assert value["summary"][0] == {"column": "id", "type": "int64", "nulls": 0, "min": 0, "max": 24}
    assert document["tries"] == 1


def test_a_damaged_record_is_named_without_a_traceback(shop, pplns):
    """A half-written record is refused by its name, exit 1."""
    pplns("run", "shop", "--run-id", "first")
    (record,) = (shop / ".pplns" / "shop" / "runs" / "first").glob("run.json")
    record.chmod(0o644)
    record.write_text(json.dumps({"schema": 1})[:-3])

    answer = pplns("run-info", "first")

    assert answer.code == 1
    assert "run.json" in answer.err
    assert "Traceback" not in answer.err
