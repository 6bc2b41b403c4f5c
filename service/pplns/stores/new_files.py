"""Files that are made: opened under a name that no file has, written, and removed where that fails.

They are made by the system's own calls on descriptors: Python's file objects cost a fifth more, on every step's way."""

import contextlib
import itertools
import os
from pathlib import Path
from typing import Self

from pplns.stores.protocol import Buffer

IS_WINDOWS = os.name == "nt"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # Windows translates line ends without


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
                    os.unlink(self.path)  # noqa: PTH108 - a Path costs more than the call

    def write(self, data: Buffer, /) -> int:
        """Write the next bytes, all of them."""
        rest = view = memoryview(data).cast("B")
        while len(rest):
            rest = rest[os.write(self._descriptor, rest) :]
        return len(view)

    def modified(self) -> float:
        """Return when the file was written last, in seconds, by the disk's clock."""
        return os.fstat(self._descriptor).st_mtime

    def _close(self, *, flush: bool) -> None:
        try:
            if flush:
                os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)


class TakenUpload:
    """An upload to a name that is taken: its bytes go nowhere."""

    created = False

    def write(self, data: Buffer, /) -> int:
        """Take the next bytes."""
        return memoryview(data).nbytes


def make_folder(path: str, *, inside_a_run: bool) -> list[str]:
    """Make a folder with those above it, and return the folders in which one was made.

    One inside a run's is made only where that stands: whoever deleted the run isn't overruled."""
    if inside_a_run:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)  # noqa: PTH102
        return [path.rpartition("/")[0]]
    missing = list(itertools.takewhile(lambda one: not one.exists(), (Path(path), *Path(path).parents)))
    os.makedirs(path, exist_ok=True)  # noqa: PTH103
    return [str(one.parent) for one in missing]


def sync_folder(folder: str) -> None:
    """Flush a folder's names to the disk."""
    if IS_WINDOWS:  # it can't open a folder; NTFS journals the name by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
