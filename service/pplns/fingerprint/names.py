"""What a name in a module stands for: through imports, re-exports and `import *`, without importing anything."""

import ast

from pplns.fingerprint.modules import Module
from pplns.fingerprint.project import Project
from pplns.fingerprint.scopes import Chain, Origin, Reference
from pplns.fingerprint.syntax import chain_of
from pplns.model.frozen import Frozen

_STEP_NAMES = {"pplns.step", "pplns.steps.step", "pplns.steps.definitions.step"}


class Binding(Frozen):
    """All statements of a module that bind or change one of its names."""

    path: str
    name: str


class WholeModule(Frozen):
    """All of a module: it was passed on, or asked for names that only a run can tell."""

    path: str


class External(Frozen):
    """Something of a library, of which only the qualified name counts."""

    name: str


class Unbound(Frozen):
    """A name that no statement of its module binds; only the module in memory can tell what it is."""

    path: str
    chain: Chain


Named = Binding | WholeModule | External | Unbound
_Seen = frozenset[tuple[str, str]]


class Names:
    """Follows names through the files of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def follow(self, module: Module, reference: Reference) -> list[Named]:
        """Return all that a reference in a module may stand for; nothing for a builtin."""
        if reference.origin is not None:
            return self._imported(module, reference.origin, reference.chain, frozenset())
        found = self._named(module, reference.chain, frozenset())
        if found is None:
            name = reference.chain[0]
            return [] if self._project.is_builtin(name) or _is_dunder(name) else [Unbound(module.path, reference.chain)]
        return found

    def within(self, place: str, chain: Chain, seen: _Seen = frozenset()) -> list[Named]:
        """Return what attributes of a module stand for; all of it if there are none."""
        module = self._project.module(place)
        if not chain or module.broken is not None:
            return [WholeModule(place)]
        found = self._named(module, chain, seen)
        if found is not None:
            return found
        inner = self._project.child(place, chain[0])
        if inner is not None:
            return self.within(inner, chain[1:], seen)
        if "__getattr__" in module.bindings:
            return [WholeModule(place)]
        return [] if _is_dunder(chain[0]) else [Unbound(place, chain)]

    def is_step(self, module: Module, decorator: ast.expr, depth: int = 0) -> bool:
        """Tell whether an expression is `pplns.step`, called or not, under any name."""
        if isinstance(decorator, ast.Call):
            partial = decorator.args[0] if decorator.args and self._is_partial(module, decorator.func) else None
            return self.is_step(module, partial or decorator.func, depth)
        chain = chain_of(decorator)
        found = self._named(module, chain, frozenset()) if chain else None
        if found is None or depth > 8:
            return False
        if len(found) == 1 and isinstance(found[0], Binding):
            return self._is_step_alias(found[0], depth + 1)
        return any(isinstance(one, External) and one.name in _STEP_NAMES for one in found)

    def _is_step_alias(self, binding: Binding, depth: int) -> bool:
        module = self._project.module(binding.path)
        made = [entry.statement for entry in module.bindings[binding.name]]
        value = made[0].value if len(made) == 1 and isinstance(made[0], ast.Assign | ast.AnnAssign) else None
        return value is not None and self.is_step(module, value, depth)

    def _is_partial(self, module: Module, function: ast.expr) -> bool:
        chain = chain_of(function)
        found = self._named(module, chain, frozenset()) if chain else None
        return found == [External("functools.partial")]

    def _named(self, module: Module, chain: Chain, seen: _Seen) -> list[Named] | None:
        key = (module.path, chain[0])
        if key in seen:  # modules that re-export each other's names
            return None
        seen |= {key}
        entries = module.bindings.get(chain[0])
        if entries is None:
            return self._starred(module, chain, seen)
        found: list[Named] = []
        if any(entry.origin is None or entry.guards for entry in entries):
            found.append(Binding(module.path, chain[0]))
        for entry in entries:
            if entry.origin is not None:
                found += self._imported(module, entry.origin, chain[1:], seen)
        return found

    def _starred(self, module: Module, chain: Chain, seen: _Seen) -> list[Named] | None:
        outside: list[Named] = []
        for star in module.stars:
            place = self._project.locate(module.path, star.module, star.level)
            if place is None:
                outside.append(External(".".join((star.module, *chain))))
                continue
            found = self._named(self._project.module(place), chain, seen)
            if found is not None:
                return found
        return outside if outside and not self._project.is_builtin(chain[0]) else None

    def _imported(self, module: Module, origin: Origin, chain: Chain, seen: _Seen) -> list[Named]:
        attributes = chain if origin.name is None else (origin.name, *chain)
        place = self._project.locate(module.path, origin.module, origin.level)
        if place is None:
            return [External("." * origin.level + ".".join((origin.module, *attributes)))]
        return self.within(place, attributes, seen)


def _is_dunder(name: str) -> bool:
    """Tell whether a name is one that Python sets itself; `__file__` differs between machines."""
    return name.startswith("__") and name.endswith("__")
