"""Values as JSON with their types: what JSON knows as it is, everything else under a tag.

    date(2013, 1, 1)  →  {"$": "date", "v": "2013-01-01"}

A dict whose keys are text without a "$" is a JSON object. Types are exact: a subclass is refused, not flattened.
Objects that a value holds twice come back as two; sets come in the order of their JSON text, so that equal sets have
equal digests whatever the process's hash seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pplns.codecs.refusal import UnstorableError, full_name
from pplns.json_text import write_compact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Encoder = Callable[[Any, list[object]], Any]
    Decoder = Callable[[Any], Any]

MAX_DEPTH = 100
TAG = "$"

Within = list[object]

_ENDLESS = float("inf")
_LONG_INT = 1 << 1024  # Python reads ints of at most 4,300 digits; beyond this they are stored in hex


def encode(value: object, within: Within) -> Any:
    """Return a value as tagged JSON that shares nothing with it; `within` holds the containers around it.

    Raises: UnstorableError."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        from pplns.codecs.scalars import encode_other

        return encode_other(value, within)
    return encoder(value, within)


def decode(encoded: Any) -> Any:
    """Return a new value from tagged JSON.

    Raises: ValueError, TypeError, LookupError, ImportError, AttributeError where it isn't what `encode` gives."""
    kind: object = type(encoded)  # pyright: ignore[reportUnknownVariableType]
    if kind is list:
        return [decode(item) if type(item) in _NESTING else item for item in encoded]
    if kind is not dict:
        return encoded
    if TAG not in encoded:
        return {key: decode(item) if type(item) in _NESTING else item for key, item in encoded.items()}
    decoder = _DECODERS.get(encoded[TAG])
    if decoder is None:
        from pplns.codecs.scalars import decode_other

        return decode_other(encoded[TAG], encoded["v"])
    return decoder(encoded["v"])


def json_bytes(encoded: Any) -> bytes:
    """Return the one JSON text of an encoded value, as UTF-8."""
    return write_compact(encoded).encode()


def tagged(tag: str, content: Any) -> dict[str, Any]:
    """Return content under a tag."""
    return {TAG: tag, "v": content}


def entered(container: object, within: Within) -> Within:
    """Note that a container is being encoded; the caller takes it off again with `within.pop()`.

    Raises: UnstorableError, for a container inside itself or nested too deep."""
    if len(within) >= MAX_DEPTH:
        if any(container is outer for outer in within):
            raise UnstorableError(
                "itself", "Break the cycle: refer to the outer value by a name or number.", expected=""
            )
        raise UnstorableError(
            f"{full_name(type(container))} nested {MAX_DEPTH} levels deep",
            "Store it flatter, as a table or as text.",
            expected=f"A value has at most {MAX_DEPTH} levels.",
        )
    within.append(container)
    return within


def encode_items(items: Iterable[Any], within: Within) -> list[Any]:
    """Return the items of a container that is entered, each as tagged JSON."""
    encoded: list[Any] = []
    add = encoded.append
    try:
        for item in items:
            add(item if item is None or item is True or item is False else encode(item, within))
    except UnstorableError as refused:
        refused.places.append(f"[{len(encoded)}]")
        raise
    return encoded


def encode_pairs(pairs: dict[Any, Any], within: Within) -> list[list[Any]]:
    """Return the items of a dict that is entered, as pairs."""
    encoded: list[list[Any]] = []
    for key, item in pairs.items():
        try:
            encoded.append([encode(key, within), encode(item, within)])
        except UnstorableError as refused:
            refused.places.append(f"[{_shown(key)}]")
            raise
    return encoded


def encode_text(text: str, _: Within) -> Any:
    """Return text as it is, or tagged where UTF-8 can't hold it (lone surrogates)."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return tagged("text", base64_text(text.encode("utf-8", "surrogatepass")))
    return text


def _bytes_of(text: str) -> bytes:
    from binascii import a2b_base64

    return a2b_base64(text)


def base64_text(data: bytes | bytearray) -> str:
    """Return bytes as base64 text."""
    from binascii import b2a_base64  # base64 imports more than it adds to it, and few values hold bytes

    return b2a_base64(data, newline=False).decode("ascii")


def _shown(key: object) -> str:
    text = repr(key)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _encode_as_it_is(value: Any, _: Within) -> Any:
    return value


def _encode_int(value: int, _: Within) -> Any:
    return value if -_LONG_INT < value < _LONG_INT else tagged("int", hex(value))


def _encode_float(value: float, _: Within) -> Any:
    return value if -_ENDLESS < value < _ENDLESS else tagged("float", repr(value))


def _encode_list(value: list[Any], within: Within) -> list[Any]:
    encoded = encode_items(value, entered(value, within))
    within.pop()
    return encoded


def _encode_tuple(value: tuple[Any, ...], within: Within) -> Any:
    encoded = encode_items(value, entered(value, within))
    within.pop()
    return tagged("tuple", encoded)


def _encode_set(value: set[Any] | frozenset[Any], within: Within) -> Any:
    encoded = encode_items(value, entered(value, within))
    within.pop()
    return tagged(type(value).__name__, sorted(encoded, key=write_compact))


def _encode_dict(value: dict[Any, Any], within: Within) -> Any:
    entered(value, within)
    encoded: Any = _encode_object(value, within) if _is_object(value) else None
    if encoded is None:
        encoded = tagged("dict", encode_pairs(value, within))
    within.pop()
    return encoded


def _is_object(value: dict[Any, Any]) -> bool:
    for key in value:
        if type(key) is not str or key == TAG or not (key.isascii() or type(encode_text(key, [])) is str):
            return False
    return True


def _encode_object(value: dict[str, Any], within: Within) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    for key, item in value.items():
        try:
            encoded[key] = encode(item, within)
        except UnstorableError as refused:
            refused.places.append(f"[{_shown(key)}]")
            raise
    return encoded


def _encode_bytes(value: bytes | bytearray, _: Within) -> Any:
    return tagged(type(value).__name__, base64_text(value))


_NESTING = (list, dict)
_ENCODERS: dict[type, Encoder] = {
    int: _encode_int, str: encode_text, bool: _encode_as_it_is, type(None): _encode_as_it_is, float: _encode_float,
    list: _encode_list, dict: _encode_dict, tuple: _encode_tuple, set: _encode_set, frozenset: _encode_set,
    bytes: _encode_bytes, bytearray: _encode_bytes,
}  # fmt: skip
_DECODERS: dict[str, Decoder] = {
    "int": lambda content: int(content, 16),
    "float": float,
    "text": lambda content: _bytes_of(content).decode("utf-8", "surrogatepass"),
    "tuple": lambda content: tuple(decode(content)),
    "set": lambda content: set(decode(content)),
    "frozenset": lambda content: frozenset(decode(content)),
    "dict": lambda content: {decode(key): decode(item) for key, item in content},
    "bytes": _bytes_of,
    "bytearray": lambda content: bytearray(_bytes_of(content)),
}
