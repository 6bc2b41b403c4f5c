"""The things that code reaches: named ones, found in source, and live ones, found in closures and arguments."""

from typing import NamedTuple

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


Target = Named | Live


class Unit(NamedTuple):
    """One thing that code reaches: its own text, and where it leads."""

    text: str
    targets: tuple[Target, ...] = ()

    @staticmethod
    def joined(label: str, units: "list[Unit]") -> "Unit":
        """Return several units as one; `label` says what they make up."""
        text = "".join(f"{len(unit.text)}:{unit.text}" for unit in units)
        return Unit(f"{label}({text})", tuple(target for unit in units for target in unit.targets))
