"""The pytest plugin: tests of a project import its steps as its runs do, and other projects notice nothing."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs pytest in a process of its own with only this plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run_pytest(*args: str | os.PathLike[str]) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "pplns.testing.pytest_plugin", *args)

    return run_pytest


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A project with a module in its root, its src and its pipelines folder."""
    root = pytester.path
    write(root / "pyproject.toml", "[tool.pplns]\n")
    write(root / "shared.py", "ROOT = 1\n")
    write(root / "src" / "acme.py", "SRC = 2\n")
    write(root / "pipelines" / "sales" / "tables.py", "HERE = 3\n")
    write(root / "tests" / "test_it.py", "def test_it():\n    import acme, shared\n    from sales.tables import HERE\n")
    return root


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_test_imports_the_steps(project: Path, run, mode: str):
    """From the root, its src and the pipelines folder, in either import mode."""
    run(f"--import-mode={mode}").assert_outcomes(passed=1)


def test_a_conftest_imports_the_steps(project: Path, run):
    """The folders are there before any conftest.py is read."""
    write(project / "tests" / "conftest.py", "from sales.tables import HERE\n")

    run("--import-mode=importlib").assert_outcomes(passed=1)


def test_a_test_run_from_a_folder_below(project: Path, run, monkeypatch: pytest.MonkeyPatch):
    """The project is found above the current directory."""
    monkeypatch.chdir(project / "tests")

    run().assert_outcomes(passed=1)


def test_a_rootdir_elsewhere_finds_the_project_by_the_current_directory(project: Path, run, tmp_path: Path):
    """A `--rootdir` outside of the project doesn't lose it."""
    elsewhere = project.parent / "elsewhere"
    write(elsewhere / "pytest.ini", "[pytest]\n")

    result = run("-c", elsewhere / "pytest.ini", "--rootdir", elsewhere, "tests")

    result.assert_outcomes(passed=1)


def test_another_project_notices_nothing(pytester: pytest.Pytester, run):
    """No line in the header, nothing on sys.path, and pplns' own modules aren't even imported."""
    write(pytester.path / "pyproject.toml", "[tool.other]\n")
    write(
        pytester.path / "test_it.py",
        "import sys\ndef test_it():\n    assert 'pplns.settings' not in sys.modules and 'pandas' not in sys.modules\n",
    )

    result = run()

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("pplns: *")


def test_malformed_settings_are_said_and_the_tests_run(pytester: pytest.Pytester, run):
    """The tests of a project don't fail for the store of its runs."""
    write(pytester.path / "pyproject.toml", '[tool.pplns]\nstore = "nonsense"\n')
    write(pytester.path / "test_it.py", "def test_it(): ...\n")

    result = run()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["pplns: store in * is 'nonsense'*"])


def test_an_unreadable_neighbour_is_no_matter(pytester: pytest.Pytester, run):
    """A pyproject.toml that is no TOML, above a project of another tool, stops nobody."""
    write(pytester.path / "pyproject.toml", "pplns = (\n")
    write(pytester.path / "below" / "pytest.ini", "[pytest]\n")
    write(pytester.path / "below" / "test_it.py", "def test_it(): ...\n")

    run("-c", "below/pytest.ini", "below").assert_outcomes(passed=1)
