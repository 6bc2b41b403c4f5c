"""Where the state of runs is kept: in memory, in files, in Cloud Storage.

open_store("file:.pplns", root=project)"""

from __future__ import annotations

import os

from pplns.errors import ConfigError
from pplns.stores.files import FileStore
from pplns.stores.memory import MemoryStore
from pplns.stores.protocol import Register, Store, Upload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.typed import StrPath

__all__ = ["FileStore", "MemoryStore", "Register", "Store", "Upload", "open_store"]

_in_memory: dict[str, MemoryStore] = {}


def open_store(url: str, *, root: StrPath) -> Store:
    """Return the store of a URL: `file:PATH`, `gs://BUCKET/PREFIX` or `memory:`.

    PATH is relative to `root`; with `?fsync=1` what is committed survives the machine. Nothing is created before the
    first write. All who open one `memory:` URL in a process share it.

    Raises: ConfigError."""
    scheme, _, rest = url.partition(":")
    if scheme == "memory":
        return _in_memory.setdefault(url, MemoryStore(url))
    if scheme == "file" and rest:
        return _open_files(url, rest, root)
    if scheme == "gs":
        from pplns.stores.gcs import GcsStore

        return GcsStore(url)
    raise ConfigError(
        f"The store is {url!r}.",
        "A store is file:PATH, gs://BUCKET/PREFIX, or memory: for a run that nobody needs afterwards.",
        "Write --store file:.pplns, for example.",
    )


def _open_files(url: str, rest: str, root: StrPath) -> FileStore:
    path, _, query = rest.partition("?")
    if query not in ("", "fsync=0", "fsync=1") or not path:
        raise ConfigError(
            f"The store is {url!r}.", "A file store is file:PATH or file:PATH?fsync=1.", "Correct the URL."
        )
    return FileStore(os.path.join(root, path), fsync=query == "fsync=1")
