"""The memory store: for tests, and for runs that nobody needs afterwards.

It keeps the whole protocol, for the threads of one process."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from pplns.errors import StoreError
from pplns.stores.protocol import Buffer, Register


class MemoryStore:
    """Objects in a dict; `monotonic` gives the age of registers, in seconds."""

    shares_host = True
    writes_at_once = False  # what is tried on it is to run as it would on a store that takes its time
    compresses = False

    def __init__(self, url: str = "memory:", *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._objects: dict[str, bytes] = {}
        self._registers: dict[str, tuple[bytes, int, float]] = {}

    def prepare(self) -> None:
        """Do nothing: memory is always ready."""

    def create(self, name: str, data: bytes) -> bool:
        """Create an object if it is absent."""
        with self._guard:
            if name in self._objects:
                return False
            self._objects[name] = data
            return True

    @contextmanager
    def upload(self, name: str) -> Generator["_MemoryUpload"]:
        """Create an object from bytes as they are made."""
        upload = _MemoryUpload()
        yield upload
        upload.created = self.create(name, bytes(upload.data))

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None."""
        return self._objects.get(name)

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects, in their order."""
        return [self.read(name) for name in names]

    def open(self, name: str) -> Buffer | None:
        """Return an object's bytes, or None."""
        return self._objects.get(name)

    def children(self, folder: str) -> list[str]:
        """Return the sorted names directly in a folder, those of folders with "/" at the end."""
        with self._guard:
            names = [*self._objects, *self._registers]
        inside = (name[len(folder) :] for name in names if name.startswith(folder))
        return sorted({name.split("/")[0] + ("/" if "/" in name else "") for name in inside})

    def delete(self, name: str) -> None:
        """Delete an object if it is there."""
        with self._guard:
            self._objects.pop(name, None)

    def read_register(self, name: str) -> Register | None:
        """Return a register with its age, or None."""
        with self._guard:
            found = self._registers.get(name)
        return Register(found[0], found[1], self._monotonic() - found[2]) if found else None

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register whose generation is still `expected`; None when another was faster."""
        with self._guard:
            if self._generation(name) != expected:
                return None
            self._registers[name] = (data, expected + 1, self._monotonic())
            return expected + 1

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Make one's own register young again; None when it is no longer one's own."""
        with self._guard:
            if self._generation(name) != generation:
                return None
            self._registers[name] = (data, generation, self._monotonic())
            return generation

    def _generation(self, name: str) -> int:
        return self._registers[name][1] if name in self._registers else 0


class _MemoryUpload:
    def __init__(self) -> None:
        self.data = bytearray()
        self.created = False

    def write(self, data: Buffer, /) -> int:
        """Take the next bytes."""
        if isinstance(data, memoryview) and not data.contiguous:
            raise StoreError("An upload was given bytes that aren't contiguous.")
        self.data += data
        return len(data)
