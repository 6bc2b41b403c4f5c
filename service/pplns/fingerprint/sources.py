"""Units that source alone tells: the statements that make a name, whole modules, any part of a file."""

import ast
from collections.abc import Iterable

from pplns.fingerprint.modules import Module
from pplns.fingerprint.names import Binding, External, Named, Names, WholeModule
from pplns.fingerprint.pieces import Piece, read_piece
from pplns.fingerprint.project import Project
from pplns.fingerprint.statements import Entry
from pplns.fingerprint.units import Unit


class Sources:
    """Reads pieces of a project's files, each once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.names = Names(project)
        self._pieces: dict[ast.AST, Piece] = {}

    def piece(self, module: Module, node: ast.AST) -> Piece:
        """Return a part of a file, without the decorators that are `pplns.step`."""
        if node not in self._pieces:
            self._pieces[node] = read_piece([node], is_dropped=lambda one: self.names.is_step(module, one))
        return self._pieces[node]

    def unit(self, module: Module, node: ast.AST) -> Unit:
        """Return a part of a file with all that its names stand for."""
        piece = self.piece(module, node)
        named = [one for reference in piece.references for one in self.names.follow(module, reference)]
        return unit_of_named(piece.digest, named)

    def binding(self, binding: Binding) -> Unit:
        """Return the statements that bind or change a name, and the headers around them.

        An import without a guard is left out, as what it brings is followed instead."""
        module = self.project.module(binding.path)
        entries = [entry for entry in module.bindings[binding.name] if entry.origin is None or entry.guards]
        return Unit.joined("binding", [self.unit(module, node) for entry in entries for node in _nodes_of(entry)])

    def whole_module(self, whole: WholeModule) -> Unit:
        """Return all statements of a module, or the text of one that doesn't parse."""
        module = self.project.module(whole.path)
        if module.broken is not None:
            return Unit(f"broken({module.broken})")
        return Unit.joined("module", [self.unit(module, statement) for statement in module.body])


def unit_of_named(text: str, named: Iterable[Named]) -> Unit:
    """Return a text and what its names stand for; a name of a library is text itself."""
    every = list(dict.fromkeys(named))
    libraries = "".join(f"<{one.name}>" for one in every if isinstance(one, External))
    return Unit(text + libraries, tuple(one for one in every if not isinstance(one, External)))


def _nodes_of(entry: Entry) -> list[ast.AST]:
    return [*entry.guards, entry.statement]
