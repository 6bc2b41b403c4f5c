"""`CodeDigests` and `digest_constant`: the two questions that the engine asks about code and constants.

The work is done by the other modules of this package, which are imported when the first question comes:

    syntax    one piece of source → bytes that don't depend on layout or Python version, and the names it reaches
    scopes    which of those names are local
    modules   one source file → what binds or changes each of its names
    project   which files are of the project, and where a module lies
    names     a name in a module → what it stands for, through imports and re-exports
    sources   parts of files → what their text is, and what their names stand for
    live      objects in memory → the same
    reach     which of these two tells what a thing is made of
    units     all that a function reaches → one digest
    values    constants, closure cells and defaults → bytes"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

from pplns.errors import DefinitionError
from pplns.fingerprint.project import Project
from pplns.fingerprint.units import Unit, digest_of
from pplns.kept import read_kept, write_kept

TYPE_CHECKING = False
if TYPE_CHECKING:  # imports ast: only where a digest isn't known
    from typing import Any

    from pplns.fingerprint.reach import Reach
    from pplns.fingerprint.units import Target
    from pplns.typed import StrPath


class CodeDigests:
    """Digests of the code that steps reach; parses each project file once.

    Files under `root` are of the project, except installed packages, virtual environments and pplns itself. A file is
    read when it is first reached: make a new one after files have changed.

    With `beside`, a source file of the project, `keep` keeps the digests that files alone decide beside its bytecode,
    with all that was asked about files for them: another process has them from there as long as the answers are the
    same."""

    def __init__(self, root: StrPath, *, beside: str | None = None) -> None:
        self._project = Project(root)
        self._beside = self._project.file(beside)
        self._reach: Reach | None = None
        self._known: dict[int, tuple[object, str]] = {}
        self._kept: dict[str, str] | None = None
        self._has_new = False

    def of(self, function: Callable[..., Any]) -> str:
        """Return the SHA-256, in hex, of a function's code: its own and all it reaches in the project.

        Takes steps, methods, classes, partials and lambdas too. Decorators that are `pplns.step` don't count. A
        function without source (made by `exec`, typed at a prompt) counts by its bytecode, and such a digest holds
        for one version of Python only. What a run finds by other means than names (a plugin that another file has
        registered, an attribute of a computed name) doesn't count."""
        known = self._known.get(id(function))
        if known is None:
            known = (function, self._recall(function))  # the reference keeps the id from being used again
            self._known[id(function)] = known
        return known[1]

    def keep(self) -> None:
        """Keep the digests for the next process, if there are new ones."""
        if self._beside is not None and self._has_new and self._project.is_steady:
            write_kept(self._beside, answers=self._project.answers(), digests=dict(self._kept or {}))
            self._has_new = False

    def unit(self, target: Target) -> Unit:
        """Return what something is made of that code or a constant reaches."""
        return self._walk.unit(target)

    @property
    def _walk(self) -> Reach:
        if self._reach is None:
            from pplns.fingerprint.reach import Reach

            self._reach = Reach(self._project)
        return self._reach

    def _recall(self, function: Callable[..., Any]) -> str:
        if self._beside is None or not isinstance(function, FunctionType) or function.__closure__ is not None:
            return self._walk.digest_code(function).digest
        if self._kept is None:
            self._kept = self._read_kept(self._beside)
        code = function.__code__
        key = f"{code.co_filename}:{code.co_firstlineno}:{code.co_name}"
        if key not in self._kept:
            made = self._walk.digest_code(function)
            if not made.is_of_files:
                return made.digest
            self._kept[key], self._has_new = made.digest, True
        return self._kept[key]

    def _read_kept(self, source: str) -> dict[str, str]:
        kept = read_kept(source)
        return dict(kept["digests"]) if self._project.still_answers(kept.get("answers", {})) else {}


def digest_constant(value: object, *, code: CodeDigests, where: str) -> str:
    """Return the SHA-256, in hex, of a constant that a pipeline function gives to a step.

    Types count: 1, 1.0, True and "1" differ. The order of sets and dicts doesn't, as equal dicts are equal constants
    whichever way a record or a trigger's JSON ordered them; where order matters pass a list of pairs or an
    OrderedDict. Paths count as their POSIX text. Functions and classes count by their code. `where` names the
    argument in the error.

    Raises: DefinitionError for a value with no digest that would be the same tomorrow (a table, a client, a file)."""
    from pplns.fingerprint.values import encode_value  # of use only where there are constants

    digest, _ = digest_of(encode_value(value, where, refuse=_refuse), code.unit)
    return digest


def _refuse(value: object, where: str) -> None:
    from pplns.fingerprint.values import name_of_code

    raise DefinitionError(
        f"{where} is of the type {name_of_code(type(value))}.",
        "A constant given to a step is None, a number, text, bytes, a date or time, a path, an Enum member,"
        " a dataclass, a function or class, or a list, tuple, dict or set of these.",
        "Make it inside a step and pass that step's output.",
    )
