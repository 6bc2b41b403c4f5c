"""`Frozen`: what `dataclass(frozen=True)` gives, in a twentieth of its time at import.

The standard decorator writes and compiles six methods a class, 0.3 to 0.6 ms, and brings inspect, ast and tokenize. A
command imports about sixty classes of data, most of which it never makes one of; so they share the methods here. What
changes after it is made, or has fields that aren't arguments, stays a standard dataclass or a plain class."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from pplns.typed import dataclass_transform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Never, Self


@dataclass_transform(frozen_default=True)
class Frozen:
    """A value whose annotated fields are set once; equal when class and fields are, hashable when they are.

    A default is shared by all instances: let it be immutable."""

    _fields: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[frozenset[str]] = frozenset()
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _has_checks: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        own = tuple(cls.__annotations__)
        cls._defaults = {**cls._defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}
        cls._fields = (*cls._fields, *(name for name in own if name not in cls._fields))
        cls._names = frozenset(cls._fields)
        cls._has_checks = cls.__post_init__ is not Frozen.__post_init__

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        values, names = self.__dict__, self._fields
        if not kwargs and len(args) == len(names):  # in half the time of what follows
            values.update(zip(names, args))  # noqa: B905 - saying `strict` costs half as much again
        elif not args and kwargs.keys() == self._names:
            values.update(kwargs)
        else:
            if len(args) + len(kwargs) < len(names):
                values.update(self._defaults)
            if args:
                values.update(zip(names, args, strict=False))
                self._check_places(args, kwargs)
            values.update(kwargs)
            if values.keys() != self._names:
                raise self._misfit(args, kwargs)
        if self._has_checks:
            self.__post_init__()

    def _check_places(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        names = self._fields
        if len(args) > len(names) or (kwargs and not kwargs.keys().isdisjoint(names[: len(args)])):
            raise self._misfit(args, kwargs)

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
        return type(other) is type(self) and self._values_of(other) == self._values_of(self)

    def __hash__(self) -> int:
        return hash((type(self), *self._values_of(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._fields)})"

    @classmethod
    def _values_of(cls, one: object) -> list[Any]:
        """Return the values of all fields; lists take one that is the same for equal, whatever its own `==` says."""
        return [getattr(one, name) for name in cls._fields]

    @classmethod
    def _misfit(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TypeError:
        """Return what is wrong with the arguments of a call."""
        name, fields = cls.__name__, cls._fields
        if len(args) > len(fields):
            return TypeError(f"{name}() takes {len(fields)} arguments, but {len(args)} were given")
        for one in kwargs:
            if one not in fields or one in fields[: len(args)]:
                problem = "got twice" if one in fields else "doesn't take"
                return TypeError(f"{name}() {problem} the argument {one!r}; it takes {', '.join(fields)}")
        missing = next(one for one in fields[len(args) :] if one not in kwargs and one not in cls._defaults)
        return TypeError(f"{name}() misses the argument {missing!r}")


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Unchecked(Frozen, SimpleNamespace):  # type: ignore[misc] # a namespace has no hash; this one has Frozen's
    """A Frozen whose fields are given by name, all that have no default, on the word of the type checkers.

    Nothing of Python's runs when one is made, so it takes a quarter of the time: sixteen of them are made a step."""

    __init__ = SimpleNamespace.__init__  # pyright: ignore[reportAssignmentType]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls._has_checks:
            raise TypeError(f"{cls.__name__} has checks, which an Unchecked never runs; make it a Frozen")
