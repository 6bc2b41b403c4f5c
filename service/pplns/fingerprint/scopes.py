"""Which names of a piece of source are local, and which it reaches outside of itself.

Python decides that for a whole function at once (a name bound anywhere in it is local everywhere in it), so a scope
collects what is loaded and bound, and says what is left over when it ends. Only a class body goes line by line."""

from typing import Literal

from pplns.model.frozen import Frozen

Chain = tuple[str, ...]  # a name and the attributes taken from it, `a.b.c`


class Origin(Frozen):
    """Where an import statement takes a name from: `from ..module import name`, or `import module` without one."""

    module: str
    name: str | None = None
    level: int = 0


class Reference(Frozen):
    """A name that a piece of source reaches, with the attributes taken from it.

    With an `origin` it is what an import inside the piece brought, and `chain` holds the attributes alone."""

    chain: Chain
    origin: Origin | None


class Scope:
    """The names of one function, class body or comprehension, or of the `outside` that a piece stands in."""

    def __init__(
        self, kind: Literal["outside", "function", "class", "comprehension"], parent: "Scope | None" = None
    ) -> None:
        self.kind = kind
        self.parent = parent
        self.bound: set[str] = set()
        self.declared: set[str] = set()
        self.imports: dict[str, list[Origin]] = {}
        self.reached: dict[Chain, None] = {}  # a set that keeps the order
        self.brought: dict[Reference, None] = {}

    def load(self, chain: Chain) -> None:
        """Note that a name is read here."""
        if self.kind != "class" or chain[0] not in self.bound or chain[0] in self.imports:
            self.reached[chain] = None

    def bind(self, name: str) -> None:
        """Note that a name is set here, unless `global` or `nonlocal` says that it is another scope's."""
        if name not in self.declared:
            self.bound.add(name)

    def bind_walrus(self, name: str) -> None:
        """Note a name set by `:=`, which belongs to the scope around a comprehension."""
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        scope.bind(name)

    def bind_import(self, name: str, origin: Origin) -> None:
        """Note a name set by an import statement."""
        self.bind(name)
        self.imports.setdefault(name, []).append(origin)

    def declare(self, names: list[str]) -> None:
        """Note `global` or `nonlocal`: whoever sets an outer name depends on what else sets it."""
        self.declared.update(names)
        for name in names:
            self.reached[(name,)] = None

    def end(self) -> None:
        """Hand what is not local to the scope outside."""
        outer = self.parent
        while outer is not None and outer.kind == "class":
            outer = outer.parent  # what stands inside a class body doesn't see its names
        if outer is not None:
            outer.brought.update(self.brought)
            for chain in self.reached:
                self._hand_on(chain, outer)

    def references(self) -> tuple[Reference, ...]:
        """Return all that the piece reaches, the names that its own imports bring to the outside included."""
        own = [Reference((), origin) for origins in self.imports.values() for origin in origins if origin.name]
        return (*(Reference(chain, None) for chain in self.reached), *self.brought, *own)

    def _hand_on(self, chain: Chain, outer: "Scope") -> None:
        name = chain[0]
        if name in self.imports:
            for origin in self.imports[name]:
                outer.brought[Reference(chain[1:], origin)] = None
        elif name not in self.bound or self.kind == "class":
            outer.load(chain)
