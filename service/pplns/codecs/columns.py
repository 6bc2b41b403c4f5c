"""Columns of pandas tables: each dtype as Arrow, with a note (JSON) of what the dtype was, and back.

The conversion is our own, not `Table.from_pandas`, because that one forgets: units of time, NaN beside null, which
null an object column held, unused categories. Numbers and times are converted when they are written, batch by batch
and mostly without a copy; text and objects at once, so that what can't be stored is refused while the step is known."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pplns.codecs import objects
from pplns.codecs.libraries import numpy, pandas, pyarrow
from pplns.codecs.refusal import UnstorableError
from pplns.codecs.tables import check_type, join_chunks, read_schema, write_schema
from pplns.codecs.zones import decode_zone, encode_zone

Note = dict[str, Any]

_MASKED = ("Boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")
_NUMBERS = ("?", "b", "h", "i", "l", "q", "B", "H", "I", "L", "Q", "e", "f", "d")
_NO_TIME = -(1 << 63)  # how numpy and pandas store NaT


class Column:
    """One column on its way to Arrow: its type, its note, and its values, all or a part.

    `dtype` is the column's where the note depends on nothing else."""

    __slots__ = ("dtype", "note", "size_bytes", "type", "values")

    def __init__(self, values: Any, type_: Any, note: Note, *, dtype: Any = None) -> None:
        self.values = values
        self.type = type_
        self.note = note
        self.dtype = dtype
        self.size_bytes: int = values.nbytes

    def part(self, start: int, stop: int) -> Any:
        """Return the values of some rows as one Arrow array."""
        pa = pyarrow()

        return pa.array(self.values[start:stop], type=self.type)


class Converted(Column):
    """A column that is an Arrow array already."""

    __slots__ = ()

    def __init__(self, values: Any, note: Note, *, dtype: Any = None) -> None:
        super().__init__(values, values.type, note, dtype=dtype)

    def part(self, start: int, stop: int) -> Any:
        """Return the values of some rows as one Arrow array."""
        pa = pyarrow()

        part = self.values.slice(start, stop - start)
        return join_chunks(part) if isinstance(part, pa.ChunkedArray) else part


def to_column(values: Any, *, dictionaries: bool = True) -> Column:
    """Return a pandas or numpy array as a column; `dictionaries` says whether categories may be Arrow dictionaries.

    Raises: UnstorableError."""
    np = numpy()

    if type(values) is np.ndarray:
        return _numpy_column(values)
    if type(values).__name__ == "NumpyExtensionArray":
        return _numpy_column(values.to_numpy())
    dtype = values.dtype
    name = type(dtype).__name__
    if isinstance(dtype, np.dtype):  # times without a zone
        return _numpy_column(values.asi8.view(dtype))
    if name == "CategoricalDtype":
        from pplns.codecs.indexes import categorical_column

        return categorical_column(values, dictionaries=dictionaries)
    converter = _CONVERTERS.get(name)
    if converter is None or type(dtype).__module__.split(".")[0] != "pandas":
        raise UnstorableError(
            f"values of dtype {str(dtype)!r}",
            "Convert the column: `.sparse.to_dense()`, or `.astype(…)` a dtype of pandas, numpy or Arrow.",
        )
    return converter(values)


def from_column(note: Note, column: Any) -> Any:
    """Return the pandas or numpy array that a column was; `column` is a pyarrow ChunkedArray. It is writable."""
    return _READERS[note["kind"]](note, column)


