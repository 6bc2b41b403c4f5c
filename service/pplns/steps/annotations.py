"""The types that a parameter may have: which are supported, and how an annotation reads as text.

`dataclasses` is imported where there is a dataclass, whose own file has imported it."""

import enum
import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, cast

from pplns.steps.scalars import Scalar, scalar_of

if TYPE_CHECKING:
    import dataclasses

Kind = Literal["any", "none", "union", "literal", "collection", "dict", "enum", "dataclass", "scalar"]
_KINDS: dict[Any, Kind] = {
    Any: "any", object: "any", None: "none", types.NoneType: "none", typing.Union: "union", types.UnionType: "union",
    Literal: "literal", list: "collection", tuple: "collection", set: "collection", frozenset: "collection",
    dict: "dict",
}  # fmt: skip
_NAMES: dict[Any, str] = {Any: "any", object: "any", None: "None", types.NoneType: "None"}
MAX_CHOICES_SHOWN = 6  # an enum of more members is shown by its name


class UnsupportedError(Exception):
    """An annotation that nothing sent to a pipeline can be converted to; its text is the annotation's."""


def bare(annotation: Any) -> Any:
    """Return an annotation without NewType, `type X = …` and Annotated around it."""
    wrapped = {"NewType": "__supertype__", "TypeAliasType": "__value__", "_AnnotatedAlias": "__origin__"}
    while attribute := wrapped.get(type(annotation).__name__):
        annotation = getattr(annotation, attribute)
    return annotation


def kind_of(annotation: Any) -> Kind:
    """Return which kind of type an annotation is.

    Raises: UnsupportedError."""
    annotation = bare(annotation)
    kind = _KINDS.get(typing.get_origin(annotation) or annotation)
    kind = kind or (_kind_of_class(annotation) if _is_class(annotation) else None)
    if kind is None or annotation is tuple[()]:
        raise UnsupportedError(shown(annotation))
    return kind


def _is_class(annotation: object) -> TypeGuard[type[Any]]:
    return isinstance(annotation, type) and typing.get_origin(annotation) is None


def _kind_of_class(cls: type[Any]) -> Kind | None:
    if issubclass(cls, enum.Enum):
        return "enum"
    if is_dataclass(cls):
        return "dataclass"
    return "scalar" if scalar_of(cls) else None


def scalar_for(annotation: Any) -> Scalar | None:
    """Return how an annotation's single values are read, or None where it is no scalar."""
    return scalar_of(annotation) if _is_class(annotation) else None


def check_annotation(annotation: Any, *, seen: frozenset[Any] = frozenset()) -> None:
    """Check that values can be converted to an annotation, all its parts included.

    Raises: UnsupportedError; NameError where a dataclass names a type that doesn't exist."""
    kind, annotation = kind_of(annotation), bare(annotation)
    parts = typing.get_args(annotation)
    if kind == "dict" and parts and bare(parts[0]) is not str:
        raise UnsupportedError(f"{shown(annotation)}, whose keys aren't str")
    if kind == "dataclass" and annotation not in seen:
        parts = tuple(field_types(annotation).values())
        seen = seen | {annotation}
    for part in parts if kind != "literal" else ():
        if part is not Ellipsis:
            check_annotation(part, seen=seen)


def field_types(cls: type) -> dict[str, Any]:
    """Return the types of the fields that a dataclass is made with."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields_of(cls)}


def is_dataclass(found: object) -> bool:
    """Tell whether a class or a value is of a dataclass, by what `dataclasses.is_dataclass` goes by."""
    return hasattr(found, "__dataclass_fields__")


def fields_of(found: object) -> "list[dataclasses.Field[Any]]":
    """Return the fields that a dataclass is made with."""
    import dataclasses

    return [field for field in dataclasses.fields(cast("Any", found)) if field.init]


def is_required(field: "dataclasses.Field[Any]") -> bool:
    """Tell whether a dataclass can't be made without a field."""
    import dataclasses

    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def shown(annotation: Any) -> str:
    """Return a type as people read it: `int`, `list[date]`, `'a' | 'b'`."""
    annotation = bare(annotation)
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    kind = _KINDS.get(origin)
    if kind == "union":
        return " | ".join(shown(part) for part in parts)
    if kind == "literal":
        return " | ".join(option.name if isinstance(option, enum.Enum) else repr(option) for option in parts)
    if origin is not None:
        return f"{shown(origin)}[{', '.join('...' if part is Ellipsis else shown(part) for part in parts)}]"
    if kind_name := _NAMES.get(annotation) or _choices(annotation):
        return kind_name
    return str(getattr(annotation, "__name__", annotation))


def _choices(annotation: Any) -> str | None:
    if not _is_class(annotation) or not issubclass(annotation, enum.Enum):
        return None
    names = list(annotation.__members__)
    return " | ".join(names) if len(names) <= MAX_CHOICES_SHOWN else None


def wanted(annotation: Any) -> str:
    """Return what a value of a type looks like, for an error: "a date such as 2013-01-31"."""
    annotation = bare(annotation)
    return _WANTED[kind_of(annotation)](annotation)


def _wanted_scalar(annotation: Any) -> str:
    scalar = scalar_for(annotation)
    return scalar.wanted if scalar else shown(annotation)


def _wanted_object(annotation: Any) -> str:
    example = ", ".join(f'"{name}": …' for name in field_types(annotation))
    return f"{shown(annotation)}, in JSON: {{{example}}}"


_WANTED: dict[Kind, Callable[[Any], str]] = {
    "any": lambda _: "any value",
    "none": lambda _: "null",
    "union": lambda annotation: " or ".join(wanted(part) for part in typing.get_args(annotation)),
    "literal": lambda annotation: f"one of {shown(annotation).replace(' | ', ', ')}",
    "collection": lambda annotation: f"{shown(annotation)}, in JSON: […, …]",
    "dict": lambda annotation: f'{shown(annotation)}, in JSON: {{"…": …}}',
    "enum": lambda annotation: f"one of {', '.join(annotation.__members__)}",
    "dataclass": _wanted_object,
    "scalar": _wanted_scalar,
}
