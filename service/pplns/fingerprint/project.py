"""Which files are of the project, and in which file a module lies.

Nothing is imported to find out: a module that a function imports only when it runs is found on `sys.path`.

All that digests ask of the world beside live objects is asked here, and the answers are known: as long as they are the
same, so is every digest that was made of them (`answers`, `still_answers`)."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from pplns.kept import digest_of_text

TYPE_CHECKING = False
if TYPE_CHECKING:  # imports ast: only when a file is parsed
    from typing import Any, TypeGuard

    from pplns.fingerprint.modules import Module

_INSTALLED = {"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox"}
_OURS = {"pplns", "pplns_deploy"}  # libraries to a project, even where one folder holds both
_OUR_FOLDER = Path(__file__).resolve().parents[1]
_STANDARD_LIBRARY = Path(os.__file__).resolve().parent


class Project:
    """The files of one project, each parsed once. `is_steady` unless one was seen to change in between."""

    def __init__(self, root: Path) -> None:
        self.is_steady = True
        self._root = root.resolve()
        self._modules: dict[Path, Module] = {}
        self._texts: dict[Path, str] = {}
        self._files: dict[str, Path | None] = {}
        self._found: dict[tuple[Path, str], Path | None] = {}
        self._inits: dict[Path, Path] = {}
        self._folders: dict[Path, bool] = {}
        self._tops: dict[str, Path | None] = {}
        self._builtins: dict[str, bool] = {}
        self._loaded: dict[Path, ModuleType] | None = None

    def answers(self) -> dict[str, Any]:
        """Return, as JSON, all that was asked so far but for what modules in memory hold, and the answers."""
        return {
            "bounds": self._bounds,
            "texts": {str(path): digest for path, digest in self._texts.items()},
            "files": {name: _text_of(path) for name, path in self._files.items()},
            "found": [[str(folder), name, _text_of(path)] for (folder, name), path in self._found.items()],
            "inits": {str(folder): str(path) for folder, path in self._inits.items()},
            "folders": {str(path): is_one for path, is_one in self._folders.items()},
            "tops": {name: _text_of(path) for name, path in self._tops.items()},
            "builtins": dict(self._builtins),
        }

    def still_answers(self, answers: Mapping[str, Any]) -> bool:
        """Ask again what another process asked; tell whether all answers are the same, and to the same questions."""
        try:
            return (
                answers["bounds"] == self._bounds
                and all(self._digest_of(Path(path)) == digest for path, digest in answers["texts"].items())
                and all(_text_of(self.file(name)) == path for name, path in answers["files"].items())
                and all(_text_of(self._find(Path(folder), name)) == path for folder, name, path in answers["found"])
                and all(str(self._with_init(Path(folder))) == path for folder, path in answers["inits"].items())
                and all(self._is_folder(Path(path)) == is_one for path, is_one in answers["folders"].items())
                and all(_text_of(self._top(name)) == path for name, path in answers["tops"].items())
                and all(self.is_builtin(name) == known for name, known in answers["builtins"].items())
            )
        except (OSError, LookupError):  # a file is gone, or an earlier state of this version asked something else
            return False

    def module(self, path: Path) -> Module:
        """Return what a file says about its names."""
        if path not in self._modules:
            from pplns.fingerprint.modules import Module, read_module

            source = None if path.is_dir() else path.read_bytes()
            digest = "" if source is None else digest_of_text(source)
            self.is_steady &= self._texts.setdefault(path, digest) == digest
            self._modules[path] = Module(path) if source is None else read_module(path, source)
        return self._modules[path]

    def is_builtin(self, name: str) -> bool:
        """Tell whether a name that no module binds is there all the same."""
        if name not in self._builtins:
            self._builtins[name] = hasattr(builtins, name)
        return self._builtins[name]

    def file(self, filename: str | None) -> Path | None:
        """Return the path of a file or folder if it is source of the project."""
        if not filename:
            return None
        if filename not in self._files:
            path = Path(filename).resolve()
            self._files[filename] = path if self._contains(path) and path.exists() else None
        return self._files[filename]

    def file_of(self, module: ModuleType) -> Path | None:
        """Return the file of a loaded module, or the folder of a namespace package, if it is of the project."""
        known = vars(module)  # as a module's own `__getattr__` may import
        if str(known.get("__name__")).partition(".")[0] in _OURS:
            return None
        filename = known.get("__file__")
        if filename:
            path = self.file(str(filename))
            return path if path is not None and path.suffix == ".py" else None
        return next(filter(None, map(self.file, _folders_of(module))), None)

    def locate(self, importer: Path, module: str, level: int) -> Path | None:
        """Return where the module of an import statement lies, or None if it isn't of the project."""
        if level:
            place: Path | None = importer.parents[level - 1] if level <= len(importer.parents) else None
            place = place if place is not None and self._contains(place) else None
            place = place and self._with_init(place)
        else:
            top, _, module = module.partition(".")
            place = self._top(top)
        for name in filter(None, module.split(".")):
            place = place and self.child(place, name)
        return place

    def child(self, place: Path, name: str) -> Path | None:
        """Return a module inside a package."""
        if place.name == "__init__.py":
            return self._find(place.parent, name)
        return self._find(place, name) if self._is_folder(place) else None

    def loaded(self, path: Path) -> ModuleType | None:
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
        return [str(self._root), str(_OUR_FOLDER), str(_STANDARD_LIBRARY), sys.version, digits]

    def _contains(self, path: Path) -> bool:
        if not path.is_relative_to(self._root) or path.is_relative_to(_OUR_FOLDER):
            return False
        inside = path.relative_to(self._root).parts
        return _INSTALLED.isdisjoint(inside) and not path.is_relative_to(_STANDARD_LIBRARY)

    def _top(self, name: str) -> Path | None:
        if name in _OURS:
            return None
        if name not in self._tops:
            loaded = sys.modules.get(name)
            self._tops[name] = self.file_of(loaded) if _is_module(loaded) else self._search(name)
        return self._tops[name]

    def _search(self, name: str) -> Path | None:
        folders = filter(None, (self.file(entry or os.curdir) for entry in sys.path))
        return next(filter(None, (self._find(folder, name) for folder in folders)), None)

    def _find(self, folder: Path, name: str) -> Path | None:
        if (folder, name) not in self._found:
            candidates = (folder / name / "__init__.py", folder / f"{name}.py", folder / name)
            found = (path for path in candidates if path.exists() and self._contains(path))
            self._found[folder, name] = next(found, None)
        return self._found[folder, name]

    def _with_init(self, folder: Path) -> Path:
        if folder not in self._inits:
            init = folder / "__init__.py"
            self._inits[folder] = init if init.exists() else folder
        return self._inits[folder]

    def _is_folder(self, path: Path) -> bool:
        if path not in self._folders:
            self._folders[path] = path.is_dir()
        return self._folders[path]

    def _digest_of(self, path: Path) -> str:
        if path not in self._texts:
            self._texts[path] = "" if path.is_dir() else digest_of_text(path.read_bytes())
        return self._texts[path]


def _text_of(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _folders_of(package: ModuleType) -> list[str]:
    try:
        return [*vars(package).get("__path__", ())]
    except KeyError:  # a namespace package whose parent was unloaded looks for it in vain
        return []


def _is_module(thing: object) -> TypeGuard[ModuleType]:
    """Tell modules from the other things that libraries put in `sys.modules`."""
    return isinstance(thing, ModuleType)
