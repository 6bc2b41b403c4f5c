"""Converting one value to one type: what a trigger sends becomes what the pipeline function asks for.

Values come as text from a command line or typed from JSON, and nothing is guessed: "abc", 1.5 and true are no int.
`stored` gives the JSON form of a converted value, and converting that gives the value again."""

import enum
import json
import typing
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, cast

from pplns.errors import PplnsError
from pplns.model.names import shorten
from pplns.steps.annotations import (
    Kind,
    UnsupportedError,
    bare,
    field_types,
    fields_of,
    is_dataclass,
    is_required,
    kind_of,
    scalar_for,
    shown,
    wanted,
)
from pplns.steps.scalars import MismatchError, scalar_of_value

_NONE_TEXTS = ("null", "none")
_LISTS = (list, tuple, set, frozenset)


class RefusedError(Exception):
    """A value that doesn't convert: `met`, `expected` and `remedy` for the message, `place` where it stands in it.

    An empty remedy is to send another value."""

    def __init__(self, met: str, expected: str, place: str, remedy: str = "") -> None:
        super().__init__(met, expected, place, remedy)
        self.met = met
        self.expected = expected
        self.place = place
        self.remedy = remedy


def refusal(value: Any, wanted: str, place: str = "") -> RefusedError:
    """Return the error for a value that is not what is wanted."""
    return RefusedError(f"is {shorten(value)}", f"It takes {wanted}.", place)


def convert(value: Any, annotation: Any, *, timezone: str, place: str = "") -> Any:
    """Return a value as the annotated type. `place` is where in the parameter it stands, such as '.limit' or '[2]'.

    A datetime without offset is taken in `timezone`; datetimes come back in UTC.

    Raises: RefusedError."""
    return _CONVERTERS[kind_of(annotation)](value, bare(annotation), timezone, place)


def stored(value: Any) -> Any:
    """Return the JSON form of a converted value."""
    if isinstance(value, enum.Enum):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: stored(getattr(value, field.name)) for field in fields_of(value)}
    if isinstance(value, Mapping):
        return {key: stored(item) for key, item in cast("Mapping[Any, Any]", value).items()}  # type: ignore[redundant-cast]
    if isinstance(value, _LISTS):
        items = [stored(item) for item in cast("list[Any]", value)]
        return sorted(items, key=json.dumps) if isinstance(value, set | frozenset) else items
    scalar = scalar_of_value(value)
    return scalar.write(value) if scalar else value


def _convert_any(value: Any, annotation: Any, timezone: str, place: str) -> Any:
    return value


def _convert_none(value: Any, annotation: Any, timezone: str, place: str) -> None:
    if value is not None and not (isinstance(value, str) and value.lower() in _NONE_TEXTS):
        raise refusal(value, wanted(annotation), place)


def _convert_scalar(value: Any, annotation: type, timezone: str, place: str) -> Any:
    scalar = scalar_for(annotation)
    if scalar is None:
        raise UnsupportedError(shown(annotation))
    try:
        return scalar.read(value, timezone, annotation)
    except (MismatchError, ValueError, ArithmeticError):
        raise refusal(value, scalar.wanted, place) from None


def _convert_enum(value: Any, annotation: type[enum.Enum], timezone: str, place: str) -> Any:
    if isinstance(value, annotation):
        return value
    if isinstance(value, str) and value in annotation.__members__:
        return annotation[value]
    for member in annotation:
        if _is_option(value, member.value):
            return member
    raise refusal(value, wanted(annotation), place)


def _convert_literal(value: Any, annotation: Any, timezone: str, place: str) -> Any:
    options = typing.get_args(annotation)
    exact = [option for option in options if type(option) is type(value) and option == value]
    for option in exact or options:
        if _is_option(value, option):
            return option
    raise refusal(value, wanted(annotation), place)


def _is_option(value: Any, option: Any) -> bool:
    """Tell whether a value is one fixed value, or the text of it."""
    if type(value) is type(option) and value == option:
        return True
    try:
        return bool(convert(value, type(option), timezone="UTC") == option)
    except (RefusedError, UnsupportedError):
        return False


