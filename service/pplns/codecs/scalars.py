"""Values that JSON doesn't know: the standard library's, and the scalars of numpy and pandas.

Loaded by the first value that needs it. A concrete Path is stored with forward slashes and comes back as the Path of
the system that reads it; pure paths come back as they were."""

from __future__ import annotations

import sys
from base64 import b64decode
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

from pplns.codecs import classes
from pplns.codecs.libraries import numpy, pandas
from pplns.codecs.refusal import UnstorableError, class_of, unstorable
from pplns.codecs.registered import decode_registered, encode_registered
from pplns.codecs.registry import registration_of
from pplns.codecs.values import (
    Within,
    base64_text,
    decode,
    encode,
    encode_items,
    encode_pairs,
    encode_text,
    entered,
    tagged,
)
from pplns.codecs.zones import decode_zone, encode_zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.values import Decoder, Encoder


_FACTORIES = {cls.__name__: cls for cls in (list, dict, set, tuple, int, float, str, bool)}


def encode_other(value: object, within: Within) -> Any:
    """Return a value as tagged JSON that isn't of Python's built-in types.

    Raises: UnstorableError."""
    cls = type(value)
    encoder = _ENCODERS.get(cls)
    if encoder is not None:
        return encoder(value, within)
    registration = registration_of(cls)
    if registration is not None:
        return encode_registered(value, within, registration)
    library = cls.__module__.split(".")[0]
    if library == "numpy" and cls is not sys.modules["numpy"].ndarray:
        return _encode_numpy(value)
    if library == "numpy":
        return _encode_array(value)
    if library == "pandas":
        return _encode_pandas(value)
    return classes.encode_instance(value, within)


def decode_other(tag: Any, content: Any) -> Any:
    """Return a new value from what `encode_other` made.

    Raises: LookupError, for a tag that this version doesn't know."""
    return _DECODERS[tag](content)


def _encode_datetime(value: datetime, _: Within) -> Any:
    local = value.replace(tzinfo=None).isoformat()
    offset = value.utcoffset()
    seconds = None if offset is None else offset.total_seconds()
    return tagged("datetime", [local, value.fold, encode_zone(value.tzinfo), seconds])


def _decode_datetime(content: list[Any]) -> datetime:
    local, fold, zone, seconds = content
    found = decode_zone(zone)
    value = datetime.fromisoformat(local)
    if zone is not None and "pytz" in zone:  # pytz ties one of a zone's offsets to each instant
        return (value - timedelta(seconds=seconds)).replace(tzinfo=decode_zone({"seconds": 0})).astimezone(found)
    return value.replace(tzinfo=found, fold=fold)


def _encode_time(value: time, _: Within) -> Any:
    return tagged("time", [value.replace(tzinfo=None).isoformat(), value.fold, encode_zone(value.tzinfo)])


def _decode_time(content: list[Any]) -> time:
    local, fold, zone = content
    return time.fromisoformat(local).replace(tzinfo=decode_zone(zone), fold=fold)


def _encode_range(value: range, within: Within) -> Any:
    return tagged("range", encode_items([value.start, value.stop, value.step], within))


def _encode_complex(value: complex, within: Within) -> Any:
    return tagged("complex", encode_items([value.real, value.imag], within))


def _encode_fraction(value: Fraction, within: Within) -> Any:
    return tagged("fraction", encode_items([value.numerator, value.denominator], within))


def _encode_path(value: PurePath, _: Within) -> Any:
    pure = isinstance(value, Path)
    return tagged("path", {"kind": "Path" if pure else type(value).__name__, "v": encode_text(value.as_posix(), [])})


def _decode_path(content: dict[str, Any]) -> PurePath:
    kinds: dict[str, type[PurePath]] = {
        "Path": Path, "PurePosixPath": PurePosixPath, "PureWindowsPath": PureWindowsPath,
    }  # fmt: skip
    return kinds[content["kind"]](decode(content["v"]))


def _encode_pairs_of(value: dict[Any, Any], within: Within) -> Any:
    encoded = encode_pairs(value, entered(value, within))
    within.pop()
    return tagged(type(value).__name__, encoded)


def _decode_pairs(content: list[list[Any]]) -> list[tuple[Any, Any]]:
    return [(decode(key), decode(item)) for key, item in content]


def _encode_defaultdict(value: defaultdict[Any, Any], within: Within) -> Any:
    factory: Any = value.default_factory
    name = getattr(factory, "__name__", None)
    if factory is not None and _FACTORIES.get(str(name)) is not factory:
        raise UnstorableError(f"defaultdict with the factory {name or factory!r}", "Return dict(…) of it.")
    encoded = encode_pairs(value, entered(value, within))
    within.pop()
    return tagged("defaultdict", {"factory": name, "v": encoded})


def _decode_defaultdict(content: dict[str, Any]) -> defaultdict[Any, Any]:
    factory = None if content["factory"] is None else _FACTORIES[content["factory"]]
    return defaultdict(factory, _decode_pairs(content["v"]))


