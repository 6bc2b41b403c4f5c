"""What finds pplns's own modules gives them as Python's finders would, and leaves to those what it isn't sure of."""

import importlib.util
import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pplns import finder

MADE = "def answer():\n    return {}\n"

# Prints what each module of the package says of itself, and which loader found it.
SHOW = """
import importlib, json, pkgutil, sys
sys.path.insert(0, {root!r})
import pplns
if {quickly!r}:
    pplns.finder.find_quickly({package!r})
package = importlib.import_module({package!r})
names = [one.name for one in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}.")]
shown = {{}}
for name in names:
    module = importlib.import_module(name)
    spec = module.__spec__
    shown[name] = [
        module.__name__, module.__package__, module.__file__, module.__cached__, list(getattr(module, "__path__", [])),
        spec.origin, spec.cached, spec.has_location, spec.parent, spec.submodule_search_locations,
        isinstance(module.__loader__, importlib.machinery.SourceFileLoader), module.__loader__ is spec.loader,
        module.__loader__.get_source(name), module.__loader__.get_filename(name), module.__loader__.is_package(name),
        module.answer(), module.answer.__code__.co_filename,
    ]
found = [name for name in names if type(sys.modules[name].__loader__).__module__ == "pplns.finder"]
print(json.dumps([shown, found]))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package with a module, and a package inside it, without bytecode."""
    root = tmp_path / "made"
    for place, text in (("__init__.py", ""), ("one.py", "1"), ("inner/__init__.py", "2"), ("inner/two.py", "3")):
        (root / place).parent.mkdir(exist_ok=True, parents=True)
        (root / place).write_text(MADE.format(text) if text else "")
    return root


def show(
    package: Path, *, quickly: bool = True, options: tuple[str, ...] = (), **environ: str
) -> tuple[Any, list[str]]:
    """Return what its modules say of themselves in a process of their own, and which of them the finder found."""
    code = SHOW.format(root=str(package.parent), package=package.name, quickly=quickly)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, env={**clean, **environ}, check=False
    )
    assert not done.returncode, done.stderr
    shown, found = json.loads(done.stdout)
    return shown, found


def answers(package: Path, **how: Any) -> list[int]:
    shown, _ = show(package, **how)
    return [one[-2] for one in shown.values()]


def bytecode_of(source: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(source)))


def test_modules_are_the_same_as_python_s_own_finders_give_them(package: Path) -> None:
    """Names, files, specs, sources: nothing that a module can say of itself tells who found it, but its loader."""
    plain, by_none = show(package, quickly=False)
    quick, by_finder = show(package)

    assert quick == plain
    assert (by_none, by_finder) == ([], ["made.inner", "made.inner.two", "made.one"])


def test_all_modules_of_pplns_are_found_by_it() -> None:
    """From the first import on; what was imported before it began, and what has no bytecode yet, aside."""
    code = (
        "import sys, pplns, pplns.engine.runner, pplns_deploy.cli.plain as _\n"
        "own = {n: m for n, m in sys.modules.items() if n.startswith(('pplns.', 'pplns_deploy.'))}\n"
        "print(*[n for n, m in own.items() if type(m.__loader__).__module__ != 'pplns.finder'])"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for _ in range(2):  # the first makes the bytecode
        others = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=True)

    assert others.stdout.split() == ["pplns.finder"]


def test_a_source_without_bytecode_is_compiled_by_python(package: Path) -> None:
    """The first import writes it, the second one reads it."""
    _, first = show(package)
    _, second = show(package)

    assert (first, len(second)) == ([], 3)
    assert bytecode_of(package / "one.py").exists()


