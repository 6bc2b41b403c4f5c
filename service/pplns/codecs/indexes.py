"""Indexes of pandas tables: rows' and columns' labels, and categories, which are an index as well.

A RangeIndex is three numbers. Any other index of rows becomes columns of the artifact; a MultiIndex one dictionary
column a level, which keeps unused levels. Labels of columns and, in Parquet, categories stand in the note."""

from base64 import b64decode
from typing import Any, NamedTuple

from pplns.codecs.columns import Column, Converted, from_column, string_note, to_column, to_numpy
from pplns.codecs.libraries import numpy, pandas, pyarrow
from pplns.codecs.objects import base64_text
from pplns.codecs.values import decode, encode

Note = dict[str, Any]


class IndexColumns(NamedTuple):
    """An index as the columns that hold it (none for a range) and its note."""

    note: Note
    columns: tuple[Column, ...] = ()


def to_index_columns(index: Any, *, dictionaries: bool) -> IndexColumns:
    """Return an index as columns.

    Raises: UnstorableError."""
    kind = type(index).__name__
    if kind == "RangeIndex":
        note = {"kind": "range", "start": index.start, "stop": index.stop, "step": index.step}
        return IndexColumns({**note, "name": encode(index.name, [])})
    if kind == "MultiIndex":
        levels = [
            _coded_column(codes, level, ordered=False, dictionaries=dictionaries)
            for codes, level in zip(index.codes, index.levels, strict=True)
        ]
        note = {"kind": "multi", "names": encode(list(index.names), []), "levels": [level.note for level in levels]}
        return IndexColumns(note, tuple(levels))
    column = to_column(index.array, dictionaries=dictionaries)
    frequency = index.freqstr if kind in ("DatetimeIndex", "TimedeltaIndex") else None
    note = {"kind": "index", "name": encode(index.name, []), "values": column.note, "freq": frequency}
    return IndexColumns(note, (column,))


def from_index_columns(note: Note, columns: list[Any]) -> Any:
    """Return the index of a note and its columns (pyarrow ChunkedArrays)."""
    pd = pandas()

    if note["kind"] == "range":
        return pd.RangeIndex(note["start"], note["stop"], note["step"], name=decode(note["name"]))
    if note["kind"] == "multi":
        coded = [_read_coded(level, column) for level, column in zip(note["levels"], columns, strict=True)]
        codes, levels = [code for code, _ in coded], [level for _, level in coded]
        return pd.MultiIndex(levels=levels, codes=codes, names=decode(note["names"]), verify_integrity=False)
    values = from_column(note["values"], columns[0])
    index: Any = pd.Index(values, dtype=values.dtype, name=decode(note["name"]), copy=False, tupleize_cols=False)
    return index if note["freq"] is None else type(index)(index, freq=note["freq"])


def labels_of(index: Any) -> list[Any]:
    """Return the labels of an index as Python's own values."""
    if type(index.dtype).__name__ == "StringDtype" and index.dtype.storage == "pyarrow":
        labels: list[Any] = index.array.__arrow_array__().to_pylist()  # a quarter of the time of `tolist`
        if None not in labels:
            return labels
    return index.tolist()  # type: ignore[no-any-return]


def index_as_note(index: Any) -> Note:
    """Return a short index as a note alone: labels of columns, categories.

    Raises: UnstorableError."""
    if type(index).__name__ == "Index" and index.dtype == object:
        return {"kind": "labels", "name": encode(index.name, []), "v": encode(index.tolist(), [])}
    if type(index).__name__ == "Index" and type(index.dtype).__name__ == "StringDtype":
        text = labels_of(index)
        if all(type(one) is str and one.isascii() for one in text):  # other text may hold what UTF-8 can't
            name = encode(index.name, [])
            return {"kind": "index", "name": name, "values": string_note(index.dtype), "freq": None, "text": text}
    found = to_index_columns(index, dictionaries=True)
    if found.note.get("values", {}).get("kind") == "string" and not index.hasnans:
        return {**found.note, "text": index.tolist()}
    return {**found.note, "data": _as_file(found.columns)} if found.columns else found.note


def index_of_note(note: Note) -> Any:
    """Return the index of a note that `index_as_note` made."""
    pd = pandas()
    pa = pyarrow()

    if note["kind"] == "labels":
        values: Any = pd.Series(decode(note["v"]), dtype=object)
        return pd.Index(values.to_numpy(), dtype=object, name=decode(note["name"]), tupleize_cols=False)
    if "text" in note:
        return from_index_columns(note, [pa.chunked_array([pa.array(note["text"], pa.large_string())])])
    if "data" in note:
        return from_index_columns(note, pa.ipc.open_file(b64decode(note["data"])).read_all().columns)
    return from_index_columns(note, [])


def categorical_column(values: Any, *, dictionaries: bool) -> Column:
    """Return a categorical array as a column of its codes.

    Raises: UnstorableError."""
    return _coded_column(values.codes, values.categories, ordered=bool(values.ordered), dictionaries=dictionaries)


def read_categorical(note: Note, column: Any) -> Any:
    """Return the categorical array that a column was."""
    pd = pandas()

    codes, categories = _read_coded(note, column)
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered=note["ordered"]))


def _coded_column(codes: Any, index: Any, *, ordered: bool, dictionaries: bool) -> Column:
    np = numpy()
    pa = pyarrow()

    codes = np.asarray(codes)
    indices = pa.array(codes, mask=codes < 0)
    note: Note = {"kind": "categorical", "ordered": ordered}
    found = to_index_columns(index, dictionaries=False) if dictionaries and not _is_nested(index) else None
    if found is None or not found.columns:
        return Converted(indices, {**note, "categories": index_as_note(index)})
    labels = found.columns[0].part(0, len(index))
    array = pa.DictionaryArray.from_arrays(indices, labels, ordered=ordered)
    return Converted(array, {**note, "dictionary": found.note})


def _is_nested(index: Any) -> bool:
    return type(index).__name__ in ("MultiIndex", "CategoricalIndex", "IntervalIndex") or "null" in str(index.dtype)


def _read_coded(note: Note, column: Any) -> tuple[Any, Any]:
    pa = pyarrow()

    if "categories" in note:
        return _codes(column), index_of_note(note["categories"])
    if not column.num_chunks:
        column = pa.chunked_array([pa.array([], column.type)])
    indices = pa.chunked_array([chunk.indices for chunk in column.chunks])
    labels = pa.chunked_array([column.chunk(0).dictionary])
    return _codes(indices), from_index_columns(note["dictionary"], [labels])


def _codes(column: Any) -> Any:
    return to_numpy(column.fill_null(-1), str(column.type))


def _as_file(columns: tuple[Column, ...]) -> str:
    pa = pyarrow()

    arrays: list[Any] = [column.part(0, len(column.values)) for column in columns]
    batch = pa.RecordBatch.from_arrays(arrays, names=[str(place) for place in range(len(arrays))])
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_file(buffer, batch.schema) as writer:
        writer.write_batch(batch)
    return base64_text(buffer.getvalue().to_pybytes())
