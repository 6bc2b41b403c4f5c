"""Importing one pipeline file under its dotted path.

Names are looked up as Python always does; a file whose name means something else here is refused before its import,
since Python would import the other one without a word."""

import importlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from types import ModuleType

from pplns.loader.broken import Broken, describe, is_same
from pplns.loader.processes import LIBRARY_FOLDERS, imports_noted, is_below
from pplns.settings import Settings


def import_file(file: str, settings: Settings) -> ModuleType | Broken:
    """Import a file of the pipelines folder under its dotted path; whatever goes wrong comes back as Broken."""
    parts = _parts_of(file, settings.pipelines_dir)
    for part in parts:
        if "." in part:
            expected = "Names of pipeline files and their folders are names of Python modules."
            return Broken(file, None, f"the name {part!r} has a dot, which parts modules.", "Rename it.", expected)
    with imports_noted(settings.root_dir):
        owner = _library(parts[0], settings) or _other_file(parts, file)
    return _taken(file, parts, owner) if owner else import_module(".".join(parts), file=file, root=settings.root_dir)


def import_module(name: str, *, file: str, root: str) -> ModuleType | Broken:
    """Import a module of the project; `file` is where a fault is reported."""
    try:
        with imports_noted(root):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # a border: a user's file may raise anything
        return describe(error, file=file, root=root)


def _parts_of(file: str, folder: str) -> tuple[str, ...]:
    """Return the names of the module that a file in a folder is."""
    return tuple(os.path.relpath(file, folder).removesuffix(".py").split(os.sep))


def _taken(file: str, parts: tuple[str, ...], owner: str) -> Broken:
    old = f"{parts[0]}.py" if len(parts) == 1 else f"the folder {parts[0]!r}"
    return Broken(
        file,
        None,
        f"its module name {'.'.join(parts)!r} is taken by {owner}.",
        f"Rename {old}, for example to {parts[0] + '_pipeline'!r}.",
        "A pipeline file has a module name of its own.",
    )


def _library(top: str, settings: Settings) -> str | None:
    """Return whose module has this name, where it isn't the project's."""
    if top in sys.stdlib_module_names:
        return f"Python's own module {top!r}"
    spec = PathFinder.find_spec(top, _library_folders(settings))
    if spec is None:
        return None
    folders = [str(folder) for folder in spec.submodule_search_locations or ()]
    installed = [folder for folder in folders if not LIBRARY_FOLDERS.isdisjoint(os.path.normpath(folder).split(os.sep))]
    place = spec.origin or next(iter(installed), None)  # no origin: a folder without __init__.py, which many may share
    return f"the library {top!r} ({place})" if place else None


def _library_folders(settings: Settings) -> list[str]:
    """Return the entries of sys.path that are not the project's own, nor where the command was typed."""
    root = settings.root_dir
    own = {os.path.realpath(folder) for folder in (os.path.join(root, "src"), settings.pipelines_dir, "")}
    places = {entry: os.path.realpath(entry or ".") for entry in sys.path}
    return [entry for entry, place in places.items() if place not in own and not is_below(place, root)]


def _other_file(parts: tuple[str, ...], file: str) -> str | None:
    """Return what the dotted name means here, where that is another file."""
    try:
        spec = importlib.util.find_spec(".".join(parts))
    except (Exception, SystemExit):  # an __init__.py that fails says so when it is imported
        spec = None
    if spec is not None and spec.origin is not None:
        return None if is_same(spec.origin, file) else f"the file {spec.origin}"
    parent = sys.modules.get(parts[0]) if len(parts) > 1 else None
    if parent is None or any(is_same(folder, os.path.dirname(file)) for folder in getattr(parent, "__path__", ())):
        return None
    return f"the file {parent.__file__}" if parent.__file__ else None
