"""JSON text by the interpreter's own C code, without the module `json` around it.

`json` brings `re` and `enum`: 7 of the 120 ms that a short run took (docs/decisions/0047). What the C code can't read
or write is given to the module, so that results and errors are the module's; an interpreter that was built without
that code has the module for all of it."""

from __future__ import annotations

from collections.abc import Callable

from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Reading:
    """What `JSONDecoder()` says of itself to the C code."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float  # of NaN, Infinity and -Infinity


def json_writer(*, ensure_ascii: bool, default: Callable[[Any], Any] | None = None) -> Callable[[object], str]:
    """Return what writes a value as JSON without spaces; what `default` makes of unknown objects is in their place.

    It raises ValueError for NaN, infinities and what holds itself, TypeError for what is no JSON, RecursionError."""

    def write_by_module(value: object) -> str:
        from json import JSONEncoder

        return JSONEncoder(ensure_ascii=ensure_ascii, default=default, separators=(",", ":"), allow_nan=False).encode(
            value
        )

    try:
        from _json import encode_basestring, encode_basestring_ascii, make_encoder

        text_encoder = encode_basestring_ascii if ensure_ascii else encode_basestring
        chunks_of = make_encoder(None, default or _refuse, text_encoder, None, ":", ",", False, False, False)
    except (ImportError, TypeError):
        return write_by_module

    def write(value: object) -> str:
        try:
            return "".join(chunks_of(value, 0))
        except (ValueError, TypeError, RecursionError):
            pass
        return write_by_module(value)

    return write


def read_json(data: str | bytes) -> Any:
    """Return what `json.loads` does.

    Raises: ValueError for what is no JSON, RecursionError."""
    try:
        text = data if isinstance(data, str) else data.decode()
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except (ValueError, StopIteration):
        pass
    return _read_by_module(data)


def _refuse(value: object) -> None:
    raise TypeError(f"{type(value).__name__} is no JSON")


def _read_by_module(data: str | bytes) -> Any:
    import json

    return json.loads(data)


def _scan_by_module(text: str, start: int) -> tuple[Any, int]:
    return _read_by_module(text[start:]), len(text)


try:
    from _json import make_scanner

    _scan: Callable[[str, int], tuple[Any, int]] = make_scanner(cast("Any", _Reading))
except (ImportError, AttributeError, TypeError):
    _scan = _scan_by_module

write_compact = json_writer(ensure_ascii=False)
write_ascii = json_writer(ensure_ascii=True)
