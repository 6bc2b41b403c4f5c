"""`CodeDigests` and `digest_constant`: the two questions that the engine asks about code and constants.

The work is done by the other modules of this package, which are imported when the first question comes:

    syntax    one piece of source → bytes that don't depend on layout or Python version, and the names it reaches
    scopes    which of those names are local
    modules   one source file → what binds or changes each of its names
    project   which files are of the project, and where a module lies
    names     a name in a module → what it stands for, through imports and re-exports
    reach     all that a function reaches → one digest
    values    constants, closure cells and defaults → bytes"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # imports ast and inspect: only when a digest is asked for
    from pplns.fingerprint.reach import Reach


class CodeDigests:
    """Digests of the code that steps reach; parses each project file once.

    Files under `root` are of the project, except installed packages, virtual environments and pplns itself. A file is
    read when it is first reached: make a new one after files have changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._reach: Reach | None = None
        self._known: dict[int, tuple[object, str]] = {}

    def of(self, function: Callable[..., Any]) -> str:
        """Return the SHA-256, in hex, of a function's code: its own and all it reaches in the project.

        Takes steps, methods, classes, partials and lambdas too. Decorators that are `pplns.step` don't count. A
        function without source (made by `exec`, typed at a prompt) counts by its bytecode, and such a digest holds
        for one version of Python only. What a run finds by other means than names (a plugin that another file has
        registered, an attribute of a computed name) doesn't count."""
        known = self._known.get(id(function))
        if known is None:
            known = (function, self.reach.digest_code(function))  # the reference keeps the id from being used again
            self._known[id(function)] = known
        return known[1]

    @property
    def reach(self) -> "Reach":
        """The traversal behind the digests, made on first use."""
        if self._reach is None:
            from pplns.fingerprint.reach import Reach

            self._reach = Reach(self.root)
        return self._reach


def digest_constant(value: object, *, code: CodeDigests, where: str) -> str:
    """Return the SHA-256, in hex, of a constant that a pipeline function gives to a step.

    Types count: 1, 1.0, True and "1" differ. The order of sets and dicts doesn't, as equal dicts are equal constants
    whichever way a record or a trigger's JSON ordered them; where order matters pass a list of pairs or an
    OrderedDict. Paths count as their POSIX text. Functions and classes count by their code. `where` names the
    argument in the error.

    Raises: DefinitionError for a value with no digest that would be the same tomorrow (a table, a client, a file)."""
    return code.reach.digest_value(value, where=where)
