"""All that code reaches in its project: which of the other modules tells what a target is made of."""

from typing import TYPE_CHECKING

from pplns.fingerprint.live import LiveUnits
from pplns.fingerprint.names import Binding, Unbound, WholeModule
from pplns.fingerprint.project import Project
from pplns.fingerprint.sources import Sources
from pplns.fingerprint.units import Live, Unit, digest_of
from pplns.model.frozen import Frozen

if TYPE_CHECKING:
    from pplns.fingerprint.units import Target


class CodeDigest(Frozen):
    """A digest of code. `is_of_files`: the project's files alone decide it, and no object in memory."""

    digest: str
    is_of_files: bool


class Reach:
    """Walks what code reaches; makes each unit once."""

    def __init__(self, project: Project) -> None:
        self._sources = Sources(project)
        self._live = LiveUnits(self._sources)
        self._units: dict[Target, Unit] = {}

    def digest_code(self, function: object) -> CodeDigest:
        """Return the digest of a function, class or other callable."""
        own, start = self._live.own_source(function), Live(function)
        digest, reached = digest_of(Unit(f"code {own}", (start,)), self.unit)
        in_memory = [one for one in reached if isinstance(one, Live | Unbound) and one != start]
        return CodeDigest(digest, not in_memory and self._live.is_as_written(function))

    def unit(self, target: "Target") -> Unit:
        """Return what a target is made of."""
        unit = self._units.get(target)
        if unit is None:
            unit = self._units[target] = self._make(target)
        return unit

    def _make(self, target: "Target") -> Unit:
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