def _convert_union(value: Any, annotation: Any, timezone: str, place: str) -> Any:
    """Try the members as declared, but first the type that a value has already; text is a path, str or None last."""
    refusals: list[RefusedError] = []
    for member in sorted(typing.get_args(annotation), key=lambda member: _rank(value, bare(member))):
        try:
            return convert(value, member, timezone=timezone, place=place)
        except RefusedError as refused:
            refusals.append(refused)
    deeper = [refused for refused in refusals if refused.place != place]
    raise deeper[0] if deeper else refusal(value, wanted(annotation), place)


def _rank(value: Any, member: Any) -> int:
    if not isinstance(value, str):
        return 0 if member is type(value) else 1
    last: tuple[type, ...] = (PurePath, str, type(None))
    return next((rank for rank, cls in enumerate(last, 1) if isinstance(member, type) and issubclass(member, cls)), 0)


def _convert_collection(value: Any, annotation: Any, timezone: str, place: str) -> Any:
    items = _from_json(value, _LISTS, annotation, place)
    parts = _item_types(annotation, len(items))
    if parts is None:
        raise refusal(value, wanted(annotation), place)
    converted = [
        convert(item, part, timezone=timezone, place=f"{place}[{number}]")
        for number, (item, part) in enumerate(zip(items, parts, strict=True))
    ]
    try:
        return (typing.get_origin(annotation) or annotation)(converted)
    except TypeError:
        raise refusal(value, "items that a set can hold", place) from None


def _item_types(annotation: Any, count: int) -> list[Any] | None:
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple and not (len(parts) == 2 and parts[1] is Ellipsis):
        return list(parts) if len(parts) == count else None
    return [parts[0] if parts else Any] * count


def _convert_dict(value: Any, annotation: Any, timezone: str, place: str) -> dict[str, Any]:
    found = _from_json(value, (Mapping,), annotation, place)
    part = (typing.get_args(annotation) or (str, Any))[1]
    for key in found:
        if not isinstance(key, str):
            raise refusal(key, "text as each key", place)
    return {key: convert(item, part, timezone=timezone, place=f"{place}.{key}") for key, item in found.items()}


def _convert_dataclass(value: Any, annotation: type, timezone: str, place: str) -> Any:
    fields = field_types(annotation)
    if isinstance(value, annotation):
        value = {name: getattr(value, name) for name in fields}
    found = _from_json(value, (Mapping,), annotation, place)
    _check_fields(found, annotation, place)
    converted = {
        name: convert(item, fields[name], timezone=timezone, place=f"{place}.{name}") for name, item in found.items()
    }
    try:
        return annotation(**converted)
    except PplnsError:
        raise
    except Exception as error:  # its own __post_init__, which may assert something
        reason = str(error) or type(error).__name__
        raise RefusedError(f"is {shorten(value)}", f"{shown(annotation)} refuses it: {reason}.", place) from None


def _check_fields(found: Mapping[str, Any], annotation: type, place: str) -> None:
    fields = field_types(annotation)
    known = f"{shown(annotation)} has the fields {', '.join(repr(name) for name in fields)}."
    for name in found:
        if name not in fields:
            import difflib  # of use only after a mistake

            near = difflib.get_close_matches(name, fields, n=1)
            raise RefusedError(
                "is unknown", known, f"{place}.{name}", f"Did you mean {near[0]!r}?" if near else "Leave it out."
            )
    for field in fields_of(annotation):
        if is_required(field) and field.name not in found:
            raise RefusedError("is missing", f"It takes {wanted(fields[field.name])}.", f"{place}.{field.name}")


def _from_json(value: Any, kinds: tuple[type, ...], annotation: Any, place: str) -> Any:
    found = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, kinds):
        raise refusal(value, wanted(annotation), place)
    return found


_CONVERTERS: dict[Kind, Callable[[Any, Any, str, str], Any]] = {
    "any": _convert_any, "none": _convert_none, "scalar": _convert_scalar, "enum": _convert_enum,
    "literal": _convert_literal, "union": _convert_union, "collection": _convert_collection, "dict": _convert_dict,
    "dataclass": _convert_dataclass,
}  # fmt: skip
