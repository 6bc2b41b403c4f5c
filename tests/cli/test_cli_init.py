"""`pplns init`: a new project that runs at once."""

import subprocess
import sys
import tomllib

import pytest


@pytest.mark.parametrize("folder", ["my-project", "Mein Projekt ü", "a/b"])
def test_a_new_project_runs(pplns, tmp_path, monkeypatch, folder):
    """init prints the next commands, and the run they name succeeds."""
    monkeypatch.chdir(tmp_path)

    made = pplns("init", folder)

    assert made.code == 0
    assert made.out.splitlines()[-1] == "  pplns run sales"
    ran = pplns("run", "sales", "--project", folder, "-p", f"out_dir={tmp_path / 'out'}", "--json")
    assert ran.document["state"] == "succeeded"
    assert (tmp_path / "out" / "sales_2026-01.csv").read_text().splitlines()[1] == "north,2,162.75"


@pytest.mark.parametrize(("example", "count"), [("starter", 3), ("nyc_flights", 4), ("daily_orders", 3)])
def test_the_tests_of_a_new_project_pass(pplns, tmp_path, example, count):
    """Each example comes with tests that need no mock and no set-up."""
    pplns("init", str(tmp_path / "new"), "--example", example)

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "new", capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert tested.returncode == 0, tested.stdout
    assert f"{count} passed" in tested.stdout


def test_results_go_into_the_project_wherever_it_is_called_from(pplns, tmp_path, monkeypatch):
    """As its README says, and not into the folder that a shell happens to be in."""
    monkeypatch.chdir(tmp_path)
    pplns("init", "new")

    ran = pplns("run", "sales", "--project", "new", "--json")

    assert ran.document["result"] == str(tmp_path / "new" / "out" / "sales_2026-01.csv")
    assert (tmp_path / "new" / "out" / "sales_2026-01.csv").is_file()


@pytest.mark.parametrize(("example", "folder"), [("starter", "."), ("nyc_flights", "tests"), ("daily_orders", "tests")])
def test_a_new_project_is_checked_and_formatted(pplns, tmp_path, example, folder):
    """What is made for a new project is written as its users would want their own code."""
    new = tmp_path / "new"
    pplns("init", str(new), "--example", example)

    assert pplns("check", "--project", str(new)).code == 0
    for arguments in (["check", "--isolated", "--select", "E,F,I,B,UP"], ["format", "--isolated", "--check"]):
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, str(new / folder)],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ruff.returncode == 0, ruff.stdout


def test_the_name_in_pyproject_is_one_that_packaging_takes(pplns, tmp_path):
    """Spaces, capitals and accents of the folder's name go."""
    new = tmp_path / "Mein Flüge_2013"
    pplns("init", str(new))

    assert tomllib.loads((new / "pyproject.toml").read_text())["project"]["name"] == "mein-fluge-2013"


@pytest.fixture
def _examples_not_imported(monkeypatch):
    """Hide the examples of this repository, which their own tests import into the same process."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("nyc_flights", "daily_orders")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("_examples_not_imported")
def test_nyc_flights_comes_with_its_data(pplns, tmp_path):
    """The shipped example runs from the new project."""
    new = tmp_path / "flights"

    assert pplns("init", str(new), "--example", "nyc_flights").code == 0

    ran = pplns("run", "nyc_flights", "--project", str(new), "-p", f"out_dir={tmp_path / 'out'}", "--json")
    assert ran.document["state"] == "succeeded"
    assert ran.document["result"]["flights"] == 27004


@pytest.mark.usefixtures("_examples_not_imported")
def test_daily_orders_runs_offline(pplns, tmp_path, monkeypatch):
    """The example for BigQuery comes with sample data, and runs without an account."""
    monkeypatch.chdir(tmp_path)

    made = pplns("init", "orders", "--example", "daily_orders")

    assert made.out.splitlines()[-1] == "  pplns run daily_orders"
    project = tomllib.loads((tmp_path / "orders" / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["pplns", "google-cloud-bigquery>=3.20,<4"]
    ran = pplns("run", "daily_orders", "--project", "orders", "-p", "day=2024-03-09", "--json")
    assert ran.document["state"] == "succeeded"
    assert ran.document["result"]["written"]["rows"] == 4
    assert (tmp_path / "orders" / "out" / "daily_orders.sqlite").is_file()


def test_a_file_that_exists_is_never_written_over(pplns, tmp_path):
    """What is in the way is named, and nothing at all is written."""
    (tmp_path / "README.md").write_text("mine")

    answer = pplns("init", str(tmp_path))

    assert answer.code == 3
    assert "'README.md'" in answer.err
    assert "add the line [tool.pplns] to a file pyproject.toml" in answer.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_other_files_in_the_folder_are_left_alone(pplns, tmp_path, monkeypatch):
    """A folder need not be empty, only free of the files that a project gets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")

    answer = pplns("init")

    assert answer.code == 0
    assert "cd " not in answer.out
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_existing_pyproject_gets_the_other_way_named(pplns, tmp_path):
    """Who has a pyproject.toml adds a line to it."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")

    assert "add the line [tool.pplns]" in pplns("init", str(tmp_path)).err


def test_a_folder_below_a_file_is_refused(pplns, tmp_path):
    """What the system refuses is said without a traceback."""
    (tmp_path / "file").write_text("")

    answer = pplns("init", str(tmp_path / "file" / "new"))

    assert answer.code == 3
    assert answer.err.startswith("Error: The project can't be written to ")


def test_an_unknown_example_gets_the_nearest_one(pplns):
    """Examples are starter, nyc_flights and daily_orders."""
    assert "Did you mean 'nyc_flights'?" in pplns("init", "x", "--example", "nyc_flight").err
