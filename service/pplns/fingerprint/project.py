"""Which files are of the project, and in which file a module lies.

Nothing is imported to find out: a module that a function imports only when it runs is found on `sys.path`."""

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from pplns.fingerprint.modules import Module, read_module

_INSTALLED = {"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox"}
_OURS = {"pplns", "pplns_deploy"}  # libraries to a project, even where one folder holds both
_OUR_FOLDER = Path(__file__).resolve().parents[1]
_STANDARD_LIBRARY = Path(os.__file__).resolve().parent


class Project:
    """The files of one project, each parsed once."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._modules: dict[Path, Module] = {}
        self._files: dict[str, Path | None] = {}
        self._found: dict[tuple[Path, str], Path | None] = {}
        self._tops: dict[str, Path | None] = {}
        self._loaded: dict[Path, ModuleType] | None = None

    def module(self, path: Path) -> Module:
        """Return what a file says about its names."""
        if path not in self._modules:
            self._modules[path] = read_module(path)
        return self._modules[path]

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
        folder = place if place.is_dir() else place.parent
        if place.is_dir() or place.name == "__init__.py":
            return self._find(folder, name)
        return None

    def loaded(self, path: Path) -> ModuleType | None:
        """Return the module that was imported from a file."""
        if self._loaded is None:
            modules = [module for module in [*sys.modules.values()] if _is_module(module)]
            found = [(self.file_of(module), module) for module in modules]
            self._loaded = {path: module for path, module in found if path is not None}
        return self._loaded.get(path)

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
        folders = [folder for folder in (Path(entry).resolve() for entry in sys.path) if self._contains(folder)]
        return next(filter(None, (self._find(folder, name) for folder in folders)), None)

    def _find(self, folder: Path, name: str) -> Path | None:
        if (folder, name) not in self._found:
            candidates = (folder / name / "__init__.py", folder / f"{name}.py", folder / name)
            found = (path for path in candidates if path.exists() and self._contains(path))
            self._found[folder, name] = next(found, None)
        return self._found[folder, name]

    def _with_init(self, folder: Path) -> Path:
        init = folder / "__init__.py"
        return init if init.exists() else folder


def _folders_of(package: ModuleType) -> list[str]:
    try:
        return [*vars(package).get("__path__", ())]
    except KeyError:  # a namespace package whose parent was unloaded looks for it in vain
        return []


def _is_module(thing: object) -> TypeGuard[ModuleType]:
    """Tell modules from the other things that libraries put in `sys.modules`."""
    return isinstance(thing, ModuleType)
