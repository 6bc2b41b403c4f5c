"""`hold` and `restore`: which codec a value has, and the two ways to a held value.

Codecs are chosen by the module of a value's class, so that numpy, pandas, pyarrow and polars are imported only for
values that are theirs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pplns.codecs.held import INLINE_LIMIT_BYTES, Bytes, Held
from pplns.codecs.raw import Binary, InlineJson, JsonArtifact, Text
from pplns.codecs.refusal import UnstorableError, class_of, refusal
from pplns.codecs.registry import registration_of
from pplns.codecs.values import encode, json_bytes
from pplns.errors import DamagedArtifact
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.codecs.held import TableFormat
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

    `where` names it in an error: "Step 'clean'", "Output 0 of step 'split'". An iterator, a reader, a dataset and a
    File are held to be written in the same thread (`Held.is_streamed`).

    Raises: StorageRefused, and what an iterator raises for its first item."""
    kind = type(value)
    if kind is int and -_SMALL_INT < value < _SMALL_INT:  # type: ignore[operator]
        return InlineJson(value, b"%d" % cast("int", value))
    try:
        if kind in _LONG:
            return _LONG[kind](value)
        held = None if kind.__module__ == "builtins" else _hold_other(value, kind, table_format)
        if held is None and is_iterator(kind):
            return _hold_iterator(value, where, table_format)
        return held or _hold_json(value)
    except UnstorableError as refused:
        raise refusal(refused, value, where=where) from None


def restore(stored: StoredValue, data: Bytes | None) -> Held:
    """Make a held value from what is stored; `data` is the artifact, None for a value inside the commit.

    The buffer may be read-only and mapped from a file; text columns go on reading from it.

    Raises: DamagedArtifact, where the bytes or a class that they name can't be read back."""
    try:
        return _restore(stored, data)
    except _UNREADABLE as error:
        raise DamagedArtifact(
            f"The checkpoint of a value ({stored.codec}) can't be read back: {type(error).__name__}: {error}.",
            "Its bytes are as a step of this project left them, and the classes and libraries they name are there.",
            "Resume the run: the step is run again.",
        ) from error


def _restore(stored: StoredValue, data: Bytes | None) -> Held:
    if stored.codec == "registered":
        from pplns.codecs.registered import restore_registered

        return restore_registered(stored, data, restore_content=_restore)
    if data is None:
        held: Held = InlineJson(stored.inline)
        held.handout()
        return held
    return _READERS[stored.codec](stored, data)


def _hold_text(value: Any) -> Held:
    return _hold_json(value) if len(value) < INLINE_LIMIT_BYTES else Text(value)


def _hold_binary(value: Any) -> Held:
    return _hold_json(value) if len(value) < _BASE64_LIMIT else Binary(value, is_mutable=type(value) is bytearray)


def _hold_json(value: object) -> Held:
    encoded = encode(value, [])
    text = json_bytes(encoded)
    return InlineJson(encoded, text) if len(text) <= INLINE_LIMIT_BYTES else JsonArtifact(text)


def _hold_other(value: Any, kind: type, table_format: TableFormat) -> Held | None:
    registration = registration_of(kind)
    if registration is not None:
        from pplns.codecs.registered import hold_registered

        return hold_registered(value, registration, hold_content=partial(_hold_content, table_format=table_format))
    if kind.__module__ == "pplns.codecs.local_files" and kind.__name__ == "File":
        from pplns.codecs.local_files import FileToStore

        return FileToStore(value)
    return _hold_table(value, kind, table_format)


def _hold_content(value: Any, *, table_format: TableFormat) -> Held:
    """Hold what a registered type is stored as; its refusals are the whole value's."""
    kind = class_of(value)
    if kind in _LONG:
        return _LONG[kind](value)
    return _hold_table(value, kind, table_format) or _hold_json(value)


def is_iterator(kind: type) -> bool:
    """Say whether a class is of iterators: not files, whose lines they are, and not what has a codec of its own."""
    return (
        hasattr(kind, "__next__")
        and not hasattr(kind, "__dataclass_fields__")
        and not any(base.__name__ == "_IOBase" for base in kind.__mro__)
    )


def _hold_iterator(value: Any, where: str, table_format: TableFormat) -> Held:
    from pplns.codecs.batches import Batches

    def hold_one(table: Any, place: str) -> Held:
        return hold(table, where=place, table_format=table_format)

    return Batches.held(value, where=where, hold_one=hold_one)


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
    if library == "pyarrow":
        return _hold_stream(value)
    if library == "polars" and name in ("DataFrame", "Series"):
        from pplns.codecs.polars_frames import PolarsFrame

        return PolarsFrame.held(value)
    return None


def _hold_stream(value: Any) -> Held | None:
    from pplns.codecs.readers import ArrowStream, is_stream

    return ArrowStream(value) if is_stream(value) else None


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


def _read_batches(stored: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.batches import StoredBatches

    return StoredBatches(stored, data, restore_one=_restore)


def _read_stream(stored: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.readers import StoredArrowStream

    return StoredArrowStream(stored, data)


def _read_file(stored: StoredValue, data: Bytes) -> Held:
    from pplns.codecs.local_files import StoredFile

    return StoredFile(stored, data)


_LONG: dict[type, Callable[[Any], Held]] = {str: _hold_text, bytes: _hold_binary, bytearray: _hold_binary}
_READERS: dict[str, Callable[[StoredValue, Bytes], Held]] = {
    "json": _read_json,
    "text": lambda _, data: Text.of(data),
    "bytes": _read_binary,
    "numpy": _read_array,
    "arrow": _read_arrow,
    "pandas": _read_frame,
    "polars": _read_polars,
    "batches": _read_batches,
    "reader": _read_stream,
    "file": _read_file,
}
