"""The file store: a folder, safe against several processes and against the death of any of them.

An object is written whole without a name, or under a temporary one in its own folder where the system is not Linux, and
then gets its name by an operation that refuses an existing one: a hard link on POSIX, a rename on Windows. There is no
lock file and nothing is ever replaced, so a reader sees a whole object or none. Temporary names left by the dead are
ignored. Only an upload has its name from the first: nobody looks for it before a commit names it
(docs/decisions/0038)."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from io import FileIO

from pplns.errors import StoreError
from pplns.model.ids import new_token
from pplns.stores.new_files import (
    HAS_NAMELESS,
    IS_WINDOWS,
    FileUpload,
    NamelessRefusedError,
    TakenUpload,
    create_nameless,
    make_folder,
    sync_folder,
)
from pplns.stores.protocol import Buffer, Register, Upload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from pplns.typed import StrPath

    T = TypeVar("T")


TEMPORARY = ".tmp-"
WINDOWS_RETRY_SECONDS = 5.0  # virus scanners and indexers hold new files open for a moment
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
_ALREADY_THERE = (errno.EEXIST, errno.ENOTEMPTY)
Publish = Callable[[str, str], None]

_process = new_token()  # with the process id, since a forked child inherits it: no two writers share a name
_numbers = itertools.count()


def publish_by_link(temporary: str, name: str) -> None:
    """Give a finished file its name, refusing an existing one, where hard links exist (POSIX)."""
    try:
        os.link(temporary, name)
    finally:
        os.unlink(temporary)


def publish_by_rename(temporary: str, name: str) -> None:
    """Give a finished file its name by a rename, which refuses an existing one on Windows only."""
    try:
        _insist(os.rename, temporary, name)
    except FileExistsError:
        _insist(os.unlink, temporary)
        raise


class FileStore:
    """Objects as files under a folder; `fsync` makes each survive the machine's death, not only the process's."""

    shares_host = True
    compresses = False

    def __init__(self, path: StrPath, *, fsync: bool = False, publish: Publish | None = None) -> None:
        self.folder = os.path.abspath(path)
        self._fsync = fsync
        self._publish = publish or (publish_by_rename if IS_WINDOWS else publish_by_link)
        self._makes_nameless = HAS_NAMELESS and publish is None
        self.writes_at_once = not fsync and not IS_WINDOWS  # there a file may be held for seconds

    def __repr__(self) -> str:
        return f"FileStore({self.folder!r})"

    @property
    def url(self) -> str:
        """The URL that opens this store again."""
        return f"file:{self.folder.replace(os.sep, '/')}{'?fsync=1' if self._fsync else ''}"

    def prepare(self) -> None:
        """Make the folder, and refuse a file system on which two writers could both create one name."""
        probe = f"probe-{new_token()}"
        first = self.create(probe, b"")
        second = self.create(probe, b"")
        self.delete(probe)
        if not first or second:
            raise StoreError(
                f"The file system of {self.folder} lets two writers create the same file.",
                "A file store needs hard links (POSIX) or renames that refuse an existing name (Windows).",
                "Put the store on a local disk: --store file:/path/on/a/local/disk.",
            )

    def create(self, name: str, data: bytes) -> bool:
        """Create an object if it is absent."""
        path = self._full(name)
        try:
            created = self._create_nameless(path, name, data) if self._makes_nameless else None
            if created is None:
                with self._new_file(name) as file:
                    file.write(data)
                created = self._give_name(file.path, path)
            if created:
                self._sync_folder_of(path)
            return created
        except OSError as error:
            raise _store_error("write", path, error) from error

    @contextmanager
    def upload(self, name: str) -> Generator[Upload]:
        """Create an object from bytes as they are made, under its own name from the first."""
        path = self._full(name)
        try:
            file = self._open_unless_taken(path, name)
            if file is None:
                yield TakenUpload()
                return
            with file:
                yield file
            self._sync_folder_of(path)
        except OSError as error:
            raise _store_error("write", path, error) from error

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None."""
        try:
            with _insist(_reading, self._full(name)) as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _store_error("read", self._full(name), error) from error

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects, in their order."""
        return [self.read(name) for name in names]

    def open(self, name: str) -> Buffer | None:
        """Return an object's bytes as a view of the file, or None."""
        import mmap  # of use only for artifacts

        try:
            with _insist(_reading, self._full(name)) as file:
                if os.fstat(file.fileno()).st_size == 0:  # an empty file can't be mapped
                    return b""
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _store_error("read", self._full(name), error) from error

    def children(self, folder: str) -> list[str]:
        """Return the sorted names directly in a folder, those of folders with "/" at the end."""
        try:
            with os.scandir(self._full(folder)) as entries:
                return sorted(
                    entry.name + ("/" if entry.is_dir() else "")
                    for entry in entries
                    if not entry.name.startswith(TEMPORARY)
                )
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _store_error("list", self._full(folder), error) from error

    def delete(self, name: str) -> None:
        """Delete an object if it is there."""
        with self._as_store_error("delete", name), contextlib.suppress(FileNotFoundError):
            _insist(os.unlink, self._full(name))

    def read_register(self, name: str) -> Register | None:
        """Return a register with its age, or None.

        The age is what lies between the register's time and that of a file written just now in the same folder: one
        clock, the disk's. A register from the future was written before that clock was set back, and not renewed since;
        it counts as old, so that nobody waits until the clock has caught up."""
        while True:
            generation = self._generation(name)
            if generation == 0:
                return None
            file = self._full(_generation_name(name, generation))
            with self._as_store_error("read", name):
                with _insist(_reading, file) as opened:
                    data = opened.read()
                age_s = abs(self._now(name) - os.stat(file).st_mtime)
            if self._generation(name) == generation:
                return Register(data, generation, age_s)

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register whose generation is still `expected`: the file of the next generation is created."""
        if expected and self._generation(name) != expected:
            return None
        return expected + 1 if self.create(_generation_name(name, expected + 1), data) else None

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Touch one's own generation; None when a later one stands, or somebody deleted it."""
        with self._as_store_error("renew", name):
            try:
                _insist(os.utime, self._full(_generation_name(name, generation)))
            except FileNotFoundError:
                return None
        return None if self._has(_generation_name(name, generation + 1)) else generation

    def _generation(self, name: str) -> int:
        """Return a register's last generation, 0 for none: each follows the one before, so few names are looked at."""
        if not self._has(_generation_name(name, 1)):
            return self._listed_generation(name)
        last, beyond = 1, 2
        while self._has(_generation_name(name, beyond)):
            last, beyond = beyond, 2 * beyond
        while beyond - last > 1:
            middle = (last + beyond) // 2
            last, beyond = (middle, beyond) if self._has(_generation_name(name, middle)) else (last, middle)
        return last

    def _listed_generation(self, name: str) -> int:
        """Return the last generation by the names in the folder: somebody may have deleted the first ones."""
        folder, _, base = name.rpartition("/")
        stem, _, extension = base.rpartition(".")
        numbers = [
            one[len(stem) + 1 : -len(extension) - 1] for one in self.children(folder) if one.startswith(f"{stem}.")
        ]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def _now(self, name: str) -> float:
        """Return the disk's time; this process's own where it may only read: it can't take over what looks expired."""
        try:
            with self._new_file(name) as file:
                now = file.modified()
            _insist(os.unlink, file.path)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            return time.time()
        return now

    def _has(self, name: str) -> bool:
        try:
            _insist(os.lstat, self._full(name))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _store_error("read", self._full(name), error) from error
        return True

    def _full(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def _new_file(self, name: str) -> FileUpload:
        """Open a temporary file in the folder of a name."""
        folder = self._full(name).rpartition("/")[0]
        return self._open_new(f"{folder}/{TEMPORARY}{_process}-{os.getpid()}-{next(_numbers)}", name)

    def _create_nameless(self, path: str, name: str, data: bytes) -> bool | None:
        """Create a file without a temporary name and return whether its own was free; None where that can't be."""
        try:
            return self._in_folder(path, name, lambda: create_nameless(path, data, fsync=self._fsync))
        except NamelessRefusedError:
            self._makes_nameless = False
            return None

    def _open_unless_taken(self, path: str, name: str) -> FileUpload | None:
        try:
            return self._open_new(path, name)
        except FileExistsError:
            return None

    def _open_new(self, path: str, name: str) -> FileUpload:
        """Open a file that wasn't there."""
        return self._in_folder(path, name, lambda: FileUpload(path, fsync=self._fsync))

    def _in_folder(self, path: str, name: str, make: Callable[[], T]) -> T:
        """Make a file in a folder that may have to be made for it."""
        try:
            return make()
        except FileNotFoundError:
            parents = make_folder(path.rpartition("/")[0], inside_a_run=_is_in_folder_of_a_run(name))
            for parent in parents if self._fsync else ():
                sync_folder(parent)
            return make()

    def _give_name(self, temporary: str, path: str) -> bool:
        try:
            self._publish(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in _ALREADY_THERE:
                return False
            raise
        return True

    def _sync_folder_of(self, path: str) -> None:
        if self._fsync:
            sync_folder(path.rpartition("/")[0])

    @contextmanager
    def _as_store_error(self, verb: str, name: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise _store_error(verb, self._full(name), error) from error


def _reading(path: str) -> FileIO:
    return open(path, "rb", buffering=0)


def _insist(act: Callable[..., T], *paths: str) -> T:
    """Do something to a file, on Windows again for a while where another program holds it."""
    end = time.monotonic() + WINDOWS_RETRY_SECONDS
    while True:
        try:
            return act(*paths)
        except PermissionError:
            if not IS_WINDOWS or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _is_in_folder_of_a_run(name: str) -> bool:
    """Tell whether an object lies in a folder inside a run's: PIPELINE/runs/RUN/FOLDER/OBJECT."""
    parts = name.split("/")
    return len(parts) == 5 and parts[1] == "runs"


def _generation_name(name: str, generation: int) -> str:
    stem, _, extension = name.rpartition(".")
    return f"{stem}.{generation}.{extension}"


def _store_error(verb: str, path: str, error: OSError) -> StoreError:
    no_links = (
        "A file store needs hard links, which this file system may lack: choose a folder on another disk,"
        " --store file:PATH."
    )
    remedies = {
        errno.EPERM: no_links,
        errno.ENOTSUP: no_links,
        errno.EOPNOTSUPP: no_links,
        errno.ENOSYS: no_links,
        errno.ENOSPC: "Free some space. What is committed stays: a run that stopped goes on with `pplns resume`.",
        errno.ENOTDIR: "A file stands where a folder should be: choose another folder, --store file:PATH.",
        errno.EEXIST: "A file stands where a folder should be: choose another folder, --store file:PATH.",
        errno.EROFS: "Choose a folder that can be written: --store file:PATH.",
        errno.EACCES: "Give yourself the right to write there, or choose another folder: --store file:PATH.",
        errno.ENAMETOOLONG: "Choose a shorter folder: --store file:PATH.",
    }
    return StoreError(
        f"Can't {verb} {path}: {error.strerror or error}.",
        "A file store is a folder that this user may read and write.",
        remedies.get(
            error.errno or 0,
            "Mend it, or choose another folder: --store file:PATH. A run that stopped goes on with `pplns resume`.",
        ),
    )
