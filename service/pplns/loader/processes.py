"""The project that this process works in: its folders first on sys.path, its modules in sys.modules.

Both are global to the process, so one project has them at a time. Entering another one takes the folders and modules
of the one before away again, and both may then have a module of the same name."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

from pplns.paths import steps_down
from pplns.secrets import look_beside
from pplns.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.typed import StrPath

LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
# modules of Python's that pplns imports when it needs them, and what these import
LATE = frozenset(
    {"ast", "binascii", "linecache", "logging", "mmap", "shlex", "string", "textwrap", "token", "tokenize"}
    | {"tomllib", "traceback"}
)


class _Entered:
    """What the process has of the project it works in: the entries and modules that came by the loader."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.entries: list[str] = []
        self.modules: dict[str, ModuleType] = {}

    def leave(self) -> None:
        sys.path[:] = [entry for entry in sys.path if entry not in self.entries]
        for name, module in self.modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        self.root, self.entries, self.modules = None, [], {}


_entered = _Entered()


def put_first_on_path(settings: Settings) -> None:
    """Put the project root, its `src` and the pipelines folder first on sys.path, in this order; a repeat does nothing.

    Modules that the loader imported for another project are forgotten."""
    root = settings.root_dir
    if _entered.root not in (None, root):
        _entered.leave()
    _entered.root = root
    look_beside(root)
    _forget_listings(settings)
    folders = [root, os.path.join(root, "src"), settings.pipelines_dir]
    wanted = list(dict.fromkeys(folder for folder in folders if os.path.isdir(folder)))
    _entered.entries += [entry for entry in wanted if entry not in sys.path]
    if sys.path[: len(wanted)] != wanted:
        _import_what_would_be_hidden_by(wanted)
        sys.path[:] = [*wanted, *(entry for entry in sys.path if entry not in wanted)]


def _import_what_would_be_hidden_by(folders: Iterable[str]) -> None:
    """Import Python's own modules that pplns imports late, as far as a project has files of their names."""
    for folder in folders:
        with suppress(OSError):
            for name in LATE.intersection(name.removesuffix(".py") for name in os.listdir(folder)):
                import_module(name)


def _forget_listings(settings: Settings) -> None:
    """Let a file be found that was written a moment ago.

    `importlib.invalidate_caches()` does that for all of sys.path; from Python 3.13 on it imports 90 modules first."""
    own = tuple(f"{folder}{os.sep}" for folder in (settings.root_dir, settings.pipelines_dir))
    for entry in list(sys.path_importer_cache):
        if f"{entry}{os.sep}".startswith(own):
            sys.path_importer_cache.pop(entry, None)


@contextmanager
def imports_noted(root: StrPath) -> Generator[None, None, None]:
    """Note which modules of the project are imported within, so that another project can take their names."""
    before = set(sys.modules)
    try:
        yield
    finally:
        added = {name: module for name, module in list(sys.modules.items()) if name not in before}
        _entered.modules |= {name: module for name, module in added.items() if _is_of_project(module, root)}


def is_below(place: StrPath, root: StrPath) -> bool:
    """Tell whether a file or folder is the project's own: below its root, and not in a Python that is kept there."""
    inside = steps_down(root, place)
    if inside is None or not LIBRARY_FOLDERS.isdisjoint(inside):
        return False
    pythons = [prefix for prefix in (sys.prefix, sys.base_prefix) if steps_down(root, prefix) is not None]
    return all(steps_down(python, place) is None for python in pythons)


def _is_of_project(module: ModuleType, root: StrPath) -> bool:
    file = getattr(module, "__file__", None)
    places: list[str] = [file] if file else list(getattr(module, "__path__", ()))  # no file: a folder without __init__
    return any(is_below(place, root) for place in places)
