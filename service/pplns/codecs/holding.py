"""`hold` and `restore`: which codec a value has, and the two ways to a held value.

Codecs are chosen by the module of a value's class, so that numpy, pandas, pyarrow and polars are imported only for
values that are theirs."""

from collections.abc import Callable
from typing import Any

from pplns.codecs.held import INLINE_LIMIT_BYTES, Bytes, Held, TableFormat
from pplns.codecs.raw import Binary, InlineJson, JsonArtifact, Text
from pplns.codecs.refusal import UnstorableError, refusal
from pplns.codecs.values import encode, json_bytes
from pplns.errors import DamagedArtifact
from pplns.model.artifact import StoredValue

_BASE64_LIMIT = INLINE_LIMIT_BYTES * 3 // 4
_SMALL_INT = 1 << 63
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    ArithmeticError,
    RuntimeError,
    OSError,
)


def hold(value: object, *, where: str, table_format: TableFormat = "arrow") -> Held:
    """Take a value as a step returned it; what is done to it later changes nothing that is held.

    `where` names it in an error: "Step 'clean'", "Output 0 of step 'split'".

    Raises: StorageRefused."""
    kind = type(value)
    if kind is int and -_SMALL_INT < value < _SMALL_INT:  # type: ignore[operator]
        return InlineJson(value)
    try:
        if kind.__module__ != "builtins":
            held = _hold_table(value, kind, table_format)
            if held is not None:
                return held
        elif kind in _LONG:
            return _LONG[kind](value)
        return _hold_json(value)
    except UnstorableError as refused:
        raise refusal(refused, value, where=where) from None


def restore(stored: StoredValue, data: Bytes | None) -> Held:
    """Make a held value from what is stored; `data` is the artifact, None for a value inside the commit.

    The buffer may be read-only and mapped from a file; text columns go on reading from it.

    Raises: DamagedArtifact, where the bytes or a class that they name can't be read back."""
    try:
        if data is None:
            held: Held = InlineJson(stored.inline)
            held.handout()
            return held
        return _READERS[stored.codec](stored, data)
    except _UNREADABLE as error:
        raise DamagedArtifact(
            f"The checkpoint of a value ({stored.codec}) can't be read back: {type(error).__name__}: {error}.",
            "Its bytes are as a step of this project left them, and the classes and libraries they name are there.",
            "Resume the run: the step is run again.",
        ) from error


def _hold_text(value: Any) -> Held:
    return _hold_json(value) if len(value) < INLINE_LIMIT_BYTES else Text(value)


def _hold_binary(value: Any) -> Held:
    return _hold_json(value) if len(value) < _BASE64_LIMIT else Binary(value, is_mutable=type(value) is bytearray)


def _hold_json(value: object) -> Held:
    encoded = encode(value, [])
    text = json_bytes(encoded)
    return InlineJson(encoded, text) if len(text) <= INLINE_LIMIT_BYTES else JsonArtifact(text)


def _hold_table(value: Any, kind: type, table_format: TableFormat) -> Held | None:
    library, name = kind.__module__.split(".")[0], kind.__name__
    if library == "pandas" and name in ("DataFrame", "Series"):
        from pplns.codecs.frames import hold_frame

        return hold_frame(value, table_format)
    if library == "numpy" and name == "ndarray":
        from pplns.codecs.arrays import Array

        return Array.held(value)
    if library == "pyarrow" and name in ("Table", "RecordBatch"):
        from pplns.codecs.tables import ArrowTable

        return ArrowTable.held(value, table_format)
    if library == "polars" and name in ("DataFrame", "Series"):
        from pplns.codecs.polars_frames import PolarsFrame

        return PolarsFrame.held(value)
    return None


def _read_json(_: StoredValue, data: Bytes) -> Held:
    held = JsonArtifact(bytes(data))
    held.handout()
    return held


def _read_binary(stored: StoredValue, data: Bytes) -> Held:
    return Binary(data, is_mutable=stored.meta is not None and stored.meta["type"] == "bytearray")


def _read_array(_: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.arrays import Array

    return Array.of(data)


def _read_arrow(stored: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.tables import ArrowTable

    return ArrowTable.of(stored, data)


def _read_frame(stored: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.frames import restore_frame

    return restore_frame(stored, data)


def _read_polars(stored: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.polars_frames import PolarsFrame

    return PolarsFrame.of(stored, data)


_LONG: dict[type, Callable[[Any], Held]] = {str: _hold_text, bytes: _hold_binary, bytearray: _hold_binary}
_READERS: dict[str, Callable[[StoredValue, Bytes], Held]] = {
    "json": _read_json,
    "text": lambda _, data: Text.of(data),
    "bytes": _read_binary,
    "numpy": _read_array,
    "arrow": _read_arrow,
    "pandas": _read_frame,
    "polars": _read_polars,
}
