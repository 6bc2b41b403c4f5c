"""Artifacts: the values of steps, written before the commit that names them and read back against their digest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from pplns import codecs
from pplns.errors import DamagedArtifact, Interrupted, StoreError
from pplns.model.artifact import Commit, StoredValue
from pplns.model.frozen import Unchecked
from pplns.model.ids import new_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.codecs.held import Compression
    from pplns.stores import Store, Upload
    from pplns.stores.protocol import Buffer

QUICK_ROWS = 1_000
DIGEST = "xxh3"  # 128 bits; against damage, not against an adversary (docs/decisions/0003)


class ArtifactPlace(Unchecked):
    """Where the artifacts of one step of a run go."""

    prefix: str
    step: str
    version: str

    def name(self, token: str, *, extension: str) -> str:
        """Return the name of a new artifact. Half of the token is enough: a name that is taken is tried anew."""
        return f"{self.prefix}/artifacts/{self.step}@{self.version}.{token[:8]}.{extension}"


class Settled(codecs.Artifact):
    """A streamed value in its artifact, which is opened for the first consumer."""

    __slots__ = ("_guard", "_held", "_store", "codec", "columns", "extension", "meta", "rows", "stored")

    def __init__(self, store: Store, stored: StoredValue, *, extension: str) -> None:
        self.stored = stored
        self.extension = extension
        self.codec = stored.codec
        self.meta = stored.meta
        self.rows = stored.rows
        self.columns = stored.columns
        self._store = store
        self._guard = threading.Lock()
        self._held: codecs.Held | None = None

    def handout(self) -> Any:
        """Return the value for one consumer.

        Raises: DamagedArtifact."""
        with self._guard:
            if self._held is None:
                self._held = load_value(self._store, self.stored)
        return self._held.handout()

    def write(self, sink: codecs.Sink, *, compression: Compression = None) -> None:
        """Refuse: it is written already."""
        raise ValueError("a settled value is written already")


def store_value(
    store: Store, place: ArtifactPlace, held: codecs.Held, *, is_abandoned: Callable[[], bool] | None = None
) -> StoredValue:
    """Make a step's value durable and return how it is stored; a small one goes into the commit as it is.

    Writing ends with Interrupted once `is_abandoned` says that nobody waits for it.

    Raises: StoreError; StorageRefused, and what the step's own iterator or file raises, for a streamed value."""
    if isinstance(held, Settled):
        return held.stored
    if held.inline_bytes is not None:
        data = held.inline_bytes
        return _stored(held, digest=digest_of(data), size_bytes=len(data), inline=held.inline)
    while True:
        name = place.name(new_token(), extension=held.extension)
        try:
            with store.upload(name) as upload:
                sink = _DigestSink(upload, is_abandoned)
                held.write(sink, compression="lz4" if store.compresses else None)
        except codecs.SourceFailed as failed:  # outside of the upload, which takes an OSError for the store's
            raise failed.error from None
        if upload.created:
            return _stored(held, digest=sink.digest, size_bytes=sink.size_bytes, artifact=name)
        if held.is_streamed:
            raise StoreError(
                f"The artifact {name!r} exists already.",
                "Its name is random.",
                "Resume the run: the step is run again.",
            )


def settle_value(
    store: Store, place: ArtifactPlace, held: codecs.Held, *, is_abandoned: Callable[[], bool]
) -> codecs.Held:
    """Write a streamed value, and return what its consumers have it from; return any other value as it is.

    Raises: as `store_value`."""
    if not held.is_streamed:
        return held
    return Settled(store, store_value(store, place, held, is_abandoned=is_abandoned), extension=held.extension)


def is_quick(store: Store, held: codecs.Held) -> bool:
    """Tell whether storing a value takes less than handing it to another thread: it is inline, written, or small."""
    if held.inline_bytes is not None or isinstance(held, Settled):
        return True
    return store.shares_host and held.rows is not None and held.rows <= QUICK_ROWS


def load_value(store: Store, stored: StoredValue) -> codecs.Held:
    """Return a committed value, ready to be handed out.

    Raises: DamagedArtifact when its bytes are missing or differ from their digest."""
    return codecs.restore(stored, None if stored.artifact is None else read_artifact(store, stored))


def read_artifact(store: Store, stored: StoredValue) -> Buffer:
    """Return the bytes of a value that has an artifact, without a copy where the store can.

    Raises: DamagedArtifact when they are missing or differ from their digest."""
    data = store.open(str(stored.artifact))
    if data is None:
        raise _missing(stored)
    if digest_of(data) != stored.digest:
        raise DamagedArtifact(
            f"The artifact {stored.artifact!r} is damaged.",
            f"Its commit names {stored.size_bytes} bytes of digest {stored.digest}; {len(data)} bytes were found.",
            "Resume the run: the step is run again.",
        )
    return data


def find_damage(store: Store, prefix: str, commits: Iterable[Commit], *, thorough: bool) -> dict[str, str]:
    """Return the steps of a run whose artifacts are missing, each with what is wrong; `thorough` reads them too."""
    found: dict[str, str] = {}
    present = {f"{prefix}/artifacts/{base}" for base in store.children(f"{prefix}/artifacts/")}
    for commit in commits:
        for value in commit.values:
            if value.artifact is not None:
                try:
                    if value.artifact not in present:
                        raise _missing(value)
                    if thorough:
                        read_artifact(store, value)
                except DamagedArtifact as error:
                    found[commit.step] = error.message
    return found


def _missing(stored: StoredValue) -> DamagedArtifact:
    return DamagedArtifact(
        f"The artifact {stored.artifact!r} is missing.",
        f"Its commit names {stored.size_bytes} bytes.",
        "Resume the run: the step is run again.",
    )


def digest_of(data: Buffer) -> str:
    """Return the digest of stored bytes, with the name of its algorithm before it."""
    import xxhash

    return f"{DIGEST}:{xxhash.xxh3_128_hexdigest(data)}"


class _DigestSink:
    """Passes bytes on to an upload while counting and digesting them, so that they are read once."""

    closed = False

    def __init__(self, upload: Upload, is_abandoned: Callable[[], bool] | None) -> None:
        import xxhash

        self._upload = upload
        self._is_abandoned = is_abandoned
        self._digest = xxhash.xxh3_128()
        self.size_bytes = 0

    def write(self, data: Any, /) -> int:
        if self._is_abandoned is not None and self._is_abandoned():
            raise Interrupted("This try of the step was abandoned.")
        view = memoryview(data).cast("B")
        self._digest.update(view)
        self.size_bytes += len(view)
        return self._upload.write(view)

    def flush(self) -> None:
        """Do nothing: the upload holds nothing back."""

    @property
    def digest(self) -> str:
        return f"{DIGEST}:{self._digest.hexdigest()}"


def _stored(held: codecs.Held, **where: Any) -> StoredValue:
    columns: Mapping[str, str] | None = held.columns
    return StoredValue(codec=held.codec, meta=held.meta, rows=held.rows, columns=columns, **where)
