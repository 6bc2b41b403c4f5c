"""Refusals: how a value that can't be stored is named, and what to do about it.

Codecs raise `UnstorableError` wherever they stand in a nested value; each container they came through adds its place,
and `hold` makes the message of it."""

from __future__ import annotations

from collections.abc import Callable

from pplns.errors import StorageRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


STORABLE = (
    "What can be stored: None, bool, numbers, text, bytes, dates and times, UUIDs, paths, Enum members, dataclasses and"
    " NamedTuples, lists, tuples, dicts and sets of these, numpy arrays, pandas, polars and pyarrow tables, iterators"
    " of tables, pyarrow readers and datasets, Files, and types given to pplns.register_type()."
)
_BY_NAME = {
    "generator": "Return list(…) of it, or a table.",
    "File": "Return the File by itself, several of them as several outputs: `-> tuple[File, File]`.",
    "RecordBatchReader": "Return the reader by itself, or its `.read_all()` as several outputs.",
    "coroutine": "Return what `asyncio.run(…)` gives for it.",
    "async_generator": "Return a generator of tables, or what `asyncio.run(…)` gives for all of them.",
    "Scanner": "Return its `.to_reader()`.",
    "ParquetFile": "Return its `.iter_batches()`.",
    "LazyFrame": "Return its `.collect()`.",
    "DataFrameGroupBy": "Return the aggregated table.",
    "SeriesGroupBy": "Return the aggregated Series.",
    "memoryview": "Return bytes(…) of it.",
    "mappingproxy": "Return dict(…) of it.",
    "MaskedArray": "Return a plain array, `.filled(…)`, and the mask beside it.",
    "void": "Return its `.item()`.",
    "memmap": "Return File(…) of the file, or numpy.array(…) of it.",
    "recarray": "Return numpy.asarray(…) of it.",
    "matrix": "Return numpy.asarray(…) of it.",
}
_BY_BASE = {
    "dict": "Return dict(…) of it.",
    "list": "Return list(…) of it.",
    "tuple": "Return tuple(…) of it.",
    "set": "Return set(…) of it.",
    "str": "Return str(…) of it.",
    "int": "Return int(…) of it.",
    "float": "Return float(…) of it.",
    "DataFrame": "Return pandas.DataFrame(…) of it.",
    "Series": "Return pandas.Series(…) of it.",
    "Index": "Return its `.to_series()`, or `.tolist()`.",
    "ExtensionArray": "Return pandas.Series(…) of it, or `.tolist()`.",
    "Array": 'Return pyarrow.table({"name": …}) of it, or its `.to_pylist()`.',
    "ChunkedArray": 'Return pyarrow.table({"name": …}) of it, or its `.to_pylist()`.',
    "Scalar": "Return its `.as_py()`.",
    "tzinfo": "Return its name, for zoneinfo.ZoneInfo(…).",
    "BaseModel": "Return its `.model_dump()`.",
    "_IOBase": "Close it and return File(…) of its path, or what is read from it.",
}
_OTHERWISE = (
    "Return a table, JSON values or a File, or tell pplns.register_type() how this type is stored; a model or a client"
    " is written to a file or built again in the step that needs it."
)
_SEVERAL = "Return several tables as several outputs: annotate the step `-> tuple[A, B]` or declare `@step(outputs=2)`."
_SHOWN_PLACES = 8
_TABLES = ("DataFrame", "Series", "Table", "RecordBatch")


class UnstorableError(Exception):
    """A value inside what a step returned can't be stored; `places` leads to it, innermost first."""

    def __init__(self, what: str, remedy: str, *, expected: str = STORABLE) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.expected = expected
        self.places: list[str] = []
        self.column: str | None = None


def unstorable(value: object) -> UnstorableError:
    """Return the refusal of a value of a type that has no codec."""
    cls = type(value)
    bases = [base.__name__ for base in cls.__mro__]
    if cls.__name__ in _TABLES:
        return UnstorableError(full_name(cls), _SEVERAL)
    for known, remedies in ((bases[:1], _BY_NAME), (bases, _BY_BASE)):
        for name in known:
            if name in remedies:
                return UnstorableError(full_name(cls), remedies[name])
    if hasattr(cls, "__next__"):
        return UnstorableError(full_name(cls), _BY_NAME["generator"])
    return UnstorableError(full_name(cls), _OTHERWISE)


def about(place: str, convert: Callable[[], T]) -> T:
    """Return what a conversion gives; what it refuses stands in a place of a table, "its index" say."""
    try:
        return convert()
    except UnstorableError as refused:
        refused.column = place
        raise


def refusal(refused: UnstorableError, value: object, *, where: str) -> StorageRefused:
    """Return the error that names the step, what it returned, and what to do."""
    verb = "returned" if where.startswith("Step ") else "is"
    if refused.column is not None:
        place = ", ".join(reversed(refused.places))
        met = f"{where} {verb} {article(full_name(type(value)))} with {article(refused.what)} in {refused.column}"
        return StorageRefused(f"{met}, {place}." if place else f"{met}.", refused.expected, refused.remedy)
    if not refused.places:
        return StorageRefused(f"{where} {verb} {article(refused.what)}.", refused.expected, refused.remedy)
    place = _place(refused.places)
    met = f"{where} {verb} {article(full_name(type(value)))} that holds {article(refused.what)} at {place}."
    return StorageRefused(met, refused.expected, refused.remedy)


def _place(places: list[str]) -> str:
    outermost = places[::-1]
    return "".join(outermost if len(outermost) <= _SHOWN_PLACES else [*outermost[:_SHOWN_PLACES], "…"])


def class_of(value: object) -> Any:
    """Return the class of a value, for what only it can tell."""
    return type(value)


def full_name(cls: type) -> str:
    """Return the name of a class with its module, without the module for built-in ones."""
    module = cls.__module__.split(".")[0]
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


def article(noun: str) -> str:
    """Return a noun with "a" or "an", unless it brings an article of its own."""
    if noun.startswith(("a ", "an ", "the ", "itself", "values", "text")):
        return noun
    return f"{'an' if noun[0].lower() in 'aeio' else 'a'} {noun}"
