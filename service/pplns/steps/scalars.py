"""The single values that a parameter may be: how each is read from text or JSON, and written back as JSON.

Nothing is rounded, cut or guessed on the way in, and reading what was written gives the value again. `decimal` and
`uuid` aren't imported for that: no pipeline asks for a Decimal or a UUID that hasn't imported it itself."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any

from pplns.errors import DefinitionError
from pplns.model.durations import seconds_of
from pplns.model.frozen import Frozen
from pplns.secrets import Secret

_BOOLS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
_NUMBER = r"(?i)[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)"
_SECONDS = r"(?a)(-?)(\d+)(?:\.(\d{1,6}))?s?"


class MismatchError(Exception):
    """A value that is not of the type, nor the text of one."""


class Scalar(Frozen):
    """How one type is read and written. `read` takes the value, the time zone and the annotated class, and raises
    MismatchError, ValueError or ArithmeticError; `wanted` says in an error what it takes."""

    wanted: str
    read: Callable[[Any, str, type], Any]
    write: Callable[[Any], Any]


def scalar_of(annotation: type[Any]) -> Scalar | None:
    """Return how values of an annotated class are read, or None where it is no scalar."""
    if issubclass(annotation, PurePath):
        return SCALARS[PurePath]
    for module, name, scalar in SCALARS_OF_MODULES:
        if annotation is getattr(sys.modules.get(module), name, None):
            return scalar
    return SCALARS.get(annotation)


def scalar_of_value(value: object) -> Scalar | None:
    """Return how a value is written, by the nearest of its classes that is a scalar, or None where none is."""
    return next((found for one in type(value).__mro__ if (found := scalar_of(one))), None)


def _str(value: Any, timezone: str, kind: type[Any]) -> str:
    if not isinstance(value, str):
        raise MismatchError
    return str.__str__(value)  # plain text also of a member of a str enum


def _int(value: Any, timezone: str, kind: type[Any]) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+", value):
        return int(value)
    raise MismatchError


def _float(value: Any, timezone: str, kind: type[Any]) -> float:
    if isinstance(value, str):
        number = float(_number_text(value))
        if number - number != 0 and "inf" not in value.lower():  # 1e999
            raise MismatchError
        return number
    if isinstance(value, bool) or not isinstance(value, int | float) or float(value) != value:
        raise MismatchError
    return float(value)


def _bool(value: Any, timezone: str, kind: type[Any]) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLS:
        return _BOOLS[value.lower()]
    raise MismatchError


def _decimal(value: Any, timezone: str, kind: type[Any]) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return kind(repr(value))
    return kind(_number_text(value))


def _number_text(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(_NUMBER, value):
        raise MismatchError
    return value


def _date(value: Any, timezone: str, kind: type[Any]) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    raise MismatchError


def _datetime(value: Any, timezone: str, kind: type[Any]) -> datetime:
    read: Any = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(read, datetime):
        raise MismatchError
    utc = (read if read.tzinfo else read.replace(tzinfo=zone(timezone))).astimezone(UTC)
    return datetime.combine(utc.date(), utc.timetz())  # a plain datetime also of pandas' Timestamp


def zone(name: str) -> Any:
    """Return the time zone of an IANA name; UTC without reading time zone data."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _time(value: Any, timezone: str, kind: type[Any]) -> time:
    if isinstance(value, time):
        return value
    return time.fromisoformat(_str(value, timezone, kind))


def _timedelta(value: Any, timezone: str, kind: type[Any]) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool):
        raise MismatchError
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    text = _str(value, timezone, kind)
    if exact := re.fullmatch(_SECONDS, text):
        sign, seconds, fraction = exact.groups(default="")
        length = timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))
        return -length if sign else length
    try:
        return timedelta(seconds=seconds_of(text, what="A duration"))
    except DefinitionError:
        raise MismatchError from None


def _write_timedelta(value: timedelta) -> str:
    length = abs(value)
    fraction = f".{length.microseconds:06d}" if length.microseconds else ""
    return f"{'-' if value < timedelta() else ''}{length.days * 86400 + length.seconds}{fraction}s"


def _path(value: Any, timezone: str, kind: type[Any]) -> PurePath:
    if not isinstance(value, str | PurePath) or not str(value):
        raise MismatchError
    path: PurePath = kind(value)
    return path


def _uuid(value: Any, timezone: str, kind: type[Any]) -> Any:
    return value if isinstance(value, kind) else kind(_str(value, timezone, kind))


def _as_is(value: Any) -> Any:
    return value


def _write_float(value: float) -> float | str:
    return value if value - value == 0 else repr(value)  # JSON has no inf


def _secret(value: Any, timezone: str, kind: type[Any]) -> Secret:
    if isinstance(value, Secret):
        return value
    try:
        return Secret(_str(value, timezone, str))
    except DefinitionError:
        raise MismatchError from None


def _write_secret(value: Any) -> str:
    return str(value.name)


SCALARS_OF_MODULES: tuple[tuple[str, str, Scalar], ...] = (
    ("decimal", "Decimal", Scalar("a decimal number such as 1.50", _decimal, str)),
    ("uuid", "UUID", Scalar("a UUID such as 123e4567-e89b-12d3-a456-426614174000", _uuid, str)),
)
SCALARS: dict[type, Scalar] = {
    str: Scalar("text", _str, _as_is),
    bool: Scalar("true or false", _bool, _as_is),
    int: Scalar("a whole number such as 5", _int, _as_is),
    float: Scalar("a number such as 1.5", _float, _write_float),
    datetime: Scalar("a time such as 2013-01-31T06:00:00Z", _datetime, datetime.isoformat),
    date: Scalar("a date such as 2013-01-31", _date, date.isoformat),
    time: Scalar("a time of day such as 06:30", _time, time.isoformat),
    timedelta: Scalar("a duration such as 90s or 1h30m", _timedelta, _write_timedelta),
    PurePath: Scalar("a path", _path, str),
    Secret: Scalar("the name of a secret", _secret, _write_secret),
}
