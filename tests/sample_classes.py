"""Classes at the top of a module, as a project has them."""

from dataclasses import InitVar, dataclass, field
from enum import Enum, Flag, IntEnum, StrEnum, auto
from typing import NamedTuple


class Colour(Enum):
    RED = "red"
    GREEN = ("g", 1)


class Level(IntEnum):
    LOW = 1


class Kind(StrEnum):
    DAILY = "daily"


class Access(Flag):
    READ = auto()
    WRITE = auto()


class Point(NamedTuple):
    x: int
    y: float = 0.0


@dataclass
class Order:
    number: int
    items: list[str] = field(default_factory=list)
    factor: InitVar[int] = 1
    total: int = field(init=False, default=0)

    def __post_init__(self, factor: int) -> None:
        self.total = self.number * factor
        self.extra = "set in __post_init__"


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    place: Point


class Outer:
    @dataclass
    class Inner:
        value: object = None


class Opaque:
    """No dataclass, no Enum, no NamedTuple."""


class Ledger(dict):  # type: ignore[type-arg]
    """A subclass of a built-in type."""


@dataclass
class Holder:
    """A dataclass that holds anything."""

    content: object = None
