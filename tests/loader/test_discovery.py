"""Discovery: which functions of which files are the pipelines of a project."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns.loader import discover, put_first_on_path
from pplns.settings import Settings

ONE = "from pplns import pipeline\n@pipeline\ndef {}(): ...\n"
MakeProject = Callable[..., Settings]


def test_files_and_folders_are_searched(make_project: MakeProject):
    """`NAME.py` and `NAME/pipeline.py`, in the order of their pipelines' names."""
    settings = make_project({"pipelines/b.py": ONE.format("beta"), "pipelines/a/pipeline.py": ONE.format("alpha")})

    found = discover(settings)

    assert list(found.pipelines) == ["alpha", "beta"]
    assert found.files == {
        "alpha": str(settings.pipelines / "a" / "pipeline.py"),
        "beta": str(settings.pipelines / "b.py"),
    }
    assert found.broken == ()


def test_two_files_named_pipeline_are_two_modules(make_project: MakeProject):
    """They load under their dotted path, so they never collide."""
    settings = make_project({"pipelines/a/pipeline.py": ONE.format("a"), "pipelines/b/pipeline.py": ONE.format("b")})

    found = discover(settings)

    modules = [pipeline.function.__module__ for pipeline in found.pipelines.values()]
    assert modules == ["a.pipeline", "b.pipeline"]


@pytest.mark.parametrize(
    "path",
    [
        "test_a.py",
        "conftest.py",
        "_a.py",
        "_a/pipeline.py",
        "test_a/pipeline.py",
        ".a/pipeline.py",
        "a/steps.py",
        "a.txt",
        "a/b/pipeline.py",
    ],
)
def test_other_files_are_not_searched(make_project: MakeProject, path: str):
    """Tests, private files and shared steps aren't imported."""
    settings = make_project({f"pipelines/{path}": "raise SystemExit\n", "pipelines/real.py": ONE.format("real")})

    found = discover(settings)

    assert list(found.pipelines) == ["real"]
    assert found.broken == ()


def test_an_imported_pipeline_counts_where_it_is_defined(make_project: MakeProject):
    """A pipeline that another file imports isn't there twice."""
    settings = make_project(
        {"pipelines/a.py": "from b import beta\n" + ONE.format("alpha"), "pipelines/b.py": ONE.format("beta")}
    )

    found = discover(settings)

    assert found.broken == ()
    assert found.files["beta"] == str(settings.pipelines / "b.py")


def test_a_pipeline_made_by_a_factory_counts_where_it_is_bound(make_project: MakeProject):
    """A function elsewhere that returns pipelines is plain Python."""
    factory = "from pplns import pipeline\ndef make(name):\n    def run(): ...\n    return pipeline(name=name)(run)\n"
    settings = make_project(
        {"src/factory.py": factory, "pipelines/a.py": "from factory import make\nx = make('x')\ny = make('y')\n"}
    )

    assert list(discover(settings).pipelines) == ["x", "y"]


def test_two_names_of_one_pipeline_are_one(make_project: MakeProject):
    """An alias is no second pipeline."""
    settings = make_project({"pipelines/a.py": ONE.format("a") + "alias = a\n"})

    found = discover(settings)

    assert (list(found.pipelines), found.broken) == (["a"], ())


@pytest.mark.parametrize(("first", "second"), [("daily", "daily"), ("Daily", "daily")])
def test_two_pipelines_of_one_name_are_named_with_both_files(make_project: MakeProject, first: str, second: str):
    """Neither of them runs by accident; their neighbours aren't touched."""
    settings = make_project(
        {
            "pipelines/a.py": ONE.format(first),
            "pipelines/b.py": ONE.format(second),
            "pipelines/c.py": ONE.format("other"),
        }
    )

    found = discover(settings)

    assert list(found.pipelines) == ["other"]
    [broken] = found.broken
    assert (broken.file, broken.line) == (str(settings.pipelines / "b.py"), 2)
    assert str(settings.pipelines / "a.py") in broken.message


def test_shared_steps_are_plain_imports(make_project: MakeProject):
    """The root, its src and the pipelines folder are where imports are looked for."""
    imports = "from shared import ROOT\nfrom acme.rates import SRC\nfrom a.tables import HERE\n"
    shared = {"shared.py": "ROOT = 1\n", "src/acme/rates.py": "SRC = 2\n", "pipelines/a/tables.py": "HERE = 3\n"}
    settings = make_project({"pipelines/a/pipeline.py": imports + ONE.format("a"), **shared})

    assert discover(settings).broken == ()


def test_a_file_that_was_written_a_moment_ago_is_found(make_project: MakeProject):
    """Python goes by its listing of a folder while that folder's time hasn't moved on."""
    settings = make_project({"pipelines/a.py": ONE.format("a")})
    discover(settings)
    before = settings.root.stat()
    (settings.root / "written_now.py").write_text("LIMIT = 5\n")
    os.utime(settings.root, ns=(before.st_atime_ns, before.st_mtime_ns))

    put_first_on_path(settings)

    assert importlib.import_module("written_now").LIMIT == 5


