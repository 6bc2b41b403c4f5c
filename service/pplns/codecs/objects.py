"""Object columns: one kind of Python value and one kind of null as Arrow keeps it, anything else cell by cell as JSON.

A column of text with None for what is missing and one with NaN come back as they were. Cells of JSON may hold lists
and dicts, so every consumer gets newly decoded ones."""

import json
import math
from base64 import b64encode
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from pplns.codecs.libraries import numpy, pandas, pyarrow
from pplns.codecs.refusal import UnstorableError
from pplns.codecs.values import decode, encode, json_bytes

Note = dict[str, Any]

_INT64 = range(-(1 << 63), 1 << 63)
_MAX_DIGITS = 38


def encode_objects(values: Any) -> tuple[Any, Note]:
    """Return an object array as an Arrow array and the note that leads back.

    Raises: UnstorableError, naming the row."""
    pa = pyarrow()

    kinds = set(map(type, values))
    null, kinds = _split_null(values, kinds)
    type_ = _arrow_type(values, kinds) if null is not None and len(kinds) <= 1 else None
    if type_ is None:
        return _encode_cells(values)
    try:
        array = pa.array(values, type=type_, from_pandas=True)
    except UnicodeEncodeError:  # lone surrogates
        return _encode_cells(values)
    return array, {"kind": "object", "of": _name_of(kinds), "null": null}


def decode_objects(note: Note, column: Any) -> Any:
    """Return a new object array from an Arrow array and its note."""
    np = numpy()

    cells: Iterable[Any] = column.to_pylist()
    if note["of"] == "json":
        cells = (decode(json.loads(cell)) for cell in cells)
    array = np.fromiter(cells, dtype=object, count=len(column))  # a cell that is an array stays one
    if note["null"] != "None" and column.null_count:
        array[column.is_null().to_numpy()] = _null_of(note["null"])
    return array


def is_fresh(note: Note) -> bool:
    """Say whether a column's cells can be changed in place, so that each consumer needs its own."""
    return bool(note["kind"] == "object" and note["of"] == "json")


def base64_text(data: bytes) -> str:
    """Return bytes as base64 text."""
    return b64encode(data).decode("ascii")


def _split_null(values: Any, kinds: set[type]) -> tuple[str | None, set[type]]:
    """Return the one null of the values (None if they have several) and the other kinds."""
    pd = pandas()

    known: dict[type, str] = {type(None): "None", type(pd.NA): "NA", type(pd.NaT): "NaT"}
    nulls = {known[kind] for kind in kinds if kind in known}
    others = kinds - known.keys()
    if float in others and all(math.isnan(value) for value in values if type(value) is float):
        nulls.add("nan")
        others.discard(float)
    if len(nulls) > 1:
        return None, others
    return (nulls.pop() if nulls else "None"), others


def _arrow_type(values: Any, kinds: set[type]) -> Any:
    pa = pyarrow()

    if not kinds:
        return pa.null()
    kind = next(iter(kinds))
    simple = {str: pa.string(), bytes: pa.binary(), bool: pa.bool_(), date: pa.date32()}
    if kind is int:
        return pa.int64() if all(value in _INT64 for value in values if type(value) is int) else None
    if kind is Decimal:
        return _decimal_type([value for value in values if type(value) is Decimal])
    return simple.get(kind)


def _decimal_type(values: list[Decimal]) -> Any:
    """Arrow has one scale a column; Decimals of several exponents would come back with other zeros."""
    pa = pyarrow()

    exponents = {value.as_tuple().exponent for value in values}
    exponent = exponents.pop()
    digits = max(len(value.as_tuple().digits) for value in values)
    has_minus_zero = any(value.is_zero() and value.is_signed() for value in values)
    if exponents or not isinstance(exponent, int) or not -_MAX_DIGITS < exponent <= 0 or has_minus_zero:
        return None
    precision = max(digits, -exponent + 1)
    return pa.decimal128(precision, -exponent) if precision <= _MAX_DIGITS else None


def _encode_cells(values: Any) -> tuple[Any, Note]:
    pa = pyarrow()

    cells: list[str] = []
    try:
        for value in values:
            cells.append(json_bytes(encode(value, [])).decode())
    except UnstorableError as refused:
        refused.places.append(f"row {len(cells)}")
        raise
    return pa.array(cells, type=pa.string()), {"kind": "object", "of": "json", "null": "None"}


def _name_of(kinds: set[type]) -> str:
    return next((kind.__name__ for kind in kinds), "null")


def _null_of(name: str) -> Any:
    if name == "nan":
        return math.nan
    pd = pandas()

    return getattr(pd, name)
