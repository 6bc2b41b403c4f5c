"""Digests across files: imports of every form, re-exports, packages, what is of the project and what is a library."""

from pathlib import Path

import pytest

import pplns
from pplns.fingerprint import CodeDigests

RATE_1, RATE_2 = "RATE = 1\nOTHER = 1", "RATE = 2\nOTHER = 1"
OTHER_2 = "RATE = 1\nOTHER = 2"

WAYS = {
    "from import": {"main.py": "from rates import RATE\ndef run(x): return RATE"},
    "from import as": {"main.py": "from rates import RATE as r\ndef run(x): return r"},
    "import": {"main.py": "import rates\ndef run(x): return rates.RATE"},
    "import as": {"main.py": "import rates as r\ndef run(x): return r.RATE"},
    "star import": {"main.py": "from rates import *\ndef run(x): return RATE"},
    "import inside the body": {"main.py": "def run(x):\n    import rates\n    return rates.RATE"},
    "from import inside the body": {"main.py": "def run(x):\n    from rates import RATE\n    return RATE"},
    "import in an enclosing body": {"main.py": "def run(x):\n    import rates\n    return [rates.RATE for _ in x]"},
    "import inside a class": {"main.py": "class C:\n    import rates\n    n = rates.RATE\ndef run(x): return C.n"},
    "import under try": {
        "main.py": "try:\n    from rates import RATE\nexcept ImportError:\n    RATE = 0\ndef run(x): return RATE"
    },
    "re-export": {"mid.py": "from rates import RATE", "main.py": "from mid import RATE\ndef run(x): return RATE"},
    "re-export as": {"mid.py": "from rates import RATE as R", "main.py": "import mid\ndef run(x): return mid.R"},
    "re-export of the module": {"mid.py": "import rates", "main.py": "import mid\ndef run(x): return mid.rates.RATE"},
    "re-export by star": {"mid.py": "from rates import *", "main.py": "from mid import *\ndef run(x): return RATE"},
    "another constant": {
        "mid.py": "from rates import RATE\nTWICE = RATE * 2",
        "main.py": "import mid\ndef run(x): return mid.TWICE",
    },
    "a helper two modules away": {
        "far.py": "from rates import RATE\ndef far(x): return x * RATE",
        "near.py": "import far\ndef near(x): return far.far(x)",
        "main.py": "from near import near\ndef run(x): return near(x)",
    },
    "a module set from outside": {
        "mid.py": "import rates\nglobals()['SET'] = rates.RATE",
        "main.py": "import mid\ndef run(x): return mid.SET",
    },
}


@pytest.mark.parametrize("files", WAYS.values(), ids=WAYS)
def test_a_name_is_followed_to_the_file_that_binds_it(project, files):
    """However a constant of another file is reached, its change counts and its neighbour's doesn't."""
    first = project.digest(files | {"rates.py": RATE_1})

    changed = project.digest({"rates.py": RATE_2})
    neighbour = project.digest({"rates.py": OTHER_2})

    assert changed != first
    assert neighbour == first


@pytest.mark.parametrize("use", ["getattr(rates, x)", "vars(rates)[x]", "call(rates)"])
def test_a_module_used_bare_counts_as_a_whole(project, use):
    """Where a run decides which name of a module it takes, all of them count."""
    main = f"import rates\ndef call(m): return m.RATE\ndef run(x): return {use}"
    first = project.digest({"main.py": main, "rates.py": RATE_1})

    second = project.digest({"rates.py": OTHER_2})

    assert first != second


PACKAGES = {
    "a submodule": "from pkg import a\ndef run(x): return a.f(x)",
    "a dotted import": "import pkg.a\ndef run(x): return pkg.a.f(x)",
    "a dotted import as": "import pkg.a as a\ndef run(x): return a.f(x)",
    "a function of a submodule": "from pkg.a import f\ndef run(x): return f(x)",
    "a re-export of the package": "from pkg import g\ndef run(x): return g(x)",
    "an import inside the body": "def run(x):\n    import pkg.a\n    return pkg.a.f(x)",
    "a sibling's relative import": "from pkg.b import h\ndef run(x): return h(x)",
    "an import two levels up": "from pkg.deep.c import k\ndef run(x): return k(x)",
}


