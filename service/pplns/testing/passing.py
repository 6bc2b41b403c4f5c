"""A store that hands every operation on to another one, for what wants to meet them on the way."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

from pplns.stores import Register, Store, Upload
from pplns.stores.protocol import Buffer

Operation = Literal[
    "prepare", "create", "upload", "read", "open", "children", "delete", "read_register", "swap", "renew"
]


class PassingStore(ABC):
    """Every operation passes through `meet`; `read_all` counts as a read of each name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def meet(self, operation: Operation, name: str) -> AbstractContextManager[None]:
        """Return what surrounds an operation; its end comes once the operation has taken effect."""

    @property
    def url(self) -> str:
        """The URL of the store behind this one."""
        return self._store.url

    @property
    def shares_host(self) -> bool:
        """Whether a holder on this machine may be taken over as soon as its process is gone."""
        return self._store.shares_host

    @property
    def compresses(self) -> bool:
        """Whether Arrow tables are compressed."""
        return self._store.compresses

    @property
    def writes_at_once(self) -> bool:
        """No: what surrounds an operation may hold it up."""
        return False

    def prepare(self) -> None:
        """Make the store ready for writing."""
        with self.meet("prepare", ""):
            self._store.prepare()

    def create(self, name: str, data: bytes) -> bool:
        """Create an object if it is absent; tell whether it was created."""
        with self.meet("create", name):
            return self._store.create(name, data)

    @contextmanager
    def upload(self, name: str) -> Generator[Upload]:
        """Create an object from bytes as they are made."""
        with self.meet("upload", name), self._store.upload(name) as upload:
            yield upload

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None."""
        with self.meet("read", name):
            return self._store.read(name)

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects, in their order."""
        for name in names:
            with self.meet("read", name):
                pass
        return self._store.read_all(names)

    def open(self, name: str) -> Buffer | None:
        """Return an object's bytes, without a copy where the medium can, or None."""
        with self.meet("open", name):
            return self._store.open(name)

    def children(self, folder: str) -> list[str]:
        """Return the sorted names of what lies directly in a folder."""
        with self.meet("children", folder):
            return self._store.children(folder)

    def delete(self, name: str) -> None:
        """Delete an object if it is there."""
        with self.meet("delete", name):
            self._store.delete(name)

    def read_register(self, name: str) -> Register | None:
        """Return a register, or None."""
        with self.meet("read_register", name):
            return self._store.read_register(name)

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register whose generation is still `expected`; None when another was faster."""
        with self.meet("swap", name):
            return self._store.swap(name, data, expected=expected)

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Make one's own register young again; None when it is no longer one's own."""
        with self.meet("renew", name):
            return self._store.renew(name, data, generation=generation)
