"""Layers: tar archives that are the same, byte by byte, for the same entries.

Entries are sorted, times are 0, and everything belongs to root but the working directory itself: the container's user
may write new files there, where the root isn't read-only, and can't change its program."""

import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, cast

from pplns.errors import ConfigError
from pplns_deploy.image.cache import Cache, key_of
from pplns_deploy.image.contents.entries import Entry, folders_of
from pplns_deploy.image.contents.places import APP, USER_ID
from pplns_deploy.image.gzipping import GzipWriter

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
FORMAT = "2"  # counts up when the same entries come out otherwise


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that is in the cache, or one of the base that may not be. `diff_id` is the digest of the bare tar."""

    name: str
    digest: str
    size_bytes: int
    diff_id: str
    media_type: str = LAYER_TYPE


class _Hashing:
    """Hands bytes on to a sink, and counts and hashes them."""

    def __init__(self, sink: "GzipWriter | IO[bytes]") -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self.size_bytes += len(data)
        self._sink.write(data)
        return len(data)


def write_layer(name: str, entries: Iterable[Entry], cache: Cache) -> Layer:
    """Write a layer into the cache."""
    with cache.writing() as (file, keep):
        packed = _Hashing(file)
        with GzipWriter(packed) as gzipped:
            bare = _Hashing(gzipped)
            with tarfile.open(fileobj=cast("IO[bytes]", bare), mode="w|", format=tarfile.PAX_FORMAT) as archive:
                _fill(archive, sorted(entries, key=lambda entry: entry.path))
        keep(packed.digest)
    return Layer(name, packed.digest, packed.size_bytes, bare.digest)


def layer_of(
    name: str, inputs: Sequence[str], cache: Cache, make: Callable[[Path], Iterable[Entry]], *,
    is_same: Callable[[], bool] = lambda: True,
) -> Layer:  # fmt: skip
    """Return the layer that came out of the same inputs before, or make it, with a folder for its files.

    `is_same` tells once it is made whether the inputs still are what they were: else it would be found for others.

    Raises: ConfigError where they aren't."""
    key = key_of("layer", FORMAT, zlib.ZLIB_RUNTIME_VERSION, name, inputs)
    noted = cache.noted(key)
    if noted is not None:
        layer = Layer(**noted)
        if cache.find(layer.digest, size_bytes=layer.size_bytes):
            return layer
    with cache.scratch() as scratch:
        layer = write_layer(name, make(scratch), cache)
    if not is_same():
        raise ConfigError(
            "Files changed while they were packaged.",
            "An image is of the files as they stand at one time.",
            "Package again.",
        )
    cache.note(key, asdict(layer))
    return layer


def digest_of_entries(entries: Iterable[Entry]) -> str:
    """Return a digest of all that a layer's bytes depend on."""
    whole = hashlib.sha256()
    for entry in sorted(entries, key=lambda entry: entry.path):
        whole.update(f"{entry.path}\0{entry.target}\0".encode())
        whole.update(_digest_of_content(entry.content))
    return whole.hexdigest()


def _digest_of_content(content: Path | bytes) -> bytes:
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _fill(archive: tarfile.TarFile, entries: Sequence[Entry]) -> None:
    for folder in folders_of(entries):
        member = _member(folder, tarfile.DIRTYPE, 0o755)
        member.uid = member.gid = USER_ID if folder == APP else 0
        archive.addfile(member)
    for entry in entries:
        if entry.target is not None:
            member = _member(entry.path, tarfile.SYMTYPE, 0o777)
            member.linkname = entry.target
            archive.addfile(member)
        else:
            _add_file(archive, entry)


def _add_file(archive: tarfile.TarFile, entry: Entry) -> None:
    member = _member(entry.path, tarfile.REGTYPE, entry.mode)
    with io.BytesIO(entry.content) if isinstance(entry.content, bytes) else entry.content.open("rb") as file:
        member.size = file.seek(0, io.SEEK_END)
        file.seek(0)
        archive.addfile(member, file)


def _member(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.mtime, member.uid, member.gid = kind, mode, 0, 0, 0
    return member
