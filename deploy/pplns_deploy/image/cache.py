"""Blobs on this machine, under their digests: layers built before, layers of the base image.

A name is given to a blob only once it is whole, and what is read is compared with its digest. `noted` remembers small
documents by a key: which layer came out of which inputs, which repository has which blob. All of it can be deleted at
any time."""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import IO, Any

UNUSED_DAYS = 30
SCRATCH_DAYS = 1  # no build takes as long
READ_BYTES = 1024 * 1024
_SECONDS_OF_DAY = 86_400


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for caches of pplns, as this system has them."""
    if os.name == "nt":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "pplns" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pplns"
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pplns"


class Cache:
    """A folder of blobs; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._notes = folder / "notes"
        self._scratch = folder / "scratch"
        for place in (self._blobs, self._notes, self._scratch):
            place.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where a blob is, or would be."""
        return self._blobs / digest.replace(":", "-")

    def find(self, digest: str, *, size_bytes: int) -> Path | None:
        """Return the file of a blob whose bytes fit its digest; a damaged one is deleted."""
        file = self.path(digest)
        if not file.exists():
            return None
        if file.stat().st_size != size_bytes or digest_of(file) != digest:
            file.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(file)
        return file

    @contextmanager
    def writing(self) -> Generator[tuple[IO[bytes], Callable[[str], Path]]]:
        """Give a file to write to, and the function that keeps it as the blob of a digest."""
        with NamedTemporaryFile(dir=self._scratch, delete=False) as file:
            written = Path(file.name)

            def keep(digest: str) -> Path:
                file.close()
                return written.replace(self.path(digest))

            try:
                yield file, keep
            finally:
                file.close()
                written.unlink(missing_ok=True)

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """Give a folder that is deleted again."""
        with TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def noted(self, key: str) -> Any:
        """Return the document that was noted under a key, or None."""
        file = self._notes / f"{_short(key)}.json"
        try:
            found = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        with suppress(OSError):
            os.utime(file)
        return found

    def note(self, key: str, document: Any) -> None:
        """Remember a document under a key."""
        with NamedTemporaryFile("w", dir=self._scratch, delete=False, encoding="utf-8") as file:
            json.dump(document, file)
        Path(file.name).replace(self._notes / f"{_short(key)}.json")

    def prune(self) -> None:
        """Delete what wasn't used for a month, and what a build that was killed a day ago left behind."""
        for folder, days in ((self._blobs, UNUSED_DAYS), (self._notes, UNUSED_DAYS), (self._scratch, SCRATCH_DAYS)):
            oldest = time.time() - days * _SECONDS_OF_DAY
            for found in folder.iterdir():
                with suppress(OSError):
                    if found.stat().st_mtime < oldest:
                        shutil.rmtree(found) if found.is_dir() else found.unlink()


def digest_of(file: Path) -> str:
    """Return the sha256 digest of a file."""
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def digest_of_bytes(data: bytes) -> str:
    """Return the sha256 digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def key_of(*parts: Sequence[str] | str) -> str:
    """Return a key for `Cache.note` that no other parts have."""
    return json.dumps(parts)


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