def _encode_deque(value: deque[Any], within: Within) -> Any:
    encoded = encode_items(value, entered(value, within))
    within.pop()
    return tagged("deque", {"maxlen": value.maxlen, "v": encoded})


def _encode_numpy(value: Any) -> Any:
    np = numpy()

    if not isinstance(value, np.generic) or value.dtype.hasobject or value.dtype.fields:
        raise unstorable(value)
    is_number = value.dtype.kind in "biuf" and value.dtype.itemsize <= 8
    natural = is_number and not np.isnan(value)  # NaN has a sign and a payload, which text forgets
    content: Any = encode(value.item(), []) if natural else base64_text(value.tobytes())
    return tagged("numpy", {"dtype": value.dtype.str, "natural": natural, "v": content})


def _decode_numpy(content: dict[str, Any]) -> Any:
    np = numpy()

    dtype = np.dtype(content["dtype"])
    if content["natural"]:
        return np.array(decode(content["v"]), dtype=dtype)[()]
    return np.frombuffer(b64decode(content["v"]), dtype=dtype)[0] if dtype.itemsize else np.zeros(1, dtype)[0]


def _encode_array(value: Any) -> Any:
    from pplns.codecs.arrays import npy_bytes

    return tagged("array", base64_text(npy_bytes(value)))


def _decode_array(content: str) -> Any:
    from pplns.codecs.arrays import read_npy

    return read_npy(b64decode(content)).copy(order="K")


def _encode_pandas(value: Any) -> Any:
    pd = pandas()

    cls = class_of(value)
    if value is pd.NaT or value is pd.NA:
        return tagged("pandas", {"kind": "NaT" if value is pd.NaT else "NA"})
    if cls is pd.Timestamp:
        moment = {"kind": "Timestamp", "unit": value.unit, "zone": encode_zone(value.tzinfo)}
        return tagged("pandas", {**moment, "v": int(value.asm8.astype("i8"))})
    if cls is pd.Timedelta:
        return tagged("pandas", {"kind": "Timedelta", "unit": value.unit, "v": int(value.asm8.astype("i8"))})
    if cls is pd.Period:
        return tagged("pandas", {"kind": "Period", "freq": value.freqstr, "v": int(value.ordinal)})
    if cls is pd.Interval:
        return tagged(
            "pandas", {"kind": "Interval", "closed": value.closed, "v": encode([value.left, value.right], [])}
        )
    raise unstorable(value)


def _decode_pandas(content: dict[str, Any]) -> Any:
    np = numpy()
    pd = pandas()

    kind = content["kind"]
    if kind in ("NaT", "NA"):
        return getattr(pd, kind)
    if kind == "Timedelta":
        return pd.Timedelta(np.timedelta64(content["v"], content["unit"]))
    if kind == "Period":
        return pd.Period(ordinal=content["v"], freq=content["freq"])
    if kind == "Interval":
        return pd.Interval(*decode(content["v"]), closed=content["closed"])
    moment = pd.Timestamp(np.datetime64(content["v"], content["unit"]))
    zone = decode_zone(content["zone"])
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)


_ENCODERS: dict[type, Encoder] = {
    date: lambda value, _: tagged("date", value.isoformat()),
    datetime: _encode_datetime,
    time: _encode_time,
    timedelta: lambda value, _: tagged("timedelta", [value.days, value.seconds, value.microseconds]),
    Decimal: lambda value, _: tagged("decimal", str(value)),
    UUID: lambda value, _: tagged("uuid", str(value)),
    complex: _encode_complex,
    Fraction: _encode_fraction,
    range: _encode_range,
    PurePosixPath: _encode_path,
    PureWindowsPath: _encode_path,
    type(Path()): _encode_path,
    OrderedDict: _encode_pairs_of,
    Counter: _encode_pairs_of,
    defaultdict: _encode_defaultdict,
    deque: _encode_deque,
}
_DECODERS: dict[str, Decoder] = {
    "date": date.fromisoformat,
    "datetime": _decode_datetime,
    "time": _decode_time,
    "timedelta": lambda content: timedelta(*content),
    "decimal": Decimal,
    "uuid": UUID,
    "complex": lambda content: complex(*decode(content)),
    "fraction": lambda content: Fraction(*decode(content)),
    "range": lambda content: range(*decode(content)),
    "path": _decode_path,
    "OrderedDict": lambda content: OrderedDict(_decode_pairs(content)),
    "Counter": lambda content: Counter(dict(_decode_pairs(content))),
    "defaultdict": _decode_defaultdict,
    "deque": lambda content: deque(decode(content["v"]), content["maxlen"]),
    "registered": decode_registered,
    "enum": classes.decode_member,
    "dataclass": classes.decode_dataclass,
    "namedtuple": classes.decode_named_tuple,
    "numpy": _decode_numpy,
    "array": _decode_array,
    "pandas": _decode_pandas,
}
