"""Values without parts as exact text: numbers, times, paths, patterns, scalars of numpy."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from pathlib import PurePath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def encode_scalar(value: object) -> str | None:
    """Return a constant as its type and exact value, or None if it is of no type that source can spell."""
    kind: Any = type(value)
    if kind is str:
        return f"s{len(str(value))}:{value}"
    if kind is int:
        return f"i{value:x};"  # hex, as decimal text is limited to 4,300 digits
    if kind is float:
        return f"f{_float_text(value)};"
    if kind is bytes:
        return f"b{bytes(value).hex()};"  # type: ignore[call-overload]
    if kind is complex:
        return f"c{_float_text(value.real)},{_float_text(value.imag)};"  # type: ignore[attr-defined]
    return f"{value!r};" if value is None or value is ... or kind is bool else None


def encode_plain(value: Any) -> tuple[str, type[Any]] | None:
    """Return a value without parts as text, and the type that the text says; None for a value of another kind."""
    numpy = _encode_numpy(value)
    if numpy is not None:
        return numpy, sys.modules["numpy"].generic
    for base, text_of in _texts():
        if isinstance(value, base):
            text = text_of(value)
            return None if text is None else (f"{base.__name__}({text})", base)
    return None


def _texts() -> Iterator[tuple[type[Any], Callable[[Any], str | None]]]:
    """Give the types that are known, and those of modules that are imported: no value is of another one's."""
    yield from _TEXTS
    for module, name, text_of in _TEXTS_OF_MODULES:
        if module in sys.modules:
            yield getattr(sys.modules[module], name), text_of


def _encode_numpy(value: Any) -> str | None:
    numpy = sys.modules.get("numpy")  # a numpy scalar can't be there without it
    if numpy is None or not isinstance(value, numpy.generic) or value.dtype.kind in "VO":
        return None
    return f"numpy({value.dtype.str} {value.tobytes().hex()})"


def _datetime_text(value: datetime) -> str:
    return f"{value.isoformat()} {value.fold} {_zone_text(value.tzinfo)}"  # of a pandas Timestamp with nanoseconds


def _time_text(value: time) -> str:
    return f"{value.isoformat()} {value.fold} {_zone_text(value.tzinfo)}"


def _timedelta_text(value: timedelta) -> str:
    return f"{value.days} {value.seconds} {value.microseconds} {getattr(value, 'nanoseconds', 0)}"


def _zone_text(zone: tzinfo | None) -> str:
    """Return what is known of the zone of a time, whose own text has the offset."""
    if isinstance(zone, timezone | None):
        return ""
    return str(getattr(zone, "key", None) or getattr(zone, "zone", None) or type(zone).__qualname__)


def _scalar_text(base: Callable[[Any], object]) -> Callable[[Any], str | None]:
    return lambda value: encode_scalar(base(value))


def _float_text(value: Any) -> str:
    return float(value).hex()


# A datetime is a date, so it comes before. A path counts the same on every system.
_TEXTS: tuple[tuple[type[Any], Callable[[Any], str | None]], ...] = (
    (str, _scalar_text(str.__str__)),
    (int, _scalar_text(int)),
    (float, _scalar_text(float)),
    (complex, _scalar_text(complex)),
    (bytes, _scalar_text(bytes)),
    (bytearray, _scalar_text(bytes)),
    (datetime, _datetime_text),
    (date, date.isoformat),
    (time, _time_text),
    (timedelta, _timedelta_text),
    (timezone, lambda zone: str(zone.utcoffset(None))),
    (PurePath, PurePath.as_posix),
    (range, lambda value: f"{value.start:x} {value.stop:x} {value.step:x}"),
    (re.Pattern, lambda value: f"{encode_scalar(value.pattern)}{value.flags}"),
)
_TEXTS_OF_MODULES: tuple[tuple[str, str, Callable[[Any], str | None]], ...] = (
    ("uuid", "UUID", lambda value: value.hex),
    ("zoneinfo", "ZoneInfo", lambda zone: zone.key),
    ("decimal", "Decimal", str),
    ("fractions", "Fraction", str),
)
