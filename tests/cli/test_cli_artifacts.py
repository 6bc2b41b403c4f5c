"""`pplns artifact` on streams, large values and files."""

import json
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest

from pplns import codecs
from pplns.state.artifacts import ArtifactPlace, settle_value, store_value
from pplns.stores import MemoryStore
from pplns_deploy.cli.saving import save_value
from pplns_deploy.cli.stored import preview_json, preview_lines, preview_of
from pplns_deploy.cli.summaries import survey

STREAMS = """
from collections.abc import Iterator
import pandas as pd
from pplns import File, pipeline, step

@step
def numbers() -> Iterator[pd.DataFrame]:
    for start in range(0, 30, 10):
        yield pd.DataFrame({"n": range(start, start + 10), "odd": [None, "yes"] * 5})

@step
def uneven() -> Iterator[pd.DataFrame]:
    yield pd.DataFrame({"a": [1]})
    yield pd.DataFrame({"b": ["x"]})

@step
def long_list() -> list[int]:
    return list(range(300_000))

@step
def report(path: str) -> File:
    with open(path, "w") as file:
        file.write("a report")
    return File(path)

@pipeline
def streams(path: str = "report.txt"):
    return numbers(), uneven(), long_list(), report(path)
"""

PRICED = """
from dataclasses import dataclass
from pplns import pipeline, step

@dataclass
class Price:
    cents: int

@step
def price() -> Price:
    return Price(5)

@pipeline
def priced():
    return price()
"""


@pytest.fixture
def streams(shop, pplns):
    """A project with a run `s` of a pipeline whose steps return streams, a long list and a file."""
    (shop / "pipelines" / "streams.py").write_text(STREAMS)
    assert pplns("run", "streams", "--run-id", "s").code == 0
    return shop


def stored_in(store, value):
    """Return how a value is stored."""
    place = ArtifactPlace(prefix="p/runs/r", step="make", version="1")
    held = settle_value(store, place, codecs.hold(value, where="Step 'make'"), is_abandoned=lambda: False)
    return store_value(store, place, held)


def test_a_value_of_the_project_s_own_classes_is_shown(shop):
    """By another process than the one that ran the pipeline: it has imported none of them."""
    (shop / "pipelines" / "priced.py").write_text(PRICED)

    ended = [
        subprocess.run(
            [sys.executable, "-m", "pplns_deploy", *arguments], cwd=shop, capture_output=True, encoding="utf-8",
            check=False,
        )
        for arguments in (["run", "priced", "--run-id", "p"], ["artifact", "priced/p", "price"])
    ]  # fmt: skip

    assert [one.returncode for one in ended] == [0, 0], ended
    assert '"cents": 5' in ended[1].stdout


def test_a_stream_is_shown_as_one_table(streams, pplns):
    """Rows and ranges go over all its tables."""
    lines = pplns("artifact", "s", "numbers", "--head", "12").out.splitlines()

    assert lines[0].startswith("numbers: batches, 30 rows, ")
    assert lines[3].split() == ["n", "int64", "0", "0", "29"]
    assert lines[4].split()[2:] == ["15", "yes", "yes"]
    assert lines[6:10] == [" n  odd", " 0", " 1  yes", " 2"]
    assert lines[-2:] == ["11  yes", "… 18 more rows"]


def test_a_stream_is_saved_as_one_table(streams, pplns):
    """All its tables, one after the other."""
    assert pplns("artifact", "s", "numbers", "-o", "n.parquet").code == 0

    assert pd.read_parquet(streams / "n.parquet")["n"].tolist() == list(range(30))


def test_a_stream_of_unlike_tables_is_not_saved(streams, pplns):
    """No half of it is left behind."""
    answer = pplns("artifact", "s", "uneven", "-o", "u.csv")

    assert answer.code == 2
    assert "all tables of a stream have the same columns" in answer.err
    assert not (streams / "u.csv").exists()


def test_a_long_list_is_shown_by_its_beginning(streams, pplns):
    """It isn't read whole, as text and as JSON; saving it is."""
    lines = pplns("artifact", "s", "long_list").out.splitlines()
    [value] = pplns("artifact", "s", "long_list", "--json").document["values"]
    pplns("artifact", "s", "long_list", "-o", "long.json")

    assert lines[1].startswith("[0,1,2,")
    assert lines[-1] == "… the beginning of 2.0 MB; save all of it with --output FILE"
    assert len(value["head"]["start"]) == 1000
    assert json.loads((streams / "long.json").read_text()) == list(range(300_000))


