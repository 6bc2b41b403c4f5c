"""`Frozen`: what `dataclass(frozen=True)` gives, without importing dataclasses.

The standard module costs 7 ms (it brings inspect, ast and tokenize) on the way to every pipeline file, a third of
what `from pplns import step, pipeline` may take. Only the classes that a pipeline file writes rest on this one;
everything else uses the standard dataclasses."""

from collections.abc import Mapping
from typing import Any, ClassVar, Never, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Frozen:
    """A value whose annotated fields are set once; equal when class and fields are, hashable when they are."""

    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = tuple(cls.__annotations__)
        cls._defaults = {**cls._defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}
        cls._fields = (*cls._fields, *(name for name in own if name not in cls._fields))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        if len(args) > len(cls._fields):
            raise TypeError(f"{cls.__name__}() takes {len(cls._fields)} arguments, but {len(args)} were given")
        given = dict(zip(cls._fields, args, strict=False))
        for name in kwargs:
            if name not in cls._fields or name in given:
                problem = "got twice" if name in given else "doesn't take"
                raise TypeError(f"{cls.__name__}() {problem} the argument {name!r}; it takes {', '.join(cls._fields)}")
        values = {**cls._defaults, **given, **kwargs}
        for name in cls._fields:  # in their order, whatever the call's, for repr and hash
            if name not in values:
                raise TypeError(f"{cls.__name__}() misses the argument {name!r}")
            object.__setattr__(self, name, values[name])
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields; a subclass raises DefinitionError here."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other values in some fields."""
        return type(self)(**(self.__dict__ | changes))

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{type(self).__name__} is frozen; make a new one instead of setting {name!r}")

    def __delattr__(self, name: str) -> Never:
        self.__setattr__(name, None)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"
