"""Real code at the pace of a test: a process in a thread that stops before each operation on the store.

Only one of them ever runs, and only when it is told to, so that what happens is the same each time."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pplns.stores import MemoryStore, Store
from pplns.stores.protocol import Buffer, Register, Upload


class Died(BaseException):
    """Ends a process at an operation, as SIGKILL would: no code of pplns catches it."""


class PacedProcess:
    """Runs `work` in a thread until it comes to its next operation, each time `go_on` is called."""

    def __init__(self, work: Callable[[Store], None], store: MemoryStore) -> None:
        self.error: BaseException | None = None
        self.is_over = False
        self._dies = False
        self._may_go = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work, PacedStore(store, self.wait)), daemon=True)
        self._thread.start()
        self._stands.acquire()

    def go_on(self) -> None:
        """Let the process do its next operation, and what follows up to the one after it."""
        if not self.is_over:
            self._may_go.release()
            self._stands.acquire()
        if self.error is not None:
            raise self.error

    def die(self) -> None:
        """End the process before its next operation."""
        self._dies = True
        self.go_on()

    def wait(self) -> None:
        """Stand still before an operation, in the process's own thread."""
        self._stands.release()
        self._may_go.acquire()
        if self._dies:
            raise Died

    def _run(self, work: Callable[[Store], None], store: Store) -> None:
        try:
            work(store)
        except Died:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.is_over = True
            self._stands.release()


class PacedStore:
    """A store that waits before each operation; no process is ever known to be gone, so leases have to run out."""

    shares_host = False
    compresses = False
    writes_at_once = False

    def __init__(self, store: MemoryStore, wait: Callable[[], None]) -> None:
        self._store = store
        self._wait = wait
        self.url = store.url

    def prepare(self) -> None:
        """Do nothing."""

    def create(self, name: str, data: bytes) -> bool:
        """Create an object if it is absent."""
        self._wait()
        return self._store.create(name, data)

    def upload(self, name: str) -> AbstractContextManager[Upload]:
        """Create an object from bytes as they are made."""
        self._wait()
        return self._store.upload(name)

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None."""
        self._wait()
        return self._store.read(name)

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects, one operation each."""
        return [self.read(name) for name in names]

    def open(self, name: str) -> Buffer | None:
        """Return an object's bytes, or None."""
        return self.read(name)

    def children(self, folder: str) -> list[str]:
        """Return the names directly in a folder."""
        self._wait()
        return self._store.children(folder)

    def delete(self, name: str) -> None:
        """Delete an object if it is there."""
        self._wait()
        self._store.delete(name)

    def read_register(self, name: str) -> Register | None:
        """Return a register with its age, or None."""
        self._wait()
        return self._store.read_register(name)

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register whose generation is still `expected`."""
        self._wait()
        return self._store.swap(name, data, expected=expected)

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Make one's own register young again."""
        self._wait()
        return self._store.renew(name, data, generation=generation)
