"""gzip in several threads, with the same bytes everywhere.

A stream is cut into blocks of one size, each a gzip member of its own, which RFC 1952 allows and every reader of
layers takes. The header holds neither a time nor a system. Only zlib itself decides about the bytes: its versions agree
with each other, its rewrites (zlib-ng) don't."""

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from types import TracebackType
from typing import Protocol

LEVEL = 6
BLOCK_BYTES = 1024 * 1024
_HEADER = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"  # no name, no time, no flags, an unknown system


class Sink(Protocol):
    """What takes the compressed bytes."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""
        ...


class GzipWriter:
    """Compresses what is written to it; `with` ends the stream. Holds a few blocks at a time."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._threads = cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads)
        self._block = bytearray()
        self._waiting: deque[Future[bytes]] = deque()

    def write(self, data: bytes) -> int:
        """Compress some bytes."""
        self._block += data
        while len(self._block) >= BLOCK_BYTES:
            self._submit(bytes(self._block[:BLOCK_BYTES]))
            del self._block[:BLOCK_BYTES]
        return len(data)

    def __enter__(self) -> "GzipWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with self._pool:
            if error is None:
                self._submit(bytes(self._block))
                self._drain(0)

    def _submit(self, block: bytes) -> None:
        self._waiting.append(self._pool.submit(gzip_member, block))
        self._drain(2 * self._threads)

    def _drain(self, most: int) -> None:
        while len(self._waiting) > most:
            self._sink.write(self._waiting.popleft().result())


def gzip_member(data: bytes) -> bytes:
    """Return a gzip member that holds some bytes."""
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packing.compress(data) + packing.flush()
    ending = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return _HEADER + body + ending