@pytest.mark.parametrize("main", PACKAGES.values(), ids=PACKAGES)
def test_names_are_followed_through_packages(project, main):
    """Absolute and relative imports of packages lead to the function at their end."""
    package = {
        "pkg/__init__.py": "from .a import f as g",
        "pkg/a.py": "def f(x): return x + 1",
        "pkg/b.py": "from . import a\nfrom .a import f as _f\ndef h(x): return _f(x)",
        "pkg/deep/__init__.py": "",
        "pkg/deep/c.py": "from ..a import f\ndef k(x): return f(x)",
        "main.py": main,
    }
    first = project.digest(package)

    second = project.digest({"pkg/a.py": "def f(x): return x + 2"})

    assert first != second


def test_a_folder_without_init_is_a_package(project):
    """Namespace packages are followed like others."""
    first = project.digest(
        {"main.py": "from shared import rates\ndef run(x): return rates.RATE", "shared/rates.py": RATE_1}
    )

    second = project.digest({"shared/rates.py": RATE_2})

    assert first != second


def test_modules_that_import_each_other_have_a_digest(project):
    """A circle of imports and re-exports ends."""
    files = {
        "a.py": "import b\nfrom b import *\ndef f(x): return b.g(x)",
        "b.py": "import a\nfrom a import *\ndef g(x): return a.f(x) or missing",
        "main.py": "import a\ndef run(x): return a.f(x)",
    }
    first = project.digest(files)

    second = project.digest({"b.py": "import a\nfrom a import *\ndef g(x): return a.f(x) and missing"})

    assert first != second


@pytest.mark.parametrize("folder", ["venv/lib/site-packages", ".venv/lib", "lib/python3/dist-packages"])
def test_an_installed_library_is_not_followed(project, folder, monkeypatch):
    """What is installed inside the project's folder counts by its names alone."""
    monkeypatch.syspath_prepend(str(project.root / folder))
    main = {"main.py": "import library\ndef run(x): return library.f(x)"}
    first = project.digest(main | {f"{folder}/library.py": "def f(x): return 1"})

    second = project.digest({f"{folder}/library.py": "def f(x): return 2"})

    assert first == second


def test_a_module_that_is_not_imported_yet_is_found(project):
    """A function that imports on its first call has the digest that it has after that call."""
    project.write({"main.py": "def run(x):\n    from late import f\n    return f(x)", "late.py": "def f(x): return x"})
    run = project.load("main:run")
    before = CodeDigests(project.root).of(run)

    run(1)

    assert CodeDigests(project.root).of(run) == before


def test_a_file_that_does_not_parse_counts_by_its_text(project):
    """A module that is imported only when the step runs may be broken; that is the run's error, not the digest's."""
    first = project.digest({"main.py": "def run(x):\n    from late import f\n    return f", "late.py": "def f(:"})

    second = project.digest({"late.py": "def f(): ..."})

    assert first != second


def test_pplns_is_a_library_even_inside_the_project_folder():
    """A project whose root holds the checkout of pplns has the digests that it has with pplns installed."""
    checkout = CodeDigests(Path(pplns.__file__).parents[2])
    elsewhere = CodeDigests(Path(__file__).parent)

    assert checkout.of(pplns.Retry) == elsewhere.of(pplns.Retry)


def test_where_a_project_lies_does_not_count(project):
    """The same code in another folder, under another dotted name, has the same digest."""
    source = "class C:\n    n = 1\nN = C()\ndef h(x): return N\ndef run(x): return h(x), C"
    top = project.digest({"main.py": source})

    deep = project.digest({"a/b/main.py": source, "main.py": ""}, "a.b.main:run")

    assert deep == top


def test_a_file_is_read_once(project):
    """Digests of one CodeDigests are of one state of the files, whatever happens to those meanwhile."""
    project.write({"main.py": "def a(x): return b(x)\ndef b(x): return x"})
    a, b = project.load("main:a"), project.load("main:b")
    digests, expected = CodeDigests(project.root), CodeDigests(project.root).of(b)
    digests.of(a)

    (project.root / "main.py").unlink()

    assert digests.of(b) == expected


@pytest.mark.filterwarnings("error")
def test_a_warning_of_the_parser_is_no_error(project):
    """An escape that Python warns of neither warns again nor makes a file unreadable."""
    main = {"main.py": "def run(x):\n    from late import f\n    return f(x)"}
    first = project.digest(main | {"late.py": "def f(x): return '\\d'"})

    second = project.digest({"late.py": "def f(x): return '\\d'  # digits"})

    assert first == second
