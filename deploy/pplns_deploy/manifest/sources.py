"""What the source of a project says about itself: which of its files a pipeline reaches, which libraries and secrets.

Files are parsed, not run. An import under `if TYPE_CHECKING:`, or in a `try` that catches ImportError, is not needed
to start, and isn't counted as a library."""

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from pplns.fingerprint.project import Project
from pplns.parsing import parse_source
from pplns.paths import from_folder, read_bytes
from pplns.typed import StrPath
from pplns_deploy.manifest.model import LibraryUse, SecretUse

_OURS = ("pplns", "pplns_deploy")
_SHARED_TOP = "google"  # a name that many distributions share: what is imported from it tells which
_NOT_FOUND = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file: what it imports from elsewhere, and the secrets that it names."""

    file: str
    libraries: tuple[LibraryUse, ...]
    secrets: tuple[SecretUse, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """An import statement's target. `names` are those of `from module import names`."""

    module: str
    level: int
    names: tuple[str, ...]
    line: int
    is_needed: bool


class SourceReader:
    """Reads the files of one project, each once."""

    def __init__(self, root: StrPath) -> None:
        self.root = os.path.realpath(root)
        self._project = Project(root)
        self._read: dict[str, tuple[Source, tuple[str, ...]]] = {}

    def reached_from(self, file: StrPath) -> tuple[Source, ...]:
        """Return a file and all of the project's that it imports, directly or not, in the order met."""
        met = [os.path.realpath(file)]
        for one in met:  # grows on the way
            met += [found for found in self._source(one)[1] if found not in met]
        return tuple(self._source(one)[0] for one in met)

    def _source(self, file: str) -> tuple[Source, tuple[str, ...]]:
        if file not in self._read:
            tree = read_tree(file)
            place = from_folder(self.root, file)
            imports = list(imports_of(tree))
            own = {one: self._files_of(file, one) for one in imports}
            libraries = [
                LibraryUse(module, place, one.line)
                for one in imports
                if not own[one] and one.is_needed
                for module in _library_modules(one)
            ]
            source = Source(place, tuple(dict.fromkeys(libraries)), tuple(_secrets_in(tree, place)))
            self._read[file] = source, tuple(path for found in own.values() for path in found)
        return self._read[file]

    def _files_of(self, file: str, imported: Imported) -> list[str]:
        place = self._project.locate(file, imported.module, imported.level)
        if place is None:
            return []
        children = [self._project.child(place, name) for name in imported.names]
        found = [_module_file(one) for one in (place, *children) if one is not None]
        return [one for one in found if one is not None] or [file]


def read_tree(file: StrPath) -> ast.Module:
    """Return the tree of a file; one that can't be read or parsed is empty, since its import says so."""
    try:
        return parse_source(read_bytes(file), file)
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def imports_of(tree: ast.AST, *, is_needed: bool = True) -> Iterator[Imported]:
    """Yield what a tree imports, also inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(alias.name, 0, (), node.lineno, is_needed)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Imported(node.module or "", node.level, names, node.lineno, is_needed)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for statement in node.orelse:
                yield from imports_of(ast.Module([statement], []), is_needed=is_needed)
        elif isinstance(node, ast.Try):
            yield from imports_of(node, is_needed=is_needed and not _catches_missing(node))
        else:
            yield from imports_of(node, is_needed=is_needed)


def aliases_of(tree: ast.AST, name: str) -> tuple[set[str], set[str]]:
    """Return the names under which a file knows `pplns` itself, and one of the names of pplns."""
    modules: set[str] = set()
    things: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name == "pplns"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "pplns":
            things |= {alias.asname or alias.name for alias in node.names if alias.name == name}
    return modules, things


def _secrets_in(tree: ast.Module, file: str) -> Iterator[SecretUse]:
    modules, things = aliases_of(tree, "Secret")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not _is_named(node.func, modules, things, "Secret"):
            continue
        given = [*node.args, *(one.value for one in node.keywords if one.arg == "name")]
        first = given[0] if given else None
        is_text = isinstance(first, ast.Constant) and isinstance(first.value, str)
        yield SecretUse(str(first.value) if is_text and isinstance(first, ast.Constant) else None, file, node.lineno)


def _is_named(function: ast.expr, modules: set[str], things: set[str], name: str) -> bool:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr == name and function.value.id in modules
    return isinstance(function, ast.Name) and function.id in things


def _library_modules(imported: Imported) -> list[str]:
    top = imported.module.partition(".")[0]
    if imported.level or not top or top in sys.stdlib_module_names or top in _OURS:
        return []
    if top == _SHARED_TOP and imported.names:
        return [f"{imported.module}.{name}" for name in imported.names]
    return [imported.module]


def _catches_missing(node: ast.Try) -> bool:
    caught = [handler.type for handler in node.handlers]
    names = {one.id for kind in caught if kind for one in ast.walk(kind) if isinstance(one, ast.Name)}
    return None in caught or not names.isdisjoint(_NOT_FOUND)


def _module_file(place: str) -> str | None:
    return os.path.realpath(place) if place.endswith(".py") else None
