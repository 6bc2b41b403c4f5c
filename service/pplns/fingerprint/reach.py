"""All that a function reaches in its project, as one digest.

What is reached is a graph that may run in circles. It is walked breadth first from what was asked for; each unit
counts with its own text and the numbers of the units it leads to, in the order in which they were met. So the digest
says nothing of where files lie or what was asked before, and mutual recursion is no special case."""

from pathlib import Path

from pplns.errors import DefinitionError
from pplns.fingerprint.live import LiveUnits
from pplns.fingerprint.names import Binding, Unbound, WholeModule
from pplns.fingerprint.project import Project
from pplns.fingerprint.sources import Sources
from pplns.fingerprint.units import Live, Target, Unit
from pplns.fingerprint.values import encode_value, name_of_code
from pplns.model.sha import sha256


class Reach:
    """Walks what code reaches; makes each unit once."""

    def __init__(self, root: Path) -> None:
        self._sources = Sources(Project(root))
        self._live = LiveUnits(self._sources)
        self._units: dict[Target, Unit] = {}

    def digest_code(self, function: object) -> str:
        """Return the digest of a function, class or other callable."""
        own = self._live.own_source(function)
        return self._digest(Unit(f"code {own}", (Live(function),)))

    def digest_value(self, value: object, *, where: str) -> str:
        """Return the digest of a constant.

        Raises: DefinitionError."""
        return self._digest(encode_value(value, where, refuse=_refuse))

    def _digest(self, root: Unit) -> str:
        units = [root]
        places: dict[Target, int] = {}
        whole = sha256()
        for unit in units:  # grows on the way
            numbers: list[int] = []
            for target in unit.targets:
                if target not in places:
                    places[target] = len(units)
                    units.append(self._unit(target))
                numbers.append(places[target])
            text = f"{len(unit.text)}:{unit.text}{numbers}"
            whole.update(text.encode("utf-8", "surrogatepass"))
        return whole.hexdigest()

    def _unit(self, target: Target) -> Unit:
        if target not in self._units:
            self._units[target] = self._make(target)
        return self._units[target]

    def _make(self, target: Target) -> Unit:
        match target:
            case Live():
                return self._live.unit(target.thing)
            case Binding():
                return self._sources.binding(target)
            case WholeModule():
                return self._sources.whole_module(target)
            case Unbound():
                return self._live.unbound(target)
            case _:
                return Unit(f"<{target.name}>")


def _refuse(value: object, where: str) -> None:
    raise DefinitionError(
        f"{where} is of the type {name_of_code(type(value))}.",
        "A constant given to a step is None, a number, text, bytes, a date or time, a path, an Enum member,"
        " a dataclass, a function or class, or a list, tuple, dict or set of these.",
        "Make it inside a step and pass that step's output.",
    )