def test_changed_sources_are_compiled_anew(package: Path) -> None:
    """By their time, also where the size is the same, or by their size, also where the time is."""
    assert answers(package) == [2, 3, 1]
    one, two = package / "one.py", package / "inner/two.py"
    times = two.stat()
    one.write_text(MADE.format(7))
    os.utime(one, (times.st_atime + 10, times.st_mtime + 10))
    two.write_text(MADE.format(88))
    os.utime(two, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert answers(package) == [2, 88, 7]


def _cut(cached: Path) -> None:
    cached.write_bytes(cached.read_bytes()[:40])


def _garble(cached: Path) -> None:
    data = cached.read_bytes()
    cached.write_bytes(data[:16] + b"\xff" * (len(data) - 16))


def _empty(cached: Path) -> None:
    cached.write_bytes(b"")


def _from_another_python(cached: Path) -> None:
    cached.write_bytes(b"\x00\x00\r\n" + cached.read_bytes()[4:])


def _no_code(cached: Path) -> None:
    cached.write_bytes(cached.read_bytes()[:16] + b"N")


@pytest.mark.parametrize("spoil", [_empty, _from_another_python])
def test_bytecode_that_python_would_make_anew_is_made_anew(package: Path, spoil: Any) -> None:
    """Empty, or of another Python."""
    show(package)
    spoil(bytecode_of(package / "one.py"))

    assert answers(package) == [2, 3, 1]


@pytest.mark.parametrize("spoil", [_cut, _garble, _no_code])
def test_bytecode_that_python_refuses_is_refused_by_python(package: Path, spoil: Any) -> None:
    """With the right marks but no code: the error is Python's, as if nothing stood before its finders."""
    show(package)
    spoil(bytecode_of(package / "one.py"))
    code = SHOW.format(root=str(package.parent), package="made", quickly=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=False)

    assert done.stderr.splitlines()[-1].split(":")[0] in ("EOFError", "ImportError", "ValueError")
    assert "finder.py" not in done.stderr


@pytest.mark.parametrize(("mode", "changed"), [("UNCHECKED_HASH", 1), ("CHECKED_HASH", 7)])
def test_hash_based_bytecode(package: Path, mode: str, changed: int) -> None:
    """Unchecked, as in an image, it is believed whatever the source says; checked, Python compares the source."""
    for source in package.rglob("*.py"):
        py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode[mode])
    (package / "one.py").write_text(MADE.format(7))

    assert answers(package) == [2, 3, changed]
    assert answers(package, quickly=False) == [2, 3, changed]


def test_unchecked_bytecode_is_checked_where_python_is_told_to(package: Path) -> None:
    """`--check-hash-based-pycs always`."""
    for source in package.rglob("*.py"):
        py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    (package / "one.py").write_text(MADE.format(7))

    assert answers(package, options=("--check-hash-based-pycs", "always")) == [2, 3, 7]


def test_a_package_that_was_moved_names_its_new_place(package: Path) -> None:
    """Bytecode names the file it was made from; tracebacks name the file that is there."""
    show(package)
    moved = package.parent / "elsewhere" / "made"
    shutil.copytree(package, moved)  # with times, so that the bytecode holds

    shown, found = show(moved)

    assert {one[-1] for one in shown.values()} == {str(one) for one in moved.rglob("*.py") if one.stat().st_size}
    assert found == []


@pytest.mark.parametrize(
    ("options", "environ"), [(("-O",), {}), ((), {"PYTHONPYCACHEPREFIX": "{folder}"}), (("-OO",), {})]
)
def test_bytecode_that_lies_elsewhere_is_python_s_matter(
    package: Path, options: tuple[str, ...], environ: dict[str, str]
) -> None:
    """`-O` has files of its own, and PYTHONPYCACHEPREFIX a folder of its own."""
    show(package)
    elsewhere = {name: value.format(folder=package.parent / "cache") for name, value in environ.items()}

    shown, found = show(package, options=options, **elsewhere)

    assert found == []
    assert [one[-2] for one in shown.values()] == [2, 3, 1]


def test_a_large_module_is_python_s_matter(package: Path) -> None:
    """What can't be read in one go is loaded all the same."""
    (package / "one.py").write_text(MADE.format(1) + "\n".join(f"a{n} = {n * 1_000_003}" for n in range(6_000)))
    show(package)

    shown, found = show(package)

    assert shown["made.one"][-2] == 1
    assert found == ["made.inner", "made.inner.two"]


@pytest.mark.parametrize("name", ["made", "other.one", "made.One", "made.missing", "madeof.one"])
def test_other_names_are_left_to_the_other_finders(package: Path, name: str) -> None:
    """Those of other packages; those in capitals, which some file systems take for ours; those that aren't there."""
    show(package)

    assert finder._Finder("made").find_spec(name, [str(package)]) is None
    assert finder._Finder("made").find_spec("made.one", [str(package)]) is not None


def test_a_package_in_several_places_is_left_to_the_other_finders(package: Path) -> None:
    """A namespace has more than one folder, a top-level name none."""
    show(package)

    assert finder._Finder("made").find_spec("made.one", [str(package), str(package)]) is None
    assert finder._Finder("made").find_spec("made.one", None) is None


def test_it_stands_behind_the_finders_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rewrites modules, as pytest does, is asked first; Python's own come after it."""

    class Others:
        pass

    monkeypatch.setattr(sys, "meta_path", [Others, *sys.meta_path])
    before = sys.meta_path
    finder.find_quickly("made")

    assert sys.meta_path[0] is Others
    assert sys.meta_path is not before
    place = next(place for place, one in enumerate(sys.meta_path) if getattr(one, "_start", "") == "made.")
    assert sys.meta_path[place + 1].__name__ == "BuiltinImporter"  # type: ignore[union-attr]
