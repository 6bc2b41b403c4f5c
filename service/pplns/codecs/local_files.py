"""`File`: a file that a step hands on, by its bytes.

A plain Path is stored as the path that it is, which means nothing on another machine. A File is copied into the
artifact when the step returns it, and each consumer gets a copy of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pplns.codecs.held import Bytes, Sink, SourceFailed, Untabled
from pplns.codecs.refusal import UnstorableError
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression


CHUNK_BYTES = 8 << 20
LONGEST_SUFFIX = 8


class File:
    """A file as a value: `return File("out/orders.parquet")`.

    It may be given wherever a path may: `open(file)`, `pandas.read_csv(file)`. A consumer's file is a temporary copy
    under the name that the file had, made when its path is first asked for; it lasts as long as the File object."""

    __slots__ = ("__weakref__", "_data", "_guard", "_name", "_path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Path | None = Path(path)
        self._name = self._path.name
        self._data: Bytes = b""
        self._guard = threading.Lock()

    @classmethod
    def of_bytes(cls, name: str, data: Bytes) -> File:
        """Return a file that is made of bytes when it is needed."""
        file = cls(name)
        file._path = None
        file._data = data
        return file

    @property
    def path(self) -> Path:
        """Where the file is."""
        with self._guard:
            if self._path is None:
                folder = tempfile.mkdtemp(prefix="pplns-")
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                self._path = _copy_to(Path(folder) / self._name, self._data)
            return self._path

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self._name

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"File({self._name if self._path is None else str(self._path)!r})"


class FileToStore(Untabled):
    """A File as a step returned it, on its way to the artifact."""

    __slots__ = ("_path", "extension", "meta")
    codec = "file"
    is_streamed = True

    def __init__(self, file: File) -> None:
        """Hold a file.

        Raises: UnstorableError, where there is none."""
        if not file.path.is_file():
            raise UnstorableError(
                f"{file!r}, which is {'a folder' if file.path.is_dir() else 'not there'}",
                "Return File(…) of a file that is written and closed, before a temporary folder around it is removed."
                " Of a folder, return an archive, or its files as several outputs.",
                expected="A File names a file that can be read when the step returns.",
            )
        self._path = file.path
        self.extension = _extension_of(file.name)
        self.meta: Mapping[str, Any] = {"name": file.name}

    def handout(self) -> Any:
        """Refuse: a file is handed out as a copy of what was stored."""
        raise ValueError("a file is handed out from its artifact")

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the file's bytes, some at a time.

        Raises: SourceFailed."""
        for chunk in _chunks_of(self._path):
            sink.write(chunk)


class StoredFile(Untabled):
    """A file in an artifact."""

    __slots__ = ("_data", "extension", "meta")
    codec = "file"

    def __init__(self, stored: StoredValue, data: Bytes) -> None:
        self.meta: Mapping[str, Any] = {"name": Path(str((stored.meta or {})["name"])).name}
        self.extension = _extension_of(self.meta["name"])
        self._data = data

    def handout(self) -> File:
        """Return a file of the consumer's own."""
        return File.of_bytes(self.meta["name"], self._data)

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Refuse: it is written already."""
        raise ValueError("a restored file is written already")


def _extension_of(name: str) -> str:
    suffix = Path(name).suffix[1:].lower()
    return suffix if suffix.isascii() and suffix.isalnum() and len(suffix) <= LONGEST_SUFFIX else "bin"


def _chunks_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise SourceFailed(error) from error


def _copy_to(path: Path, data: Bytes) -> Path:
    view = memoryview(data)
    with path.open("xb", buffering=0) as file:
        for start in range(0, len(view), CHUNK_BYTES):
            _write_all(file, view[start : start + CHUNK_BYTES])
    return path


def _write_all(file: Any, data: memoryview) -> None:
    while len(data):
        data = data[file.write(data) :]
