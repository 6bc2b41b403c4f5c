"""Values of registered types, alone or inside others.

Alone, the value is stored as its content would be, a table as a table, with the type's name beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pplns.codecs.held import Bytes, Handed, Held, Sink
from pplns.codecs.refusal import UnstorableError
from pplns.codecs.registry import Registration, check_decodes, from_storable, registered_as, to_storable
from pplns.codecs.values import Within, decode, encode, entered, tagged
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression


class Registered(Handed):
    """A value of a registered type, held as its content."""

    __slots__ = (
        "_decoded", "_held", "_registration", "columns", "extension", "has_inline", "inline", "inline_bytes",
        "is_streamed", "meta", "rows",
    )  # fmt: skip
    codec = "registered"

    def __init__(self, held: Held, registration: Registration) -> None:
        self._held = held
        self._registration = registration
        self._decoded: list[Any] = []
        self.meta: Mapping[str, Any] = {
            "name": registration.name, "version": registration.version, "codec": held.codec, "meta": held.meta,
        }  # fmt: skip
        self.extension: str = held.extension
        self.rows: int | None = held.rows
        self.columns: Mapping[str, str] | None = held.columns
        self.has_inline: bool = held.has_inline
        self.inline: Any = held.inline
        self.inline_bytes: bytes | None = held.inline_bytes
        self.is_streamed = False

    def handout(self) -> Any:
        """Return a newly decoded value; the first was decoded when it was held or restored."""
        try:
            return self._decoded.pop()
        except IndexError:
            return from_storable(self._held.handout(), self._registration)

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the content."""
        self._held.write(sink, compression=compression)

    def keep_first(self, decoded: Any) -> Registered:
        """Keep a decoded value for the first consumer."""
        self._decoded.append(decoded)
        return self


def hold_registered(value: object, registration: Registration, *, hold_content: Callable[[Any], Held]) -> Held:
    """Hold a value of a registered type.

    Raises: UnstorableError, where its content can't be stored or doesn't lead back."""
    content = to_storable(value, registration)
    try:
        _check_content(content, value, registration)
        held = hold_content(content)
        if held.is_streamed:
            raise UnstorableError(held.codec, "Return the stream itself from the step.")
    except UnstorableError as refused:
        refused.places.append(f"encode({registration.name!r})")
        raise
    return Registered(held, registration).keep_first(check_decodes(held.handout(), registration))


def restore_registered(
    stored: StoredValue, data: Bytes | None, *, restore_content: Callable[[StoredValue, Bytes | None], Held]
) -> Held:
    """Restore a value of a registered type.

    Raises: NotRegistered, ValueError."""
    meta = stored.meta or {}
    registration = registered_as(meta["name"], meta["version"])
    held = restore_content(stored.replace(codec=meta["codec"], meta=meta["meta"]), data)
    return Registered(held, registration).keep_first(from_storable(held.handout(), registration))


def encode_registered(value: object, within: Within, registration: Registration) -> Any:
    """Return a registered value inside another one as tagged JSON.

    Raises: UnstorableError."""
    content = to_storable(value, registration)
    try:
        _check_content(content, value, registration)
        encoded = encode(content, entered(value, within))
    except UnstorableError as refused:
        refused.places.append(f".encode({registration.name!r})")
        raise
    within.pop()
    check_decodes(decode(encoded), registration)
    return tagged("registered", [registration.name, registration.version, encoded])


def decode_registered(content: list[Any]) -> Any:
    """Return a registered value from tagged JSON.

    Raises: NotRegistered, ValueError."""
    name, version, encoded = content
    return from_storable(decode(encoded), registered_as(name, version))


def _check_content(content: object, value: object, registration: Registration) -> None:
    if content is value or type(content) is registration.cls:
        raise UnstorableError(
            "the value itself", "Let encode return a dict, a list, text or a table that the value can be made of."
        )
