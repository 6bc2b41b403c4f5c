"""A broken file: named with its line and its fault, and in nobody's way."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pplns.errors import LoadError
from pplns.loader import Broken, discover
from pplns.settings import Settings

GOOD = "from pplns import pipeline\n@pipeline\ndef good(): ...\n"
MakeProject = Callable[..., Settings]


def break_with(make_project: MakeProject, text: str | bytes, *, path: str = "bad.py", **files: str) -> Broken:
    """Discover a project with a good file and a bad one; return what is said of the bad one."""
    settings = make_project({"pipelines/good.py": GOOD, f"pipelines/{path}": text, **files})
    found = discover(settings)
    assert "good" in found.pipelines
    [broken] = found.broken
    assert broken.file == str(settings.pipelines / path)
    return broken


@pytest.mark.parametrize(
    ("text", "line", "said", "remedy"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError", "Correct that line"),
        ("def f():\nreturn\n", 2, "IndentationError", "Correct that line"),
        ("import polarsx\n", 1, "no module named 'polarsx'", "`pip install polarsx`"),
        ("import pnadas\n", 1, "no module named 'pnadas'", "Did you mean 'pandas', which is there? Else install"),
        ("\nimport yaml.nothing_here\n", 2, "no module named 'yaml", "`pip install pyyaml`"),
        ("import google.cloud.nothing.here\n", 1, "google.cloud.nothing", "`pip install google-cloud-nothing`"),
        ("from google.cloud import nothing\n", 1, "google.cloud.nothing", "`pip install google-cloud-nothing`"),
        ("from json import nope\n", 1, "ImportError: cannot import name 'nope'", "Correct that line"),
        ("x = 1\n\n1 / 0\n", 3, "ZeroDivisionError: division by zero", "only defines things"),
        ("raise ValueError\n", 1, "ValueError.", "only defines things"),
        ("import sys\nsys.exit(3)\n", 2, "exit code 3", "__name__"),
        ("from pplns import step\n\n@step(retry=3)\ndef f(): ...\n", 3, "retry=3", "Write retry=Retry("),
        ("raise Exception('first\\nsecond')\n", 1, "Exception: first.", "only defines things"),
    ],
)
def test_the_line_and_the_fault_are_named(make_project: MakeProject, text: str, line: int, said: str, remedy: str):
    """In the user's own file, in one line, with what to do."""
    broken = break_with(make_project, text)

    assert broken.line == line
    assert said in broken.message
    assert remedy in broken.remedy
    assert "\n" not in str(broken.as_error())


@pytest.mark.parametrize("text", [b"x = '\xff'\n", b"x = 1\x00\n", b"# coding: nonsense\n"])
def test_what_is_no_python_text_is_named(make_project: MakeProject, text: bytes):
    """A file that was saved wrong is no crash."""
    broken = break_with(make_project, text)

    assert "Error: " in broken.message


def test_a_fault_in_an_imported_file_names_both_places(make_project: MakeProject):
    """The line of the import, and the place where it failed."""
    broken = break_with(make_project, "\nfrom shared import x\n", **{"shared.py": "x = 1\ny = x.y\n"})

    assert broken.line == 2
    assert f"{Path(broken.file).parents[1] / 'shared.py'}:2" in broken.message


def test_a_syntax_error_in_an_imported_file_names_both_places(make_project: MakeProject):
    """The pipeline file is whole; the file that it imports is not."""
    broken = break_with(make_project, "import shared\n", **{"shared.py": "x = 1\n\ny = (\n"})

    assert broken.line == 1
    assert f"{Path(broken.file).parents[1] / 'shared.py'}:3" in broken.message


def test_a_failing_package_names_its_init(make_project: MakeProject):
    """`a/__init__.py` runs before `a/pipeline.py`."""
    broken = break_with(make_project, GOOD, path="a/pipeline.py", **{"pipelines/a/__init__.py": "1 / 0\n"})

    assert f"{Path(broken.file).parent / '__init__.py'}:1" in broken.message


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("json.py", "Python's own"),
        ("sys.py", "Python's own"),
        ("pytest.py", "library"),
        ("pandas/pipeline.py", "library"),
        ("google.py", "library"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_another_one(make_project: MakeProject, path: str, owner: str):
    """Importing it would give, or hide, the other module."""
    before = sys.modules.get(path.partition(".")[0])

    broken = break_with(make_project, "raise SystemExit\n", path=path)

    assert owner in broken.message
    assert "_pipeline'" in broken.remedy
    assert sys.modules.get(path.partition(".")[0]) is before


def test_a_file_of_the_root_goes_first_and_is_named(make_project: MakeProject):
    """`daily.py` in the root would be imported instead of the one in the pipelines folder."""
    broken = break_with(make_project, GOOD, path="daily.py", **{"daily.py": ""})

    assert f"the file {Path(broken.file).parents[1] / 'daily.py'}" in broken.message


def test_a_file_beside_a_folder_of_its_name_is_named(make_project: MakeProject):
    """`a.py` hides the folder `a`, in whichever order they are looked at."""
    broken = break_with(make_project, "", path="a/pipeline.py", **{"pipelines/a.py": "x = 1\n"})

    assert f"the file {Path(broken.file).parents[1] / 'a.py'}" in broken.message


def test_a_file_beside_it_is_imported_by_its_path(make_project: MakeProject):
    """`import tables` in `a/pipeline.py` is what most people try first."""
    broken = break_with(
        make_project, "from tables import X\n", path="a/pipeline.py", **{"pipelines/a/tables.py": "X = 1\n"}
    )

    assert "Import 'a.tables'" in broken.remedy
    assert "pip install" not in broken.remedy


def test_a_file_that_replaces_itself_is_no_crash(make_project: MakeProject):
    """Whatever it puts in its place holds no pipelines."""
    settings = make_project({"pipelines/good.py": GOOD, "pipelines/odd.py": "import sys\nsys.modules[__name__] = 3\n"})

    assert list(discover(settings).pipelines) == ["good"]

    del sys.modules["odd"]


@pytest.mark.parametrize("path", ["v1.2/pipeline.py", "daily.v2.py"])
def test_a_dot_in_a_name_is_refused(make_project: MakeProject, path: str):
    """It can't be part of a dotted path."""
    assert "has a dot" in break_with(make_project, GOOD, path=path).message


def test_a_broken_file_is_read_again_once_it_is_corrected(make_project: MakeProject):
    """Nothing of the failed import stays."""
    settings = make_project({"pipelines/bad.py": "1 / 0\n"})
    assert discover(settings).broken

    (settings.pipelines / "bad.py").write_text(GOOD + "# corrected, and of another length\n", encoding="utf-8")

    assert list(discover(settings).pipelines) == ["good"]


def test_an_error_for_a_broken_file_has_three_parts(make_project: MakeProject):
    """Place and fault, what is expected, what to do."""
    broken = break_with(make_project, "1 / 0\n")

    error = broken.as_error()

    assert isinstance(error, LoadError)
    assert error.met.startswith(f"{broken.file}:1: ZeroDivisionError")
    assert error.expected
    assert error.remedy
