"""`plain`: a value as the run record shows it, natural JSON without tags.

It is for people and for callers of the HTTP interface; nothing is read back from it. NaN and infinities, which JSON
doesn't know, are shown as text: "NaN", "Infinity", "-Infinity"."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pplns.codecs.refusal import class_of
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 20
MAX_BINARY_BYTES = 4096

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_LONG_INT = 1 << 1024
_TABLES = ("pandas", "polars", "pyarrow")
_AS_TEXT = ("decimal", "uuid", "pathlib", "fractions", "zoneinfo", "datetime", "pandas", "builtins")


def plain(value: object) -> Any:
    """Return a value as natural JSON: times as ISO 8601, a timedelta in seconds, Decimal, UUID and Path as text, bytes
    as base64 (the first 4096), an Enum member as its value, tuples and sets as lists, dataclasses and NamedTuples as
    objects, a table as the number of its rows and columns.

    What it can't show, a connection say, becomes a short text such as "<psycopg.Connection>"."""
    return _show(value, 0)


def _show(value: Any, depth: int) -> Any:
    kind = class_of(value)
    if value is None or kind is bool:
        return value
    if kind in _SCALARS:
        return _SCALARS[kind](value)
    if depth >= MAX_DEPTH:
        return "…"
    return _show_nested(value, kind, depth)


def _show_nested(value: Any, kind: Any, depth: int) -> Any:
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        return _show(value.value, depth + 1)
    fields = _fields_of(value, kind)
    if fields is not None:
        return {_show_key(name): _show(item, depth + 1) for name, item in fields.items()}
    if issubclass(kind, list | tuple | set | frozenset):
        return [_show(item, depth + 1) for item in value]
    return _show_other(value, kind, depth)


def _fields_of(value: Any, kind: Any) -> Mapping[Any, Any] | None:
    if issubclass(kind, Mapping):
        return cast("Mapping[Any, Any]", value)
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name, None) for name in kind.__dataclass_fields__}
    if tuple in kind.__mro__ and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=False))
    return None


def _show_other(value: Any, kind: Any, depth: int) -> Any:
    for base, show in _SCALARS.items():
        if isinstance(value, base):
            return show(value)
    library = kind.__module__.split(".")[0]
    if library == "numpy" and hasattr(value, "tolist"):
        return _show_array(value, depth)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if library in ("datetime", "pandas") and hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(kind, "total_seconds"):
        return value.total_seconds()
    return _describe(value, kind, library)


def _describe(value: Any, kind: Any, library: str) -> str:
    if library in _TABLES and hasattr(kind, "shape"):
        counts = zip(value.shape, ("rows", "columns"), strict=False)
        return f"<{library}.{kind.__name__} of {' and '.join(f'{count} {what}' for count, what in counts)}>"
    if library in _AS_TEXT and " at 0x" not in repr(value):
        return _show_text(str(value))
    if library == "pplns" and hasattr(kind, "__fspath__"):
        return _show_text(value.name)
    return f"<{library}.{kind.__qualname__}>"


def _show_array(value: Any, depth: int) -> Any:
    if value.dtype.kind in "mM":
        return _show(value.astype(str).tolist(), depth)
    shown = value.tolist()
    return f"<numpy value of dtype {value.dtype}>" if shown is value else _show(shown, depth)


def _show_key(key: Any) -> str:
    shown = _show(key, MAX_DEPTH - 1)
    return shown if isinstance(shown, str) else str(shown)


def _show_text(value: str) -> str:
    """Show lone surrogates, which UTF-8 can't hold, as "?"."""
    return str(value) if value.isascii() else value.encode("utf-8", "replace").decode()


def _show_int(value: int) -> int | str:
    return int(value) if -_LONG_INT < value < _LONG_INT else hex(value)


def _show_float(value: float) -> float | str:
    number = float(value)
    return _NOT_FINITE.get(repr(number), number)


def _show_binary(value: bytes | bytearray) -> str:
    from binascii import b2a_base64  # of use only for bytes

    return b2a_base64(value[:MAX_BINARY_BYTES], newline=False).decode("ascii")


_SCALARS: dict[type[Any], Any] = {
    str: _show_text, int: _show_int, float: _show_float, bytes: _show_binary, bytearray: _show_binary,
}  # fmt: skip