def test_the_folders_come_first_in_order_and_once(make_project: MakeProject):
    """A repeat changes nothing."""
    settings = make_project({"src/x.py": "", "pipelines/a.py": ONE.format("a")})
    wanted = [str(settings.root), str(settings.root / "src"), str(settings.pipelines)]

    for _ in range(2):
        put_first_on_path(settings)

    assert sys.path[:3] == wanted
    assert all(sys.path.count(entry) == 1 for entry in wanted)


def test_another_project_may_have_files_of_the_same_name(make_project: MakeProject):
    """A process that changes the project forgets the modules of the one before."""
    first = make_project({"pipelines/a.py": "import rates\n" + ONE.format("one"), "rates.py": ""}, name="first")
    second = make_project({"pipelines/a.py": "import rates\n" + ONE.format("two"), "rates.py": ""}, name="second")

    found = [discover(settings) for settings in (first, second, first)]

    assert [list(one.pipelines) for one in found] == [["one"], ["two"], ["one"]]
    assert not any(str(second.root) in entry for entry in sys.path)


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbf" + ONE.format("a").encode(), ONE.format("a").replace("\n", "\r\n").encode()]
)
def test_a_byte_order_mark_and_windows_line_ends_are_read(make_project: MakeProject, text: bytes):
    """Files come from Windows too."""
    assert list(discover(make_project({"pipelines/a.py": text})).pipelines) == ["a"]


def test_spaces_and_unicode_in_paths_are_no_matter(make_project: MakeProject):
    """The folder of a project is named by people."""
    settings = make_project({"pipelines/Umsätze 2013/pipeline.py": ONE.format("a")}, name="daten für März")

    assert discover(settings).broken == ()


def test_a_linked_pipelines_folder_is_searched(make_project: MakeProject):
    """A folder shared by link is a folder."""
    elsewhere = make_project({"shared/a.py": ONE.format("a")}, name="elsewhere").root / "shared"
    settings = make_project({})
    settings.pipelines.rmdir()
    try:
        settings.pipelines.symlink_to(elsewhere, target_is_directory=True)
    except OSError:
        pytest.skip("this account may not make symbolic links")

    found = discover(settings)

    assert found.files == {"a": str(settings.pipelines / "a.py")}


def test_one_pipeline_of_the_settings_is_the_only_one(make_project: MakeProject):
    """With PPLNS_PIPELINE a container imports only what it serves."""
    settings = make_project({"pipelines/a.py": ONE.format("a"), "pipelines/b.py": "raise SystemExit\n"}, pipeline="a")

    found = discover(settings)

    assert (list(found.pipelines), found.broken) == (["a"], ())


def test_a_module_and_name_is_one_pipeline(make_project: MakeProject):
    """PPLNS_PIPELINES=module:name needs no folder."""
    settings = make_project({"src/acme/sales.py": ONE.format("daily")}, pipelines_module="acme.sales:daily")

    found = discover(settings)

    assert found.files == {"daily": str(settings.root / "src" / "acme" / "sales.py")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("acme:nothing", "does not exist"), ("acme:VALUE", "is 3"), ("missing:x", "no module named 'missing'")],
)
def test_a_module_and_name_that_is_no_pipeline_is_refused(make_project: MakeProject, name: str, said: str):
    """The message says which half is wrong."""
    settings = make_project({"acme.py": "VALUE = 3\n"}, pipelines_module=name)

    with pytest.raises(ConfigError, match=said):
        discover(settings)


def test_a_missing_folder_is_named(make_project: MakeProject):
    """Nothing is guessed when the folder isn't there."""
    settings = make_project({})
    settings.pipelines.rmdir()

    with pytest.raises(ConfigError, match="does not exist") as caught:
        discover(settings)
    assert repr(str(settings.pipelines)) in str(caught.value)


@pytest.mark.parametrize("files", [{}, {"pipelines/a.py": "x = 1\n"}])
def test_no_pipeline_at_all_is_refused(make_project: MakeProject, files: dict[str, str]):
    """An empty list would look like success."""
    with pytest.raises(ConfigError, match="There is no pipeline in"):
        discover(make_project(files))


def test_the_process_may_stand_anywhere(make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file of the same name where the command was typed is neither imported nor in the way."""
    settings = make_project({"pipelines/a.py": ONE.format("a")})
    (tmp_path / "a.py").write_text("raise SystemExit\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(os.fspath(tmp_path))

    assert list(discover(settings).pipelines) == ["a"]


def test_libraries_below_the_root_are_no_part_of_the_project(make_project: MakeProject):
    """A virtual environment in the project folder keeps its modules when the process changes the project."""
    files = {
        ".venv/lib/site-packages/installed_thing.py": "",
        "pipelines/a.py": "import sys\nsys.path.append(sys.path[0] + '/.venv/lib/site-packages')\n"
        "import installed_thing\n" + ONE.format("a"),
    }
    first, second = make_project(files, name="first"), make_project({"pipelines/a.py": ONE.format("a")}, name="second")

    assert discover(first).broken == ()
    assert discover(second).broken == ()

    assert "installed_thing" in sys.modules
