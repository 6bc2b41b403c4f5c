"""Values that are inside the commit, and long text, bytes and JSON in artifacts of their own."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.codecs.held import Bytes, Handed, Sink, Untabled
from pplns.codecs.values import decode, json_bytes
from pplns.json_text import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.codecs.held import Compression

_CHUNK = 1 << 20


class InlineJson(Handed):
    """A small value, stored in the commit itself; immutable scalars are handed out as they are."""

    __slots__ = ("inline", "text")
    codec = "json"
    extension = "json"
    has_inline = True
    meta: Mapping[str, Any] | None = None
    rows: int | None = None
    columns: Mapping[str, str] | None = None
    is_streamed = False

    def __init__(self, inline: Any, text: bytes | None = None) -> None:
        self.inline = inline
        self.text = text

    @property
    def inline_bytes(self) -> bytes:
        """The JSON text of the value."""
        if self.text is None:
            self.text = json_bytes(self.inline)
        return self.text

    def handout(self) -> Any:
        """Return the value, decoded anew."""
        return decode(self.inline)

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the JSON text, where the caller wants it outside the commit."""
        sink.write(self.inline_bytes)


class JsonArtifact(Untabled):
    """A large value as tagged JSON; only its text is kept."""

    __slots__ = ("text",)
    codec = "json"
    extension = "json"
    meta: Mapping[str, Any] | None = None

    def __init__(self, text: bytes) -> None:
        self.text = text

    def handout(self) -> Any:
        """Return the value, decoded anew."""
        return decode(read_json(self.text))

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the JSON text."""
        sink.write(self.text)


class Text(Untabled):
    """Long text, as UTF-8; lone surrogates are kept as the three bytes that UTF-8 would give them."""

    __slots__ = ("text",)
    codec = "text"
    extension = "txt"
    meta: Mapping[str, Any] | None = None

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def of(cls, data: Bytes) -> Text:
        """Return the text of an artifact."""
        return cls(str(data, "utf-8", "surrogatepass"))

    def handout(self) -> str:
        """Return the text."""
        return self.text

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the text in chunks."""
        for start in range(0, len(self.text), _CHUNK):
            sink.write(self.text[start : start + _CHUNK].encode("utf-8", "surrogatepass"))


class Binary(Untabled):
    """Long bytes or a bytearray, as they are."""

    __slots__ = ("data", "is_mutable", "meta")
    codec = "bytes"
    extension = "bin"

    def __init__(self, data: Bytes, *, is_mutable: bool = False) -> None:
        self.data = bytes(data)
        self.is_mutable = is_mutable
        self.meta = {"type": "bytearray"} if is_mutable else None

    def handout(self) -> bytes | bytearray:
        """Return the bytes, a bytearray of the consumer's own where the step returned one."""
        return bytearray(self.data) if self.is_mutable else self.data

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the bytes."""
        sink.write(self.data)