def test_a_file_is_shown_by_its_name_and_saved(streams, pplns):
    """Its bytes are its own."""
    assert "report.txt, 8 bytes (8 B); save them with --output FILE" in pplns("artifact", "s", "report").out

    pplns("artifact", "s", "report", "-o", "copy.txt")

    assert (streams / "copy.txt").read_text() == "a report"


TABLES = [
    pd.DataFrame({"n": [3, 1, 2], "t": ["b", "a", None]}, index=pd.Index([7, 8, 9], name="k")),
    pd.Series([3.5, None, 1.5], name="n"),
    pa.table({"n": [3, 1, 2], "t": ["b", "a", None]}),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{type(table).__module__}.{type(table).__name__}")
@pytest.mark.parametrize("large_bytes", [0, 1_000_000])
def test_a_large_table_shows_what_a_small_one_shows(table, large_bytes):
    """Read batch by batch from its file, or as its consumers get it: the same rows, missing values and ranges."""
    check_preview(table, large_bytes=large_bytes)


@pytest.mark.parametrize("large_bytes", [0, 1_000_000])
def test_a_large_table_of_polars_shows_what_a_small_one_shows(large_bytes):
    """Its text is of a type that Arrow finds no range in by itself."""
    pl = pytest.importorskip("polars")

    check_preview(pl.DataFrame({"n": [3, 1, 2], "t": ["b", "a", None]}), large_bytes=large_bytes)
    check_preview(pl.Series("n", [3, 1, 2]), large_bytes=large_bytes)


def check_preview(table, *, large_bytes):
    """Check rows, missing values and ranges of a preview."""
    store = MemoryStore()

    found = preview_of(store, stored_in(store, table), count=2, large_bytes=large_bytes).survey

    assert (found.head.total, len(found.head.rows)) == (3, 2)
    assert found.head.rows[0][list(found.head.columns).index("n")] in (3, 3.5)
    [numbers] = [column for column in found.columns if column.name == "n"]
    assert (numbers.least, numbers.most) in ((1, 3), (1.5, 3.5))
    assert all(
        (column.nulls, column.least, column.most) == (1, "a", "b") for column in found.columns if column.name == "t"
    )


@pytest.mark.parametrize(
    ("tables", "nulls", "least", "most"),
    [
        ([pd.DataFrame({"x": [1, "a"]})], 0, None, None),
        ([pd.DataFrame({"x": [[1], [2]]})], 0, None, None),
        ([pd.DataFrame({"x": pd.Categorical(["a", None])})], 1, None, None),
        ([pd.DataFrame({"x": [None, None]})], 2, None, None),
        ([pd.DataFrame({"x": [1]}), pd.DataFrame({"x": ["a"]})], 0, None, None),
        ([pd.DataFrame({"x": [None]}), pd.DataFrame({"x": [2]})], 1, 2, 2),
        ([pa.table({"x": [[1], None]})], 1, None, None),
        ([pa.table({"x": [1.0, float("nan")]})], 1, 1.0, 1.0),
        ([pa.table({"x": pa.array(["b", "a"]).dictionary_encode()})], 0, "a", "b"),
        ([pa.table({"x": [b"\\xff"]})], 0, None, None),
    ],
)
def test_ranges_are_of_what_has_an_order(tables, nulls, least, most):
    """Mixed, nested and unordered values have none; what is missing is counted."""
    [column] = survey(tables, count=1).columns

    assert (column.nulls, column.least, column.most) == (nulls, least, most)


def test_columns_of_one_name_stay_apart():
    """Names may come twice in pandas."""
    columns = survey([pd.DataFrame([[1, "a"]], columns=["x", "x"])], count=1).columns

    assert [(column.name, column.least) for column in columns] == [("x", 1), ("x", "a")]


@pytest.mark.parametrize("width", [40, 80])
def test_the_preview_fits_the_terminal(width):
    """Names, types and values give way; each column is named, or counted where they are many."""
    store = MemoryStore()
    table = pd.DataFrame({f"a long name of column {place}": ["long text " * 20] for place in range(100)})

    lines = preview_lines(preview_of(store, stored_in(store, table), count=3), count=3, width=width)

    assert "… 40 more columns" in lines
    assert max(map(len, lines)) <= width


def test_an_empty_stream_is_a_table_without_columns(tmp_path):
    """It is shown, and saved."""
    store = MemoryStore()
    stored = stored_in(store, iter(()))

    assert preview_lines(preview_of(store, stored, count=3), count=3, width=80)[-1] == "0 rows without columns"
    assert preview_json(preview_of(store, stored, count=3), count=3)["summary"] == []
    save_value(store, stored, tmp_path / "empty.parquet")
    assert pd.read_parquet(tmp_path / "empty.parquet").empty
