"""Which files are of the project, and in which file a module lies.

Nothing is imported to find out: a module that a function imports only when it runs is found on `sys.path`.

All that digests ask of the world beside live objects is asked here, and the answers are known: as long as they are the
same, so is every digest that was made of them (`answers`, `still_answers`)."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Mapping
from types import ModuleType

from pplns.kept import digest_of_text
from pplns.paths import read_bytes, steps_down

TYPE_CHECKING = False
if TYPE_CHECKING:  # imports ast: only when a file is parsed
    from typing import Any, TypeGuard

    from pplns.fingerprint.modules import Module
    from pplns.typed import StrPath

_INSTALLED = {"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox"}
_OURS = {"pplns", "pplns_deploy"}  # libraries to a project, even where one folder holds both
_OUR_FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_STANDARD_LIBRARY = os.path.dirname(os.path.realpath(os.__file__))


class Project:
    """The files of one project, each parsed once. `is_steady` unless one was seen to change in between.

    Files and folders go by their real path."""

    def __init__(self, root: StrPath) -> None:
        self.is_steady = True
        self._root = os.path.realpath(root)
        self._modules: dict[str, Module] = {}
        self._texts: dict[str, str] = {}
        self._files: dict[str, str | None] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        self._inits: dict[str, str] = {}
        self._folders: dict[str, bool] = {}
        self._tops: dict[str, str | None] = {}
        self._builtins: dict[str, bool] = {}
        self._loaded: dict[str, ModuleType] | None = None

    def answers(self) -> dict[str, Any]:
        """Return, as JSON, all that was asked so far but for what modules in memory hold, and the answers."""
        return {
            "bounds": self._bounds,
            "texts": dict(self._texts),
            "files": dict(self._files),
            "found": [[folder, name, path] for (folder, name), path in self._found.items()],
            "inits": dict(self._inits),
            "folders": dict(self._folders),
            "tops": dict(self._tops),
            "builtins": dict(self._builtins),
        }

    def still_answers(self, answers: Mapping[str, Any]) -> bool:
        """Ask again what another process asked; tell whether all answers are the same, and to the same questions."""
        try:
            return (
                answers["bounds"] == self._bounds
                and all(self._digest_of(path) == digest for path, digest in answers["texts"].items())
                and all(self.file(name) == path for name, path in answers["files"].items())
                and all(self._find(folder, name) == path for folder, name, path in answers["found"])
                and all(self._with_init(folder) == path for folder, path in answers["inits"].items())
                and all(self._is_folder(path) == is_one for path, is_one in answers["folders"].items())
                and all(self._top(name) == path for name, path in answers["tops"].items())
                and all(self.is_builtin(name) == known for name, known in answers["builtins"].items())
            )
        except (OSError, LookupError):  # a file is gone, or an earlier state of this version asked something else
            return False

    def module(self, path: str) -> Module:
        """Return what a file says about its names."""
        if path not in self._modules:
            from pplns.fingerprint.modules import Module, read_module

            source = None if os.path.isdir(path) else read_bytes(path)
            digest = "" if source is None else digest_of_text(source)
            self.is_steady &= self._texts.setdefault(path, digest) == digest
            self._modules[path] = Module(path) if source is None else read_module(path, source)
        return self._modules[path]

    def is_builtin(self, name: str) -> bool:
        """Tell whether a name that no module binds is there all the same."""
        if name not in self._builtins:
            self._builtins[name] = hasattr(builtins, name)
        return self._builtins[name]

    def file(self, filename: str | None) -> str | None:
        """Return the path of a file or folder if it is source of the project."""
        if not filename:
            return None
        if filename not in self._files:
            path = os.path.realpath(filename)
            self._files[filename] = path if self._contains(path) and os.path.exists(path) else None
        return self._files[filename]

    def file_of(self, module: ModuleType) -> str | None:
        """Return the file of a loaded module, or the folder of a namespace package, if it is of the project."""
        known = vars(module)  # as a module's own `__getattr__` may import
        if str(known.get("__name__")).partition(".")[0] in _OURS:
            return None
        filename = known.get("__file__")
        if filename:
            path = self.file(str(filename))
            return path if path is not None and path.endswith(".py") else None
        return next(filter(None, map(self.file, _folders_of(module))), None)

    def locate(self, importer: str, module: str, level: int) -> str | None:
        """Return where the module of an import statement lies, or None if it isn't of the project."""
        if level:
            folder = importer
            for _ in range(level):
                folder = os.path.dirname(folder)
            place = self._with_init(folder) if self._contains(folder) else None
        else:
            top, _, module = module.partition(".")
            place = self._top(top)
        for name in filter(None, module.split(".")):
            place = place and self.child(place, name)
        return place

    def child(self, place: str, name: str) -> str | None:
        """Return a module inside a package."""
        folder, base = os.path.split(place)
        if base == "__init__.py":
            return self._find(folder, name)
        return self._find(place, name) if self._is_folder(place) else None

    def loaded(self, path: str) -> ModuleType | None:
        """Return the module that was imported from a file."""
        if self._loaded is None:
            modules = [module for module in [*sys.modules.values()] if _is_module(module)]
            found = [(self.file_of(module), module) for module in modules]
            self._loaded = {path: module for path, module in found if path is not None}
        return self._loaded.get(path)

    @property
    def _bounds(self) -> list[str]:
        """What else decides: which files are of the project, and what this Python can parse."""
        digits = str(sys.get_int_max_str_digits())
        return [self._root, _OUR_FOLDER, _STANDARD_LIBRARY, sys.version, digits]

    def _contains(self, path: str) -> bool:
        inside = steps_down(self._root, path)
        if inside is None or not _INSTALLED.isdisjoint(inside):
            return False
        return steps_down(_OUR_FOLDER, path) is None and steps_down(_STANDARD_LIBRARY, path) is None

    def _top(self, name: str) -> str | None:
        if name in _OURS:
            return None
        if name not in self._tops:
            loaded = sys.modules.get(name)
            self._tops[name] = self.file_of(loaded) if _is_module(loaded) else self._search(name)
        return self._tops[name]

    def _search(self, name: str) -> str | None:
        folders = filter(None, (self.file(entry or os.curdir) for entry in sys.path))
        return next(filter(None, (self._find(folder, name) for folder in folders)), None)

    def _find(self, folder: str, name: str) -> str | None:
        if (folder, name) not in self._found:
            whole = os.path.join(folder, name)
            candidates = (os.path.join(whole, "__init__.py"), f"{whole}.py", whole)
            found = (path for path in candidates if os.path.exists(path) and self._contains(path))
            self._found[folder, name] = next(found, None)
        return self._found[folder, name]

    def _with_init(self, folder: str) -> str:
        if folder not in self._inits:
            init = os.path.join(folder, "__init__.py")
            self._inits[folder] = init if os.path.exists(init) else folder
        return self._inits[folder]

    def _is_folder(self, path: str) -> bool:
        if path not in self._folders:
            self._folders[path] = os.path.isdir(path)
        return self._folders[path]

    def _digest_of(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = "" if os.path.isdir(path) else digest_of_text(read_bytes(path))
        return self._texts[path]


def _folders_of(package: ModuleType) -> list[str]:
    try:
        return [*vars(package).get("__path__", ())]
    except KeyError:  # a namespace package whose parent was unloaded looks for it in vain
        return []


def _is_module(thing: object) -> TypeGuard[ModuleType]:
    """Tell modules from the other things that libraries put in `sys.modules`."""
    return isinstance(thing, ModuleType)
