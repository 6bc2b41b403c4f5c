"""What classes and calls need of `typing` while a module runs, without importing it.

`typing` takes as long to import as fifteen modules of ours, and says nothing that a short run asks for. Names in
annotations are text and come from `typing` below `if TYPE_CHECKING`; what has to exist is here. Type checkers follow
the names to `typing`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Generic, ParamSpec, Protocol, TypeVar, cast, dataclass_transform, overload

    StrPath = str | PathLike[str]
else:
    from types import GenericAlias

    Protocol = object
    ParamSpec = TypeVar = StrPath = str

    class Generic:
        """A class that may be subscribed; what with is the type checkers' alone."""

        __class_getitem__ = classmethod(GenericAlias)

    def cast(_type, value):
        """Return a value as it is."""
        return value

    def overload(function):
        """Return a function that the next of its name takes the place of."""
        return function

    def dataclass_transform(**_options):
        """Return what leaves a class as it is."""
        return lambda one: one


__all__ = ["Generic", "ParamSpec", "Protocol", "StrPath", "TypeVar", "cast", "dataclass_transform", "overload"]
