"""What the engine asks of a store: create an object if it is absent, read, list, and swap a register.

Names are paths with "/" between their parts, as PROTOCOL lays them out. A store keeps no state of its own that a
second process couldn't see. All errors of the medium come out as StoreError."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from pplns.model.frozen import Frozen
from pplns.typed import Protocol

Buffer = bytes | bytearray | memoryview


class Register(Frozen):
    """A value that is replaced by compare-and-swap.

    `age_s` is how long ago it was last swapped or renewed, by the store's own clock only."""

    data: bytes
    generation: int
    age_s: float


class Upload(Protocol):
    """A new object while its bytes are made: created if absent, whole when its `with` block ends, gone if that fails.

    Until then some stores show a part of it, and what died in the block leaves that: its name has to be one that nobody
    looks for before they are told."""

    def write(self, data: Buffer, /) -> int:
        """Take the next bytes and return their number."""
        ...

    @property
    def created(self) -> bool:
        """Tell, after the block, whether the object was created; False when one of that name existed."""
        ...


class Store(Protocol):
    """A place for objects, safe against several processes and against death at any instant."""

    @property
    def url(self) -> str:
        """The URL that opens this store again."""
        ...

    @property
    def shares_host(self) -> bool:
        """Whether a holder on this machine may be taken over as soon as its process is gone."""
        ...

    @property
    def compresses(self) -> bool:
        """Whether Arrow tables are compressed: where bytes travel further than to a disk, that is faster."""
        ...

    @property
    def writes_at_once(self) -> bool:
        """Whether a small object is written in less time than handing it to another thread takes."""
        ...

    def prepare(self) -> None:
        """Make the store ready for writing and refuse a medium that can't keep the protocol."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Create an object if no object has that name; tell whether it was created."""
        ...

    def upload(self, name: str) -> AbstractContextManager[Upload]:
        """Create an object from bytes as they are made, under a name of one's own."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        ...

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects in their order, side by side where each takes a request."""
        ...

    def open(self, name: str) -> Buffer | None:
        """Return an object's bytes without a copy where the medium can, or None where there is none."""
        ...

    def children(self, folder: str) -> list[str]:
        """Return the sorted names of what lies directly in a folder; those of folders end with "/"."""
        ...

    def delete(self, name: str) -> None:
        """Delete an object if it is there. Only hints are ever deleted; nothing may rest on it."""
        ...

    def read_register(self, name: str) -> Register | None:
        """Return a register, or None where it was never written."""
        ...

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register whose generation is still `expected` (0: never written).

        Return the new generation, or None when another writer was faster."""
        ...

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Make one's own register young again; return its generation, or None when it is no longer one's own."""
        ...
