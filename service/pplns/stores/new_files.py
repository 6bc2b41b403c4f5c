"""Files that are made: under a name that no file has, removed where that fails, or without one until they are whole.

They are made by the system's own calls on descriptors: Python's file objects cost a fifth more, on every step's way."""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from pplns.stores.protocol import Buffer

IS_WINDOWS = os.name == "nt"
HAS_NAMELESS = hasattr(os, "O_TMPFILE")  # Linux
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # Windows translates line ends without


class NamelessRefusedError(Exception):
    """The file system, or what this process may see of the system, has no files without a name.

    Or something else is wrong: the usual way of making a file finds out."""


class FileUpload:
    """A new file while its bytes are made: its `with` block closes it, or removes it where the block fails.

    Raises: FileExistsError where its name is taken, FileNotFoundError where its folder is missing."""

    def __init__(self, path: str, *, fsync: bool) -> None:
        self.path = path
        self.created = False
        self._fsync = fsync
        self._descriptor = os.open(path, _NEW, 0o666)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            self._close(flush=self._fsync and error is None)
            self.created = error is None
        finally:
            if not self.created:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)

    def write(self, data: Buffer, /) -> int:
        """Write the next bytes, all of them."""
        return write_all(self._descriptor, data)

    def modified(self) -> float:
        """Return when the file was written last, in seconds, by the disk's clock."""
        return os.fstat(self._descriptor).st_mtime

    def _close(self, *, flush: bool) -> None:
        try:
            if flush:
                os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)


def create_nameless(path: str, data: Buffer, *, fsync: bool) -> bool:
    """Create a file that has no name until it is whole, and return whether its name was free. Linux only.

    Raises: NamelessRefusedError; FileNotFoundError where its folder is missing."""
    try:
        descriptor = os.open(path.rpartition("/")[0], os.O_WRONLY | os.O_TMPFILE, 0o666)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NamelessRefusedError from error
    try:
        write_all(descriptor, data)
        if fsync:
            os.fsync(descriptor)
        return _give_name(descriptor, path)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: Buffer) -> int:
    """Write bytes, all of them, and return how many there are."""
    rest = view = memoryview(data).cast("B")
    while len(rest):
        rest = rest[os.write(descriptor, rest) :]
    return len(view)


class TakenUpload:
    """An upload to a name that is taken: its bytes go nowhere."""

    created = False

    def write(self, data: Buffer, /) -> int:
        """Take the next bytes."""
        return memoryview(data).nbytes


def _give_name(descriptor: int, path: str) -> bool:
    try:
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)  # which makes it follow the link in /proc
    except FileExistsError:
        return False
    except OSError as error:  # without /proc, say
        raise NamelessRefusedError from error
    return True


def make_folder(path: str, *, inside_a_run: bool) -> list[str]:
    """Make a folder with those above it, and return the folders in which one was made, innermost first.

    One inside a run's is made only where that stands: whoever deleted the run isn't overruled."""
    if inside_a_run:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
        return [path.rpartition("/")[0]]
    missing = _missing(path)
    os.makedirs(path, exist_ok=True)
    return [os.path.dirname(one) for one in missing]


def _missing(folder: str) -> list[str]:
    """Return a folder and those above it that aren't there; a drive that isn't there ends them."""
    missing: list[str] = []
    while not os.path.exists(folder) and missing[-1:] != [folder]:
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def sync_folder(folder: str) -> None:
    """Flush a folder's names to the disk."""
    if IS_WINDOWS:  # it can't open a folder; NTFS journals the name by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
