"""Objects read in parts, side by side, into memory or, when they are large, into a temporary file that is mapped.

An object that fits one part takes one request. The generation of the first part is asked for in the others, so that
parts of two objects are never mixed."""

import io
import mmap
import re
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from pplns.errors import StoreError
from pplns.stores.gcs.calls import Answer, Calls, Request
from pplns.stores.protocol import Buffer

PART_BYTES = 16 * 1024 * 1024
PARALLEL_PARTS = 4
MEMORY_BYTES = 64 * 1024 * 1024  # larger objects go to a file, whose pages the system may drop again
EMPTY = 416  # no byte of an empty object is in any range


def read_object(calls: Calls, name: str) -> bytes | None:
    """Return an object's bytes in one request, or None where there is none."""
    path = f"storage/v1/{calls.address.object_path(name)}"
    answer = calls.call(Request(f"read {name!r}", "GET", path, query={"alt": "media"}, accepted=(404,)))
    return None if answer.status == 404 else answer.body


class Download:
    """The reading of one object in parts."""

    def __init__(
        self, calls: Calls, name: str, *, part_bytes: int = PART_BYTES, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self._calls = calls
        self._name = name
        self._part_bytes = part_bytes
        self._memory_bytes = memory_bytes
        self._guard = threading.Lock()

    def read(self) -> Buffer | None:
        """Return the object's bytes, or None where there is none.

        Raises: StoreError."""
        first = self._part(0)
        if first.status == 404:
            return None
        if first.status == EMPTY:
            return b""
        size = _size(first)
        if size <= len(first.body):
            return first.body
        if size <= self._memory_bytes:
            memory = io.BytesIO()
            self._fill(memory, first, size)
            return memory.getbuffer().toreadonly()
        return self._map(first, size)

    def _map(self, first: Answer, size: int) -> Buffer:
        try:
            with tempfile.TemporaryFile(prefix="pplns-") as file:
                self._fill(file, first, size)
                file.flush()
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise StoreError(
                f"Can't keep the {size} bytes of {self._name!r} in {tempfile.gettempdir()}: {error.strerror or error}.",
                "A large artifact is read into a temporary file.",
                "Free some space there, or set TMPDIR to a folder that has it; then resume the run.",
            ) from error

    def _fill(self, file: BinaryIO, first: Answer, size: int) -> None:
        self._keep(file, 0, first.body)
        generation = first.headers.get("X-Goog-Generation")

        def fetch(start: int) -> None:
            part = self._part(start, generation=generation)
            if len(part.body) != min(self._part_bytes, size - start):
                raise StoreError(
                    f"{self._name!r} changed or vanished while it was read from {self._calls.address.url}.",
                    "Artifacts are never written twice.",
                    "Resume the run: a step whose artifact is gone is run again.",
                )
            self._keep(file, start, part.body)

        with ThreadPoolExecutor(PARALLEL_PARTS, thread_name_prefix="pplns-download") as threads:
            for _ in threads.map(fetch, range(self._part_bytes, size, self._part_bytes)):
                pass  # an error of a thread comes out here, and the parts not yet begun are dropped

    def _keep(self, file: BinaryIO, start: int, body: bytes) -> None:
        with self._guard:
            file.seek(start)
            file.write(body)

    def _part(self, start: int, *, generation: str | None = None) -> Answer:
        request = Request(
            f"read {self._name!r}", "GET", f"storage/v1/{self._calls.address.object_path(self._name)}",
            query={"alt": "media"} | ({"generation": generation} if generation else {}), accepted=(404, EMPTY),
            headers={"Range": f"bytes={start}-{start + self._part_bytes - 1}"},
        )  # fmt: skip
        return self._calls.call(request)


def _size(first: Answer) -> int:
    """Return the size of an object from the answer for its first part, which may be all of it."""
    found = re.fullmatch(r"bytes \d+-\d+/(\d+)", first.headers.get("Content-Range", ""))
    return int(found.group(1)) if found else len(first.body)
