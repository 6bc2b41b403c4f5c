"""What the engine sees of a value between its return (or its checkpoint) and its last consumer."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.typed import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    TableFormat = Literal["arrow", "parquet"]
    Compression = Literal["lz4"] | None

INLINE_LIMIT_BYTES = 16_384

Bytes = bytes | bytearray | memoryview


class Sink(Protocol):
    """What an artifact is written to; the caller counts and digests the bytes as they pass."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Take some bytes and return their number."""
        ...


class Held(Protocol):
    """One value of a step. `codec`, `extension`, `meta`, `rows` and `columns` go into its `StoredValue`.

    With `has_inline` the value is `inline`, JSON that goes into the commit itself, and `inline_bytes` its exact text
    for the digest. Without, `write` makes the artifact.

    One with `is_streamed` comes from a source that can be read only once. It is written before anybody has it, in the
    thread of the step; what is handed out is restored from the artifact. `rows` and `columns` are known after that."""

    @property
    def codec(self) -> str:
        """How the value is read back: "json", "text", "bytes", "numpy", "pandas", "arrow", "polars", "registered",
        "batches", "reader", "file"."""
        ...

    @property
    def extension(self) -> str:
        """The end of the artifact's name, without the dot."""
        ...

    @property
    def meta(self) -> Mapping[str, Any] | None:
        """What `restore` needs besides the bytes; JSON."""
        ...

    @property
    def rows(self) -> int | None:
        """The rows of a table, None for other values."""
        ...

    @property
    def columns(self) -> Mapping[str, str] | None:
        """The columns of a table, name → Arrow type, in order; None for other values."""
        ...

    @property
    def has_inline(self) -> bool:
        """Whether the value goes into the commit itself (`inline` may be None and mean the value None)."""
        ...

    @property
    def inline(self) -> Any:
        """The value as JSON; not to be changed."""
        ...

    @property
    def inline_bytes(self) -> bytes | None:
        """The JSON text of `inline`, or None where there is none."""
        ...

    @property
    def is_streamed(self) -> bool:
        """Whether it has to be written before it can be handed out."""
        ...

    def handout(self) -> Any:
        """Return the value for one consumer: what it does to it in place, nobody else sees."""
        ...

    def give(self) -> Any:
        """Return the value for its last consumer, without a copy where it can; it is held no more."""
        ...

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the artifact's bytes as they are made; `compression` is of tables in Arrow's format.

        Raises: SourceFailed where the step's own iterator or file fails, StorageRefused for what it gives."""
        ...


class SourceFailed(Exception):
    """What a streamed value is read from raised `error`, which is the step's own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class Handed:
    """What values share of which the last consumer gets what any other one gets."""

    __slots__ = ()

    def give(self: Held) -> Any:
        """Return the value for its last consumer."""
        return self.handout()


class Artifact(Handed):
    """What values share that are stored in an artifact of their own, tables and others."""

    __slots__ = ()
    has_inline: bool = False
    inline: Any = None
    inline_bytes: bytes | None = None
    is_streamed: bool = False


class Untabled(Artifact):
    """What artifacts share that are no tables."""

    __slots__ = ()
    rows: int | None = None
    columns: Mapping[str, str] | None = None
