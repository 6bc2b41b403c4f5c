"""Digests that are kept for the next process: the same as those made anew, whatever has happened to the files."""

import builtins
import json
import random
import shutil
from pathlib import Path

import pytest

from pplns import kept as kept_files
from pplns.fingerprint import CodeDigests
from pplns.fingerprint.project import Project
from pplns.fingerprint.reach import Reach

EDITS: dict[str, list[str]] = {
    "main.py": [
        "from tools import f\ndef run(x): return f(x)",
        "from tools import *\nimport shop.prices as p\ndef run(x): return f(x) + p.RATE",
        "import shop\ndef run(x): return shop.prices.RATE * extra(x)",
        "from shop import *\ndef run(x=1):\n    from late import g\n    return g(x) + RATE",
        "def run(x):\n    from lib.calc import number\n    return number(x)",
        "import tools\nRATE = 2\ndef run(x): return tools.f(max(x, RATE))",
        "def make():\n    n = 1\n    def run(x): return x + n\n    return run\nrun = make()",
    ],
    "tools.py": [
        "def f(x): return x",
        "def f(x): return -x",
        "from late import g as f",
        "def max(*x): return 0\nf = 1",
    ],
    "late.py": ["def g(x): return 1", "def g(x): return 2", "from tools import f as g", "def g("],
    "shop/__init__.py": ["", "from . import prices\nfrom .prices import RATE", "RATE = 9", "from .. import tools"],
    "shop/prices.py": ["RATE = 1", "RATE = 2", "from ..late import g as RATE", "from tools import f as RATE"],
    "shop/prices/__init__.py": ["RATE = 5"],
    "extra.py": ["raise SystemExit"],
    "lib": ["a file without an end"],
    "lib/calc.py": ["def number(x): return 1", "def number(x): return 2"],
}


def made_anew(project, monkeypatch):
    """Return how many functions were walked through from now on."""
    walked: list[object] = []
    digest_code = Reach.digest_code
    monkeypatch.setattr(Reach, "digest_code", lambda self, one: walked.append(one) or digest_code(self, one))
    return walked


def test_after_any_edit_a_kept_digest_is_the_one_made_anew(project, rng: random.Random, sample):
    """Files are changed, added, shadowed and deleted at random: what is kept is used only where it still holds."""
    project.write({"main.py": EDITS["main.py"][0], "tools.py": EDITS["tools.py"][0]})
    compared = 0
    for _ in range(sample(full=4_000, ci=150)):
        name = rng.choice([*EDITS, "main.py"])
        if name in ("lib", "lib/calc.py"):
            shutil.rmtree(project.root / "lib", ignore_errors=True)
            (project.root / "lib").unlink(missing_ok=True)
        if rng.random() < 0.25 and name != "main.py":
            (project.root / name).unlink(missing_ok=True)
        else:
            project.write({name: rng.choice(EDITS[name])})
        try:
            run = project.load("main:run")
        except (Exception, SystemExit):
            continue
        assert project.digest_kept(run) == CodeDigests(project.root).of(run)
        compared += 1
    assert compared > 20


def test_a_digest_is_kept_for_another_process(project, monkeypatch):
    """What stands beside the bytecode is enough: no file is parsed for it again."""
    project.write({"main.py": "from tools import f\ndef run(x): return f(x)", "tools.py": "def f(x): return x"})
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    expected = project.digest_kept(project.load("main:run"))
    monkeypatch.setattr(kept_files, "_of_this_process", {})
    walked = made_anew(project, monkeypatch)

    assert project.digest_kept(project.load("main:run")) == expected
    assert walked == []


@pytest.mark.parametrize(
    "main",
    [
        "def make(n):\n    def run(x): return x + n\n    return run\nrun = make(1)",
        "globals()['RATE'] = 1\ndef run(x): return x * RATE",
        "for n in (1, 2):\n    def run(x, n=n): return x + n",
        "run = lambda x: x",
    ],
    ids=["a closure", "a name set at run time", "a default of a loop", "a lambda"],
)
def test_what_memory_decides_is_not_kept(project, monkeypatch, main: str):
    """A function is made anew each time where an object of this process is part of its digest."""
    project.write({"main.py": main})
    expected = project.digest_kept(project.load("main:run"))
    walked = made_anew(project, monkeypatch)

    assert project.digest_kept(project.load("main:run")) == expected
    assert len(walked) == 1


def test_a_name_that_is_a_builtin_no_more_is_seen(project, monkeypatch):
    """`_` of gettext, say: a digest isn't used where a name means something else than it did."""
    project.write({"main.py": "def run(x): return translated(x)"})
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "translated", str, raising=False)
        before = project.digest_kept(project.load("main:run"))

    run = project.load("main:run")

    assert project.digest_kept(run) == CodeDigests(project.root).of(run) != before


