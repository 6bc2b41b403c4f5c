"""The log of a run: its lines in chunks, `runs/<run_id>/logs/<attempt>-<n>.jsonl`, each created once.

`n` is the number of bytes that the run's log has before the chunk. So the chunks sort, and the next attempt learns from
the last one how much of the run's allowance is spent, without reading the others."""

import contextlib
import contextvars
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from pplns.errors import PplnsError
from pplns.stores import Store

MAX_LOG_BYTES = 64_000_000  # of a run, all attempts together
CHUNK_BYTES = 256_000
MAX_AGE_SECONDS = 5.0
MIN_INTERVAL_SECONDS = 1.0  # between two chunks; the last one of an attempt doesn't wait
CLOSE_SECONDS = 10.0
SUFFIX = ".jsonl"


class Chunk(NamedTuple):
    """A part of a run's log, by its place: the attempt, then the bytes of the log before it."""

    attempt: int
    offset: int

    @property
    def file(self) -> str:
        """Its name in the folder of the log."""
        return f"{self.attempt}-{self.offset}{SUFFIX}"


class RunLog:
    """Takes the lines of an attempt and writes them to the store, from a thread that exists while lines wait.

    What can't be written is lost, with one warning: a log never fails a run. `closing_line` is written where the run's
    allowance ends. Lines may come from any thread."""

    def __init__(
        self, store: Store, prefix: str, attempt: int, *, closing_line: str, max_bytes: int = MAX_LOG_BYTES
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._attempt = attempt
        self._closing_line = closing_line.encode()
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._size = 0
        self._taken = 0
        self._written: int | None = None
        self._written_at: float | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = self._is_full = self._has_failed = False

    def append(self, line: str) -> None:
        """Take a line; it is in the store a few seconds later, and before `close` returns."""
        data = line.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._is_closed or self._is_full:
                return
            if self._taken + len(data) > self._max_bytes:
                data, self._is_full = self._closing_line, True
            self._lines.append(data)
            self._size += len(data) + 1
            self._taken += len(data) + 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_chunks, name="pplns-log", daemon=True)
                contextvars.Context().run(self._thread.start)  # it speaks for no step
            elif self._size >= CHUNK_BYTES:
                self._changed.notify()

    def close(self, *, timeout_s: float = CLOSE_SECONDS) -> None:
        """Write what waits, and take nothing more; what the store hasn't taken in time is lost."""
        with self._changed:
            self._is_closed = True
            thread = self._thread
            self._changed.notify()
        if thread is None:
            return
        thread.join(timeout_s)
        if thread.is_alive():
            with self._changed:
                self._lines.clear()
            self._warn(f"It didn't take them within {timeout_s:.1f} s.")

    def _write_chunks(self) -> None:
        while self._wait():
            with self._changed:
                lines, self._lines, self._size = self._lines, [], 0
            self._write(lines)

    def _wait(self) -> bool:
        """Wait until a chunk is due; tell that none is left, so that the thread ends."""
        with self._changed:
            if not self._lines:
                self._thread = None
                return False
            now = time.monotonic()
            soonest = now if self._written_at is None else self._written_at + MIN_INTERVAL_SECONDS
            latest = max(soonest, now + MAX_AGE_SECONDS)
            while not self._is_closed and (now := time.monotonic()) < latest:
                if self._size >= CHUNK_BYTES and now >= soonest:
                    break
                self._changed.wait((soonest if self._size >= CHUNK_BYTES else latest) - now)
            return True

    def _write(self, lines: list[bytes]) -> None:
        try:
            if self._written is None:
                self._written = log_size(self._store, self._prefix) if self._attempt > 1 else 0
                with self._changed:
                    self._taken += self._written
            data = self._within_allowance(lines)
            if data:
                self._written = self._create(self._written, data) + len(data)
        except Exception as error:  # whatever the store says: the run goes on
            self._warn(error.met if isinstance(error, PplnsError) else f"{type(error).__name__}: {error}")
        self._written_at = time.monotonic()

    def _create(self, offset: int, data: bytes) -> int:
        """Create a chunk and return its offset, the next free one where another writer was there first."""
        while True:
            name = f"{self._prefix}/logs/{Chunk(self._attempt, offset).file}"
            if self._store.create(name, data) or self._store.read(name) == data:  # equal: only the answer was lost
                return offset
            offset += 1

    def _within_allowance(self, lines: list[bytes]) -> bytes:
        """Return the bytes of a chunk, fewer where the run's earlier attempts have left less."""
        left, closing = self._max_bytes - (self._written or 0), len(self._closing_line) + 1
        if sum(len(line) + 1 for line in lines) > left + closing:
            self._is_full = True
            lines = [*_first(lines, left), self._closing_line] if left > -closing else []
        return b"".join(line + b"\n" for line in lines)

    def _warn(self, met: str) -> None:
        if self._has_failed:
            return
        try:
            import logging  # of use only where a store fails
        except Exception:  # where no file can be opened, say: the next one that is lost is told of
            return
        self._has_failed = True
        logger = logging.getLogger(__name__)
        logger.warning("Log lines of %s are lost: they can't be kept in the store. %s", self._prefix, met)


def read_chunks(store: Store, prefix: str, *, after: Chunk | None = None) -> Iterator[tuple[Chunk, list[str]]]:
    """Yield the chunks of a run's log with their lines, in order, those that come after one."""
    for chunk in chunks_of(store, prefix):
        if after is not None and chunk <= after:
            continue
        data = store.read(f"{prefix}/logs/{chunk.file}")
        if data is not None:
            yield chunk, [line for line in data.decode("utf-8", "replace").split("\n") if line]


def chunks_of(store: Store, prefix: str) -> list[Chunk]:
    """Return the chunks of a run's log in order."""
    found: list[Chunk] = []
    for name in store.children(f"{prefix}/logs/"):
        attempt, dash, offset = name.removesuffix(SUFFIX).partition("-")
        if dash and name.endswith(SUFFIX):
            with contextlib.suppress(ValueError):  # not one of ours
                found.append(Chunk(int(attempt), int(offset)))
    return sorted(found)


def log_size(store: Store, prefix: str) -> int:
    """Return how many bytes of a run's log are kept."""
    chunks = chunks_of(store, prefix)
    if not chunks:
        return 0
    last = max(chunks, key=lambda chunk: chunk.offset)
    return last.offset + len(store.read(f"{prefix}/logs/{last.file}") or b"")


def _first(lines: list[bytes], size: int) -> Iterator[bytes]:
    for line in lines:
        size -= len(line) + 1
        if size < 0:
            return
        yield line