def to_numpy(column: Any, dtype: Any) -> Any:
    """Return a chunked Arrow array as a new numpy array of a dtype."""
    np = numpy()

    array = np.empty(len(column), dtype=dtype)
    start = 0
    for chunk in column.chunks:
        array[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        start += len(chunk)
    return array


def _numpy_column(values: Any) -> Column:
    if values.dtype.kind == "O":
        array, note = objects.encode_objects(values)
        return Converted(array, note)
    type_, note = _numpy_type(values.dtype)
    return Column(values, type_, note, dtype=values.dtype)


@lru_cache(maxsize=64)
def _numpy_type(dtype: Any) -> tuple[Any, Note]:
    """Return the Arrow type and the note of a numpy dtype."""
    np = numpy()

    if dtype.isnative and (
        dtype.char in _NUMBERS
        or (dtype.kind in "Mm" and np.datetime_data(dtype) in (("s", 1), ("ms", 1), ("us", 1), ("ns", 1)))
    ):
        return pyarrow().from_numpy_dtype(dtype), {"kind": "numpy", "dtype": str(dtype)}
    raise UnstorableError(f"values of dtype {str(dtype)!r}", _remedy(dtype))


def _remedy(dtype: Any) -> str:
    if dtype.kind == "c":
        return "Make two columns of it: `.to_numpy().real` and `.to_numpy().imag`."
    if not dtype.isnative:
        return f"Convert the column: `.astype({dtype.newbyteorder('=').name!r})`."
    return "Convert the column with `.astype(…)`, to float64 for example."


def _masked_column(values: Any) -> Column:
    dtype = values.dtype
    return Converted(values.__arrow_array__(), {"kind": "masked", "dtype": str(dtype)}, dtype=dtype)


def string_note(dtype: Any) -> Note:
    """Return the note of a pandas string dtype."""
    return {
        "kind": "string", "storage": dtype.storage, "na": "nan" if isinstance(dtype.na_value, float) else "NA",
    }  # fmt: skip


def _string_column(values: Any) -> Column:
    try:
        array = values.__arrow_array__()
    except UnicodeEncodeError:
        raise UnstorableError("text that UTF-8 can't hold (lone surrogates)", "Clean the text first.") from None
    return Converted(array, string_note(values.dtype), dtype=values.dtype)


def _zoned_column(values: Any) -> Column:
    pa = pyarrow()

    unit, zone = values.dtype.unit, values.dtype.tz
    note = {"kind": "zoned", "unit": unit, "zone": encode_zone(zone)}
    name = getattr(zone, "key", None) or getattr(zone, "zone", None) or "UTC"
    return Column(values.asi8.view(f"M8[{unit}]"), pa.timestamp(unit, name), note)


def _period_column(values: Any) -> Column:
    pa = pyarrow()

    ordinals = values.asi8
    array = pa.array(ordinals, mask=ordinals == _NO_TIME)
    return Converted(array, {"kind": "period", "freq": values.freqstr})


def _interval_column(values: Any) -> Column:
    pa = pyarrow()

    sides = [to_column(side.array) for side in (values.left, values.right)]
    array = pa.StructArray.from_arrays([side.part(0, len(values)) for side in sides], names=["left", "right"])
    return Converted(array, {"kind": "interval", "closed": values.closed, "side": sides[0].note})


def _arrow_column(values: Any) -> Column:
    pa = pyarrow()

    check_type(values.dtype.pyarrow_dtype, "")
    array = values.__arrow_array__()
    if pa.types.is_dictionary(array.type):
        array = pa.chunked_array(array).unify_dictionaries()
    return Converted(array, {"kind": "arrow", "type": write_schema(pa.schema([("", array.type)]))})


def _read_numpy(note: Note, column: Any) -> Any:
    return to_numpy(column, note["dtype"])


def _read_masked(note: Note, column: Any) -> Any:
    pd = pandas()

    dtype: Any = pd.api.types.pandas_dtype(note["dtype"])
    return dtype.__from_arrow__(column)


def _read_string(note: Note, column: Any) -> Any:
    pd = pandas()

    options = {"na_value": float("nan")} if note["na"] == "nan" and note["storage"] != "pyarrow_numpy" else {}
    dtype: Any = pd.StringDtype(note["storage"], **options)
    return dtype.__from_arrow__(column)


def _read_zoned(note: Note, column: Any) -> Any:
    pd = pandas()

    times = to_numpy(column.cast(f"timestamp[{note['unit']}]"), f"M8[{note['unit']}]")
    return pd.DatetimeIndex(times, copy=False).tz_localize("UTC").tz_convert(decode_zone(note["zone"])).array


def _read_period(note: Note, column: Any) -> Any:
    pd = pandas()

    return pd.arrays.PeriodArray(to_numpy(column.fill_null(_NO_TIME), "int64"), dtype=pd.PeriodDtype(note["freq"]))


def _read_interval(note: Note, column: Any) -> Any:
    pd = pandas()
    pa = pyarrow()

    sides = [
        from_column(note["side"], pa.chunked_array([chunk.field(side) for chunk in column.chunks], field.type))
        for side, field in enumerate(column.type)
    ]
    return pd.arrays.IntervalArray.from_arrays(*sides, closed=note["closed"])


def _read_arrow(note: Note, column: Any) -> Any:
    pd = pandas()

    type_ = read_schema(note["type"]).field(0).type
    dtype: Any = pd.ArrowDtype(type_)
    return dtype.__from_arrow__(column if column.type == type_ else column.cast(type_))


def _read_categorical(note: Note, column: Any) -> Any:
    from pplns.codecs.indexes import read_categorical

    return read_categorical(note, column)


_CONVERTERS: dict[str, Callable[[Any], Column]] = {
    "StringDtype": _string_column,
    "DatetimeTZDtype": _zoned_column,
    "PeriodDtype": _period_column,
    "IntervalDtype": _interval_column,
    "ArrowDtype": _arrow_column,
    **{f"{name}Dtype": _masked_column for name in _MASKED},
}
_READERS: dict[str, Callable[[Note, Any], Any]] = {
    "numpy": _read_numpy,
    "object": objects.decode_objects,
    "masked": _read_masked,
    "string": _read_string,
    "zoned": _read_zoned,
    "period": _read_period,
    "interval": _read_interval,
    "arrow": _read_arrow,
    "categorical": _read_categorical,
}