def test_a_project_that_was_moved_is_read_anew(project, monkeypatch, tmp_path: Path):
    """What was kept names files by their places; in another place nothing of it is believed."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    project.write({"app/main.py": "from tools import f\ndef run(x): return f(x)", "app/tools.py": "def f(x): return 1"})
    monkeypatch.syspath_prepend(str(project.root / "app"))
    run = project.load("main:run")
    digests = CodeDigests(project.root / "app", beside=run.__code__.co_filename)
    digests.of(run)
    digests.keep()
    kept = next((project.root / "app/__pycache__").glob("*.pplns.json"))
    assert json.loads(kept.read_bytes().partition(b"\n")[2])["digests"]

    shutil.copytree(project.root / "app", project.root / "copy")
    project.write({"copy/tools.py": "def f(x): return 2"})
    monkeypatch.syspath_prepend(str(project.root / "copy"))
    copied = project.load("main:run")
    again = CodeDigests(project.root / "copy", beside=copied.__code__.co_filename)

    assert again.of(copied) == CodeDigests(project.root / "copy").of(copied) != digests.of(run)


def test_a_file_that_changes_meanwhile_keeps_nothing(project, monkeypatch):
    """A file is read twice, once to see whether it is what it was, once to be parsed: between them it may change."""
    project.write({"main.py": "def run(x): return x\ndef other(x): return x"})
    run, other = project.load("main:run"), project.load("main:other")
    project.digest_kept(run)
    digests = CodeDigests(project.root, beside=str(project.root / "main.py"))
    digests.of(run)

    project.write({"main.py": "def run(x): return x + 1\ndef other(x): return x"})
    digests.of(other)
    digests.keep()

    assert project.digest_kept(run) == CodeDigests(project.root).of(run)


def test_a_folder_that_comes_first_on_the_path_is_seen(project, monkeypatch):
    """The file that a name led to is still there, and the name leads to another one."""
    project.write({
        "main.py": "def run(x):\n    from late import g\n    return g(x)",
        "late.py": "def g(x): return 1", "src/late.py": "def g(x): return 2",
    })  # fmt: skip
    before = project.digest_kept(project.load("main:run"))

    monkeypatch.syspath_prepend(str(project.root / "src"))

    run = project.load("main:run")
    assert project.digest_kept(run) == CodeDigests(project.root).of(run) != before


def test_a_file_without_an_end_that_becomes_a_folder_is_seen(project):
    """It is found under the same name, and leads nowhere before."""
    project.write({"main.py": "def run(x):\n    from helpers.calc import n\n    return n", "helpers": "no folder"})
    before = project.digest_kept(project.load("main:run"))

    (project.root / "helpers").unlink()
    project.write({"helpers/calc.py": "n = 1"})

    run = project.load("main:run")
    assert project.digest_kept(run) == CodeDigests(project.root).of(run) != before


def test_a_folder_that_becomes_a_package_is_seen(project):
    """A relative import finds a module beside it, then a name in the `__init__.py` that is new."""
    project.write({"main.py": "", "pkg/run.py": "from . import rates\ndef run(x): return rates", "pkg/rates.py": ""})
    before = project.digest_kept(project.load("pkg.run:run"))

    project.write({"pkg/__init__.py": "rates = 5"})

    run = project.load("pkg.run:run")
    assert project.digest_kept(run) == CodeDigests(project.root).of(run) != before


def test_a_link_that_leads_elsewhere_is_seen(project, monkeypatch):
    """A deployment that switches folders by a link: the files of the old one are what they were."""
    project.write({"v1/app.py": "def run(x): return 1", "v2/app.py": "def run(x): return 2", "main.py": ""})
    link = project.root / "current"
    try:
        link.symlink_to(project.root / "v1", target_is_directory=True)
    except OSError:
        pytest.skip("this system lets nobody make links without a privilege")
    monkeypatch.syspath_prepend(str(link))
    before = project.digest_kept(project.load("app:run"))

    link.unlink()
    link.symlink_to(project.root / "v2", target_is_directory=True)

    run = project.load("app:run")
    assert project.digest_kept(run) == CodeDigests(project.root).of(run) != before


@pytest.mark.parametrize("kept", [{}, {"answers": {}}, {"answers": {"bounds": []}, "digests": {}}])
def test_what_another_state_of_pplns_has_kept_is_passed_over(project, kept: dict[str, object]):
    """A checkout of pplns moves on without a new version: its questions may be others than they were."""
    project.write({"main.py": "def run(x): return x"})
    run = project.load("main:run")
    expected = CodeDigests(project.root).of(run)

    kept_files.write_kept(project.root / "main.py", **kept)

    assert project.digest_kept(run) == expected


def test_answers_that_lack_a_question_are_none(project):
    """What was never asked can't be asked again."""
    project.write({"main.py": "def run(x): return x"})
    project.digest_kept(project.load("main:run"))
    kept = kept_files.read_kept(project.root / "main.py")

    for question in kept["answers"]:
        fewer = {one: answer for one, answer in kept["answers"].items() if one != question}
        assert Project(project.root).still_answers(kept["answers"])
        assert not Project(project.root).still_answers(fewer)
