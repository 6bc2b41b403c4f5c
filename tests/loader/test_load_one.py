"""Loading one pipeline by name: only the file that defines it is imported."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pplns.errors import ConfigError, LoadError, NotFoundError
from pplns.loader import load_pipeline
from pplns.loader.sources import defined_in
from pplns.settings import Settings

ONE = "from pplns import pipeline\n@pipeline\ndef {}(): ...\n"
HEAVY = "raise AssertionError('imported without need')\n"
MakeProject = Callable[..., Settings]


@pytest.mark.parametrize(
    "text",
    [
        "from pplns import pipeline\n@pipeline\ndef daily(): ...\n",
        "from pplns import pipeline\n@pipeline(timeout='1h')\ndef daily(): ...\n",
        "from pplns import pipeline as p\n@p(name='daily')\ndef f(): ...\n",
        "import pplns\n@pplns.pipeline\ndef daily(): ...\n",
        "import pplns as pp\n@pp.pipeline(name='daily')\ndef f(): ...\n",
        "from pplns import pipeline\nif True:\n    @pipeline\n    def daily(): ...\n",
        "from pplns import pipeline\ndef f(): ...\nx = pipeline(name='daily')(f)\n",
        "from pplns import pipeline\nours = pipeline(timeout=5)\n@ours\ndef daily(): ...\n",
    ],
)
def test_any_spelling_of_the_decorator_is_found_in_the_source(make_project: MakeProject, text: str):
    """A heavy neighbour isn't imported, whichever way the pipeline is written."""
    settings = make_project({"pipelines/a_heavy.py": HEAVY, "pipelines/good.py": text, "pipelines/z_heavy.py": HEAVY})

    assert load_pipeline(settings, "daily").name == "daily"


def test_a_step_of_the_same_name_elsewhere_is_not_imported(make_project: MakeProject):
    """What stands under @step is no pipeline."""
    step = "from pplns import step\n@step\ndef daily(): ...\n" + HEAVY
    settings = make_project({"pipelines/a.py": step, "pipelines/b.py": ONE.format("daily")})

    assert load_pipeline(settings, "daily").name == "daily"


@pytest.mark.parametrize(
    "text",
    [
        "from pplns import pipeline\nPREFIX = 'da'\n@pipeline(name=PREFIX + 'ily')\ndef f(): ...\n",
        "from pplns import pipeline\ndef f(): ...\nf.__name__ = 'dai' + 'ly'\nx = pipeline(f)\n",
    ],
)
def test_what_the_source_does_not_tell_is_found_by_importing(make_project: MakeProject, text: str):
    """A name that is computed is found too, by importing the other files."""
    settings = make_project({"pipelines/a.py": ONE.format("other"), "pipelines/b.py": text})

    assert load_pipeline(settings, "daily").name == "daily"


def test_a_mistyped_name_gets_the_nearest_one(make_project: MakeProject):
    """The known names stand in the message."""
    settings = make_project({"pipelines/a.py": ONE.format("daily_sales"), "pipelines/b.py": ONE.format("other")})

    with pytest.raises(NotFoundError, match="Did you mean 'daily_sales'") as caught:
        load_pipeline(settings, "dayly_sales")
    assert "'daily_sales', 'other'" in caught.value.expected


def test_a_name_in_another_case_gets_the_right_one(make_project: MakeProject):
    """Names are exact, and the message helps."""
    settings = make_project({"pipelines/a.py": ONE.format("Daily")})

    with pytest.raises(NotFoundError, match="Did you mean 'Daily'"):
        load_pipeline(settings, "daily")


def test_an_unknown_name_mentions_the_broken_files(make_project: MakeProject):
    """One of them may define it."""
    settings = make_project({"pipelines/a.py": ONE.format("a"), "pipelines/b.py": "1 / 0\n"})

    with pytest.raises(NotFoundError, match="broken") as caught:
        load_pipeline(settings, "zzz")
    assert f"{settings.pipelines / 'b.py'}:1" in str(caught.value)


@pytest.mark.parametrize(
    "text", [ONE.format("daily") + "1 / 0\n", ONE.format("daily") + "x = (\n", "1 / 0\nx = make(name='daily')\n"]
)
def test_the_fault_of_its_own_file_is_said(make_project: MakeProject, text: str):
    """Whoever asks for a pipeline in a broken file learns what broke."""
    settings = make_project({"pipelines/a.py": text, "pipelines/b.py": ONE.format("b")})

    with pytest.raises(LoadError) as caught:
        load_pipeline(settings, "daily")
    assert caught.value.met.startswith(f"{settings.pipelines / 'a.py'}:")


def test_a_fault_of_another_file_is_no_matter(make_project: MakeProject):
    """Broken files don't hide the others."""
    settings = make_project({"pipelines/a.py": "x = (\n", "pipelines/b.py": ONE.format("daily")})

    assert load_pipeline(settings, "daily").name == "daily"


def test_two_files_of_one_name_are_refused(make_project: MakeProject):
    """Which of them ran would be chance."""
    settings = make_project({"pipelines/a.py": ONE.format("daily"), "pipelines/b.py": ONE.format("daily")})

    with pytest.raises(LoadError, match="also defined in") as caught:
        load_pipeline(settings, "daily")
    assert all(str(settings.pipelines / name) in str(caught.value) for name in ("a.py", "b.py"))


def test_another_pipeline_than_the_one_served_is_refused(make_project: MakeProject):
    """PPLNS_PIPELINE is named, so that nobody searches the files."""
    settings = make_project({"pipelines/a.py": ONE.format("a"), "pipelines/b.py": ONE.format("b")}, pipeline="a")

    with pytest.raises(NotFoundError, match="PPLNS_PIPELINE limits this process to 'a'"):
        load_pipeline(settings, "b")


def test_no_pipeline_at_all_is_refused(make_project: MakeProject):
    """The folder is the fault, not the name."""
    with pytest.raises(ConfigError, match="There is no pipeline in"):
        load_pipeline(make_project({"pipelines/a.py": "x = 1\n"}), "daily")


def test_reading_a_file_warns_of_nothing(tmp_path: Path):
    """Reading doesn't show, a second time, what importing shows."""
    file = tmp_path / "a.py"
    file.write_text(ONE.format("daily") + "x = '\\d'\n", encoding="utf-8")

    assert defined_in(file).surely == {"daily"}


def test_the_broken_file_that_defines_it_is_the_only_one_that_is_imported(make_project: MakeProject):
    """Its source says that it is the one, so that no other file can have it."""
    other = "import pathlib\npathlib.Path(__file__).with_name('imported').touch()\n"
    settings = make_project({"pipelines/a.py": other, "pipelines/b.py": "import nope\n" + ONE.format("daily")})

    with pytest.raises(LoadError, match="nope"):
        load_pipeline(settings, "daily")

    assert not (settings.pipelines / "imported").exists()


def test_a_word_in_a_broken_file_makes_it_no_suspect(make_project: MakeProject):
    """A name that stands only in a comment is defined nowhere."""
    broken = "import nope  # data\n" + ONE.format("daily")
    settings = make_project({"pipelines/a.py": broken, "pipelines/b.py": ONE.format("other")})

    with pytest.raises(NotFoundError, match="no pipeline 'data'"):
        load_pipeline(settings, "data")
