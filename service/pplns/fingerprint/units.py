"""The things that code reaches: named ones, found in source, and live ones, found in closures and arguments.

What is reached is a graph that may run in circles. It is walked breadth first from what was asked for; each unit
counts with its own text and the numbers of the units it leads to, in the order in which they were met. So the digest
says nothing of where files lie or what was asked before, and mutual recursion is no special case."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pplns.built_in import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:  # imports ast: only when a file is parsed
    from pplns.fingerprint.names import Named


class Live:
    """An object in memory; equal to itself alone. It keeps the object, so that its id isn't used again."""

    __slots__ = ("thing",)

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Live) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


if TYPE_CHECKING:
    Target = Named | Live


class Unit:
    """One thing that code reaches: its own text, and where it leads."""

    __slots__ = ("targets", "text")

    def __init__(self, text: str, targets: tuple[Target, ...] = ()) -> None:
        self.text = text
        self.targets = targets

    @staticmethod
    def joined(label: str, units: list[Unit]) -> Unit:
        """Return several units as one; `label` says what they make up."""
        text = "".join(f"{len(unit.text)}:{unit.text}" for unit in units)
        return Unit(f"{label}({text})", tuple(target for unit in units for target in unit.targets))


def digest_of(root: Unit, unit_of: Callable[[Target], Unit]) -> tuple[str, Iterable[Target]]:
    """Return the SHA-256, in hex, of a unit with all that it leads to, and what that is."""
    units = [root]
    places: dict[Target, int] = {}
    whole = sha256()
    for unit in units:  # grows on the way
        numbers: list[int] = []
        for target in unit.targets:
            number = places.setdefault(target, len(units))
            if number == len(units):
                units.append(unit_of(target))
            numbers.append(number)
        text = f"{len(unit.text)}:{unit.text}{numbers}"
        whole.update(text.encode("utf-8", "surrogatepass"))
    return whole.hexdigest(), places
